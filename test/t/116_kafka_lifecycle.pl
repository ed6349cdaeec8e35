# Workers and what happens around them: databases and extensions that go, roles, settings,
# a server without enough worker slots, dumps.

use strict;
use warnings;

use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();
my $mock = KafkaTest->start;
my $node = kafka_node('lifecycle', $mock, conf => "recsys.kafka_databases = 'postgres, second'\n");

$mock->command('create e 1');
my $sent = 0;

# A database with a source of its own.
sub create_database
{
	my ($name, $options) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name " . ($options || ''));
	$node->safe_psql($name, <<"SQL");
CREATE EXTENSION recsys;
GRANT CREATE ON SCHEMA public TO app;
CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '@{[ $mock->brokers ]}');
GRANT USAGE ON FOREIGN SERVER kafka TO app;
CREATE USER MAPPING FOR app SERVER kafka;
SQL
	my $sql = create_source($node, 's', 'e', 't', columns => { n => '$.n' }, sql_only => 1);

	$node->safe_psql($name, "CREATE TABLE t (n bigint); $sql", extra_params => [ '-U', 'app' ]);
	return;
}

sub rows_in
{
	my ($database, $name) = @_;
	my $last;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	ok( poll_until(
			sub {
				$last = ($node->psql($database, 'SELECT count(*), count(DISTINCT n) FROM t'))[1];
				return defined $last && $last eq "$sent|$sent";
			}),
		$name)
	  or diag("want $sent, have $last\n" . ($node->psql($database, 'SELECT * FROM recsys.kafka_status'))[1]);
	return;
}

sub send_one
{
	$mock->produce('e', qq({"n": $sent}));
	$sent++;
	return;
}

sub workers
{
	my ($database) = @_;

	return "SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type LIKE '%recsys%'";
}

# ---- a database that is not served, then is ------------------------------------------

create_database('third');
like(($node->psql('third', "SET ROLE app; CREATE TABLE w (n bigint); " . create_source($node, 'w', 'e', 'w', columns => { n => '$.n' }, sql_only => 1)))[2], qr/WARNING: .*HINT: .*recsys.kafka_databases/s, 'a database that is not listed: a warning');
$node->safe_psql('third', "SELECT recsys.kafka_drop_source('w')");
is($node->safe_psql('third', 'SELECT state FROM recsys.kafka_status'), 'not running', 'and a state');
send_one();
is($node->safe_psql('third', 'SELECT count(*) FROM t'), 0, 'nothing reads there');
$node->append_conf('postgresql.conf', "recsys.kafka_databases = 'postgres, second, third, \"no such\"'\n");
$node->reload;
rows_in('third', 'a reload starts it');
create_database('second');
rows_in('second', 'a listed database is served when it comes');
$node->append_conf('postgresql.conf', "recsys.kafka_databases = 'postgres, second'\n");
$node->reload;
wait_for_sql($node, workers('third'), '0', 'a reload ends it');
rows_in('second', 'and leaves others');

# ---- DROP, RENAME and copies of a database with running workers ----------------------------

wait_for_sql($node, workers('second'), qr/[1-9]/, 'second has workers');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE second');
is($node->safe_psql('copy', 'SELECT count(*) FROM recsys.kafka_source'), 1, 'a served database can be a template');
send_one();
rows_in('second', 'and is served again afterwards');
$node->safe_psql('postgres', 'ALTER DATABASE second RENAME TO secundo; ALTER DATABASE secundo RENAME TO second');
send_one();
rows_in('second', 'it can be renamed');
my $session = $node->background_psql('second');
backend_pid($session);
my ($rc, $out, $err) = $node->psql('postgres', 'DROP DATABASE second');
like($err, qr/is being accessed by other users/, 'with a session in it, it cannot be dropped');
send_one();
rows_in('second', 'and is served on');
$session->quit;
wait_for_sql($node, workers('second'), qr/[1-9]/, 'second has workers');
$node->safe_psql('postgres', 'DROP DATABASE second');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'second'"), 0, 'it can be dropped');
$node->safe_psql('postgres', 'DROP DATABASE copy; DROP DATABASE third');

# ---- DROP EXTENSION ------------------------------------------------------------------------

app_sql($node, 'CREATE TABLE t (n bigint)');
create_source($node, 's', 'e', 't', columns => { n => '$.n' });
rows_in('postgres', 'postgres is served');
$node->safe_psql('postgres', 'DROP EXTENSION recsys CASCADE');
wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%' AND usename = 'app'", '0', 'without the extension there is no worker');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), $sent, 'the rows stay');
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION recsys;
CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '@{[ $mock->brokers ]}');
GRANT USAGE ON FOREIGN SERVER kafka TO app;
CREATE USER MAPPING FOR app SERVER kafka;
SQL
create_source($node, 's', 'e', 't', columns => { n => '$.n' }, start => 'latest');
send_one();
rows_in('postgres', 'made again, it is served again');

# ---- roles ----------------------------------------------------------------------------------

my $dropped = app_error($node, 'DROP ROLE app', 'postgres');
like($dropped, qr/ERROR:  2BP01/, 'the owner cannot be dropped as long as it owns something');
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE brief LOGIN;
GRANT USAGE ON FOREIGN SERVER kafka TO brief;
CREATE USER MAPPING FOR brief SERVER kafka;
GRANT INSERT ON t TO brief;
SQL
$node->safe_psql('postgres', create_source($node, 'b', 'e', 't', columns => { n => '$.n' }, start => 'latest', sql_only => 1), extra_params => [ '-U', 'brief' ]);
wait_state($node, 'b', 'idle');
$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC; GRANT CONNECT ON DATABASE postgres TO app');
like(app_error($node, "SET ROLE brief; SELECT recsys.kafka_start('b')", 'postgres'),
	qr/42501: role "brief" .*not permitted to connect.*GRANT CONNECT ON DATABASE postgres TO brief/s, 'an owner must be permitted to connect');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM recsys.kafka_status WHERE source = 'b'");
