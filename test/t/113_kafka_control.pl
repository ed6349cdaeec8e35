# Where a source begins, and what its owner can do with it: stop, start, seek, alter,
# preview, drop.  The mock knows no offsets of moments but the end.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('control', $mock);

$mock->command('create e 2');
$mock->produce_fields('e', map { one_fields(partition => $_ % 2, timestamp => 1700000000000 + 1000 * $_, payload => qq({"n": $_})) } 0 .. 9);
app_sql($node, 'CREATE TABLE t (source text, n bigint, w real)');

# A table of its own for a source.
sub table
{
	my ($name) = @_;

	app_sql($node, "CREATE TABLE $name (n bigint, w real DEFAULT 1)");
	return $name;
}

sub numbers
{
	my ($table) = @_;

	return $node->safe_psql('postgres', "SELECT string_agg(n::text, ',' ORDER BY n) FROM $table");
}

# ---- start positions --------------------------------------------------------------

my %starts = (
	earliest => [ 'earliest', '0,1,2,3,4,5,6,7,8,9' ],
	latest => [ 'latest', '' ],
	late => [ '2050-01-01', '' ],
	number => [ '3', '6,7,8,9' ],
	offsets => [ '{"0": 1, "1": 4}', '2,4,6,8,9' ]);
foreach my $name (sort keys %starts)
{
	create_source($node, $name, 'e', table("from_$name"), columns => { n => '$.n' }, start => $starts{$name}[0]);
}
$mock->produce_fields('e', map { one_fields(partition => $_ % 2, payload => qq({"n": $_})) } 10 .. 11);
foreach my $name (sort keys %starts)
{
	my $all = join ',', grep { length } $starts{$name}[1], '10,11';

	wait_for_sql($node, "SELECT string_agg(n::text, ',' ORDER BY n) FROM from_$name", $all, "start $name");
}
foreach my $wrong ('now', '-1', '7', '{"0": 99}', '{"5": 1}', '{"0": "x"}', '')
{
	like(app_error($node, create_source($node, 'wrong', 'e', 't', columns => { n => '$.n' }, start => $wrong, sql_only => 1)),
		qr/ERROR:  22023/, "start '$wrong' is refused");
}
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.kafka_source WHERE source = 'wrong'"), 0, 'and leaves nothing');

# ---- stop and start -------------------------------------------------------------------

create_source($node, 's', 'e', table('s'), columns => { n => '$.n' });
wait_messages($node, 's', 12);
app_sql($node, "BEGIN; SELECT recsys.kafka_stop('s'); ROLLBACK");
$mock->produce('e', '{"n": 12}');
wait_messages($node, 's', 13, 'a stop that is rolled back is none');
my $pid = $node->safe_psql('postgres', "SELECT pid FROM recsys.kafka_status WHERE source = 's'");
app_sql($node, "SELECT recsys.kafka_stop('s')");
wait_state($node, 's', 'stopped');
wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0', 'its worker is gone');
$mock->produce('e', '{"n": 13}');
wait_messages($node, 'earliest', 14, 'others read on');
is($node->safe_psql('postgres', "SELECT messages FROM recsys.kafka_sources WHERE source = 's'"), 13, 'a stopped source does not');
app_sql($node, "SELECT recsys.kafka_start('s')");
wait_messages($node, 's', 14, 'started, it reads the rest');
is(numbers('s'), join(',', 0 .. 13), 'each once');

# ---- seek --------------------------------------------------------------------------------

app_sql($node, "SELECT recsys.kafka_seek('s', '5', 0)");
wait_for_sql($node, 'SELECT count(*) FROM s', '17', 'some are read again');
is($node->safe_psql('postgres', "SELECT string_agg(n::text, ',' ORDER BY n) FROM (SELECT n FROM s GROUP BY n HAVING count(*) = 2) x"), '10,12,13', 'those from there on');
app_sql($node, "SELECT recsys.kafka_stop('s'); TRUNCATE s; SELECT recsys.kafka_seek('s', 'latest'); SELECT recsys.kafka_start('s')");
$mock->produce('e', '{"n": 14}');
wait_for_sql($node, "SELECT string_agg(n::text, ',') FROM s", '14', 'from the end');
app_sql($node, "TRUNCATE s; SELECT recsys.kafka_seek('s', 'earliest')");
wait_for_sql($node, "SELECT string_agg(n::text, ',' ORDER BY n) FROM s", join(',', 0 .. 14), 'from the beginning');
foreach my $wrong ("'s', '999'", "'s', 'earliest', 7", "'s', 'soon'", "'s', '-3', 0")
{
	like(app_error($node, "SELECT recsys.kafka_seek($wrong)"), qr/ERROR:  22023/, "kafka_seek($wrong) is refused");
}
foreach my $call ("kafka_seek('nobody', 'earliest')", "kafka_stop('nobody')", "kafka_start('nobody')", "kafka_drop_source('nobody')")
{
	like(app_error($node, "SELECT recsys.$call"), qr/ERROR:  42704: .*"nobody"/, "$call is refused");
}

