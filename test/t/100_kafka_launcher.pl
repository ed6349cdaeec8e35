# Who reads from Kafka, and when: the launcher, its supervisors and their workers; a
# reload, commands that want a database for themselves, roles, limits, a standby.
# No broker is needed: the workers find none.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $with_kafka = -e stage_library('recsys_kafka');
my $conf = <<'CONF';
recsys.kafka_databases = ''
max_worker_processes = 20
autovacuum = off
log_line_prefix = '%m [%p] %b %a '
CONF

# ---- looking ------------------------------------------------------------------------

# What a query returns once it is what is expected; the last seen when it never is.
sub eventually
{
	my ($node, $database, $sql, $expected, $name) = @_;
	my $seen = '';

	poll_until(
		sub {
			my ($rc, $out, $err) = $node->psql($database, $sql);
			$seen = $rc == 0 ? $out : $err;
			return ref $expected ? $seen =~ $expected : $seen eq $expected;
		}, 60);
	return ref $expected ? like($seen, $expected, $name) : is($seen, $expected, $name);
}

my $supervised = q{SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity
	WHERE backend_type = 'recsys_kafka supervisor' AND usename = 'pg_monitor'};

sub supervisor_pid
{
	my ($node, $database) = @_;

	return poll_until(
		sub {
			return $node->safe_psql('postgres',
				"SELECT pid FROM pg_stat_activity WHERE backend_type = 'recsys_kafka supervisor' AND datname = '$database'");
		});
}

sub set_databases
{
	my ($node, $value) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET recsys.kafka_databases = '$value'");
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	return;
}

# A source by hand: making one asks a broker.
sub add_source
{
	my ($node, $database, $name, $owner) = @_;

	$node->safe_psql($database, <<"SQL");
INSERT INTO recsys.kafka_source (source, owner, server, topic, target_schema, target_table, columns, on_conflict, options,
	enabled, generation, created_at)
VALUES ('$name', '$owner', 'k', 't', 'public', 't', '{"n": "\$.n"}', 'error', '{}', false, 1, now());
INSERT INTO recsys.kafka_partition (source, partition, next_offset) VALUES ('$name', 0, 0);
SQL
	return;
}

sub prepare
{
	my ($node, $database) = @_;

	$node->safe_psql($database, <<'SQL');
CREATE EXTENSION IF NOT EXISTS recsys;
CREATE TABLE t (n int);
CREATE SERVER k FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '127.0.0.1:1');
GRANT USAGE ON FOREIGN SERVER k TO app;
GRANT INSERT ON t TO app;
SQL
	return;
}

sub status { return "SELECT state, sqlstate, reason, hint FROM recsys.kafka_status WHERE source = '$_[0]'"; }

# The worker of source s is there: alive, or tried for in vain without the library.
my $worker = q{SELECT count(*) FROM recsys.kafka_slots() WHERE source = 's'}
  . ($with_kafka ? ' AND pid IS NOT NULL' : q{ AND state = 'failed'});

# ---- the list of databases --------------------------------------------------------------

my $node = recsys_node('main', preload => 1, create => 0, conf => $conf, init => [ allows_streaming => 1 ]);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE "we,ird"');
eventually($node, 'postgres', q{SELECT count(*), count(datname) FROM pg_stat_activity WHERE backend_type ~ 'recsys'}, '1|0',
	'there is a launcher, without a database');
set_databases($node, 'postgres, shop, "we,ird"');
eventually($node, 'postgres', $supervised, 'postgres,we,ird', 'a reload starts supervisors, of what exists');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
eventually($node, 'postgres', $supervised, 'postgres,shop,we,ird', 'and of what exists by now');
set_databases($node, 'postgres, shop');
eventually($node, 'postgres', $supervised, 'postgres,shop', 'what is taken from the list is left alone');
my ($rc, $out, $err) = $node->psql('postgres', q{ALTER SYSTEM SET recsys.kafka_databases = 'a, "b'});
like($err, qr/invalid value for parameter "recsys.kafka_databases"/, 'a list that is none is refused');

# ---- sources ------------------------------------------------------------------------------

prepare($node, 'shop');
add_source($node, 'shop', 's', 'app');
is($node->safe_psql('shop', 'SELECT served, reason FROM recsys.kafka_service()'), 't|', 'the database is served');
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'an enabled source gets a worker, in a database that had no extension');
$node->safe_psql('shop', q{SELECT recsys.kafka_stop('s')});
eventually($node, 'shop', 'SELECT count(*) FROM recsys.kafka_slots()', '0', 'a stopped one loses it');
$node->safe_psql('shop', q{BEGIN; SELECT recsys.kafka_start('s'); ROLLBACK});
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'and gets another');
SKIP:
{
	skip 'built without Kafka', 1 unless $with_kafka;
	is($node->safe_psql('shop', q{SELECT usename, backend_type FROM recsys.kafka_slots() JOIN pg_stat_activity USING (pid)}),
		'app|recsys_kafka s', 'as its owner, with a readable name');
}

