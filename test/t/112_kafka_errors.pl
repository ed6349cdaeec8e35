# What goes wrong in the database: the target is missing, changed, forbidden, locked or out
# of space.  Nothing is lost, nothing twice; only a message that is bad itself becomes a
# dead letter; and what is mended is noticed.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('errors', $mock);
my $read = 0;

# Let a source fail by a statement, then go on by another; a message in between.
sub breaks_and_mends
{
	my ($what, $break, $state, $reason, $mend) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$node->safe_psql('postgres', $break);
	$mock->produce('s', qq({"n": $read}));
	wait_state($node, 's', $state, "$what: $state", $reason);
	is($node->safe_psql('postgres', 'SELECT next_offset, dead_letters FROM recsys.kafka_partition'), "$read|0", "$what: nothing is consumed");
	like($node->safe_psql('postgres', 'SELECT hint FROM recsys.kafka_status'), qr/\w+/, "$what: there is a hint") if $state eq 'failed';
	$node->safe_psql('postgres', $mend);
	$read++;
	wait_messages($node, 's', $read, "$what: goes on by itself");
	return;
}

$mock->command('create s 1');
app_sql($node, 'CREATE TABLE t (n bigint, u int)');
create_source($node, 's', 's', 't', columns => { n => '$.n', u => '$.u' }, options => { max_dead_letters => 100000 });

# ---- structure: fails, and resumes when the table is mended -----------------------------

breaks_and_mends('a dropped target', 'ALTER TABLE t RENAME TO away', 'failed', '42P01.*"public.t"|42P01.*"t"', 'ALTER TABLE away RENAME TO t');
breaks_and_mends('a renamed column', 'ALTER TABLE t RENAME n TO m', 'failed', '42703.*"n"', 'ALTER TABLE t RENAME m TO n');
breaks_and_mends('no privilege', 'ALTER TABLE t OWNER TO postgres', 'failed', '42501', 'GRANT INSERT ON t TO app');
breaks_and_mends('a privilege revoked', 'REVOKE INSERT ON t FROM app', 'failed', '42501', 'GRANT INSERT (n, u) ON t TO app');
$node->safe_psql('postgres', 'ALTER TABLE t OWNER TO app');
breaks_and_mends('a view in its place', 'ALTER TABLE t RENAME TO away; CREATE VIEW t AS SELECT * FROM away', 'failed', '42809|0A000', 'DROP VIEW t; ALTER TABLE away RENAME TO t');
breaks_and_mends('a generated column', 'ALTER TABLE t RENAME u TO v; ALTER TABLE t ADD u int GENERATED ALWAYS AS (1) STORED', 'failed', '428C9|42601|42P10', 'ALTER TABLE t DROP u; ALTER TABLE t RENAME v TO u');
breaks_and_mends('a trigger without its table', <<'SQL', 'failed', '42P01.*nowhere', 'DROP TRIGGER tr ON t');
CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO nowhere VALUES (1); RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION breaks();
SQL
breaks_and_mends('an internal error', <<'SQL', 'failed|degraded', 'XX000.*strange', 'DROP TRIGGER tr2 ON t');
CREATE FUNCTION strange() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'strange' USING ERRCODE = 'XX000'; END$$;
CREATE TRIGGER tr2 BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION strange();
SQL

# ---- outages: the batch is held ---------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE 'could not extend file "base/1/1": No space left on device' USING ERRCODE = '53100'; END$$;
SQL
breaks_and_mends('a full disk', 'CREATE TRIGGER full_disk BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION full_disk()', 'degraded', '53100.*No space left', 'DROP TRIGGER full_disk ON t');
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'conflict' USING ERRCODE = '40001'; END$$;
SQL
breaks_and_mends('a serialization failure', 'CREATE TRIGGER conflict BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION conflict()', 'degraded', '40001', 'DROP TRIGGER conflict ON t');

my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
$mock->produce('s', qq({"n": $read}));
wait_state($node, 's', 'degraded', 'a lock: degraded', '55P03|57014');
$locker->query_safe('COMMIT');
$locker->quit;
$read++;
wait_messages($node, 's', $read, 'a lock: goes on');

is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_dead_letter'), 0, 'no outage made a dead letter');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT n), max(n) FROM t'), "$read|$read|" . ($read - 1), 'each message is a row');

# ---- data: the message is put aside, its neighbours are not -------------------------------

