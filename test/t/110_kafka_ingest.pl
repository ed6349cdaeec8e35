# The whole way of an event: JSON by paths, metadata, value maps and defaults, CSV by a
# transform, upserts, several partitions and sources; and what the views say.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('ingest', $mock);

# ---- JSON by columns ------------------------------------------------------------

$mock->command('create events 2');
app_sql($node, <<'SQL');
CREATE TABLE events (
	user_id bigint NOT NULL, item_id text NOT NULL, weight real NOT NULL, comment text,
	at timestamptz, price numeric(10, 2), gift boolean, tags jsonb, "key" text,
	stamp timestamptz, part int, pos bigint, source_header text, made_by text DEFAULT current_user);
SQL
create_source($node, 'events', 'events', 'events', columns => {
	user_id => '$.user.id', item_id => '$.item',
	weight => { path => '$.action', map => { view => 1, cart => 3, purchase => 5 }, default => 0.5 },
	comment => '$.comment', at => '$.at', price => '$.price',
	gift => { path => '$.gift', default => JSON::PP::false() },
	tags => '$.tags', key => '@key', stamp => '@timestamp', part => '@partition',
	pos => '@offset', source_header => '@header.source' });
$mock->produce_fields('events',
	one_fields(timestamp => 1700000000123, key => 'k1', headers => 'source=web,source=app', payload =>
		'{"user": {"id": 7, "name": "x"}, "item": "A\u00e9 \"q\"", "action": "cart", "comment": "two\nlines\tand \\\\ tab", "at": "2026-11-25T08:00:00+01:00", "price": 12.345, "gift": true, "tags": ["a", {"b": null}]}'),
	one_fields(partition => 1, timestamp => 1700000000456, payload => '{"user": {"id": -9}, "item": "B", "action": "stare"}'),
	one_fields(partition => 1, timestamp => 1700000000789, payload => '{"item": 17, "extra": {"deep": [1, 2]}, "user": {"id": "8"}}'));
wait_messages($node, 'events', 3);
is($node->safe_psql('postgres', 'SET timezone = UTC; SELECT * FROM events ORDER BY part, pos'),
	join("\n",
		"7|A\xc3\xa9 \"q\"|3|two\nlines\tand \\ tab|2026-11-25 07:00:00+00|12.35|t|[\"a\", {\"b\": null}]|k1|2023-11-14 22:13:20.123+00|0|0|app|app",
		'-9|B|0.5||||f|||2023-11-14 22:13:20.456+00|1|0||app',
		'8|17|0.5||||f|||2023-11-14 22:13:20.789+00|1|1||app'),
	'rows hold what the messages said');
is($node->safe_psql('postgres', "SELECT partition, next_offset, high, lag, lag_seconds, messages, rows, dead_letters FROM recsys.kafka_lag ORDER BY 1"),
	"0|1|1|0|0|1|1|0\n1|2|2|0|0|2|2|0", 'nothing is left to read');
wait_state($node, 'events', 'idle');
wait_for_sql($node, "SELECT messages, rows, dead_letters, batches BETWEEN 1 AND 3, bytes > 0, last_commit > started_at, batch_ms_p50 > 0 FROM recsys.kafka_status",
	'3|3|0|t|t|t|t', 'figures of the worker');
is($node->safe_psql('postgres', "SELECT source, owner, server, topic, target, enabled, partitions, messages, rows FROM recsys.kafka_sources"),
	'events|app|kafka|events|public.events|t|2|3|3', 'the source is listed');
like($node->safe_psql('postgres', "SELECT a.usename || ', ' || a.application_name || ', ' || a.backend_type FROM recsys.kafka_status s JOIN pg_stat_activity a USING (pid)"),
	qr/^app, recsys\b.*, recsys_kafka events$/, 'the worker has a readable name');

# ---- an event counts at once --------------------------------------------------------

