# Every kind of bad message has its outcome: a row that is defined, or a dead letter that
# says why and can be listed, retried and discarded.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('bad', $mock);

$mock->command('create bad 1');
app_sql($node, <<'SQL');
CREATE TABLE target (
	pos bigint NOT NULL, u bigint NOT NULL, i int, w real, a text, at timestamptz, doc jsonb,
	flag boolean, id uuid, small varchar(5), h text, stamp timestamptz, k text);
SQL
my %columns = (
	pos => '@offset', u => '$.u', i => '$.i', w => '$.w', a => { path => '$.a', map => { view => 'V', 'buy' => 'B' } },
	at => '$.at', doc => '$.doc', flag => '$.flag', id => '$.id', small => '$.small',
	h => '@header.h', stamp => '@timestamp', k => '@key');
create_source($node, 'bad', 'bad', 'target', columns => \%columns,
	options => { max_message_bytes => 4000, max_dead_letters => 1000 });

# What, its message (a payload, or fields), and what becomes of it: a condition on the
# row, or the SQLSTATE and what the reason says.
my $nines = '0.1' . '9' x 3000;
my @cases = (
	# E1
	[ 'an empty payload', '', '22023', 'the payload is empty' ],
	[ 'a tombstone', one_fields(), '22023', 'has no payload' ],
	[ 'no key', '{"u": 1}', 'k IS NULL' ],
	[ 'an empty key', one_fields(key => '', payload => '{"u": 1}'), "k = ''" ],
	# E2
	[ 'cut off', '{"u": 1', '22P02', 'unexpected end at byte 8' ],
	[ 'single quotes', "{'u': 1}", '22P02', 'at byte 2' ],
	[ 'a trailing comma', '{"u": 1,}', '22P02', 'at byte 9' ],
	[ 'a comment', '{"u": 1} // x', '22P02', 'at byte 10' ],
	[ 'a byte order mark', "\xef\xbb\xbf{\"u\": 1}", '22P02', 'at byte 1' ],
	[ 'two values', '{"u": 1} {"u": 2}', '22P02', 'at byte 10' ],
	[ 'no object', '17', '23502', 'column "u"' ],
	[ 'an array', '[{"u": 1}]', '23502', 'column "u"' ],
	# E3
	[ 'bad UTF-8', "{\"u\": 1, \"a\": \"\xff\"}", '22021', 'byte sequence' ],
	[ 'an overlong form', "{\"u\": 1, \"x\": \"\xc0\x80\"}", '22021', 'byte sequence' ],
	[ 'a surrogate in UTF-8', "{\"u\": 1, \"x\": \"\xed\xa0\x80\"}", '22021', 'byte sequence' ],
	[ 'half a surrogate pair', '{"u": 1, "x": "\ud800"}', '22P02', 'half a surrogate pair' ],
	[ 'an escaped NUL', '{"u": 1, "x": "\u0000"}', '22P05', '\\\\u0000' ],
	[ 'a NUL', "{\"u\": 1, \"x\": \"\x00\"}", '22P02', 'at byte' ],
	[ 'a surrogate pair', '{"u": 1, "small": "\ud83d\ude00"}', 'small = U&\'\+01F600\'' ],
	# E4
	[ '64 levels', '{"u": 1, "x": ' . '[' x 63 . ']' x 63 . '}', 'u = 1' ],
	[ '65 levels', '{"u": 1, "x": ' . '[' x 64 . ']' x 64 . '}', '22023', 'nested too deeply' ],
	[ '3000 levels', '{"u": 1, "x": ' . '[' x 3000, '22023', 'nested too deeply' ],
	[ 'a key twice', '{"u": 1, "u": {"x": 1}, "u": 3}', 'u = 3' ],
	[ '400 keys', '{"u": 1, ' . join(', ', map { "\"k$_\": 1" } 1 .. 300) . '}', 'u = 1' ],
	# E5
	[ 'an object for a number', '{"u": {"id": 1}}', '2203F', 'column "u", \$\.u.*object' ],
	[ 'a number as a string', '{"u": "5", "w": "2.5"}', 'u = 5 AND w = 2.5' ],
	[ 'a boolean for a number', '{"u": true}', '22P02', 'column "u"' ],
	[ 'an array for a number', '{"u": 1, "w": [1]}', '2203F', 'column "w"' ],
	[ 'an object for JSON', '{"u": 1, "doc": {"a": [1, "x"]}}', 'doc = \'{"a": [1, "x"]}\'' ],
	[ 'a fraction for an integer', '{"u": 1.5}', '22P02', 'column "u"' ],
	[ 'a word for a boolean', '{"u": 1, "flag": "maybe"}', '22P02', 'column "flag"' ],
	[ 'no uuid', '{"u": 1, "id": "12"}', '22P02', 'column "id"' ],
	[ 'a long text', '{"u": 1, "small": "äöüßé"}', 'small = \'äöüßé\'' ],
	[ 'a text too long', '{"u": 1, "small": "äöüßéx"}', '22001', 'column "small"' ],
	# E6
	[ 'NaN', '{"u": 1, "w": NaN}', '22P02', 'at byte' ],
	[ 'NaN as a string', '{"u": 1, "w": "NaN"}', '22[0P]\w\w', 'column "w"' ],
	[ 'infinity as a string', '{"u": 1, "w": "-Infinity"}', '22[0P]\w\w', 'column "w"' ],
	[ 'a huge number', '{"u": 1, "w": 1e400}', '22003', 'column "w"' ],
	[ 'minus zero', '{"u": -0, "w": -0}', 'u = 0 AND w = 0' ],
	[ 'many digits', "{\"u\": 1, \"w\": $nines}", 'w BETWEEN 0.19 AND 0.21' ],
	# E7
	[ 'no user', '{"i": 1}', '23502', 'column "u"' ],
	[ 'null for the user', '{"u": null}', '23502', 'column "u"' ],
	[ 'an unknown field', '{"u": 1, "version": 99}', 'u = 1' ],
	[ 'an unknown action', '{"u": 1, "a": "stare"}', '22023', '"stare" is not in the map' ],
	# E8
	[ 'the largest user', '{"u": 9223372036854775807}', 'u = 9223372036854775807' ],
	[ 'a user too large', '{"u": 9223372036854775808}', '22003', 'column "u"' ],
	[ 'a negative user', '{"u": -1}', 'u = -1' ],
	[ 'leading zeros', '{"u": 007}', '22P02', 'at byte' ],
	[ 'leading zeros in a string', '{"u": "007"}', 'u = 7' ],
	[ 'SQL for a user', '{"u": "1); DROP TABLE target; --"}', '22P02', 'column "u"' ],
	[ 'SQL for a text', q[{"u": 1, "small": "');--"}], q[small = ''');--'] ],
	# E9
	[ 'as large as allowed', '{"u": 1, "x": "' . 'x' x 3983 . '"}', 'u = 1' ],
	[ 'larger by a byte', '{"u": 1, "x": "' . 'x' x 3984 . '"}', '22\w\w\w|54000', '4001' ],
	# E12
	[ 'no time', one_fields(timestamp => 1, payload => '{"u": 1}'), "stamp = '1970-01-01 00:00:00.001+00'" ],
	[ 'a far time', one_fields(timestamp => 9223372036854775000, payload => '{"u": 1}'), '22008', 'column "stamp"' ],
	[ 'no date', '{"u": 1, "at": "2026-02-30T00:00:00Z"}', '22008', 'column "at"' ],
	[ 'a number for a time', '{"u": 1, "at": 1700000000}', '22\w\w\w', '' ],
	# E13
	[ 'a header twice', one_fields(headers => 'h=1,x=2,h=3', payload => '{"u": 1}'), "h = '3'" ],
	[ 'a binary header', one_fields(headers => 'h=\xff\xfe', payload => '{"u": 1}'), '22021', 'column "h", @header' ],
	[ 'a binary header that nobody wants', one_fields(headers => 'x=\xff', payload => '{"u": 1}'), 'h IS NULL' ],
	[ 'a binary key', one_fields(key => "\xff", payload => '{"u": 1}'), '22021', 'column "k", @key' ],
	[ 'a key larger by a byte', one_fields(key => 'k' x 4001, headers => 'h=1', payload => '{"u": 1}'), '54000', '4003' ],
	[ '60 headers', one_fields(headers => join(',', map { "x$_=y" } 1 .. 60), payload => '{"u": 1}'), 'u = 1' ],
	# E11
	[ 'the same', '{"u": 1}', 'u = 1' ],
	[ 'the same again', '{"u": 1}', 'u = 1' ]);

$mock->produce_fields('bad', map { $_->[1] =~ /\t/ ? $_->[1] : one_fields(payload => $_->[1]) } @cases);
wait_messages($node, 'bad', scalar @cases);

my $pos = 0;
my $dead = 0;
foreach my $case (@cases)
{
	my ($name, $message, $expected, $reason) = @$case;

	if (defined $reason)
	{
		my $letter = $node->safe_psql('postgres', qq{SELECT sqlstate || ' ' || reason FROM recsys.kafka_dead_letter WHERE "offset" = $pos});

		like($letter, qr/^(?:$expected) .*$reason/s, "dead letter: $name");
		$dead++;
	}
	else
	{
		is($node->safe_psql('postgres', "SET timezone = UTC; SELECT count(*), count(*) FILTER (WHERE $expected) FROM target WHERE pos = $pos"), '1|1', "row: $name");
	}
	$pos++;
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_dead_letter'), $dead, 'no other dead letters');
is($node->safe_psql('postgres', 'SELECT messages, rows, dead_letters, next_offset FROM recsys.kafka_partition'),
	"$pos|" . ($pos - $dead) . "|$dead|$pos", 'all are counted');
is($node->safe_psql('postgres', q{SELECT max(octet_length(reason)) <= 400 FROM recsys.kafka_dead_letter}), 't', 'reasons are short');

# ---- dead letters keep the message -------------------------------------------------------

my ($large) = grep { $cases[$_][0] eq 'larger by a byte' } 0 .. $#cases;
is(app_sql($node, <<"SQL"), 't|t|4001|t|t', 'what is too large is cut, its size and hash are of the whole');
SELECT octet_length(payload) < 4001, convert_to('$cases[$large][1]', 'UTF8') > payload, payload_bytes,
	sha256 = sha256(convert_to('$cases[$large][1]', 'UTF8')), key IS NULL
FROM recsys.kafka_dead_letters WHERE "offset" = $large
SQL
my ($keyed) = grep { $cases[$_][0] eq 'a key larger by a byte' } 0 .. $#cases;
is(app_sql($node, qq{SELECT key IS NULL, headers IS NULL, octet_length(payload), payload_bytes FROM recsys.kafka_dead_letters WHERE "offset" = $keyed}),
	't|t|0|8', 'with a key that is too large nothing is kept');
my ($binary) = grep { $cases[$_][0] eq 'a binary key' } 0 .. $#cases;
is(app_sql($node, qq{SELECT key, convert_from(payload, 'UTF8'), topic, partition, attempts, first_at = last_at FROM recsys.kafka_dead_letters WHERE "offset" = $binary}),
	'\xff|{"u": 1}|bad|0|1|t', 'key and payload are kept as they came');

# ---- retry and discard -----------------------------------------------------------------

my $rows = 'SELECT string_agg(pos::text, $$ $$ ORDER BY pos) FROM target';
my $before = $node->safe_psql('postgres', $rows);
is(app_sql($node, "SELECT * FROM recsys.kafka_retry('bad')"), "$dead|0|$dead", 'a retry without a change fails');
is($node->safe_psql('postgres', $rows), $before, 'and writes no row');
is(app_sql($node, 'SELECT min(attempts), max(attempts) FROM recsys.kafka_dead_letters'), '2|2', 'and is counted');
$columns{a} = { path => '$.a', map => { view => 'V', stare => 'S' } };
app_sql($node, "SELECT recsys.kafka_alter_source('bad', columns => '" . JSON::PP->new->encode(\%columns) . "')");
is(app_sql($node, "SELECT * FROM recsys.kafka_retry('bad', ARRAY(SELECT id FROM recsys.kafka_dead_letters WHERE reason LIKE '%stare%'))"),
	'1|1|0', 'after a change the message becomes a row');
is($node->safe_psql('postgres', "SELECT count(*) FROM target WHERE a = 'S'"), 1, 'the row is there');
is(app_sql($node, 'SELECT count(*) FROM recsys.kafka_dead_letters'), $dead - 1, 'and its dead letter is not');
is(app_sql($node, "SELECT recsys.kafka_discard('bad', ARRAY(SELECT min(id) FROM recsys.kafka_dead_letters))"), 1, 'one is discarded');
is(app_sql($node, "SELECT recsys.kafka_discard('bad')"), $dead - 2, 'all are discarded');
is(app_sql($node, 'SELECT count(*) FROM recsys.kafka_dead_letters'), 0, 'none is left');
$node->safe_psql('postgres', 'CREATE ROLE other LOGIN');
like(app_error($node, "SELECT recsys.kafka_retry('bad')", 'other'), qr/42(501|704)/, 'somebody else may not retry');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_dead_letters', extra_params => [ '-U', 'other' ]), 0, 'nor look');

# ---- good rows among bad ones, and too many bad ones ----------------------------------------

$mock->command('create mixed 2');
app_sql($node, 'CREATE TABLE mixed (n bigint, user_id int CHECK (user_id % 97 <> 0), item_id int, weight real, at timestamptz)');
create_source($node, 'mixed', 'mixed', 'mixed', columns => kafka_columns(), options => { max_dead_letters => 100000 });
$mock->produce_numbers('mixed', count => 20000, partitions => 2, bad_every => 50);
wait_messages($node, 'mixed', 20000);
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE sqlstate = '22P02'), count(*) FILTER (WHERE sqlstate = '23514') > 50 FROM recsys.kafka_dead_letter WHERE source = 'mixed'"),
	'400|t', 'bad JSON and broken constraints');
is($node->safe_psql('postgres', <<'SQL'), '20000|20000|20000', 'each message is a row or a dead letter');
SELECT count(*), count(DISTINCT n), sum(1) FROM (
	SELECT n FROM mixed UNION ALL
	SELECT "offset" * 2 + partition FROM recsys.kafka_dead_letter WHERE source = 'mixed') x
SQL

$mock->command('create rotten 1');
app_sql($node, 'CREATE TABLE rotten (LIKE mixed)');
create_source($node, 'rotten', 'rotten', 'rotten', columns => kafka_columns(), options => { max_dead_letters => 20, batch_rows => 100 });
$mock->produce_numbers('rotten', count => 1000, bad_every => 10);
wait_state($node, 'rotten', 'failed', 'too many dead letters stop a source', 'dead letters');
my $letters = $node->safe_psql('postgres', "SELECT count(*) FROM recsys.kafka_dead_letter WHERE source = 'rotten'");
cmp_ok($letters, '>=', 20, 'not before');
cmp_ok($letters, '<=', 40, 'and soon');
is($node->safe_psql('postgres', <<'SQL'), 't|t', 'nothing is lost in between');
SELECT (SELECT count(*) FROM rotten) + (SELECT count(*) FROM recsys.kafka_dead_letter WHERE source = 'rotten') = next_offset, next_offset < 1000
FROM recsys.kafka_partition WHERE source = 'rotten'
SQL
app_sql($node, "SELECT recsys.kafka_alter_source('rotten', options => '{\"max_dead_letters\": 100000}')");
wait_messages($node, 'rotten', 1000, 'with a higher limit it goes on');
numbers_are_whole($node, 'rotten', 'rotten', 1000, 1, undef, bad_every => 10);

$node->stop;
log_is_clean($node);
$mock->stop;
done_testing();
