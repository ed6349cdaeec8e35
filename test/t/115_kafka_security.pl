# Whose rights count, whose names are only names, and what nobody may see.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('security', $mock);

$mock->command('create e 1');
app_sql($node, 'CREATE TABLE t (n bigint)');

# ---- never a superuser ---------------------------------------------------------------

my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . create_source($node, 'su', 'e', 't', columns => { n => '$.n' }, sql_only => 1));
like($err, qr/ERROR:  42501: .*superuser.*HINT: /s, 'a superuser owns no source');
create_source($node, 's', 'e', 't', columns => { n => '$.n' });
$mock->produce('e', '{"n": 1}');
wait_messages($node, 's', 1);
is($node->safe_psql('postgres', "SELECT usename, rolsuper FROM recsys.kafka_status JOIN pg_stat_activity USING (pid) JOIN pg_roles ON rolname = usename WHERE source = 's'"), 'app|f', 'a worker is the owner of its source');
is($node->safe_psql('postgres', "SELECT string_agg(backend_type || ' ' || COALESCE(usename, '-'), ', ' ORDER BY backend_type) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%' AND usesysid = 10 AND datname IS NOT NULL"), '', 'nothing that is in a database is superuser');
$node->safe_psql('postgres', 'ALTER ROLE app SUPERUSER');
app_sql($node, "SELECT recsys.kafka_stop('s')");
wait_state($node, 's', 'stopped');
($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT recsys.kafka_start('s')");
like($err, qr/ERROR:  42501: .*superuser/, 'nor starts one');
$node->safe_psql('postgres', "ALTER ROLE app NOSUPERUSER");
app_sql($node, "SELECT recsys.kafka_start('s')");
$node->safe_psql('postgres', "ALTER ROLE app SUPERUSER");
$mock->produce('e', '{"n": 2}');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM recsys.kafka_status WHERE source = 's'");
wait_state($node, 's', 'failed', 'a worker of one who became superuser does not start', 'superuser');
$node->safe_psql('postgres', 'ALTER ROLE app NOSUPERUSER');
wait_messages($node, 's', 2, 'until he is none any more');

# ---- code of others, in the target and around it -----------------------------------------

# Everything here notes who it runs as, and tries to become more.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE mallory LOGIN;
CREATE SCHEMA trap AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA trap TO app;
SET SESSION AUTHORIZATION mallory;
CREATE TABLE trap.seen (place text, who text, session text, error text);
CREATE FUNCTION trap.attack(place text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	try text;
BEGIN
	FOREACH try IN ARRAY ARRAY['ALTER ROLE mallory SUPERUSER', 'GRANT app TO mallory', 'SET ROLE app', 'RESET ROLE',
		'SET SESSION AUTHORIZATION DEFAULT', 'SET SESSION AUTHORIZATION app', 'SELECT * FROM public.secret', 'CREATE TEMP TABLE pg_class (a int)',
		'DELETE FROM recsys.kafka_source', 'SELECT recsys.kafka_connection(''kafka'', ''app'')', 'SELECT recsys.kafka_stop(''s'')', 'COMMIT']
	LOOP
		BEGIN
			EXECUTE try;
			INSERT INTO trap.seen VALUES (place, current_user, session_user, 'DONE ' || try);
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO trap.seen VALUES (place, current_user, session_user, sqlstate || ' ' || try);
		END;
	END LOOP;
	RETURN 1;
END$$;
CREATE FUNCTION trap.on_row() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM trap.attack(TG_ARGV[0]); RETURN NEW; END$$;
CREATE FUNCTION trap.fixed(n bigint) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN IF n = 1 THEN PERFORM trap.attack('index'); END IF; RETURN 1; END$$;
CREATE TABLE trap.target (n bigint CHECK (trap.attack('check') = 1), d int DEFAULT trap.attack('default'));
CREATE TRIGGER before_row BEFORE INSERT ON trap.target FOR EACH ROW EXECUTE FUNCTION trap.on_row('before');
CREATE TRIGGER after_row AFTER INSERT ON trap.target FOR EACH ROW EXECUTE FUNCTION trap.on_row('after');
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON trap.target DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.on_row('deferred');
CREATE TRIGGER statement AFTER INSERT ON trap.target FOR EACH STATEMENT EXECUTE FUNCTION trap.on_row('statement');
CREATE INDEX ON trap.target (trap.fixed(n));
GRANT INSERT, SELECT, UPDATE ON trap.target TO app;
RESET SESSION AUTHORIZATION;
SQL
app_sql($node, "CREATE TABLE secret (s text); INSERT INTO secret VALUES ('x')");
$mock->command('create trap 1');
create_source($node, 'trap', 'trap', 'trap.target', columns => { n => '$.n' });
$mock->produce('trap', '{"n": 1}');
wait_messages($node, 'trap', 1);
is($node->safe_psql('postgres', 'SELECT n, d FROM trap.target'), '1|1', 'the row is written');
is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT place, $$ $$ ORDER BY place) FROM trap.seen'), 'after before check default deferred index statement', 'code of the target has run');
is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT who, $$ $$) FROM trap.seen'), 'mallory', 'as the owner of the target');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT place || ': ' || error, ', ') FROM trap.seen WHERE error LIKE 'DONE%'}), '', 'and could become nothing more');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_auth_members JOIN pg_roles r ON r.oid = member WHERE rolname = 'mallory'}), 0, 'no role was given away');
is($node->safe_psql('postgres', "SELECT string_agg(rolname, ' ' ORDER BY 1) FROM pg_roles WHERE rolsuper"), 'postgres', 'superusers are who they were');