app_sql($node, <<'SQL');
CREATE TABLE taste (user_id int, item_id int, weight real);
INSERT INTO taste SELECT u, 1 + (u * i * i) % 40, 1 FROM generate_series(1, 60) u, generate_series(1, 9) i;
CREATE INDEX ON taste (user_id);
SQL
$node->safe_psql('postgres', 'GRANT CREATE ON SCHEMA recsys_data TO app');
app_sql($node, <<'SQL');
SELECT recsys.create_model('taste', 'taste', rating_column => 'weight', feedback => 'implicit', options => '{"factors": 8}', algorithm => 'als');
SELECT FROM recsys.train('taste');
SQL
$mock->command('create clicks 1');
create_source($node, 'clicks', 'clicks', 'taste', columns => {
	user_id => '$.user', item_id => '$.item',
	weight => { path => '$.action', map => { view => 1, cart => 3, purchase => 5 } } });
my $offer = q{SELECT string_agg(source, ',') FROM recsys.recommend('taste', 4711, k => 3)};
is(app_sql($node, $offer), 'popular,popular,popular', 'an unknown user is offered what is popular');
$mock->produce('clicks', '{"user": 4711, "item": 3, "action": "purchase"}');
wait_messages($node, 'clicks', 1);
unlike(app_sql($node, $offer), qr/popular/, 'after one event, recommendations are personal');

# ---- CSV by a transform ----------------------------------------------------------------

$mock->command('create lines 1');
app_sql($node, <<'SQL');
CREATE TABLE sales (at date, shop text, amount numeric, topic text, n bigint, line int);
CREATE FUNCTION from_csv(payload bytea, metadata jsonb)
RETURNS TABLE (at date, shop text, amount numeric, topic text, n bigint, line int)
LANGUAGE sql AS $$
	SELECT f[1]::date, f[2], f[3]::numeric, metadata ->> 'topic', (metadata ->> 'offset')::bigint, l.n::int
	FROM regexp_split_to_table(convert_from(payload, 'UTF8'), '\|') WITH ORDINALITY AS l (line, n),
		string_to_array(l.line, ',') AS f
	WHERE l.line <> '' $$;
SQL
create_source($node, 'sales', 'lines', 'sales', transform => 'from_csv');
$mock->produce('lines', '2026-01-31,Lyon,12.50', '', '2026-02-01,Graz,1|2026-02-02,Linz,2', '2026-02-31,Bern,3|2026-03-01,Bern,4', '2026-03-02,Köln,5');
wait_messages($node, 'sales', 5);
is($node->safe_psql('postgres', 'SELECT * FROM sales ORDER BY n, line'),
	"2026-01-31|Lyon|12.50|lines|0|1\n2026-02-01|Graz|1|lines|2|1\n2026-02-02|Linz|2|lines|2|2\n2026-03-02|Köln|5|lines|4|1",
	'none, one or many rows from a message, all or none');
is(app_sql($node, q{SELECT "offset", sqlstate, convert_from(payload, 'UTF8') FROM recsys.kafka_dead_letters WHERE source = 'sales'}),
	'3|22008|2026-02-31,Bern,3|2026-03-01,Bern,4', 'a bad line makes its message a dead letter');

# ---- jsonb and a scalar -------------------------------------------------------------

$mock->command('create raw 1');
app_sql($node, <<'SQL');
CREATE TABLE docs (doc jsonb, seen timestamptz DEFAULT now());
CREATE FUNCTION keep(payload jsonb, metadata jsonb) RETURNS TABLE (doc jsonb) LANGUAGE sql AS
$$ SELECT jsonb_build_object('p', payload, 'k', metadata -> 'key', 'h', metadata -> 'headers') $$;
SQL
create_source($node, 'docs', 'raw', 'docs', transform => 'keep');
$mock->produce_fields('raw', one_fields(key => 'kk', headers => 'a=1,b=2', payload => '[1, 2]'), one_fields());
wait_messages($node, 'docs', 2);
is($node->safe_psql('postgres', "SELECT doc FROM docs ORDER BY doc ->> 'k'"),
	qq({"h": {"a": "1", "b": "2"}, "k": "kk", "p": [1, 2]}\n{"h": {}, "k": null, "p": null}),
	'a transform has payload, key and headers, and NULL for a tombstone');

# A function takes no more than 100 arguments, a row has more columns.
my $many = 150;
app_sql($node, 'CREATE TABLE wide (' . join(', ', map { "c$_ int" } 1 .. $many) . ');'
	. 'CREATE FUNCTION widen(payload jsonb, metadata jsonb) RETURNS SETOF wide LANGUAGE sql AS $$ SELECT '
	. join(', ', map { $_ < $many ? 'NULL::int' : 'jsonb_array_length(payload)' } 1 .. $many) . ' $$');
