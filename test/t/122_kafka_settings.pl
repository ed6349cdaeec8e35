# What is set for a role or a database does not change what becomes of messages.
use strict;
use warnings;

use KafkaTest;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);
my $node = kafka_node('settings', $mock);
my $writing = 'SET default_transaction_read_only = off;';

$mock->command('create e 1');
$mock->produce('e', '{"n": 1, "w": 0.1234567890123456}', '{"n": -1, "w": 0.1234567890123456}');
app_sql($node, <<'SQL');
CREATE TABLE t (n int CHECK (n > 0), w float8, at timestamptz, span interval, raw bytea);
CREATE FUNCTION f(payload jsonb, metadata jsonb)
	RETURNS TABLE (n int, w float8, at timestamptz, span interval, raw bytea) LANGUAGE sql AS $$
	SELECT (payload ->> 'n')::int, (payload ->> 'w')::float8, '2026-02-01 00:00+00'::timestamptz,
		'-1 day +02:03:04'::interval, '\x00ff'::bytea
$$;
SQL
$node->safe_psql('postgres', <<'SQL');
ALTER ROLE app SET default_transaction_read_only = on;
ALTER ROLE app SET default_transaction_isolation = 'serializable';
ALTER ROLE app SET extra_float_digits = -10;
ALTER ROLE app SET search_path = 'nowhere';
ALTER DATABASE postgres SET DateStyle = 'SQL, DMY';
ALTER DATABASE postgres SET IntervalStyle = 'sql_standard';
ALTER DATABASE postgres SET bytea_output = 'escape';
SQL

my $rows = q(SELECT n, w = 0.1234567890123456, at = '2026-02-01 00:00+00', span = '-1 day +02:03:04', raw FROM public.t);

app_sql($node, $writing . create_source($node, 'e', 'e', 'public.t', transform => 'public.f', sql_only => 1));
wait_messages($node, 'e', 2);
is($node->safe_psql('postgres', "SET bytea_output = hex; $rows"), '1|t|t|t|\x00ff', 'of a message that is read');
is(app_sql($node, 'SELECT count(*) FROM recsys.kafka_dead_letters'), '1', 'the other is a dead letter');
$node->safe_psql('postgres', 'DELETE FROM t; ALTER TABLE t DROP CONSTRAINT t_n_check');
is(app_error($node, "$writing SELECT * FROM recsys.kafka_retry('e')"), '', 'a retry writes');
is($node->safe_psql('postgres', "SET bytea_output = hex; $rows"), '-1|t|t|t|\x00ff', 'the same that the worker would have written');
log_is_clean($node);

done_testing();