# a seek while it reads: the worker begins anew where it was told
app_sql($node, 'CREATE TABLE busy (n bigint, user_id int, item_id int, weight real, at timestamptz, PRIMARY KEY (n))');
$mock->command('create busy 1');
create_source($node, 'busy', 'busy', 'busy', columns => kafka_columns(), on_conflict => 'nothing', options => { batch_rows => 50 });
my $producer = $mock->start_numbers('busy', count => 30000);
foreach my $i (1 .. 5)
{
	app_sql($node, "SELECT recsys.kafka_seek('busy', 'earliest')");
}
IPC::Run::finish($producer);
wait_for_sql($node, "SELECT next_offset FROM recsys.kafka_lag WHERE source = 'busy'", '30000', 'seeks during reading');
is($node->safe_psql('postgres', 'SELECT count(*), max(n) FROM busy'), '30000|29999', 'nothing is missing');

# ---- alter ---------------------------------------------------------------------------------

app_sql($node, q{SELECT recsys.kafka_alter_source('s', columns => '{"n": "$.n", "w": {"path": "$.w", "default": 9}}')});
$mock->produce('e', '{"n": 15}');
wait_for_sql($node, 'SELECT w FROM s WHERE n = 15', '9', 'other columns');
app_sql($node, table('other') && "SELECT recsys.kafka_alter_source('s', target => 'other')");
$mock->produce('e', '{"n": 16}');
wait_for_sql($node, "SELECT string_agg(n::text, ',') FROM other", '16', 'another target');
app_sql($node, q{SELECT recsys.kafka_alter_source('s', options => '{"linger_ms": 0, "batch_rows": 7}')});
is(app_sql($node, "SELECT options ->> 'linger_ms', options ->> 'batch_rows', options ->> 'fetch_wait_max_ms' FROM recsys.kafka_sources WHERE source = 's'"), '0|7|10', 'options are laid over those there are');
app_sql($node, q{SELECT recsys.kafka_alter_source('s', options => '{"batch_rows": null}')});
is(app_sql($node, "SELECT options ? 'batch_rows' FROM recsys.kafka_sources WHERE source = 's'"), 'f', 'and taken back by null');
like(app_error($node, q{SELECT recsys.kafka_alter_source('s', options => '{"nonsense": 1}')}), qr/ERROR:  22023: .*nonsense.*HINT: .*batch_rows.*max_dead_letters/s, 'an unknown option lists the valid ones');
foreach my $wrong ('{"batch_rows": 0}', '{"batch_rows": 100001}', '{"linger_ms": -1}', '{"linger_ms": "x"}', '{"on_gap": "jump"}', '{"enable.auto.commit": "true"}', '{"plugin_library_paths": "x"}', '[]', '{"max_message_bytes": 1e30}')
{
	like(app_error($node, "SELECT recsys.kafka_alter_source('s', options => '$wrong')"), qr/ERROR:  22023/, "options $wrong are refused");
}
like(app_error($node, q{SELECT recsys.kafka_alter_source('s', columns => '{"nowhere": "$.n"}')}), qr/ERROR:  42703: .*"nowhere"/, 'an unknown column is refused');
foreach my $path ('n', '$..n', '$.n[0]', '@keys', '', '@header.')
{
	like(app_error($node, qq{SELECT recsys.kafka_alter_source('s', columns => '{"n": "$path"}')}), qr/ERROR:  22023: .*HINT: /s, "path '$path' is refused");
}

# ---- preview -----------------------------------------------------------------------------