$node->safe_psql('postgres', <<'SQL');
SET ROLE app;
CREATE TABLE item (id int PRIMARY KEY);
INSERT INTO item SELECT generate_series(0, 9);
ALTER TABLE t ADD CHECK (u <> 13), ADD FOREIGN KEY (u) REFERENCES item DEFERRABLE INITIALLY DEFERRED, ADD EXCLUDE (n WITH =) DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN IF NEW.u = 7 THEN RAISE 'not seven'; ELSIF NEW.u = 8 THEN NEW.u := 1 / (NEW.u - 8); END IF; RETURN NEW; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();
SQL
$mock->produce('s', map { sprintf '{"n": %d, "u": %d}', $read + $_, $_ } 0 .. 14);
$mock->produce('s', qq({"n": $read, "u": 1}));
wait_messages($node, 's', $read + 16);
is($node->safe_psql('postgres', qq{SELECT string_agg(("offset" - $read) || ' ' || sqlstate, ', ' ORDER BY "offset") FROM recsys.kafka_dead_letter}),
	'7 P0001, 8 22012, 10 23503, 11 23503, 12 23503, 13 23514, 14 23503, 15 23P01', 'constraints, also deferred ones, and triggers');
is($node->safe_psql('postgres', "SELECT string_agg((n - $read)::text, ',' ORDER BY n) FROM t WHERE n >= $read"), '0,1,2,3,4,5,6,9', 'the others are rows');
like($node->safe_psql('postgres', "SELECT string_agg(reason, '; ') FROM recsys.kafka_dead_letter"), qr/not seven.*division by zero/s, 'reasons are told');
$read += 16;

# more bad messages than a transaction has subtransactions for
$mock->produce('s', map { sprintf '{"n": %d, "u": %d}', $read + $_, $_ % 3 == 0 ? 13 : 1 } 0 .. 899);
wait_messages($node, 's', $read + 900, 'every third message is bad');
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.kafka_dead_letter WHERE \"offset\" >= $read"), 300, 'and only it');
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT n) FROM t WHERE n >= $read"), '600|600', 'the others are rows');
$read += 900;

# ---- a transform that is dropped, raises, or is slow ----------------------------------------

$mock->command('create f 1');
app_sql($node, <<'SQL');
CREATE TABLE ft (n int);
CREATE FUNCTION tf(payload jsonb, metadata jsonb) RETURNS TABLE (n int) LANGUAGE plpgsql AS
$$BEGIN IF (payload ->> 'n')::int = 3 THEN RAISE 'three' USING ERRCODE = '22023'; END IF; n := payload ->> 'n'; RETURN NEXT; END$$;
SQL
create_source($node, 'f', 'f', 'ft', transform => 'tf');
$mock->produce('f', map { qq({"n": $_}) } 1 .. 5);
wait_messages($node, 'f', 5);
is($node->safe_psql('postgres', "SELECT string_agg(n::text, ',' ORDER BY n) FROM ft"), '1,2,4,5', 'a transform may refuse a message');
app_sql($node, 'ALTER FUNCTION tf(jsonb, jsonb) RENAME TO tg');
$mock->produce('f', '{"n": 6}');
wait_state($node, 'f', 'failed', 'a missing transform', '42883.*tf');
app_sql($node, 'ALTER FUNCTION tg(jsonb, jsonb) RENAME TO tf');
wait_messages($node, 'f', 6, 'it is found again');

# ---- one broken source does not stop another -------------------------------------------------

$node->safe_psql('postgres', 'ALTER TABLE ft RENAME TO ft_away');
$mock->produce('f', '{"n": 7}');
wait_state($node, 'f', 'failed');
$mock->produce('s', qq({"n": $read, "u": 1}));
wait_messages($node, 's', $read + 1, 'the other source goes on');

# ---- a cancel when there is no query ------------------------------------------------------------

$mock->command('create cancelled 1');
$mock->produce('cancelled', '{"n": 1}');
app_sql($node, 'CREATE TABLE cancelled (n bigint)');
create_source($node, 'cancelled', 'cancelled', 'cancelled', columns => { n => '$.n' }, pause => 1);
app_sql($node, q(DROP TABLE cancelled; SELECT recsys.kafka_start('cancelled')));
wait_state($node, 'cancelled', 'failed', 'its table is missing', '42P01');
my $worker = q(SELECT pid FROM recsys.kafka_status WHERE source = 'cancelled');
my $pid = $node->safe_psql('postgres', $worker);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
app_sql($node, 'CREATE TABLE cancelled (n bigint)');
wait_messages($node, 'cancelled', 1);
is($node->safe_psql('postgres', $worker), $pid, 'a worker that waits is not ended by a cancel');

# ---- the log is not flooded -----------------------------------------------------------------

my $log = slurp_file($node->logfile);
my $lines = () = $log =~ /relation "(?:public\.)?ft" does not exist/g;
cmp_ok($lines, '<', 10, 'a failed source does not flood the log');
$node->stop;
log_is_clean($node);
$mock->stop;
done_testing();