# ---- roles --------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE nobody NOLOGIN');
$node->safe_psql('postgres', 'CREATE ROLE gone');
$node->safe_psql('postgres', 'CREATE ROLE boss SUPERUSER LOGIN');
add_source($node, 'shop', $_, $_) foreach qw(nobody gone boss);
$node->safe_psql('postgres', 'DROP ROLE gone');
$node->safe_psql('shop', q{UPDATE recsys.kafka_source SET enabled = true});
eventually($node, 'shop', status('boss'), qr/^failed\|42501\|.*superuser, "boss", must not own.*\|.*kafka_allow_superuser/, 'a superuser must not own a source');
eventually($node, 'shop', status('gone'), qr/^failed\|42704\|.* does not exist\|.*owner => /, 'nor a role that is gone');
SKIP:
{
	skip 'LOGIN is needed up to 16', 1 if $node->pg_version >= 17;
	eventually($node, 'shop', status('nobody'), qr/^failed\|55000\|role "nobody".*\|.*ALTER ROLE nobody LOGIN/, 'nor one that cannot log in');
}
$node->safe_psql('shop', q{UPDATE recsys.kafka_source SET failed_at = now(), failed_sqlstate = '55000', failed_reason = 'r', failed_hint = 'h' WHERE source = 'gone'});
eventually($node, 'shop', q{SELECT count(*) FROM recsys.kafka_slots() WHERE source = 'gone'}, '0', 'who waits for a person has no worker');
is($node->safe_psql('shop', status('gone')), 'failed|55000|r|h', 'and says why');
eventually($node, 'shop', $worker, '1', 'others go on');
$node->safe_psql('shop', q{SELECT recsys.kafka_drop_source(source) FROM recsys.kafka_sources WHERE source <> 's'});
eventually($node, 'shop', 'SELECT string_agg(source, \',\') FROM recsys.kafka_slots()', 's', 'dropped sources leave no slots');

# ---- nothing is written while there is nothing to do ----------------------------------------

$node->safe_psql('shop', q{SELECT recsys.kafka_stop('s')});
eventually($node, 'shop', 'SELECT count(*) FROM recsys.kafka_slots()', '0', 'nothing to do');
my $xid = $node->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()') foreach 1 .. 3;
is($node->safe_psql('postgres', 'SELECT pg_snapshot_xmax(pg_current_snapshot())'), $xid, 'supervisors take no transaction ids');
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'something to do');

# ---- processes that end ---------------------------------------------------------------------

my $pid = supervisor_pid($node, 'shop');
my $worker_pid = $node->safe_psql('shop', q{SELECT pid FROM recsys.kafka_slots()});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok(poll_until(sub { my $now = supervisor_pid($node, 'shop'); return $now ne $pid; }), 'a supervisor that ends is followed by another');
is($node->safe_psql('shop', q{SELECT pid FROM recsys.kafka_slots()}), $worker_pid, 'the worker goes on') if $with_kafka;
$node->safe_psql('shop', q{SELECT recsys.kafka_stop('s')});
eventually($node, 'shop', 'SELECT count(*) FROM recsys.kafka_slots()', '0', 'and obeys the new one');
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'which starts workers too');

$pid = supervisor_pid($node, 'shop');
my $launcher = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'recsys_kafka launcher'};
my $launcher_pid = $node->safe_psql('postgres', $launcher);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher_pid)");
ok(poll_until(sub { my $now = $node->safe_psql('postgres', $launcher); return $now ne '' && $now ne $launcher_pid; }), 'a launcher that ends is started again');
is(supervisor_pid($node, 'shop'), $pid, 'supervisors go on');
set_databases($node, 'postgres');
eventually($node, 'postgres', $supervised, 'postgres', 'and obey the new one');
eventually($node, 'shop', q{SELECT count(*) FROM recsys.kafka_slots()}, '0', 'nothing is left of their workers');
like($node->safe_psql('shop', status('s')), qr/^not running\|\|database "shop" is not in recsys.kafka_databases\|ALTER SYSTEM SET recsys.kafka_databases = 'postgres, shop'/, 'the status says what to do');
($rc, $out, $err) = $node->psql('shop', q{SELECT recsys.kafka_start('s')});
like($err, qr/WARNING:  nothing is ingested yet: database "shop" is not in recsys.kafka_databases\n.*HINT:  ALTER SYSTEM SET recsys.kafka_databases = 'postgres, shop'; SELECT pg_reload_conf\(\);/, 'and so does a warning');
set_databases($node, 'postgres, shop');
eventually($node, 'shop', $worker, '1', 'listed again, all is as before');

