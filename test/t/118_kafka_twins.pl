# Two that read for one source: whoever comes second finds the offset moved, writes nothing
# and begins anew.  The second worker here is a session that does what one would do.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep);

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('twins', $mock);

$mock->command('create e 2');
app_sql($node, 'CREATE TABLE t (n bigint, user_id int, item_id int, weight real, at timestamptz)');
create_source($node, 'e', 'e', 't', columns => kafka_columns(), options => { linger_ms => 500 });
$mock->produce_numbers('e', count => 100, partitions => 2);
wait_messages($node, 'e', 100);

# The rows and offsets that a twin would commit: numbers from so many to so many.
sub twin_commits
{
	my ($from, $to) = @_;

	$node->safe_psql('postgres', <<"SQL");
BEGIN;
INSERT INTO t (n) SELECT generate_series($from, $to - 1);
UPDATE recsys.kafka_partition SET next_offset = $to / 2, messages = messages + ($to - $from) / 2 WHERE source = 'e';
COMMIT;
SQL
	return;
}

# ---- the twin commits while the worker waits for a lock with its batch in hand -----------

my $pid = $node->safe_psql('postgres', 'SELECT pid FROM recsys.kafka_status');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE');
$mock->produce_numbers('e', first => 100, count => 100, partitions => 2);
wait_for_sql($node, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 't'::regclass", '1', 'a worker waits with its batch');
$session->query_safe("INSERT INTO t (n) SELECT generate_series(100, 199); UPDATE recsys.kafka_partition SET next_offset = 100, messages = 100 WHERE source = 'e'; COMMIT");
$session->quit;
$mock->produce_numbers('e', first => 200, count => 100, partitions => 2);
wait_messages($node, 'e', 300);
numbers_are_whole($node, 'e', 't', 300, 2, 'each number once');
isnt($node->safe_psql('postgres', 'SELECT pid FROM recsys.kafka_status'), $pid, 'the worker that came second has ended');

# ---- the twin commits while the worker is stopped in its tracks --------------------------

my $sent = 300;
foreach my $round (1 .. 5)
{
	$pid = poll_until(sub { return $node->safe_psql('postgres', "SELECT pid FROM recsys.kafka_status WHERE state IN ('idle', 'running')") });
	$mock->produce_numbers('e', first => $sent, count => 100, partitions => 2);
	# the messages linger in its memory, more or less of them
	sleep 0.05 * $round;
	kill 'STOP', $pid;
	if ($node->safe_psql('postgres', 'SELECT sum(next_offset) FROM recsys.kafka_partition') == $sent)
	{
		twin_commits($sent, $sent + 100);
	}
	else
	{
		note("round $round: the worker was faster");
	}
	kill 'CONT', $pid;
	$sent += 100;
	$mock->produce_numbers('e', first => $sent, count => 2, partitions => 2);
	$sent += 2;
	wait_for_sql($node, 'SELECT min(next_offset) FROM recsys.kafka_partition', $sent / 2, "round $round: all is read");
	numbers_are_whole($node, 'e', 't', $sent, 2, "round $round: each number once");
}

$node->stop;
log_is_clean($node);
$mock->stop;
done_testing();