create_source($node, 'wide', 'raw', 'wide', transform => 'widen');
wait_messages($node, 'wide', 2);
is($node->safe_psql('postgres', "SELECT c1, c$many FROM wide"), '|2', 'a row of many columns, and none but nulls is no row');

# ---- on conflict ---------------------------------------------------------------------

$mock->command('create prices 1');
app_sql($node, <<'SQL');
CREATE TABLE price_update (item int PRIMARY KEY, price numeric, kept text DEFAULT 'kept');
CREATE TABLE price_nothing (LIKE price_update INCLUDING ALL);
CREATE TABLE price_error (LIKE price_update INCLUDING ALL);
SQL
foreach my $what (qw(update nothing error))
{
	create_source($node, "p_$what", 'prices', "price_$what", on_conflict => $what,
		columns => { item => '$.item', price => '$.price' });
}
$mock->produce('prices', map { qq({"item": $_->[0], "price": $_->[1]}) } [ 1, 10 ], [ 2, 20 ], [ 1, 11 ], [ 1, 12 ], [ 3, 30 ]);
foreach my $what (qw(update nothing error))
{
	wait_messages($node, "p_$what", 5);
}
$mock->produce('prices', '{"item": 2, "price": 21}');
foreach my $what (qw(update nothing error))
{
	wait_messages($node, "p_$what", 6);
}
is($node->safe_psql('postgres', 'SELECT * FROM price_update ORDER BY 1'), "1|12|kept\n2|21|kept\n3|30|kept", 'the last event wins');
is($node->safe_psql('postgres', 'SELECT * FROM price_nothing ORDER BY 1'), "1|10|kept\n2|20|kept\n3|30|kept", 'the first event wins');
is($node->safe_psql('postgres', 'SELECT * FROM price_error ORDER BY 1'), "1|10|kept\n2|20|kept\n3|30|kept", 'the others are dead letters');
is(app_sql($node, "SELECT string_agg(\"offset\" || ' ' || sqlstate, ', ' ORDER BY \"offset\") FROM recsys.kafka_dead_letters WHERE source = 'p_error'"),
	'2 23505, 3 23505, 5 23505', 'each with its place');

# ---- a partitioned target, a generated column, many rows --------------------------------

$mock->command('create many 4');
app_sql($node, <<'SQL');
CREATE TABLE many (n bigint, user_id int, item_id int, weight real, at timestamptz,
	twice bigint GENERATED ALWAYS AS (n * 2) STORED) PARTITION BY HASH (n);
CREATE TABLE many_0 PARTITION OF many FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE many_1 PARTITION OF many FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SQL
create_source($node, 'many', 'many', 'many', columns => kafka_columns());
$mock->produce_numbers('many', count => 100000, partitions => 4);
wait_messages($node, 'many', 100000);
numbers_are_whole($node, 'many', 'many', 100000, 4);
is($node->safe_psql('postgres', 'SELECT count(*) FROM many WHERE twice = 2 * n AND weight IN (1, 3, 5) AND at IS NOT NULL'), 100000, 'whole rows');
wait_for_sql($node, "SELECT sum(n_tup_ins) FROM pg_stat_user_tables WHERE relname LIKE 'many\\__'", '100000', 'vacuum learns of the rows');

# ---- at rest ------------------------------------------------------------------------

my $idle = "SELECT count(*) FROM recsys.kafka_status WHERE state = 'idle'";
wait_for_sql($node, $idle, $node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_sources'), 'all sources are idle');
my $xid = "SELECT txid_snapshot_xmax(txid_current_snapshot())";
my $before = $node->safe_psql('postgres', $xid);
wait_for_sql($node, "SELECT now() - max(since) > interval '1.5 s' FROM recsys.kafka_status", 't', 'for a while');
is($node->safe_psql('postgres', $xid), $before, 'no transaction id is used at rest');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_gaps'), 0, 'no gaps');

$node->stop;
log_is_clean($node);
$mock->stop;
done_testing();
