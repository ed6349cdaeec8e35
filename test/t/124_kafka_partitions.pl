# Partitions that a topic has and a source does not know yet, and partitions that end
# before what was read.
use strict;
use warnings;

use KafkaTest;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);
my $node = kafka_node('partitions', $mock);

# They are found and read from the beginning.
$mock->command('create e 3');
$mock->produce_numbers('e', count => 9, partitions => 3);
app_sql($node, 'CREATE TABLE t (p int, n bigint)');
create_source($node, 'found', 'e', 't', columns => { p => '@partition', n => '$.n' }, start => '{"1": 2}');
wait_messages($node, 'found', 7);
is(app_sql($node, "SELECT string_agg(p || ':' || n, ' ' ORDER BY n) FROM t"),
	'0:0 2:2 0:3 2:5 0:6 1:7 2:8', 'new partitions are read from the beginning');

# A source that is dropped at that moment leaves nothing.
create_source($node, 'dropped', 'e', 't', columns => { p => '@partition' }, start => '{"1": 3}');
wait_state($node, 'dropped', 'idle');
my $session = $node->background_psql('postgres', on_error_stop => 1);
$session->query_safe(q(BEGIN; SELECT recsys.kafka_drop_source('dropped')));
wait_for_sql($node, <<'SQL', 't', 'the worker waits for who drops it');
SELECT EXISTS (SELECT FROM pg_locks l JOIN recsys.kafka_status s ON s.pid = l.pid
	WHERE s.source = 'dropped' AND NOT l.granted)
SQL
$session->query_safe('COMMIT');
$session->quit;
wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'recsys Kafka dropped'", '0', 'the worker ends');
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.kafka_partition WHERE source = 'dropped'"), '0', 'nothing is left of it');

# ---- an end before what was read -----------------------------------------------------------

# A partition's new leader may not know its end yet: then it says so when it is asked.
$mock->command('create end 1');
$mock->produce('end', map { qq({"n": $_}) } 0 .. 9);
app_sql($node, 'CREATE TABLE ends (n bigint)');
create_source($node, 'end', 'end', 'ends', columns => { n => '$.n' });
wait_messages($node, 'end', 10);

# Stop it, let it believe that it has read more, start it.
sub believe
{
	my ($offset) = @_;

	app_sql($node, q(SELECT recsys.kafka_stop('end')));
	$node->safe_psql('postgres', "UPDATE recsys.kafka_partition SET next_offset = $offset WHERE source = 'end'");
	app_sql($node, q(SELECT recsys.kafka_start('end')));
	return;
}

$mock->command('errors offsets' . ' 78' x 60);
believe(15);
wait_state($node, 'end', 'idle', 'an end that is not certain is no reason to fail');
$mock->produce('end', map { qq({"n": $_}) } 10 .. 14);
$mock->command('clear offsets');
$mock->produce('end', '{"n": 15}');
wait_for_sql($node, 'SELECT max(n), count(*) FROM ends', '15|11', 'it goes on when the end is there');
wait_state($node, 'end', 'idle');

believe(20);
wait_state($node, 'end', 'failed', 'an end that is certain is', '55000.*ends at offset 16, but was read up to 20');
log_is_clean($node);

done_testing();
