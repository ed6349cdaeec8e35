# Rows and offsets are one thing: on a standby that is promoted, after a base backup and
# after a restore to a point in time, every message is in the table once.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $primary = kafka_node('primary', $mock, init => [ allows_streaming => 1, has_archiving => 1 ]);
my $partitions = 3;
my $sent = 0;

sub send_some
{
	my ($count) = @_;

	$mock->produce_numbers('e', first => $sent, count => $count, partitions => $partitions);
	$sent += $count;
	return;
}

$mock->command("create e $partitions");
app_sql($primary, 'CREATE TABLE t (n bigint, user_id int, item_id int, weight real, at timestamptz)');
create_source($primary, 'e', 'e', 't', columns => kafka_columns());
send_some(1000);
wait_messages($primary, 'e', 1000);

# ---- a base backup, and more events ------------------------------------------------

$primary->backup('base');
send_some(1000);
wait_messages($primary, 'e', 2000);
$primary->safe_psql('postgres', "SELECT pg_create_restore_point('middle')");
send_some(1000);
wait_messages($primary, 'e', 3000);
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');

# ---- a standby ------------------------------------------------------------------------

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
is($standby->safe_psql('postgres', 'SELECT count(*) FROM t'), 3000, 'a standby has the rows');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%'"), 0, 'but no workers');
is($standby->safe_psql('postgres', 'SELECT state FROM recsys.kafka_status'), 'not running', 'and says so');
like(app_error($standby, "SELECT recsys.kafka_stop('e')"), qr/ERROR:  25006/, 'nothing can be changed there');
like(app_error($standby, "SELECT * FROM recsys.kafka_preview('e')"), qr/ERROR:  25006/, 'and the broker not asked, where no worker would start');

# the standby falls behind: what it misses is read again by itself
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
send_some(500);
wait_messages($primary, 'e', $sent);
$primary->stop('immediate');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
$standby->promote;
send_some(500);
wait_messages($standby, 'e', $sent, 'promoted, it reads on');
numbers_are_whole($standby, 'e', 't', $sent, $partitions);
$standby->stop;

# ---- restores ------------------------------------------------------------------------------

foreach my $target ('immediate', 'middle')
{
	my $restored = PostgreSQL::Test::Cluster->new("restored_$target");

	$restored->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
	$restored->append_conf('postgresql.conf', $target eq 'middle'
		? "recovery_target_name = 'middle'\nrecovery_target_action = 'promote'\n"
		: "recovery_target = 'immediate'\nrecovery_target_action = 'promote'\n");
	$restored->append_conf('postgresql.conf', "recsys.kafka_databases = ''\narchive_mode = off\n");
	$restored->start;
	wait_for_sql($restored, 'SELECT pg_is_in_recovery()', 'f', "restored to $target");
	is($restored->safe_psql('postgres', 'SELECT (SELECT count(*) FROM t), (SELECT sum(next_offset) FROM recsys.kafka_partition)'),
		$target eq 'middle' ? '2000|2000' : '1000|1000', 'rows and offsets are those of then');
	$restored->append_conf('postgresql.conf', "recsys.kafka_databases = 'postgres'\n");
	$restored->reload;
	wait_messages($restored, 'e', $sent, 'it reads on');
	numbers_are_whole($restored, 'e', 't', $sent, $partitions);
	$restored->stop;
}

$mock->stop;
done_testing();
