# What a session asks of Kafka through a one-shot worker: where a topic begins, what the
# next messages would become, dead letters once more.
use strict;
use warnings;

use IPC::Run;
use KafkaTest;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);
my $node = kafka_node('main', $mock);
my $all_columns = {
	n => '$.n', k => '@key', h => '@header.h', t => '@timestamp', p => '@partition',
	o => '@offset', flag => '$.flag', extra => '$.extra', label => '$.label'
};

# A table whose constraints and trigger refuse some of what the mapping lets pass.
sub make_table
{
	my ($name) = @_;

	app_sql($node, <<"SQL");
CREATE TABLE $name (n bigint PRIMARY KEY, k text, h text, t timestamptz, p int, o bigint,
	flag boolean, extra jsonb, label text,
	CONSTRAINT not_thirteen CHECK (n <> 13));
CREATE FUNCTION refuse_$name() RETURNS trigger LANGUAGE plpgsql AS
\$\$ BEGIN IF NEW.label = 'refuse' THEN RAISE 'label is refused'; END IF; RETURN NEW; END \$\$;
CREATE TRIGGER refuse BEFORE INSERT ON $name FOR EACH ROW EXECUTE FUNCTION refuse_$name();
SQL
	return;
}

sub letters
{
	my ($source) = @_;

	return app_sql($node,
		"SELECT \"offset\", sqlstate, attempts FROM recsys.kafka_dead_letters WHERE source = '$source' ORDER BY id");
}

sub asking
{
	return q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'recsys_kafka ask');
}

# ---- preview: rows with their types, reasons of every kind, nothing written ---------------

make_table('plain');
$mock->command('create plain 1');
$mock->produce_fields('plain',
	one_fields(timestamp => 1700000000123, key => 'k1', headers => 'h=one',
		payload => '{"n": 1, "flag": true, "extra": {"a": [1, null]}, "label": "a \"b\""}'),
	one_fields(timestamp => 1700000000124, payload => '{"n": 13}'),
	one_fields(timestamp => 1700000000125, payload => '{"n": 1}'),
	one_fields(timestamp => 1700000000126, payload => '{"n": 4, "label": "refuse"}'),
	one_fields(timestamp => 1700000000127, payload => 'no json'),
	one_fields(timestamp => 1700000000128, payload => '{"n": "5", "extra": "x\\u0000"}'));
create_source($node, 'plain', 'plain', 'plain', columns => $all_columns, pause => 1);
my $preview = 'SELECT partition, "offset", extract(epoch FROM message_time) * 1000, rows, sqlstate, reason'
  . q( FROM recsys.kafka_preview('plain', 10));
