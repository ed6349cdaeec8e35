# Three brokers, each partition three times: what the mock cannot show.  Transactions,
# start at a moment, retention, partitions that come, topics that go, brokers that die.

use strict;
use warnings;

use KafkaCluster;
use KafkaTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $cluster = KafkaCluster->start(nodes => 3);
my $node = kafka_node('cluster', $cluster);
my $event = '(n bigint, user_id int, item_id int, weight real, at timestamptz)';

# A topic, a table and a source of the same name.
sub topic_and_source
{
	my ($name, $partitions, %opt) = @_;

	$cluster->admin('create', $name, $partitions, 3);
	app_sql($node, "CREATE TABLE $name $event");
	create_source($node, $name, $name, $name, columns => kafka_columns(), %opt) unless $opt{later};
	return;
}

# The offsets of a topic are read to their end.
sub read_to_the_end
{
	my ($source, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	my $ends = join "\n", map { /^(\d+) \d+ (\d+)$/ ? "$1|$2" : () } split /\n/, $cluster->admin('ends', $source);
	return wait_for_sql($node, "SELECT partition, next_offset FROM recsys.kafka_partition WHERE source = '$source' ORDER BY 1", $ends, $name);
}

# ---- events -----------------------------------------------------------------------

topic_and_source('plain', 8);
$cluster->produce_numbers('plain', count => 100000, partitions => 8, bad_every => 1000);
wait_messages($node, 'plain', 100000);
numbers_are_whole($node, 'plain', 'plain', 100000, 8, 'events arrive', bad_every => 1000);
wait_state($node, 'plain', 'idle');

# every codec; a batch that expands a thousandfold
foreach my $codec (qw(gzip snappy lz4 zstd))
{
	topic_and_source($codec, 1);
	$cluster->run_producer('', '-X', "compression.codec=$codec", $cluster->number_arguments($codec, count => 1000));
	$cluster->run_producer(join('', map { qq({"n": $_, "x": ") . 'x' x 500000 . "\"}\n" } 1000 .. 1049),
		'-X', "compression.codec=$codec", $cluster->brokers, $codec);
	wait_messages($node, $codec, 1050, "compressed by $codec");
	is($node->safe_psql('postgres', "SELECT count(*), max(n) FROM $codec"), '1050|1049', "$codec: rows");
}

# ---- transactions -------------------------------------------------------------------

topic_and_source('tx', 2);
$cluster->transaction('tx', count => 1000, partitions => 2);
$cluster->transaction('tx', first => 1000000, count => 1000, partitions => 2, abort => 1);
$cluster->transaction('tx', first => 1000, count => 1000, partitions => 2);
wait_messages($node, 'tx', 2000);
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n), max(n) FROM tx'), '2000|2000|1999', 'what was committed is read, what was aborted is not');
read_to_the_end('tx', 'offsets pass what is no message');
wait_for_sql($node, "SELECT sum(lag), max(lag_seconds) FROM recsys.kafka_lag WHERE source = 'tx'", '0|0', 'and nothing is left to read');
$cluster->transaction('tx', first => 2000000, count => 10, partitions => 2, abort => 1);
read_to_the_end('tx', 'also where nothing but an aborted transaction came');
wait_for_sql($node, "SELECT sum(lag), sum(messages) FROM recsys.kafka_lag WHERE source = 'tx'", '0|2000', 'still nothing is left');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_gaps'), 0, 'that is no gap');

# ---- a moment ---------------------------------------------------------------------------

# of the last hour: older ones would fall to the brokers' retention
my $hour = time - 3600;
my $moment = sub { return strftime('%Y-%m-%d %H:%M:%S+00', gmtime($hour + $_[0])); };

topic_and_source('moment', 2, later => 1);
$cluster->produce_fields('moment', map { one_fields(partition => $_ % 2, timestamp => 1000 * ($hour + $_), payload => qq({"n": $_})) } 0 .. 9);
create_source($node, "moment", "moment", "moment", columns => { n => q($.n) }, start => $moment->(4));
wait_for_sql($node, "SELECT string_agg(n::text, ',' ORDER BY n) FROM moment", '4,5,6,7,8,9', 'start at a moment');
app_sql($node, "SELECT recsys.kafka_seek('moment', '" . $moment->(8) . "', 0)");
wait_for_sql($node, 'SELECT count(*) FROM moment WHERE n = 8', '2', 'seek to a moment');
create_source($node, 'late', 'moment', 'moment', columns => { n => '$.n' }, start => '2050-01-01');
is($node->safe_psql('postgres', "SELECT sum(next_offset) FROM recsys.kafka_partition WHERE source = 'late'"), 10, 'a moment after the last message is the end');

# ---- retention ---------------------------------------------------------------------------

foreach my $policy (qw(stop skip))
{
	topic_and_source("gap_$policy", 2, options => { on_gap => $policy });
	$cluster->produce_numbers("gap_$policy", count => 100, partitions => 2);
	wait_messages($node, "gap_$policy", 100);
	app_sql($node, "SELECT recsys.kafka_stop('gap_$policy')");
	wait_state($node, "gap_$policy", 'stopped');
	$cluster->produce_numbers("gap_$policy", first => 100, count => 200, partitions => 2);
	$cluster->admin('trim', "gap_$policy", 1, 120);
	app_sql($node, "SELECT recsys.kafka_start('gap_$policy')");
}
wait_state($node, 'gap_stop', 'failed', 'messages are gone: a source stops', '70 messages from offset 50');
wait_for_sql($node, "SELECT count(*) FROM gap_skip", '230', 'or passes over them');
is($node->safe_psql('postgres', 'SELECT source, partition, from_offset, to_offset FROM recsys.kafka_gaps'), 'gap_skip|1|50|120', 'which is recorded');
app_sql($node, "SELECT recsys.kafka_seek('gap_stop', '120', 1)");
wait_for_sql($node, "SELECT count(*), count(DISTINCT n) FROM gap_stop", '230|230', 'a person decides, and it goes on');

# what the next offset points to is gone while nothing is to be read: no gap in the data
app_sql($node, "SELECT recsys.kafka_stop('gap_skip')");
wait_state($node, 'gap_skip', 'stopped');
$cluster->admin('trim', 'gap_skip', 1, 150);
app_sql($node, "SELECT recsys.kafka_start('gap_skip')");
$cluster->produce_numbers('gap_skip', first => 300, count => 10, partitions => 2);
wait_for_sql($node, "SELECT count(*) FROM gap_skip", '240', 'all was read before it went: no gap');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_gaps'), 1, 'and none is recorded');

# ---- partitions that come ----------------------------------------------------------------------

topic_and_source('grows', 2, start => 'latest');
$cluster->produce_numbers('grows', count => 10, partitions => 2);
wait_messages($node, 'grows', 10);
$cluster->admin('partitions', 'grows', 4);
$cluster->produce_numbers('grows', first => 10, count => 1000, partitions => 4);
wait_messages($node, 'grows', 1010, 'new partitions are read from their beginning');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n) FROM grows'), '1010|1010', 'each message once');

# ---- topics that go and come again ----------------------------------------------------------------

foreach my $name (qw(again_short again_long again_live))
{
	topic_and_source($name, 1);
	$cluster->produce_numbers($name, count => 100);
	wait_messages($node, $name, 100);
	next if $name eq 'again_live';
	app_sql($node, "SELECT recsys.kafka_stop('$name')");
	wait_state($node, $name, 'stopped');
}
foreach my $name (qw(again_short again_long again_live))
{
	$cluster->admin('delete', $name);
	$cluster->admin('create', $name, 1, 3);
	$cluster->produce_numbers($name, first => 1000, count => $name eq 'again_short' ? 10 : 500);
	app_sql($node, "SELECT recsys.kafka_start('$name')");
	wait_state($node, $name, 'failed', "$name: a topic made anew is noticed");
	is($node->safe_psql('postgres', "SELECT max(n) FROM $name"), 99, "$name: and not read");
	like($node->safe_psql('postgres', "SELECT hint FROM recsys.kafka_status WHERE source = '$name'"), qr/kafka_seek/, "$name: the hint says what to do");
	app_sql($node, "SELECT recsys.kafka_seek('$name', 'earliest')");
	wait_for_sql($node, "SELECT count(*) FROM $name WHERE n >= 1000", $name eq 'again_short' ? '10' : '500', "$name: a person decides");
}
topic_and_source('gone', 1);
$cluster->produce_numbers('gone', count => 10);
wait_messages($node, 'gone', 10);
$cluster->admin('delete', 'gone');
wait_for_sql($node, "SELECT state IN ('degraded', 'failed') AND reason LIKE '%gone%' FROM recsys.kafka_status WHERE source = 'gone'", 't', 'a topic that goes is noticed', 150);
app_sql($node, "SELECT recsys.kafka_drop_source('gone')");

# ---- brokers that die ------------------------------------------------------------------------------

topic_and_source('survives', 8);
my $sent = 0;
foreach my $broker (1 .. 3)
{
	my $producer = $cluster->start_numbers('survives', first => $sent, count => 20000, rate => 4000, partitions => 8);

	$cluster->kill_node($broker);
	$cluster->restart_node($broker);
	ok(IPC::Run::finish($producer), "broker $broker killed under load");
	$sent += 20000;
}
wait_messages($node, 'survives', $sent);
numbers_are_whole($node, 'survives', 'survives', $sent, 8);

$cluster->kill_node($_) foreach 1 .. 3;
wait_state($node, 'survives', 'degraded|connecting', 'all brokers dead', '\w');
$cluster->run_script('restart');
$cluster->produce_numbers('survives', first => $sent, count => 1000, partitions => 8);
$sent += 1000;
wait_messages($node, 'survives', $sent, 'and alive again');
numbers_are_whole($node, 'survives', 'survives', $sent, 8);

$node->stop;
log_is_clean($node);
$cluster->stop;
done_testing();
