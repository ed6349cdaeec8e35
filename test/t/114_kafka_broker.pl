# Trouble with brokers: down and up, a leader that moves, errors of every request, one that
# hangs, another cluster in its place.  Nothing is lost, nothing twice, and afterwards it
# goes on by itself.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(time);

kafka_tools_or_skip();
my $mock = KafkaTest->start(brokers => 3);
my $node = kafka_node('broker', $mock);
my $partitions = 4;
my $sent = 0;

$mock->command("create e $partitions");
app_sql($node, 'CREATE TABLE t (n bigint, user_id int, item_id int, weight real, at timestamptz)');
create_source($node, 'e', 'e', 't', columns => kafka_columns());

# Send numbers, and wait for them.
sub send_and_wait
{
	my ($name, $count) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$mock->produce_numbers('e', first => $sent, count => $count, partitions => $partitions);
	$sent += $count;
	return wait_messages($node, 'e', $sent, $name);
}

send_and_wait('to begin with', 1000);

# ---- leaders move while it reads -----------------------------------------------------

my $producer = $mock->start_numbers('e', first => $sent, count => 4000, rate => 2000, partitions => $partitions);
foreach my $move (0 .. 11)
{
	$mock->command("leader e @{[ $move % $partitions ]} @{[ 1 + $move % 3 ]}");
}
IPC::Run::finish($producer);
$sent += 4000;
wait_messages($node, 'e', $sent, 'leaders that move');

# ---- brokers down and up ----------------------------------------------------------------

$mock->command("down $_") foreach 1 .. 3;
wait_state($node, 'e', 'degraded|connecting', 'all brokers down: degraded', 'broker');
$mock->command("up $_") foreach 1 .. 3;
send_and_wait('brokers are up again', 1000);
wait_state($node, 'e', 'idle|running', 'and all is well');

$producer = $mock->start_numbers('e', first => $sent, count => 4000, rate => 2000, partitions => $partitions);
foreach my $broker (1, 2, 3, 1)
{
	$mock->command("down $broker");
	$mock->command("up $broker");
}
IPC::Run::finish($producer);
$sent += 4000;
wait_messages($node, 'e', $sent, 'brokers that restart under load');

# ---- requests that fail --------------------------------------------------------------------

# not leader, leader not available, timed out, connection dropped, unknown topic or partition
foreach my $request ('fetch', 'metadata', 'offsets')
{
	$mock->command("errors $request 6 5 7 -195 6 3");
	send_and_wait("$request fails for a while", 200);
	$mock->command("clear $request");
}
$mock->command("delay $_ 300") foreach 1 .. 3;
send_and_wait('answers are slow', 200);
$mock->command("delay $_ 0") foreach 1 .. 3;
numbers_are_whole($node, 'e', 't', $sent, $partitions);
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_dead_letter'), 0, 'no dead letters');

# ---- no answer at all ---------------------------------------------------------------------

my $pid = $node->safe_psql('postgres', 'SELECT pid FROM recsys.kafka_status');
$mock->hang;
my $begin = time;
$node->safe_psql('postgres', 'CREATE DATABASE barrier');
$node->safe_psql('postgres', 'DROP DATABASE barrier');
cmp_ok(time - $begin, '<', 20, 'a worker without an answer holds nobody up');
app_sql($node, "SELECT recsys.kafka_stop('e')");
wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0', 'and can be stopped');
like(app_error($node, "SELECT recsys.kafka_seek('e', 'latest')"), qr/ERROR:  08\w\w\w/, 'who asks the brokers is told after a while');
app_sql($node, "SELECT recsys.kafka_start('e')");
wait_state($node, 'e', 'connecting|degraded', 'started, it waits');
$mock->unhang;
send_and_wait('after the silence it goes on', 500);

$mock->hang;
wait_state($node, 'e', 'degraded', 'silence is noticed', '08\w\w\w|broker');
$mock->unhang;
send_and_wait('and its end', 500);

# ---- a source made while nobody answers -------------------------------------------------------

app_sql($node, 'CREATE TABLE t2 (n bigint)');
$mock->command("down $_") foreach 1 .. 3;
like(app_error($node, create_source($node, 'e2', 'e', 't2', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  08\w\w\w: .*"e".*HINT: .*\bbroker/s, 'no source without brokers');
$mock->command("up $_") foreach 1 .. 3;
$mock->command('topic_error gone 3');
like(app_error($node, create_source($node, 'e2', 'gone', 't2', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  \w{5}: .*"gone"/, 'nor without a topic');
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.kafka_source WHERE source = 'e2'"), 0, 'nothing is left of it');

# ---- another cluster -------------------------------------------------------------------------

my $other = KafkaTest->start;
$other->command("create e $partitions");
$other->produce_numbers('e', count => 50000, partitions => $partitions);
$node->safe_psql('postgres', "ALTER SERVER kafka OPTIONS (SET brokers '" . $other->brokers . "')");
wait_state($node, 'e', 'failed', 'another cluster is noticed', 'cluster|made again');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), $sent, 'and nothing read of it');
app_sql($node, "TRUNCATE t; SELECT recsys.kafka_seek('e', 'earliest')");
wait_for_sql($node, 'SELECT count(*) FROM t', '50000', 'unless it is meant');
numbers_are_whole($node, 'e', 't', 50000, $partitions);

# ---- offsets that are gone: the mock keeps 5 MB of a partition ------------------------------------

$other->command('create old 1');
app_sql($node, 'CREATE TABLE old (n bigint, user_id int, item_id int, weight real, at timestamptz); CREATE TABLE old2 (LIKE old)');
$other->produce_numbers('old', count => 1000);
create_source($node, 'old', 'old', 'old', columns => kafka_columns());
create_source($node, 'old2', 'old', 'old2', columns => kafka_columns(), options => { on_gap => 'skip' });
wait_messages($node, $_, 1000) foreach 'old', 'old2';
app_sql($node, "SELECT recsys.kafka_stop('old'), recsys.kafka_stop('old2')");
wait_state($node, $_, 'stopped') foreach 'old', 'old2';
$other->produce_numbers('old', first => 1000, count => 100000);
app_sql($node, "SELECT recsys.kafka_start('old'), recsys.kafka_start('old2')");
wait_state($node, 'old', 'failed', 'a gap stops a source', '1000');
wait_for_sql($node, "SELECT next_offset FROM recsys.kafka_partition WHERE source = 'old2'", '101000', 'another skips it');
is($node->safe_psql('postgres', <<'SQL'), '1000|t|t', 'the gap is recorded, and there are all numbers but those in it');
SELECT g.from_offset, g.to_offset > 1000,
	(SELECT count(*) FROM old2) = 101000 - (g.to_offset - g.from_offset)
	AND NOT EXISTS (SELECT FROM old2 WHERE n >= g.from_offset AND n < g.to_offset)
FROM recsys.kafka_gaps g WHERE source = 'old2'
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM old'), 1000, 'a source that stops reads nothing');
app_sql($node, "SELECT recsys.kafka_seek('old', 'earliest')");
wait_for_sql($node, "SELECT next_offset FROM recsys.kafka_partition WHERE source = 'old'", '101000', 'until its owner decides');

$node->stop;
log_is_clean($node);
$_->stop foreach $mock, $other;
done_testing();
