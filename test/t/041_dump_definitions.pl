# Dump and restore keep whose a model is, who may use it and create others, and
# what it is called, however it is called.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('definitions');
my $dir = PostgreSQL::Test::Utils::tempdir;
my @server = ('-h', $node->host, '-p', $node->port);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE recsys_regress_owner;
CREATE ROLE "recsys_regress ""other""";
CREATE ROLE recsys_regress_app;
GRANT CREATE ON SCHEMA recsys_data TO recsys_regress_owner, "recsys_regress ""other""" WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION recsys.drop_model(text, boolean) FROM PUBLIC;
CREATE SCHEMA "Shop; --";
GRANT USAGE ON SCHEMA "Shop; --" TO PUBLIC;
CREATE TABLE "Shop; --"."Rat""ings" (user_id int, "Item
id" uuid, rating numeric, at date);
INSERT INTO "Shop; --"."Rat""ings" SELECT u, md5(i::text)::uuid, 3, '2024-01-01' FROM generate_series(1, 4) AS u, generate_series(1, 4) AS i WHERE u <> i;
GRANT SELECT (user_id, "Item
id", rating) ON "Shop; --"."Rat""ings" TO recsys_regress_owner;
ALTER TABLE "Shop; --"."Rat""ings" ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON "Shop; --"."Rat""ings" USING (user_id <> 3);
CREATE TABLE "Shop; --"."Cat; --" ("Item
id" uuid PRIMARY KEY);
INSERT INTO "Shop; --"."Cat; --" SELECT md5(i::text)::uuid FROM generate_series(1, 4) AS i;
GRANT SELECT ON "Shop; --"."Cat; --" TO recsys_regress_owner;
CREATE TABLE plain (user_id text, item_id bigint, rating real);
CREATE INDEX ON plain (user_id);
GRANT SELECT ON plain TO "recsys_regress ""other""";

SET ROLE recsys_regress_owner;
SET client_min_messages = error;
SELECT recsys.create_model(E'new\nline \\! "quo''te" $$', '"Shop; --"."Rat""ings"', item_column => E'Item\nid', run_as => 'owner', options => '{"factors": 2}',
	catalog => '"Shop; --"."Cat; --"', algorithm => 'als');
GRANT SELECT ON recsys_data."new
line \! ""quo'te"" $$" TO recsys_regress_app WITH GRANT OPTION;
SELECT FROM recsys.train(E'new\nline \\! "quo''te" $$');
SET ROLE "recsys_regress ""other""";
SELECT recsys.create_model('untrained', 'plain', algorithm => 'popular', options => '{"keep_versions": 9}', catalog => 'plain');
DROP VIEW recsys_data.untrained_catalog;
GRANT SELECT ON recsys_data.untrained TO PUBLIC;
SELECT recsys.create_model('gone', 'plain', algorithm => 'als');
DROP VIEW recsys_data.gone;
RESET ROLE;
SQL

# What is defined: names, owners, rights, dependencies; in one text.
my $defined = <<'SQL';
SELECT m::text FROM recsys.model AS m WHERE recsys.model_view(name) IS NOT NULL ORDER BY name;
SELECT model, owner, feedback, algorithm, run_as, options, active_version, users, items, catalog FROM recsys.models ORDER BY model;
SELECT pg_get_viewdef(oid) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace AND relkind = 'v' ORDER BY relname;
SELECT model, version, stamp, trained_by FROM recsys.model_version ORDER BY model;
SELECT relname, relkind, relowner::regrole, relacl, reloptions, obj_description(oid) FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace ORDER BY relname;
SELECT c.relname, a.attname, a.atttypid::regtype, a.attcollation::regcollation, a.attnotnull FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'recsys_data'::regnamespace AND a.attnum > 0 ORDER BY c.relname, a.attnum;
SELECT nspname, nspowner::regrole, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(nspacl) AS a) FROM pg_namespace WHERE nspname LIKE 'recsys%' ORDER BY 1;
SELECT relname, relacl FROM pg_class WHERE relnamespace = 'recsys'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
SELECT has_function_privilege('recsys_regress_app', 'recsys.drop_model(text, boolean)', 'EXECUTE');
SELECT md5(string_agg(f::text, ',' ORDER BY user_id)) FROM recsys_data."new
line \! ""quo'te"" $$_user_factors" AS f;
SQL
my $before = $node->safe_psql('postgres', $defined);
like($before, qr/recsys_regress_app=r\*/, 'there are rights to keep');

# A command that must succeed without a word.
sub silent
{
	my ($name, @command) = @_;
	my ($out, $err) = run_command([@command]);

	is($err, '', "$name says nothing");
	return;
}

sub restored
{
	my ($database) = @_;

	is($node->safe_psql($database, $defined), $before, "$database: the same definitions and rights");

	is($node->safe_psql($database, q{SELECT count(*) FROM recsys.model WHERE name = 'gone'}), 0, "$database: no row of a model that is gone");
	is($node->safe_psql($database, q{SELECT recsys.drop_model('gone')}), '', "$database: its tables are dropped");

	# and they work: the owner trains what they see, the other cannot
	my $model = q{E'new\nline \\\\! "quo''te" $$'};
	is($node->safe_psql($database, "SET ROLE recsys_regress_owner; SELECT version, users FROM recsys.train($model)"),
		'2|3', "$database: the owner trains under the policy");
	is($node->safe_psql($database, "SET ROLE recsys_regress_app; SELECT count(*) FROM recsys.recommend_uuid($model, 1)"),
		1, "$database: a user asks");
	$node->safe_psql($database, 'DELETE FROM "Shop; --"."Cat; --"');
	is($node->safe_psql($database, "SET ROLE recsys_regress_app; SELECT count(*) FROM recsys.recommend_uuid($model, 1)"),
		0, "$database: of what is in the catalogue");
	my ($rc, $out, $err) = $node->psql($database, "SET ROLE recsys_regress_app; SELECT recsys.alter_model($model)");
	like($err, qr/must be owner of model/, "$database: a user does not own");
	($rc, $out, $err) = $node->psql($database, q{INSERT INTO plain VALUES ('a', 1, 3); SET ROLE "recsys_regress ""other"""; SELECT FROM recsys.train('untrained'); SELECT recsys.popular('untrained')});
	like($err, qr/the catalog of model "untrained" is missing/, "$database: a catalogue that is gone opens nothing");
	is($node->safe_psql($database, q{SET ROLE "recsys_regress ""other"""; SELECT recsys.create_model('made', 'plain', algorithm => 'als')}),
		'', "$database: who could create models can");
	($rc, $out, $err) = $node->psql($database, 'DROP EXTENSION recsys');
	like($err, qr/other objects depend on it/, "$database: the extension does not go without its models");
	return;
}

$node->safe_psql('postgres', 'CREATE DATABASE plain');
silent('plain dump', 'pg_dump', @server, '-f', "$dir/plain.sql", 'postgres');
silent('plain restore', 'psql', '-X', '-q', '-o', "$dir/plain.out", '-v', 'ON_ERROR_STOP=1', @server, '-f', "$dir/plain.sql", 'plain');

# a dump of what was restored is the same dump
silent('second dump', 'pg_dump', @server, '-f', "$dir/again.sql", 'plain');
my ($one, $two) = map { s/^\\(un)?restrict .*$//mgr } slurp_file("$dir/plain.sql"), slurp_file("$dir/again.sql");
ok($one eq $two, 'what was restored gives the same dump');
restored('plain');

foreach my $format ('custom', 'directory')
{
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	silent("$format dump", 'pg_dump', @server, "--format=$format", '-f', "$dir/$format", 'postgres');
	silent("$format restore", 'pg_restore', @server, '--exit-on-error', '-d', $format, "$dir/$format");
	restored($format);
}

# another superuser restores, the owners stay
$node->safe_psql('postgres', 'CREATE ROLE recsys_regress_dba SUPERUSER LOGIN; CREATE DATABASE by_another OWNER recsys_regress_dba');
silent('restore by another superuser', 'pg_restore', @server, '-U', 'recsys_regress_dba', '--exit-on-error', '-d', 'by_another', "$dir/custom");
is($node->safe_psql('by_another', 'SELECT DISTINCT owner FROM recsys.models ORDER BY 1'),
	qq{recsys_regress "other"\nrecsys_regress_owner}, 'by another superuser: the owners are the same');

$node->stop;
done_testing();
