# Databases in other encodings than UTF-8, which messages are in.
use strict;
use warnings;

use KafkaTest;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);

$mock->command("create $_ 1") for qw(names values rows);
$mock->produce('names', qq({"größe": "klein", "x": "ü"}), qq({"größe": "groß"}), qq({"x": "ö"}));
$mock->produce('values', qq({"größe": "weiß"}), qq({"größe": "\xe2\x82\xac"}));

# SQL with what is no ASCII in it, as bytes, as app.
sub utf8_sql
{
	my ($node, $sql) = @_;

	utf8::downgrade($sql);
	return app_sql($node, "SET client_encoding = 'UTF8';\n$sql");
}

# ---- LATIN1 --------------------------------------------------------------------------

my $node = kafka_node('latin1', $mock, init => [ extra => [ '--encoding=LATIN1', '--locale=C' ] ]);

utf8_sql($node, 'CREATE TABLE names (a text, b text, c text)');
utf8_sql($node, 'CREATE TABLE vals (a text)');
utf8_sql($node,
	create_source($node, 'names', 'names', 'public.names', sql_only => 1, columns => <<'JSON'));
{"a": "$.\"größe\"",
 "b": {"path": "$.größe", "map": {"klein": "groß", "groß": "süß"}, "default": "maß"},
 "c": {"path": "$.x", "map": {"ü": "ä"}, "default": "é"}}
JSON
wait_messages($node, 'names', 3);
is(utf8_sql($node, 'SELECT * FROM names'),
	"klein|groß|ä\ngroß|süß|é\n|maß|é", 'names and values of a mapping are found in messages');
utf8_sql($node,
	create_source($node, 'values', 'values', 'public.vals', sql_only => 1,
		columns => '{"a": "$.größe"}'));
wait_messages($node, 'values', 2);
is(utf8_sql($node, 'SELECT * FROM vals'), 'weiß', 'a message is converted');
is(utf8_sql($node, q(SELECT "offset", sqlstate FROM recsys.kafka_dead_letters WHERE source = 'values')),
	'1|22P05', 'a message that the encoding has no characters for is a dead letter');
log_is_clean($node);
$node->stop;

# ---- SQL_ASCII -----------------------------------------------------------------------

# The second row of what this function returns cannot be read.
$mock->produce('rows', '{"n": 1}', '{"n": 2, "bad": true}', '{"n": 3}', '{"n": 4, "bad": true}');
$node = kafka_node('ascii', $mock, init => [ extra => [ '--encoding=SQL_ASCII', '--locale=C' ] ]);
app_sql($node, <<'SQL');
CREATE TABLE names (n int, a text);
CREATE FUNCTION split(payload jsonb, metadata jsonb) RETURNS TABLE (n int, a text)
LANGUAGE sql AS $$
	SELECT (payload ->> 'n')::int, 'first'
	UNION ALL
	SELECT (payload ->> 'n')::int,
		CASE WHEN payload ? 'bad' THEN convert_from('\xff'::bytea, 'SQL_ASCII') ELSE 'second' END
$$;
SQL
create_source($node, 'rows', 'rows', 'public.names', transform => 'public.split');
wait_messages($node, 'rows', 4);
is(app_sql($node, 'SELECT n, a FROM names ORDER BY 1, 2'),
	"1|first\n1|second\n3|first\n3|second", 'all rows of a message or none');
is(app_sql($node, q(SELECT "offset", sqlstate FROM recsys.kafka_dead_letters WHERE source = 'rows' ORDER BY 1)),
	"1|22021\n3|22021", 'messages whose rows cannot be read are dead letters');
log_is_clean($node);
$node->stop;

done_testing();