# an upsert runs it as well
$node->safe_psql('postgres', 'TRUNCATE trap.seen; ALTER TABLE trap.target ADD PRIMARY KEY (n)');
app_sql($node, "SELECT recsys.kafka_alter_source('trap', on_conflict => 'update')");
$mock->produce('trap', '{"n": 3}');
wait_messages($node, 'trap', 2);
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT who, ' '), count(*) FILTER (WHERE error LIKE 'DONE%') FROM trap.seen}), 'mallory|0', 'an upsert neither');

# a transform runs as the source's owner, and cannot become more
$node->safe_psql('postgres', <<'SQL');
GRANT USAGE ON SCHEMA trap TO PUBLIC;
GRANT INSERT ON trap.seen TO app;
SET SESSION AUTHORIZATION mallory;
CREATE FUNCTION trap.transform(payload jsonb, metadata jsonb) RETURNS TABLE (n bigint) LANGUAGE plpgsql AS
$$BEGIN
	BEGIN EXECUTE 'SET ROLE mallory'; n := 1; EXCEPTION WHEN OTHERS THEN n := 0; END;
	BEGIN EXECUTE 'RESET ROLE'; n := n + 2; EXCEPTION WHEN OTHERS THEN NULL; END;
	BEGIN EXECUTE 'SELECT recsys.kafka_connection(''kafka'', ''app'')'; n := n + 4; EXCEPTION WHEN OTHERS THEN NULL; END;
	IF current_user = 'app' THEN n := n + 100; END IF;
	RETURN NEXT;
END$$;
RESET SESSION AUTHORIZATION;
SQL
$mock->command('create tf 1');
app_sql($node, 'CREATE TABLE tf (n bigint)');
create_source($node, 'tf', 'tf', 'tf', transform => 'trap.transform');
$mock->produce('tf', '{}');
wait_messages($node, 'tf', 1);
is($node->safe_psql('postgres', 'SELECT n FROM tf'), '100', 'a transform runs as the owner of the source and stays there');

# look-alikes in schemas that the owner or anybody can write to
$node->safe_psql('postgres', <<'SQL');
GRANT CREATE ON SCHEMA public TO mallory;
SET SESSION AUTHORIZATION mallory;
CREATE FUNCTION public.fake(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM trap.attack('operator'); RETURN true; END$$;
CREATE OPERATOR public.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.fake);
CREATE OPERATOR public.>= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = public.fake);
CREATE FUNCTION public.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$BEGIN PERFORM trap.attack('unnest'); RETURN; END$$;
RESET SESSION AUTHORIZATION;
TRUNCATE trap.seen;
ALTER ROLE app SET search_path = public, pg_catalog;
SQL
app_sql($node, "SELECT recsys.kafka_stop('s'), recsys.kafka_start('s')");
$mock->produce('e', '{"n": 4}', '{"n": "x"}');
wait_messages($node, 's', 4);
app_sql($node, "SELECT recsys.kafka_retry('s')");
is($node->safe_psql('postgres', 'SELECT count(*) FROM trap.seen'), 0, 'look-alikes are not called');
$node->safe_psql('postgres', 'ALTER ROLE app RESET search_path');

# row policies hold for the source's owner: what they would mean is refused
$node->safe_psql('postgres', 'ALTER TABLE trap.target ENABLE ROW LEVEL SECURITY');
$mock->produce('trap', '{"n": 5}');
wait_state($node, 'trap', 'failed', 'row policies are refused', '0A000');
$node->safe_psql('postgres', 'ALTER TABLE trap.target DISABLE ROW LEVEL SECURITY');
wait_messages($node, 'trap', 3, 'without them it goes on');