wait_state($node, 'b', 'failed', 'and is told so where the worker cannot start', '42501\\|role "brief"');
$node->safe_psql('postgres', "GRANT CONNECT ON DATABASE postgres TO PUBLIC; SELECT recsys.kafka_start('b')");
wait_state($node, 'b', 'idle');
$node->safe_psql('postgres', 'DROP OWNED BY brief; DROP USER MAPPING IF EXISTS FOR brief SERVER kafka');
my $gone = app_error($node, 'DROP ROLE brief', 'postgres');
if ($gone =~ /ERROR/)
{
	like($gone, qr/2BP01/, 'a role that owns a source is not dropped');
}
else
{
	wait_state($node, 'b', 'failed', 'a worker whose owner was dropped leaves it to the supervisor to say so', '42704\\|the owner, role .*kafka_alter_source');
	wait_for_sql($node, "SELECT count(*) FROM recsys.kafka_slots() WHERE source = 'b' AND pid IS NOT NULL", '0', 'without its owner a source does not run');
}
send_one();
rows_in('postgres', 'other sources do');

# ---- dump and restore --------------------------------------------------------------------------

app_sql($node, "SELECT recsys.kafka_stop('s')");
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'bash', '-c', "pg_dump -Fc -d '" . $node->connstr('postgres') . "' | pg_restore -j 1 --exit-on-error -d '" . $node->connstr('restored') . "'" ], 'dump and restore');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_source'), 2, 'one source has lost its owner');
is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM recsys.kafka_source), (SELECT count(DISTINCT source) FROM recsys.kafka_partition)'), '1|1',
	'it is not in a dump, for its OID may be that of another role elsewhere');
$node->safe_psql('postgres', "SELECT recsys.kafka_drop_source('b')");
my $all = 'SELECT (SELECT jsonb_agg(to_jsonb(s)) FROM recsys.kafka_source s), (SELECT jsonb_agg(to_jsonb(p)) FROM recsys.kafka_partition p)';
is($node->safe_psql('restored', $all), $node->safe_psql('postgres', $all), 'sources and positions are in a dump');
app_sql($node, "SELECT recsys.kafka_start('s')");

# where its positions were not restored, it does not begin anew
$node->safe_psql('postgres', 'CREATE TABLE kept AS SELECT * FROM recsys.kafka_partition');
$node->safe_psql('postgres', "DELETE FROM recsys.kafka_partition; SELECT pg_terminate_backend(pid) FROM recsys.kafka_status WHERE source = 's'");
wait_state($node, 's', 'failed', 'without positions it waits for somebody to say where to go on', '55000\\|.*are lost\\|.*kafka_seek');
$node->safe_psql('postgres', "INSERT INTO recsys.kafka_partition SELECT * FROM kept; DROP TABLE kept; SELECT recsys.kafka_start('s')");
send_one();
rows_in('postgres', 'given back, they are gone on from');

# where the row of a source could not be restored, the rest of it is not the next one's
$node->safe_psql('postgres', <<'SQL');
INSERT INTO recsys.kafka_partition (source, partition, next_offset, messages) VALUES ('left', 0, 1, 5), ('left', 7, 1, 5);
INSERT INTO recsys.kafka_dead_letter (source, topic, partition, "offset", payload, sqlstate, reason, first_at, last_at)
VALUES ('left', 'e', 0, 0, 'secret', '22000', 'bad', now(), now());
SQL
create_source($node, 'left', 'e', 't', columns => { n => '$.n' }, start => 'latest', pause => 1);
is(app_sql($node, "SELECT partitions, messages, (SELECT count(*) FROM recsys.kafka_dead_letters WHERE source = 'left') FROM recsys.kafka_sources WHERE source = 'left'"),
	'1|0|0', 'a new source has nothing of one of its name');
app_sql($node, "SELECT recsys.kafka_drop_source('left')");

# ---- processes that are ended from outside --------------------------------------------------------

$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%'");
send_one();
rows_in('postgres', 'all processes terminated: they come back');

# ---- without enough worker slots ---------------------------------------------------------------------

app_sql($node, "CREATE TABLE t2 (n bigint)");
$node->append_conf('postgresql.conf', "max_worker_processes = 5\nmax_logical_replication_workers = 0\n");
$node->restart;
create_source($node, 's2', 'e', 't2', columns => { n => '$.n' });
my $taken = "SELECT count(*) FROM recsys.kafka_status WHERE state = 'idle'";
wait_for_sql($node, $taken, '2', 'two sources take all slots');
app_sql($node, 'CREATE TABLE t3 (n bigint)');
like(app_error($node, create_source($node, 's3', 'e', 't3', columns => { n => '$.n' }, sql_only => 1)), qr/ERROR:  53[04]00: .*HINT: .*max_worker_processes/s, 'a third cannot ask for its positions');
$node->append_conf('postgresql.conf', "max_worker_processes = 4\n");
$node->restart;
wait_for_sql($node, $taken, '1', 'with a slot less one source runs');
wait_for_sql($node, "SELECT hint FROM recsys.kafka_status WHERE state = 'waiting'", qr/max_worker_processes/, 'the other waits, with a hint');

$node->stop;
log_is_clean($node, qr/FATAL/);
$mock->stop;
done_testing();
