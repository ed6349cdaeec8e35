# The database's owner, who is no superuser, dumps the database with recsys in it; who may
# restore it, and what is left where not everything can be.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('dump_owner');
my $dir = PostgreSQL::Test::Utils::tempdir;
my @as_owner = ('-h', $node->host, '-p', $node->port, '-U', 'recsys_regress_dba');
my @as_superuser = ('-h', $node->host, '-p', $node->port);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE recsys_regress_dba LOGIN;
CREATE ROLE recsys_regress_other LOGIN;
CREATE DATABASE shop OWNER recsys_regress_dba;
SQL
$node->safe_psql('shop', <<'SQL');
CREATE EXTENSION recsys;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_dba;
CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'localhost:1');
CREATE USER MAPPING FOR postgres SERVER kafka OPTIONS (sasl_username 'u', sasl_password 'a secret');
SET ROLE recsys_regress_dba;
CREATE TABLE public.ratings (user_id int, item_id int, rating real);
SQL

sub as_owner
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, $sql, extra_params => [ '-U', 'recsys_regress_dba' ]);
}

as_owner('shop', <<'SQL');
INSERT INTO ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
CREATE INDEX ON ratings (user_id);
CREATE TABLE items (item_id int PRIMARY KEY);
INSERT INTO items SELECT generate_series(1, 5);
SELECT recsys.create_model('m', 'ratings', options => '{"factors": 2}', catalog => 'items', algorithm => 'als');
SELECT FROM recsys.train('m');
SQL

my $answer = "SELECT r::text FROM recsys.recommend('m', 1, 10, false) AS r ORDER BY rank";
my $before = as_owner('shop', $answer);
cmp_ok(length $before, '>', 0, 'the model answers');

# ---- the dump -------------------------------------------------------------------------

foreach my $format ('plain', 'custom')
{
	my ($out, $err) = run_command([ 'pg_dump', @as_owner, "--format=$format", '-f', "$dir/$format", 'shop' ]);
	is($err, '', "$format: the owner of the database dumps it");
}
unlike(slurp_file("$dir/plain"), qr/a secret/, 'passwords of others are not in it');
my ($rc, $out, $err) = $node->psql('shop', 'SELECT * FROM recsys.model', extra_params => [ '-U', 'recsys_regress_other' ]);
like($err, qr/permission denied/, 'others may not read the catalog');
($rc, $out, $err) = $node->psql('shop', "UPDATE recsys.model SET options = '{}'", extra_params => [ '-U', 'recsys_regress_dba' ]);
like($err, qr/permission denied/, 'the owner of the database may not write to it');

# ---- restored by a superuser ------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE whole OWNER recsys_regress_dba');
($out, $err) = run_command([ 'pg_restore', @as_superuser, '--exit-on-error', '-d', 'whole', "$dir/custom" ]);
is($err, '', 'a superuser restores it');
is(as_owner('whole', $answer), $before, 'with the model');

is($node->safe_psql('whole', 'SELECT count(*) FROM recsys.model_anchor AS a JOIN pg_class AS c ON c.oid = a.view AND c.relowner = a.owner'), 1,
	'its name is bound as before');
is(as_owner('whole', 'SELECT version FROM recsys.train(\'m\')'), 2, 'it trains on');
# a name that is left is nobody's to inherit, in a restored database either
$node->safe_psql('postgres', 'CREATE DATABASE heir OWNER recsys_regress_dba');
($out, $err) = run_command([ 'pg_restore', @as_superuser, '--exit-on-error', '-d', 'heir', "$dir/custom" ]);
$node->safe_psql('heir', 'DROP VIEW recsys_data.m, recsys_data.m_catalog; DROP TABLE recsys_data.m_user_factors, recsys_data.m_item_factors;
	GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_other');
my $heir = q{CREATE VIEW recsys_data.m WITH (security_invoker) AS SELECT 1 AS user_id, 1 AS item_id, 1::real AS rating, NULL::timestamptz AS "time";
	CREATE TABLE recsys_data.m_user_factors (version int, user_id int, factors recsys.recvec NOT NULL, bias real NOT NULL, PRIMARY KEY (version, user_id));
	CREATE TABLE recsys_data.m_item_factors (version int, item_id int, factors recsys.recvec, users int NOT NULL, PRIMARY KEY (version, item_id));};
($rc, $out, $err) = $node->psql('heir', "$heir SELECT count(*) FROM recsys.model_versions; SELECT * FROM recsys.recommend('m', 1)",
	extra_params => [ '-U', 'recsys_regress_other' ]);
is($out, 0, 'another role that makes relations of the name sees no version of it');
like($err, qr/model "m" does not exist/, 'and asks no model');

# ---- restored by the owner, who may not write to the catalog --------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE part OWNER recsys_regress_dba');
$node->safe_psql('part', 'CREATE EXTENSION recsys; GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_dba;
	GRANT CREATE ON SCHEMA public TO recsys_regress_dba');
($out, $err) = run_command([ 'pg_restore', @as_owner, '-d', 'part', "$dir/custom" ]);
like($err, qr/permission denied for table model/, 'the owner cannot restore the rows of the catalog');
is(as_owner('part', 'SELECT count(*) FROM recsys_data.m, recsys_data.m_item_factors'), 30 * 6, 'but the view and the tables');
($rc, $out, $err) = $node->psql('part', $answer, extra_params => [ '-U', 'recsys_regress_dba' ]);
like($err, qr/model "m" does not exist/, 'which make no model');
($rc, $out, $err) = $node->psql('part', "SELECT recsys.create_model('m', 'ratings', algorithm => 'als')", extra_params => [ '-U', 'recsys_regress_dba' ]);
like($err, qr/already exists.*\n.*HINT:\s+recsys\.drop_model\('m'\) removes what is left/, 'and stand in its way');
as_owner('part', "SELECT recsys.drop_model('m')");
is(as_owner('part', q{SELECT count(*) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace}), 0, 'with its catalogue');
as_owner('part', q{SELECT recsys.create_model('m', 'ratings', options => '{"factors": 2}', catalog => 'items', algorithm => 'als')});
is(as_owner('part', "SELECT version FROM recsys.train('m')"), 1, 'the hint is right: dropped, the model is made again');
is(as_owner('part', $answer), $before, 'and the model is as before');

$node->stop;
done_testing();