is(app_sql($node, $preview), <<'OUT' =~ s/\n\z//r, 'a preview shows rows and reasons');
0|0|1700000000123.000000|[{"h": "one", "k": "k1", "n": 1, "o": 0, "p": 0, "t": "2023-11-14T22:13:20.123Z", "flag": true, "extra": {"a": [1, null]}, "label": "a \"b\""}]||
0|1|1700000000124.000000|[]|23514|new row for relation "plain" violates check constraint "not_thirteen"
0|2|1700000000125.000000|[]|23505|duplicate key value violates unique constraint "plain_pkey"
0|3|1700000000126.000000|[]|P0001|label is refused
0|4|1700000000127.000000|[]|22P02|invalid input syntax for type json: unexpected character at byte 2 of the payload
0|5|1700000000128.000000|[]|22P05|unsupported Unicode escape sequence \u0000 at byte 23 of the payload
OUT
is(app_sql($node, q(SELECT count(*) FROM recsys.kafka_preview('plain', 2))), '2', 'no more than n');
is(app_sql($node, 'SELECT count(*) FROM plain'), '0', 'a preview writes no rows');
is(letters('plain'), '', 'a preview writes no dead letters');
is(app_sql($node, q(SELECT next_offset FROM recsys.kafka_lag WHERE source = 'plain')), '0',
	'a preview moves no offset');

# ---- preview: more bad messages than one transaction has subtransactions --------------------

make_table('bad');
$mock->command('create bad 1');
$mock->produce('bad', ('{"n": 13}') x 150);
create_source($node, 'bad', 'bad', 'bad', columns => $all_columns, pause => 1);
is(app_sql($node, q(SELECT count(*), count(DISTINCT "offset"), min(sqlstate), max(sqlstate) FROM recsys.kafka_preview('bad', 1000))),
	'150|150|23514|23514', 'every bad message has its reason');

# ---- retry ------------------------------------------------------------------------------

app_sql($node, q(SELECT recsys.kafka_start('plain')));
wait_messages($node, 'plain', 6);
is(letters('plain'), "1|23514|1\n2|23505|1\n3|P0001|1\n4|22P02|1\n5|22P05|1", 'letters of all kinds');

app_sql($node, 'ALTER TABLE plain DROP CONSTRAINT not_thirteen');
is(app_sql($node, <<'SQL'), '1|1|0', 'one letter becomes a row');
SELECT r.* FROM recsys.kafka_retry('plain',
	ARRAY(SELECT id FROM recsys.kafka_dead_letters WHERE source = 'plain' AND "offset" = 1)) r
SQL
is(app_sql($node, 'SELECT n, k, h, extract(epoch FROM t) * 1000, p, o FROM plain WHERE n = 13'),
	'13|||1700000000124.000000|0|1', 'it has the time, partition and offset of its message');
app_sql($node, 'UPDATE plain SET n = 100 WHERE n = 1');
is(app_sql($node, q(SELECT r.* FROM recsys.kafka_retry('plain') r)), '4|1|3', 'all of them are retried');
is(letters('plain'), "3|P0001|2\n4|22P02|2\n5|22P05|2", 'those that fail again stay');
is(app_sql($node, 'SELECT string_agg(n::text, \',\' ORDER BY n) FROM plain'), '1,13,100', 'rows of retried letters');
is(app_sql($node, q(SELECT r.* FROM recsys.kafka_retry('plain', ARRAY[]::bigint[]) r)), '0|0|0', 'no ids, no letters');

# ---- retry: key and headers, bytes that are no text -----------------------------------------

make_table('fields');
$mock->command('create fields 1');
app_sql($node, 'ALTER TABLE fields ADD CONSTRAINT none CHECK (n IS NULL)');
$mock->produce_fields('fields', one_fields(key => 'the key', headers => 'h=first,h=last', payload => '{"n": 1}'));
create_source($node, 'fields', 'fields', 'fields', columns => $all_columns);
wait_messages($node, 'fields', 1);
app_sql($node, 'ALTER TABLE fields DROP CONSTRAINT none');
is(app_sql($node, q(SELECT r.* FROM recsys.kafka_retry('fields') r)), '1|1|0', 'a letter with key and headers');
is(app_sql($node, 'SELECT k, h FROM fields'), 'the key|last', 'key and headers are those of the message');
app_sql($node, 'DELETE FROM fields; ALTER TABLE fields ADD CONSTRAINT none CHECK (n IS NULL)');
$mock->produce_fields('fields', one_fields(headers => 'h=\x5cx6162', payload => '{"n": 2}'));
wait_messages($node, 'fields', 2);
app_sql($node, 'ALTER TABLE fields DROP CONSTRAINT none');
is(app_sql($node, q(SELECT r.* FROM recsys.kafka_retry('fields') r)), '1|1|0', 'a letter with text that looks like bytes');
is(app_sql($node, 'SELECT h FROM fields'), '\x6162', 'it is the text that it was');

# ---- retry: what was cut cannot be tried -----------------------------------------------------

make_table('cut');
$mock->command('create cut 1');
$mock->produce('cut', '{"n": 1, "label": "' . ('x' x 5000) . '"}');
create_source($node, 'cut', 'cut', 'cut', columns => $all_columns, options => { max_message_bytes => 1024 });
wait_messages($node, 'cut', 1);
app_sql($node, q(SELECT recsys.kafka_alter_source('cut', options => '{"max_message_bytes": 100000}')));
is(app_sql($node, q(SELECT r.* FROM recsys.kafka_retry('cut') r)), '1|0|1', 'a cut message fails again');
is(app_sql($node, q(SELECT sqlstate, reason FROM recsys.kafka_dead_letters WHERE source = 'cut')),
	q(54000|only 1024 of the message's 5021 bytes were kept), 'its reason says so');

# ---- two retries at once ------------------------------------------------------------------------

make_table('many');
$mock->command('create many 1');
app_sql($node, 'ALTER TABLE many ADD CONSTRAINT none CHECK (n < 0)');
$mock->produce('many', map { qq({"n": $_}) } 101 .. 2600);
create_source($node, 'many', 'many', 'many', columns => $all_columns, options => { max_dead_letters => 100000 });
wait_messages($node, 'many', 2500);
app_sql($node, 'ALTER TABLE many DROP CONSTRAINT none');
{
	my @runs;
	my @out = ('', '');

	foreach my $i (0, 1)
	{
		push @runs, IPC::Run::start([
			'psql', '-X', '-A', '-t', '-U', 'app', '-d', $node->connstr('postgres'),
			'-c', q(SELECT failed FROM recsys.kafka_retry('many')) ], '>', \$out[$i], IPC::Run::timeout(120));
	}
	IPC::Run::finish($_) foreach @runs;
	is(join(' ', map { s/\s+//gr } @out), '0 0', 'neither of two retries at once fails');
	is(app_sql($node, 'SELECT count(*), count(DISTINCT n), max(n) FROM many'), '2500|2500|2600', 'each letter becomes one row');
	is(letters('many'), '', 'no letter is left');
}

# ---- open: where to begin ----------------------------------------------------------------------

sub positions
{
	my ($source, $start) = @_;

	create_source($node, $source, 'starts', 'starts', columns => { n => '$.n' }, start => $start, pause => 1);
	return app_sql($node,
		"SELECT string_agg(partition || ':' || next_offset, ' ' ORDER BY partition) FROM recsys.kafka_lag WHERE source = '$source'");
}

make_table('starts');
$mock->command('create starts 3');
$mock->produce_numbers('starts', count => 10, partitions => 2);
is(positions('s1', 'earliest'), '0:0 1:0 2:0', 'earliest');
is(positions('s2', 'latest'), '0:5 1:5 2:0', 'latest');
is(positions('s3', '{"1": 3}'), '1:3', 'of offsets those that are named');
is(positions('s4', '2100-01-01'), '0:5 1:5 2:0', 'a time to come is the end');

sub create_error
{
	my (%opt) = @_;
	my $topic = delete $opt{topic} || 'starts';

	return app_error($node,
		create_source($node, 'wrong', $topic, 'starts', columns => { n => '$.n' }, %opt, sql_only => 1));
}

like(create_error(start => '{"1": 6}'), qr/ERROR:  22023: offset 6 of partition 1 .* out of range\nDETAIL:  The partition has offsets 0 to 5\./,
	'an offset beyond the end');
like(create_error(start => '{"3": 0}'), qr/ERROR:  22023: Kafka topic "starts" has no partition 3/, 'a partition that is not there');
like(create_error(columns => { n => 'no path' }), qr/ERROR:  22023:/, 'a path that is none');
$mock->command('topic_error none 3');
like(create_error(topic => 'none'), qr/ERROR:  42704: Kafka topic "none" does not exist/, 'no such topic');
$mock->command('create secret 0');
$mock->command('topic_error secret 29');
like(create_error(topic => 'secret'), qr/ERROR:  42501: .*\nHINT:  The user needs READ/, 'a topic that may not be read');
wait_for_sql($node, asking(), '0', 'workers that failed are gone');

# ---- as the worker has it, whatever the owner's settings say -------------------------------------

app_sql($node, 'CREATE TABLE days (d date CONSTRAINT not_first CHECK (extract(day FROM d) <> 1))');
$mock->command('create days 1');
create_source($node, 'days', 'days', 'days', columns => { d => '$.d' });
$mock->produce('days', '{"d": "02/01/2026"}');
wait_messages($node, 'days', 1);
$node->safe_psql('postgres', "ALTER ROLE app SET DateStyle = 'SQL, DMY'; ALTER ROLE app SET default_transaction_read_only = on");
is(app_sql($node, "SET default_transaction_read_only = off; SELECT retried, failed FROM recsys.kafka_retry('days')"), '1|1', 'retried as it was read, and not read-only');
is(app_sql($node, "SET default_transaction_read_only = off; SELECT recsys.kafka_stop('days'); SELECT recsys.kafka_seek('days', 'earliest'); SELECT sqlstate FROM recsys.kafka_preview('days')") =~ s/^\n+//r,
	'23514', 'previewed as it was read');
$node->safe_psql('postgres', 'ALTER ROLE app RESET ALL');
like(app_error($node, "BEGIN; LOCK TABLE days; SELECT recsys.kafka_preview('days')"), qr/ERROR:  55P03/, 'it does not wait for ever for what the asking transaction has locked');

# ---- brokers that hang or are gone ----------------------------------------------------------------

$mock->hang;
like(app_error($node, q(SET statement_timeout = '1s'; SELECT * FROM recsys.kafka_preview('starts', 1))) . create_error(),
	qr/ERROR:  08006: could not read Kafka topic "starts": no broker has answered\nHINT:  Are the brokers/, 'no answer');
like(app_error($node, q(SET statement_timeout = '1s'; SELECT * FROM recsys.kafka_preview('plain', 1))),
	qr/ERROR:  57014/, 'a question can be cancelled');
wait_for_sql($node, asking(), '0', 'and its worker ends');
my $asker = IPC::Run::start([ 'psql', '-X', '-U', 'app', '-d', $node->connstr('postgres'), '-c', q(SELECT * FROM recsys.kafka_preview('plain', 1)) ],
	'>', '/dev/null', '2>', '/dev/null');
wait_for_sql($node, asking(), '1', 'a question is asked');
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%kafka_preview%' AND pid <> pg_backend_pid() AND backend_type = 'client backend'));
wait_for_sql($node, asking(), '0', 'and its worker ends at once with the session', 3);
IPC::Run::finish($asker);
$mock->unhang;

$mock->command('down 1');
like(create_error(), qr/ERROR:  08006: could not read Kafka topic "starts": .*refused/, 'brokers that are down');
$mock->command('up 1');

done_testing();
