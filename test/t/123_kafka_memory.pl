# What a worker holds is bounded: by the bytes of all that messages have, and however
# often its topic is opened again.
use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);
my $node = kafka_node('memory', $mock);

# ---- keys alone -------------------------------------------------------------------------

$mock->command('create keys 1');
$mock->produce_fields('keys', map { one_fields(key => 'k' x 1000) } 1 .. 3000);
app_sql($node, 'CREATE TABLE keys (o bigint)');
create_source($node, 'keys', 'keys', 'keys', columns => { o => '@offset' },
	options => { batch_bytes => 1024, linger_ms => 1000 });
wait_messages($node, 'keys', 3000);
cmp_ok($node->safe_psql('postgres', "SELECT batches FROM recsys.kafka_status WHERE source = 'keys'"),
	'>=', 3, 'keys count for the size of a batch');
app_sql($node, "SELECT recsys.kafka_drop_source('keys')");

# ---- opened again and again --------------------------------------------------------------

# Bytes that the worker's contexts have, by the server's log.
sub worker_bytes
{
	my $log = -s $node->logfile;

	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts(pid) FROM recsys.kafka_status WHERE source = 'again'");
	ok(poll_until(sub { slurp_file($node->logfile, $log) =~ /Grand total: \d+ bytes/ }, 60), 'the worker tells its memory');
	return slurp_file($node->logfile, $log) =~ /Grand total: (\d+) bytes/ ? $1 : 0;
}

$mock->command('create again 1');
$mock->produce('again', '{}');
app_sql($node, 'CREATE TABLE again (o bigint)');
create_source($node, 'again', 'again', 'again', columns => { o => '@offset' }, options => { batch_rows => 100000 });
wait_messages($node, 'again', 1);
wait_state($node, 'again', 'idle');
my $before = worker_bytes();

foreach my $message (2 .. 4)
{
	my $log = -s $node->logfile;

	# out of range, says the broker; nothing is, finds the worker
	$mock->command('errors fetch 1');
	ok(poll_until(sub { slurp_file($node->logfile, $log) =~ /is opened again/ || $message > 2 }, 60), 'opened again');
	$mock->produce('again', '{}');
	wait_messages($node, 'again', $message);
}
cmp_ok(worker_bytes() - $before, '<', 4_000_000, 'what was open before is given back');
log_is_clean($node);

done_testing();