# ---- commands that want a database for themselves ---------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN CREATEDB');
$pid = supervisor_pid($node, 'shop');
foreach my $command ('DROP DATABASE shop', 'ALTER DATABASE shop RENAME TO other', 'CREATE DATABASE copy TEMPLATE shop')
{
	($rc, $out, $err) = $node->psql('postgres', $command, extra_params => [ '-U', 'stranger' ]);
	like($err, qr/must be owner|permission denied/, "$command: not for everybody");
}
is(supervisor_pid($node, 'shop'), $pid, 'who may not does not disturb');

my $tablespace = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', "CREATE TABLESPACE elsewhere LOCATION '$tablespace'");
foreach my $command (
	'CREATE DATABASE copy TEMPLATE shop',
	'ALTER DATABASE shop SET TABLESPACE elsewhere',
	'ALTER DATABASE shop SET TABLESPACE pg_default',
	'ALTER DATABASE shop RENAME TO store',
	'ALTER DATABASE store RENAME TO shop')
{
	eventually($node, 'shop', $worker, '1', 'before the command') if $command !~ /store RENAME/;
	is(($node->psql('postgres', $command))[0], 0, $command);
}
$node->safe_psql('postgres', 'DROP TABLESPACE elsewhere');
eventually($node, 'shop', $worker, '1', 'afterwards there is a worker again');
eventually($node, 'postgres', $supervised, 'postgres,shop', 'and a supervisor of what is listed');
is(($node->psql('postgres', 'BEGIN; ALTER DATABASE shop RENAME TO store; ROLLBACK'))[0], 0, 'a renaming that is rolled back');
eventually($node, 'shop', $worker, '1', 'changes nothing');

# a command that fails: another session is there
my $session = $node->background_psql('shop');
backend_pid($session);
($rc, $out, $err) = $node->psql('postgres', 'DROP DATABASE shop');
like($err, qr/is being accessed by other users/, 'a command that fails for another session');
like($err, qr/There is 1 other session/, 'and for no worker of ours');
eventually($node, 'shop', $worker, '1', 'lets them come back');
$session->quit;
is(($node->psql('postgres', 'DROP DATABASE shop'))[0], 0, 'DROP DATABASE');
is(($node->psql('postgres', 'DROP DATABASE copy'))[0], 0, 'DROP DATABASE of one that is not listed');
eventually($node, 'postgres', $supervised, 'postgres', 'a database that is gone is not served');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
prepare($node, 'shop');
add_source($node, 'shop', 's', 'app');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'one of its name is');

# ---- DROP EXTENSION -----------------------------------------------------------------------------

