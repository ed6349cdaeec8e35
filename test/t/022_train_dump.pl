# Dump and restore bring the same models, versions, factors and answers.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use TrainTest;

my $node = recsys_node('dump', preload => 1);
my $dir = PostgreSQL::Test::Utils::tempdir;

create_long_model($node);
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE app;
GRANT SELECT ON recsys_data.m TO app;
SELECT FROM recsys.train('m', '{"seed": 7, "factors": 20}');
SELECT FROM recsys.train('m', '{"seed": 8}', deploy => false);
CREATE TABLE "Odd events" ("User" text, "the item" uuid, at timestamptz);
INSERT INTO "Odd events" SELECT 'user ''' || u || '"', md5(i::text)::uuid, '2026-01-01'::timestamptz
FROM generate_series(1, 30) AS u, generate_series(1, 20) AS i WHERE (u * i) % 3 <> 0;
CREATE INDEX ON "Odd events" ("User");
SELECT recsys.create_model('it''s "odd"', '"Odd events"', 'User', 'the item', time_column => 'at',
	feedback => 'implicit', run_as => 'owner', options => '{"factors": 3}', algorithm => 'als');
SELECT FROM recsys.train('it''s "odd"');
CREATE INDEX ON recsys_data.m_item_factors (recsys.dims(factors)) WHERE version > 1;
ALTER TABLE recsys_data.m_item_factors SET (fillfactor = 90);
SELECT recsys.create_model('two parts', 'ratings', options => '{"factors": 4, "iterations": 2}');
SELECT FROM recsys.train('two parts');
SELECT recsys.create_model('untrained', 'ratings', algorithm => 'popular');
SQL

# Everything there is to know, row by row.
my $everything = <<'SQL';
SELECT m::text FROM recsys.model m ORDER BY name;
SELECT v::text FROM recsys.model_version v ORDER BY model, version;
SELECT md5(string_agg(f::text, ',' ORDER BY version, user_id COLLATE "C")) FROM recsys_data."it's ""odd""_user_factors" f;
SELECT md5(string_agg(f::text, ',' ORDER BY version, item_id)) FROM recsys_data."it's ""odd""_item_factors" f;
SELECT model, owner, run_as, active_version, versions FROM recsys.models ORDER BY model;
SELECT md5(string_agg(f::text, ',' ORDER BY version, item_id)), count(preference) > 0 FROM recsys_data."two parts_item_factors" f;
SELECT r::text FROM recsys.recommend('two parts', 7) r ORDER BY rank;
SELECT r::text FROM recsys.recommend_uuid('it''s "odd"', 'user ''7"') r ORDER BY rank;
SELECT relname, relkind, relacl, reloptions FROM pg_class WHERE relnamespace = 'recsys_data'::regnamespace ORDER BY 1;
SELECT obj_description('recsys_data.m'::regclass), obj_description('recsys_data'::regnamespace);
SQL
my $before = $node->safe_psql('postgres', $everything);
my $state = model_state($node);
my $answers = answers($node);
like($state, qr/^active 2, versions 1:2000:700 2:2000:700 3:2000:700,/, 'three versions to dump');

sub restored
{
	my ($database) = @_;

	is($node->safe_psql($database, $everything), $before, "$database: catalog and rights are the same");
	is(model_state($node, $database), $state, "$database: factors are the same");
	is(answers($node, $database), $answers, "$database: answers are the same");
	is($node->safe_psql($database, "SELECT version FROM recsys.train('m', '{\"iterations\": 1}')"), 4, "$database: training goes on");
	return;
}

# Run a command that must succeed without a word.
sub silent
{
	my ($name, @command) = @_;
	my ($out, $err) = run_command([@command]);

	is($err, '', "$name says nothing");
	return;
}

my @server = ('-h', $node->host, '-p', $node->port);

$node->safe_psql('postgres', 'CREATE DATABASE plain');
silent('plain dump', 'pg_dump', @server, '-f', "$dir/plain.sql", 'postgres');
silent('plain restore', 'psql', '-X', '-q', '-o', "$dir/plain.out", '-v', 'ON_ERROR_STOP=1', @server, '-f', "$dir/plain.sql", 'plain');
restored('plain');

$node->safe_psql('postgres', 'CREATE DATABASE custom');
silent('custom dump', 'pg_dump', @server, '-Fc', '-f', "$dir/custom", 'postgres');
silent('custom restore', 'pg_restore', @server, '--exit-on-error', '-d', 'custom', "$dir/custom");
restored('custom');

$node->safe_psql('postgres', 'CREATE DATABASE directory');
silent('directory dump', 'pg_dump', @server, '-Fd', '-j2', '-f', "$dir/directory", 'postgres');
silent('directory restore', 'pg_restore', @server, '--exit-on-error', '-j2', '-d', 'directory', "$dir/directory");
restored('directory');

# a dump of the schema alone has no models, and does not fail
$node->safe_psql('postgres', 'CREATE DATABASE bare');
silent('schema dump', 'pg_dump', @server, '--schema-only', '-f', "$dir/schema.sql", 'postgres');
silent('schema restore', 'psql', '-X', '-q', '-o', "$dir/schema.out", '-v', 'ON_ERROR_STOP=1', @server, '-f', "$dir/schema.sql", 'bare');
is($node->safe_psql('bare', 'SELECT count(*) FROM recsys.model_version'), 0, 'a dump without data has no versions');

$node->stop;
done_testing();