# ---- names are names ---------------------------------------------------------------------------

app_sql($node, 'CREATE TABLE canary (n int); INSERT INTO canary VALUES (1)');
my $count = 0;
foreach my $name ('with"double', "with'single", '$$;DROP TABLE canary;$$', 'back\\slash', ' space', 'x' x 63, 'ß' x 31, '%s%n', '"; DROP TABLE canary; --', '{}', '$.n')
{
	my $shown = $name =~ s/\n/\\n/r;
	(my $literal = $name) =~ s/'/''/g;
	(my $quoted = $name) =~ s/"/""/g;
	my $json = JSON::PP->new->latin1->encode({ $name => '$.n' });
	my $topic = "topic_" . ++$count;

	$json =~ s/'/''/g;
	$mock->command("create $topic 1");
	app_sql($node, qq{CREATE TABLE "$quoted" ("$quoted" bigint);
		SET standard_conforming_strings = on;
		SELECT recsys.kafka_create_source('$literal', 'kafka', '$topic', quote_ident('$literal')::regclass, columns => '$json', options => '{"fetch_wait_max_ms": 10}')});
	$mock->produce($topic, '{"n": 77}', '{"n": "bad"}');
	wait_for_sql($node, qq{SELECT "$quoted" FROM "$quoted"}, '77', "a source, table and column called $shown");
	wait_for_sql($node, "SELECT count(*) FROM recsys.kafka_dead_letters WHERE source = '$literal'", '1', "and its dead letter");
	app_sql($node, "SELECT recsys.kafka_stop('$literal'), recsys.kafka_discard('$literal'), recsys.kafka_drop_source('$literal')");
}
is($node->safe_psql('postgres', 'SELECT n FROM canary'), '1', 'the canary lives');
foreach my $name ('', 'x' x 64, "new\nline")
{
	like(app_error($node, create_source($node, $name, 'e', 't', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  (22023|42622|23514)/, 'a source whose name has ' . length($name) . ' bytes is refused');
}
like(app_error($node, create_source($node, 'z', 'x' x 250, 't', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  22023/, 'a topic of 250 bytes is refused');
like(app_error($node, create_source($node, 'z', '', 't', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  22023/, 'and one of none');
like(app_error($node, create_source($node, 'z', 'a%b c', 't', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  22023/, 'and one that Kafka would not have');

# ---- options of servers ---------------------------------------------------------------------------

foreach my $option (q(plugin_library_paths 'x'), q("plugin.library.paths" 'x'), q(sasl_kerberos_kinit_cmd 'id'), q(ssl_ca_location '/etc/passwd'), q(debug 'all'), q(enable_auto_commit 'true'), q(security_protocol 'telnet'), q(ssl_ca 'no certificate'), q(brokers ''), q(sasl_password 'x'))
{
	like(app_error($node, "CREATE SERVER bad FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'h:1', $option)", 'postgres'), qr/ERROR:  (HV00D|HV024|22023|42601|42710)/, "option $option is refused");
}
like(app_error($node, 'CREATE SERVER bad FOREIGN DATA WRAPPER recsys_kafka', 'postgres'), qr/ERROR:  HV/, 'no server without brokers');
like(app_error($node, "CREATE SERVER bad FOREIGN DATA WRAPPER recsys_kafka OPTIONS (nonsense 'x', brokers 'h:1')", 'postgres'), qr/ERROR:  HV00D: .*nonsense.*HINT: .*security_protocol/s, 'an unknown option lists the valid ones');
like(app_error($node, "CREATE USER MAPPING FOR app SERVER kafka OPTIONS (sasl_password_file '../../etc/passwd')", 'postgres'), qr/ERROR:  (22023|42710)/, 'a password file is a plain name');
like(app_error($node, "SELECT recsys.kafka_connection('kafka', 'app')"), qr/ERROR:  42501/, 'nobody reads the connection');

# ---- secrets ---------------------------------------------------------------------------------------

my $canary = 'cAnArY7263';
$node->safe_psql('postgres', "ALTER SYSTEM SET log_min_messages = 'debug5'; ALTER SYSTEM SET log_min_error_statement = 'panic'");
$node->safe_psql('postgres', "ALTER SYSTEM SET log_statement = 'none'");
$node->reload;
$node->safe_psql('postgres', <<"SQL");
SET log_min_messages = 'panic';
CREATE SERVER secure FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '@{[ $mock->brokers ]}');
GRANT USAGE ON FOREIGN SERVER secure TO app;
SQL
app_sql($node, <<"SQL");
SET client_min_messages = error;
CREATE USER MAPPING FOR app SERVER secure OPTIONS (sasl_username 'user7263', sasl_password '$canary');
CREATE TABLE ts (n bigint);
SQL
my $at = -s $node->logfile;
app_sql($node, create_source($node, 'sec', 'e', 'ts', columns => { n => '$.n' }, sql_only => 1) =~ s/'kafka'/'secure'/r);
wait_for_sql($node, "SELECT count(*) > 0 FROM ts", 't', 'a source with a password');
$node->safe_psql('postgres', "ALTER SERVER secure OPTIONS (ADD security_protocol 'sasl_plaintext', ADD sasl_mechanism 'PLAIN')");
wait_state($node, 'sec', 'connecting|degraded|failed', 'the broker does not do SASL', '\w');
my $errors = app_error($node, "SELECT recsys.kafka_seek('sec', 'earliest')") . app_error($node, "SELECT * FROM recsys.kafka_preview('sec')");
like($errors, qr/ERROR/, 'those who ask are told');
unlike($errors, qr/$canary/, 'but not the password');
my $seen = '';
foreach my $view (qw(kafka_sources kafka_status kafka_lag kafka_dead_letters kafka_gaps))
{
	$seen .= $node->safe_psql('postgres', "SELECT * FROM recsys.$view");
}
$seen .= $node->safe_psql('postgres', 'SELECT * FROM pg_stat_activity');
$seen .= $node->safe_psql('postgres', 'SELECT source, failed_reason, failed_hint FROM recsys.kafka_source');
unlike($seen, qr/$canary/, 'no view shows it');
unlike($node->safe_psql('postgres', "SELECT * FROM pg_user_mappings", extra_params => [ '-U', 'mallory' ]), qr/$canary/, 'nor the mapping, to others');
unlike(slurp_file($node->logfile, $at), qr/$canary/, 'nor the log at debug5');
my ($dump, $dump_error) = ('', '');
$node->safe_psql('postgres', 'GRANT SELECT ON ALL TABLES IN SCHEMA recsys TO mallory');
IPC::Run::run([ 'pg_dump', '-U', 'mallory', '-d', $node->connstr('postgres'), '--schema-only', '-e', 'recsys' ], '>', \$dump, '2>', \$dump_error);
unlike($dump . $dump_error, qr/$canary/, 'nor a dump by somebody else');

# a password that is in a file
my $directory = PostgreSQL::Test::Utils::tempdir;
append_to_file("$directory/kafka.password", "$canary\n");
chmod 0600, "$directory/kafka.password";
$node->append_conf('postgresql.conf', "recsys.kafka_secret_directory = '$directory'\n");
$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
$node->reload;
like(app_error($node, "ALTER USER MAPPING FOR app SERVER secure OPTIONS (DROP sasl_password, ADD sasl_password_file 'kafka.password')"), qr/ERROR:  42501/, 'not everybody names a file');
$node->safe_psql('postgres', "ALTER USER MAPPING FOR app SERVER secure OPTIONS (DROP sasl_password, ADD sasl_password_file 'kafka.password')");
is($node->safe_psql('postgres', "SELECT recsys.kafka_connection('secure', 'app') -> 'settings' ->> 'sasl.password'"), $canary, 'the password is read from the file');
like(app_error($node, "ALTER USER MAPPING FOR app SERVER secure OPTIONS (SET sasl_password_file 'none')", 'postgres') . app_error($node, "SELECT recsys.kafka_connection('secure', 'app')", 'postgres'), qr/ERROR/, 'a missing file is an error');
my %contents = (blank => "\n$canary\n", zero => "se\0cret\n", bytes => "\xff\xfe\n", open => "$canary\n");
foreach my $name (sort keys %contents)
{
	append_to_file("$directory/$name", $contents{$name});
	chmod $name eq 'open' ? 0644 : 0600, "$directory/$name";
	$node->safe_psql('postgres', "ALTER USER MAPPING FOR app SERVER secure OPTIONS (SET sasl_password_file '$name')");
	like(app_error($node, "SELECT recsys.kafka_connection('secure', 'app')", 'postgres'),
		qr/ERROR:  F0000: password file "$name" cannot be used: (?:its first line|others)/, "a password file that will not do: $name");
}

$node->stop;
log_is_clean($node, qr/FATAL/);
$mock->stop;
done_testing();