is(($node->psql('shop', 'DROP EXTENSION recsys CASCADE'))[0], 0, 'DROP EXTENSION');
eventually($node, 'postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'recsys_kafka s'}, '0', 'the worker ends');
$node->safe_psql('shop', 'DROP TABLE t');
prepare($node, 'shop');
is($node->safe_psql('shop', 'SELECT count(*) FROM recsys.kafka_sources'), '0', 'created again, the extension knows no source');
add_source($node, 'shop', 's', 'app');
$node->safe_psql('shop', q{SELECT recsys.kafka_start('s')});
eventually($node, 'shop', $worker, '1', 'and works');

# a schema of that name in a database without the extension is not looked into
set_databases($node, 'postgres, trap');
$node->safe_psql('postgres', 'CREATE DATABASE trap');
$node->safe_psql('trap', <<'SQL');
CREATE SCHEMA recsys;
CREATE FUNCTION public.trap() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''trapped''; RETURN true; END';
CREATE VIEW recsys.kafka_source AS
	SELECT 's'::text AS source, 10::regrole AS owner, 1 AS generation, true AS enabled, NULL::timestamptz AS failed_at WHERE public.trap();
GRANT ALL ON SCHEMA recsys TO PUBLIC;
GRANT ALL ON recsys.kafka_source TO PUBLIC;
SQL
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
eventually($node, 'postgres', $supervised, 'postgres,trap', 'a database with a trap');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(" . supervisor_pid($node, 'trap') . ')');
set_databases($node, 'postgres, shop');
eventually($node, 'postgres', $supervised, 'postgres,shop', 'and without');

# ---- a limit that is short ----------------------------------------------------------------------

SKIP:
{
	skip 'built without Kafka', 3 unless $with_kafka;
	add_source($node, 'shop', "s$_", 'app') foreach 1 .. 4;
	$node->safe_psql('shop', 'UPDATE recsys.kafka_source SET enabled = true');
	$node->append_conf('postgresql.conf', 'max_worker_processes = 7');
	$node->restart;
	eventually($node, 'shop', q{SELECT count(*) FROM recsys.kafka_status WHERE state = 'waiting'}, qr/^[1-4]$/, 'without a free worker slot sources wait');
	is($node->safe_psql('shop', q{SELECT DISTINCT sqlstate, reason, hint FROM recsys.kafka_status WHERE state = 'waiting'}),
		'53400|no background worker slot is free|Increase max_worker_processes, which is 7.', 'and say which limit is short');
	my $waits = () = slurp_file($node->logfile) =~ /waits: no background worker slot is free/g;
	is($waits, 1, 'the log says it once');
	$node->safe_psql('shop', q{SELECT recsys.kafka_drop_source(source) FROM recsys.kafka_sources WHERE source <> 's'});
	$node->append_conf('postgresql.conf', 'max_worker_processes = 20');
	$node->restart;
}

# ---- a standby --------------------------------------------------------------------------------

eventually($node, 'shop', $worker, '1', 'the primary reads');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
like($standby->safe_psql('shop', status('s')), qr/^not running\|\|the server is a standby\|.*promotion/, 'a standby does not');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'recsys'}), '0', 'it has no launcher');
($rc, $out, $err) = $standby->psql('shop', q{SELECT recsys.kafka_stop('s')});
like($err, qr/cannot execute recsys.kafka_stop\(\)/, 'and changes nothing');
$node->stop;
$standby->promote;
eventually($standby, 'shop', $worker, '1', 'promoted, it does');
$standby->stop;

# ---- a server that is being upgraded ------------------------------------------------------------

my @start = ('-w', '-D', $node->data_dir, '-l', $node->logfile);
command_ok([ 'pg_ctl', @start, '-o', '-b', 'start' ], 'start for a binary upgrade');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'recsys'}), '0', 'no launcher');
command_ok([ 'pg_ctl', '-w', '-D', $node->data_dir, 'stop' ], 'and stop');

# ---- without the library -------------------------------------------------------------------------

my $lib = PostgreSQL::Test::Utils::tempdir;
symlink(stage_library('recsys'), "$lib/recsys.so") or die "symlink failed: $!";
$node->append_conf('postgresql.conf', "dynamic_library_path = '$lib'\n");
$node->start;
eventually($node, 'shop', status('s'), qr/^failed\|\|the worker ended without saying why\|.*WITH_KAFKA=no/, 'without recsys_kafka the source fails, with a hint');
($rc, $out, $err) = $node->psql('shop', "\\set VERBOSITY verbose\nSELECT recsys.kafka_create_source('x', 'k', 't', 't', '{\"n\": \"\$.n\"}')",
	extra_params => [ '-U', 'app' ]);
like($err, qr/ERROR:  58P01: the worker that asks Kafka ended without an answer\nHINT:  .*WITH_KAFKA=no/, 'and no other can be created');
eventually($node, 'shop', q{SELECT retry_at - since > '3 s' FROM recsys.kafka_status}, 't', 'it is tried again more and more seldom');
my $tries = () = slurp_file($node->logfile) =~ /could not access file "recsys_kafka"/g;
cmp_ok($tries, '<', 10, 'without a flood in the log');

# ---- without preloading --------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
($rc, $out, $err) = $node->psql('shop', q{SELECT recsys.kafka_start('s')});
like($err, qr/WARNING:  nothing is ingested yet: recsys is not in shared_preload_libraries\n.*HINT:  Add it there/, 'not preloaded: a warning');
like($node->safe_psql('shop', status('s')), qr/^not running\|\|recsys is not in shared_preload_libraries\|Add it/, 'and the status says so');
is($node->safe_psql('shop', 'SELECT count(*) FROM recsys.kafka_slots()'), '0', 'without slots');
is(($node->psql('postgres', 'ALTER DATABASE shop RENAME TO store'))[0], 0, 'commands go as ever');
$node->stop;

unlike(slurp_file($_->logfile), qr/PANIC:|TRAP:|WARNING:  trapped|terminated by signal/, 'nothing went wrong') foreach $node, $standby;
done_testing();
