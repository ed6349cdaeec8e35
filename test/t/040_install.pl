# Installing: the control file, who may, and what an attacker planted before.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('install', create => 0,
	conf => "max_prepared_transactions = 4\n");

# ---- the control file ------------------------------------------------------------

chomp(my $share = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --sharedir`);
my $control = slurp_file(($ENV{RECSYS_STAGE} || '') . "$share/extension/recsys.control");
like($control, qr/^superuser = true$/m, 'only a superuser installs');
like($control, qr/^relocatable = false$/m, 'not relocatable');
like($control, qr/^schema = recsys$/m, 'in a schema of its own');
unlike($control, qr/^trusted\b/m, 'not trusted');
my $script = slurp_file(($ENV{RECSYS_STAGE} || '') . "$share/extension/recsys--"
	  . ($control =~ /^default_version = '(.*)'$/m)[0] . '.sql');
unlike($script, qr/IF NOT EXISTS|OR REPLACE|\@extschema/i, 'nothing that was there is taken for ours');
unlike($script, qr/SECURITY DEFINER|LEAKPROOF/i, 'no function runs as its owner');

# ---- who may ---------------------------------------------------------------------

sub refused
{
	my ($name, $sql, $expected) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);

	isnt($rc, 0, "$name: refused");
	like($err, $expected, "$name: says why");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_extension WHERE extname = 'recsys'"), 0,
		"$name: nothing is installed");
	return;
}

$node->safe_psql('postgres', 'CREATE ROLE recsys_regress_attacker LOGIN; CREATE ROLE recsys_regress_dba SUPERUSER');
$node->safe_psql('postgres', 'GRANT CREATE ON DATABASE postgres TO recsys_regress_attacker');
refused('no superuser', 'SET ROLE recsys_regress_attacker; CREATE EXTENSION recsys',
	qr/permission denied to create extension "recsys"/);

# ---- what was there before -------------------------------------------------------

my $unsafe = qr/schema "recsys" is not safe to install into/;
$node->safe_psql('postgres', 'CREATE SCHEMA recsys AUTHORIZATION recsys_regress_attacker');
refused('schema of another', 'CREATE EXTENSION recsys', $unsafe);
$node->safe_psql('postgres', 'ALTER SCHEMA recsys OWNER TO CURRENT_USER; GRANT CREATE ON SCHEMA recsys TO recsys_regress_attacker');
refused('schema in which another may create', 'CREATE EXTENSION recsys', $unsafe);
$node->safe_psql('postgres', 'REVOKE CREATE ON SCHEMA recsys FROM recsys_regress_attacker; GRANT CREATE ON SCHEMA recsys TO PUBLIC');
refused('schema in which all may create', 'CREATE EXTENSION recsys', $unsafe);
$node->safe_psql('postgres', 'REVOKE CREATE ON SCHEMA recsys FROM PUBLIC');

# names that are taken stop the installation, whoever took them
foreach my $planted (
	[ 'function', 'CREATE FUNCTION recsys.options() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'DROP FUNCTION recsys.options()' ],
	[ 'table', 'CREATE TABLE recsys.model ()', 'DROP TABLE recsys.model' ],
	[ 'type', 'CREATE DOMAIN recsys.recvec AS int', 'DROP DOMAIN recsys.recvec' ],
	[ 'view', 'CREATE VIEW recsys.models AS SELECT 1 AS one', 'DROP VIEW recsys.models' ],
	[ 'schema', 'CREATE SCHEMA recsys_data', 'DROP SCHEMA recsys_data' ])
{
	my ($kind, $create, $drop) = @$planted;

	$node->safe_psql('postgres', $create);
	refused("planted $kind", 'CREATE EXTENSION recsys', qr/ERROR/);
	$node->safe_psql('postgres', $drop);
}

# an owner who is superuser, as after a restore, will do; default privileges open nothing
$node->safe_psql('postgres', <<'SQL');
ALTER SCHEMA recsys OWNER TO recsys_regress_dba;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
SQL
# functions and operators planted where the script might look for them
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA planted;
CREATE FUNCTION planted.shout() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted object called'; END $$;
CREATE FUNCTION planted.eq(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM planted.shout(); END $$;
CREATE OPERATOR planted.= (LEFTARG = name, RIGHTARG = name, FUNCTION = planted.eq);
CREATE FUNCTION planted.eqt(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM planted.shout(); END $$;
CREATE OPERATOR planted.= (LEFTARG = text, RIGHTARG = text, FUNCTION = planted.eqt);
CREATE FUNCTION planted.pg_extension_config_dump(regclass, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM planted.shout(); END $$;
CREATE FUNCTION planted.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM planted.shout(); END $$;
CREATE DOMAIN planted.text AS int;
CREATE DOMAIN planted.name AS int;
CREATE TABLE planted.pg_class ();
SQL
my ($rc, $out, $err) = $node->psql('postgres', <<'SQL');
SET search_path = planted, pg_catalog;
CREATE EXTENSION recsys;
SELECT count(*) FROM recsys.models;
SQL
is("$rc/$out/$err", '0/0/', 'nothing planted is called');
is($node->safe_psql('postgres', <<'SQL'), 'false/false', 'default privileges do not open the catalog');
SELECT has_table_privilege('recsys_regress_attacker', 'recsys.model', 'SELECT') || '/' ||
       has_table_privilege('recsys_regress_attacker', 'recsys.model_version', 'INSERT, UPDATE, DELETE, TRUNCATE');
SQL
$node->safe_psql('postgres', 'ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC; DROP SCHEMA planted CASCADE');

# ---- foreign tables ----------------------------------------------------------------

my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/ratings.csv", join('', map { my $u = $_; map { "$u,$_,3\n" } grep { $_ != $u } 1 .. 5 } 1 .. 5));
SKIP:
{
	skip 'file_fdw is not installed', 3
	  if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name IN ('file_fdw', 'postgres_fdw')") < 2;
	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE csv (user_id int, item_id int, rating real) SERVER files OPTIONS (filename '$dir/ratings.csv', format 'csv');
CREATE TABLE local_part (user_id int, item_id int, rating real);
INSERT INTO local_part SELECT * FROM csv;
CREATE EXTENSION postgres_fdw;
CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '@{[ $node->host ]}', port '@{[ $node->port ]}', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER loop;
CREATE FOREIGN TABLE remote (user_id int, item_id int, rating real) SERVER loop OPTIONS (table_name 'local_part');
SELECT recsys.create_model('csv', 'csv', options => '{"factors": 2}', algorithm => 'als');
SELECT recsys.create_model('remote', 'remote', options => '{"factors": 2}', algorithm => 'als');
SQL
	foreach my $model ('csv', 'remote')
	{
		is($node->safe_psql('postgres', "SELECT users, items, ratings FROM recsys.train('$model')") . '/'
			  . $node->safe_psql('postgres', "SELECT item_id FROM recsys.recommend('$model', 1)"),
			'5|5|20/1', "$model: a foreign table is a source");
	}

	# what the other side hides from a role is hidden from it here
	$node->safe_psql('postgres', <<'SQL');
CREATE ROLE recsys_regress_reader LOGIN;
ALTER TABLE local_part ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON local_part, remote, recsys_data.remote TO recsys_regress_reader;
CREATE USER MAPPING FOR recsys_regress_reader SERVER loop
    OPTIONS (user 'recsys_regress_reader', password_required 'false');
SQL
	is($node->safe_psql('postgres', "SET ROLE recsys_regress_reader; SELECT count(*) FROM remote; SELECT source FROM recsys.recommend('remote', 1, 1, fresh => false)"),
		"0\npopular", 'no stored vector of a user whose remote rows are hidden');
}

# ---- prepared transactions -----------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings (user_id int, item_id int, rating real);
INSERT INTO ratings SELECT u, i, 3 FROM generate_series(1, 5) AS u, generate_series(1, 5) AS i WHERE u <> i;
BEGIN;
SELECT recsys.create_model('two_phase', 'ratings', algorithm => 'als');
SELECT FROM recsys.train('two_phase', '{"factors": 2}');
PREPARE TRANSACTION 'made';
SQL
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.models WHERE model = 'two_phase'"), 0, 'prepared, not yet seen');
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', "COMMIT PREPARED 'made'");
is($node->safe_psql('postgres', "SELECT active_version || ' ' || r.item_id FROM recsys.models, recsys.recommend('two_phase', 1) AS r WHERE model = 'two_phase'"),
	'1 1', 'committed after a crash: there, trained');
$node->safe_psql('postgres', "BEGIN; SELECT recsys.drop_model('two_phase'); PREPARE TRANSACTION 'dropped'; ROLLBACK PREPARED 'dropped'");
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.models WHERE model = 'two_phase'"), 1, 'a prepared drop is rolled back');

# What exists of the versions: their rows in the catalog, users and items with factors.
my $versions = q{SELECT version, active,
	(SELECT count(*) FROM recsys_data.two_phase_user_factors f WHERE f.version = v.version),
	(SELECT count(*) FROM recsys_data.two_phase_item_factors f WHERE f.version = v.version)
FROM recsys.model_versions v WHERE model = 'two_phase' ORDER BY version};
$node->safe_psql('postgres', "BEGIN; SELECT recsys.train('two_phase'); PREPARE TRANSACTION 'trained'");
like(($node->psql('postgres', "\\set VERBOSITY verbose\nSELECT recsys.train('two_phase')"))[2],
	qr/ERROR:  55P03: model "two_phase" is being trained, altered or dropped by another session\nHINT:  See the view recsys.training_progress/,
	'a prepared training keeps the model locked');
like(($node->psql('postgres', "\\set VERBOSITY verbose\nSELECT recsys.refresh('two_phase')"))[2],
	qr/ERROR:  55P03: model "two_phase" is being trained, altered or dropped by another session\n/, 'against a refresh, too');
is($node->safe_psql('postgres', $versions), '1|t|5|5', 'and is not seen');
$node->safe_psql('postgres', "COMMIT PREPARED 'trained'");
is($node->safe_psql('postgres', $versions), "1|f|5|5\n2|t|5|5", 'until it is committed');

# ---- two who change a model at once ---------------------------------------------------

my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
my $pid = backend_pid($second);
$first->query_safe(q{BEGIN; SELECT recsys.alter_model('two_phase', options => '{"seed": 1}')});
$second->query_until(qr/sent/, "\\echo sent\nSELECT recsys.alter_model('two_phase', options => '{\"iterations\": 2}');\n");
ok(poll_until(sub { $node->safe_psql('postgres', "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $pid") eq 'Lock' }), 'the second waits');
$first->query_safe('COMMIT');
ok(poll_until(sub { $node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid") eq 'idle' }), 'the second is through');
is($node->safe_psql('postgres', "SELECT options FROM recsys.models WHERE model = 'two_phase'"), '{"seed": 1, "iterations": 2}',
	'both changes are there');
$first->quit;
$second->quit;

$node->stop;
done_testing();