app_sql($node, 'SELECT recsys.kafka_stop(\'s\')');
my $state = "SELECT * FROM recsys.kafka_partition WHERE source = 's' ORDER BY partition";
wait_state($node, 's', 'stopped');
my $before = $node->safe_psql('postgres', $state);
$mock->produce('e', '{"n": 17, "w": 2.5}', '{"n": "x"}', '{"n": 18}');
my $rows = app_sql($node, "SELECT \"offset\", rows, sqlstate, reason LIKE '%column \"n\"%' FROM recsys.kafka_preview('s') WHERE partition = 0 ORDER BY 1 DESC LIMIT 3");
like($rows, qr/^\d+\|\[\{"n": "?18"?, "w": "?9"?\}\]\|\|\n\d+\|(?:\[\])?\|22P02\|t\n\d+\|\[\{"n": "?17"?, "w": "?2.5"?\}\]\|\|$/, 'what the messages would become');
is($node->safe_psql('postgres', $state), $before, 'nothing is written');
is(app_sql($node, "SELECT count(*) FROM recsys.kafka_preview('s', 2)"), 2, 'as many as are asked for');
is(app_sql($node, "BEGIN READ ONLY; SELECT count(*) FROM recsys.kafka_preview('s'); COMMIT"), 3, 'also in a transaction that only reads');
like(app_error($node, "SELECT * FROM recsys.kafka_preview('s', 0)"), qr/ERROR:  22023/, 'none cannot be asked for');
like(app_error($node, "SELECT * FROM recsys.kafka_preview('s', 1001)"), qr/ERROR:  22023/, 'nor too many');
app_sql($node, "SELECT recsys.kafka_seek('s', 'latest')");
is(app_sql($node, "SELECT count(*) FROM recsys.kafka_preview('s')"), 0, 'at the end there is nothing');

# ---- owners ----------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE other LOGIN');
foreach my $call ("kafka_stop('s')", "kafka_start('s')", "kafka_seek('s', 'earliest')", "kafka_drop_source('s')", "kafka_preview('s')", "kafka_alter_source('s', on_conflict => 'nothing')")
{
	like(app_error($node, "SELECT recsys.$call", 'other'), qr/ERROR:  42501/, "$call is the owner's alone");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_sources', extra_params => [ '-U', 'other' ]), 0, 'others see no source');
like(app_error($node, create_source($node, 'mine', 'e', 't', columns => { n => '$.n' }, sql_only => 1), 'other'), qr/ERROR:  42501/, 'without USAGE there is no source');
$node->safe_psql('postgres', <<'SQL');
GRANT USAGE ON FOREIGN SERVER kafka TO other;
CREATE USER MAPPING FOR other SERVER kafka;
GRANT app TO other;
GRANT INSERT ON other TO other;
SQL
app_sql($node, "SELECT recsys.kafka_start('s')");
$node->safe_psql('postgres', "SELECT recsys.kafka_alter_source('s', owner => 'other')");
$mock->produce('e', '{"n": 19}');
wait_for_sql($node, 'SELECT count(*) FROM other WHERE n = 19', '1', 'another owner');
is($node->safe_psql('postgres', "SELECT a.usename FROM recsys.kafka_status JOIN pg_stat_activity a USING (pid) WHERE source = 's'"), 'other', 'whose worker it is');

# ---- drop -------------------------------------------------------------------------------------

$node->safe_psql('postgres', "SELECT recsys.kafka_drop_source('s')", extra_params => [ '-U', 'other' ]);
is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM recsys.kafka_partition WHERE source = 's') + (SELECT count(*) FROM recsys.kafka_source WHERE source = 's')"), 0, 'a dropped source leaves nothing');
wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'other'", '0', 'its worker ends');
is(app_sql($node, "SELECT recsys.kafka_drop_source('s', if_exists => true)"), '', 'twice with if_exists');
create_source($node, 's', 'e', 's', columns => { n => '$.n' }, start => 'latest');
$mock->produce('e', '{"n": 20}');
wait_for_sql($node, 'SELECT count(*) FROM s WHERE n = 20', '1', 'the name is free again');
like(app_error($node, create_source($node, 's', 'e', 's', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  42710: .*"s"/, 'but only once');

$node->stop;
log_is_clean($node);
$mock->stop;
done_testing();
