# Bad calls that want servers of their own, by the numbers of a list of bad inputs: A33
# without preloading, A34 settings at their limits, A35 timeouts, A36 encodings and
# locales, A38 two databases and one cache.  (A37, C10, C11, C13: sql/bad_calls.sql.)
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

# A model over likes of a few users, and the function attempt(): what became of a statement.
my $setup = <<'SQL';
CREATE TABLE likes (user_id int, item_id int, rating real);
INSERT INTO likes SELECT u, i, 1 + (u * i) % 5 FROM generate_series(1, 20) AS u, generate_series(1, 15) AS i WHERE (u + i) % 3 > 0;
CREATE INDEX ON likes (user_id);
SELECT recsys.create_model('m', 'likes', options => '{"factors": 4}', algorithm => 'als');
SELECT FROM recsys.train('m');
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SQL
my $answer = q{SELECT string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend('m', 1, 3, exclude_seen => false) AS r};

# ---- A33: every function without preloading ----------------------------------------------

my $plain = recsys_node('plain');
$plain->safe_psql('postgres', $setup . 'CREATE ROLE feeder LOGIN');
is($plain->safe_psql('postgres', 'SHOW shared_preload_libraries'), '', 'A33: nothing is preloaded');
my @works = (
	"count(*) > 9 FROM recsys.options()" => 't',
	"count(*) FROM recsys.models" => 1,
	"count(*) FROM recsys.model_versions" => 1,
	"version FROM recsys.train('m')" => 2,
	"recsys.deploy('m', 1)" => '',
	"recsys.deploy('m', 2)" => '',
	"recsys.rollback('m')" => '',
	"version FROM recsys.refresh('m')" => 3,
	"recsys.alter_model('m', options => '{\"factors\": 3}')" => '',
	"count(*) FROM recsys.training_progress" => 0,
	"count(*) FROM recsys.recommend('m', 1, 2)" => 2,
	"recsys.predict('m', 1, 2) IS NULL" => 'f',
	"recsys.preference('m', 1, 2) IS NULL" => 'f',
	"count(*) FROM recsys.recommend_for_items('m', '{1}', k => 2)" => 2,
	"count(*) FROM recsys.similar_items('m', 1, 2)" => 2,
	"count(*) FROM recsys.popular('m', 2)" => 2,
	"count(*) > 0 FROM recsys.explain('m', 1, 2)" => 't',
	"recsys.dims(recsys.user_vector('m', 1))" => 5,
	"recsys.dims(recsys.item_vector('m', 1))" => 5,
	"bytes > 0 FROM recsys.prewarm('m')" => 't',
	"count(*) FROM recsys.evaluate('m', 'likes', exclude_seen => false) WHERE metric = 'rmse'" => 1,
	"count(*) FROM recsys.evaluate_users('m', 'likes', exclude_seen => false)" => 20,
	"count(*) FROM recsys.recommend_all('m', 1, exclude_seen => false)" => 20,
	"count(*) FROM recsys.recommend_users('m', 1, 2, exclude_seen => false)" => 2,
	"count(*) FROM recsys.similar_users('m', 1, 2)" => 2,
	"count(*) < 9 FROM recsys.cache_status" => 't',
	"count(*) FROM recsys.kafka_sources" => 0,
	"count(*) FROM recsys.kafka_status" => 0,
	"count(*) FROM recsys.kafka_lag" => 0);
while (my ($call, $expected) = splice @works, 0, 2)
{
	my ($rc, $out, $err) = $plain->psql('postgres', "SET client_min_messages = error; SELECT $call");

	is("$out$err", $expected, "A33: $call");
}
# Those of Kafka that change a source say which one is missing, and the worker that asks needs no preloading.
foreach my $call ("kafka_start('s')", "kafka_stop('s')", "kafka_seek('s', 'latest')", "kafka_retry('s')", "kafka_preview('s')",
	"kafka_discard('s')", "kafka_alter_source('s')", "kafka_drop_source('s')", "kafka_create_source('s', 'none', 't', 'likes', '{}')")
{
	is($plain->safe_psql('postgres', "SET ROLE feeder; SELECT attempt(\$\$SELECT recsys.$call\$\$)"), '42704', "A33: $call");
}
$plain->stop;

# ---- A34: settings -------------------------------------------------------------------------

my $node = recsys_node('main', preload => 1, conf => "autovacuum = off\n");
$node->safe_psql('postgres', $setup . 'CREATE ROLE somebody');

# What is tried with a setting, and what comes of it where it is for users, the configuration file or the start.
my @tries = (
	[ 'below its range', "SET %1\$s = '%2\$s'", qw(22023 55P02 55P02) ],
	[ 'its least', "SET %1\$s = '%3\$s'", qw(done 55P02 55P02) ],
	[ 'its most', "SET %1\$s = '%4\$s'", qw(done 55P02 55P02) ],
	[ 'beyond its range', "SET %1\$s = '%5\$s'", qw(22023 55P02 55P02) ],
	[ 'a unit too large', "SET %1\$s = '99999999999999TB'", qw(22023 55P02 55P02) ],
	[ 'no value', "SET %1\$s = 'no value'", qw(22023 55P02 55P02) ],
	[ 'by a function', "CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET %1\$s = '%3\$s' RETURN 1", qw(done 55P02 55P02) ],
	[ 'of a role', "ALTER ROLE somebody SET %1\$s = '%3\$s'", qw(done 55P02 55P02) ]);
my %column = (user => 2, sighup => 3, postmaster => 4);
my @settings = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', <<'SQL');
SELECT name, context, vartype, coalesce(min_val::numeric - 1, -1), coalesce(min_val, '0'), coalesce(max_val, '1'), coalesce(max_val::numeric + 1, 2)
  FROM pg_settings WHERE name LIKE 'recsys.%' ORDER BY 1
SQL
cmp_ok(scalar @settings, '>', 8, 'A34: there are settings');
foreach my $setting (@settings)
{
	my ($name, $context, $type, @values) = @$setting;

	foreach my $try (@tries)
	{
		my $statement = sprintf($try->[1], $name, @values);
		foreach my $role ('postgres', 'somebody')
		{
			is($node->safe_psql('postgres', "SET ROLE $role; SELECT attempt(\$a\$$statement\$a\$)"),
				$try->[ $column{$context} ], "A34: $name, by $role: $try->[0]");
		}
	}
	next if $context ne 'user';
	foreach my $value (@values[ 1, 2 ])
	{
		like($node->safe_psql('postgres', "SET $name = '$value'; SELECT attempt(\$\$$answer\$\$) || ' ' || attempt(\$\$SELECT FROM recsys.train('m')\$\$)"),
			qr/^done (?:done|54000)$/, "A34: answers and trainings with $name = $value");
	}
}
is($node->safe_psql('postgres', q{SELECT attempt('SET recsys.no_such_setting = 1')}), '42602', 'A34: an unknown setting');
$node->safe_psql('postgres', 'ALTER ROLE somebody RESET ALL');

# ---- A35: timeouts ---------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE VIEW endless AS SELECT 1 AS user_id, i AS item_id, 1 AS rating FROM generate_series(1, 2000000000) AS i;
SELECT recsys.create_model('endless', 'endless', feedback => 'implicit', options => '{"factors": 2}', algorithm => 'als');
SQL
my $state = q{SELECT model, version, active FROM recsys.model_versions ORDER BY 1, 2};
my $versions = $node->safe_psql('postgres', $state);
foreach my $call ("recsys.train('endless')", "recsys.evaluate('m', 'endless')")
{
	is(($node->psql('postgres', "\\set VERBOSITY sqlstate\nSET statement_timeout = 1; SELECT $call"))[2] =~ s/.*ERROR: *//sr,
		'57014', "A35: statement_timeout: $call");
}
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT FROM recsys.alter_model('m'); LOCK TABLE likes");
foreach my $call ("SELECT recsys.recommend('m', 1)", "SELECT recsys.predict('m', 1, 1)", "SELECT recsys.explain('m', 1, 1)", "SELECT recsys.train('m')",
	"SELECT recsys.refresh('m')",
	"SELECT recsys.evaluate('m', 'likes')", "SELECT recsys.create_model('second', 'likes', algorithm => 'als')", "SELECT recsys.alter_model('m', options => '{\"seed\": 1}')",
	"SELECT recsys.deploy('m', 1)", "SELECT recsys.rollback('m')", "SELECT recsys.drop_model('m')")
{
	is($node->safe_psql('postgres', "SET lock_timeout = 1; SELECT attempt(\$\$$call\$\$)"), '55P03', "A35: lock_timeout: $call");
}
$holder->query_safe('ROLLBACK');
$holder->quit;
is($node->safe_psql('postgres', $state), $versions, 'A35: nothing changed');
# A session that is idle after a training in its transaction: it ends, and nothing is left.
foreach my $timeout ('idle_in_transaction_session_timeout', 'idle_session_timeout')
{
	my $begin = $timeout =~ /transaction/ ? 'BEGIN;' : '';
	my $said = '';
	my $idle = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=idle' ],
		'<', \my $in, '>', \my $out, '2>', \$said, IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));

	$in .= "$begin SELECT FROM recsys.train('m', deploy => false); $answer; SET $timeout = 1;\n\\echo idle\n";
	ok(poll_until(sub { $idle->pump_nb; return $out =~ /idle/; }), "A35: $timeout: a session has trained");
	ok(poll_until(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idle'") eq '0' }),
		"A35: $timeout: it ends");
	$in .= "SELECT 1;\n";
	eval { $idle->finish; };
	like($said, qr/terminating connection due to idle/, "A35: $timeout: and is told why");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress'), 0, "A35: $timeout: no training is shown");
	$versions = $node->safe_psql('postgres', $state) if !$begin;
	is($node->safe_psql('postgres', $state), $versions, "A35: $timeout: nothing of an open transaction is left");
	is($node->safe_psql('postgres', "SELECT attempt(\$\$SELECT FROM recsys.train('m')\$\$)"), 'done', "A35: $timeout: the next one trains");
	$versions = $node->safe_psql('postgres', $state);
}

# ---- A36: encodings, locales ----------------------------------------------------------------

# Ids in ASCII and others; the bytes of the words are those of UTF-8 or LATIN1.
sub words
{
	my ($e_acute) = @_;

	return <<"SQL";
CREATE TABLE words (user_id text, item_id text, rating real);
INSERT INTO words SELECT 'u' || user_id, 'i' || item_id, rating FROM likes;
CREATE INDEX ON words (user_id);
SELECT recsys.create_model('caf$e_acute', 'words', options => '{"factors": 4}', algorithm => 'als');
SELECT FROM recsys.train('caf$e_acute');
CREATE TABLE accents AS SELECT CASE WHEN user_id = 'u1' THEN 'caf$e_acute' ELSE user_id END AS user_id,
	CASE WHEN item_id = 'i1' THEN 'th$e_acute' ELSE item_id END AS item_id, rating FROM words;
CREATE INDEX ON accents (user_id);
SELECT recsys.create_model('accents', 'accents', options => '{"factors": 4}', algorithm => 'als');
SELECT FROM recsys.train('accents');
SQL
}

# Answers of a database in the encoding of a client.
sub asked
{
	my ($database, $client, $e_acute) = @_;
	my $numbers = $node->safe_psql($database, "SET client_encoding = '$client'; SELECT string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend_text('caf$e_acute', 'u1', 4, exclude_seen => false) AS r");
	my $names = $node->safe_psql($database, "SET client_encoding = '$client'; SELECT string_agg(item_id, ' ' ORDER BY item_id) FROM recsys.recommend_text('accents', 'caf$e_acute', 99, exclude_seen => false) AS r");
	my $given = $node->safe_psql($database, "SET client_encoding = '$client'; SELECT string_agg(item_id, ' ' ORDER BY item_id) FROM recsys.recommend_text('accents', 'u2', candidates => '{th$e_acute,i2}', exclude_seen => false) AS r");

	return ($numbers, $names, $given);
}

my ($utf8, $latin1) = ("\xc3\xa9", "\xe9");
foreach my $database ([ 'in_utf8', 'UTF8', $utf8 ], [ 'in_latin1', 'LATIN1', $latin1 ], [ 'in_ascii', 'SQL_ASCII', $utf8 ])
{
	my ($name, $encoding, $e_acute) = @$database;

	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($name, "CREATE EXTENSION recsys; SET client_encoding = '$encoding'; $setup" . words($e_acute));
}
my ($numbers) = asked('in_utf8', 'UTF8', $utf8);
like($numbers, qr/^\(1,i\d+,[0-9.]+,[0-9.]+,folded,\) /, 'A36: an answer');
foreach my $case ([ 'in_utf8', 'UTF8', $utf8 ], [ 'in_utf8', 'LATIN1', $latin1 ], [ 'in_latin1', 'LATIN1', $latin1 ],
	[ 'in_latin1', 'UTF8', $utf8 ], [ 'in_ascii', 'SQL_ASCII', $utf8 ], [ 'in_ascii', 'UTF8', $utf8 ])
{
	my ($database, $client, $e_acute) = @$case;
	my @got = asked($database, $client, $e_acute);

	is($got[0], $numbers, "A36: $database, client $client: the same numbers");
	like($got[1], qr/ th$e_acute\z/, "A36: $database, client $client: ids as they were");
	is($got[2], "i2 th$e_acute", "A36: $database, client $client: candidates are found");
}
# An id that the client's encoding has no character for, or that is no text in it: an error, and the session goes on.
$node->safe_psql('in_utf8', "SET client_encoding = 'UTF8'; INSERT INTO accents VALUES ('u1', '10 \xe2\x82\xac', 5); SELECT FROM recsys.train('accents')");
my ($rc, $out, $err) = $node->psql('in_utf8', "\\set VERBOSITY sqlstate\nSET client_encoding = 'LATIN1'; SELECT item_id FROM recsys.recommend_text('accents', 'u2', 99, exclude_seen => false);\nSELECT recsys.preference_text('accents', 'u2', '\xe9') IS NULL",
	on_error_stop => 0);
like("$err/$out", qr{ERROR: +22P05/t$}, 'A36: a character that the client does not have');
is(($node->psql('in_utf8', "\\set VERBOSITY sqlstate\nSET client_encoding = 'UTF8'; SELECT recsys.predict_text('accents', 'u2', '\xe9')"))[2] =~ s/.*ERROR: *//sr,
	'22021', 'A36: bytes that are no character');
# Names are bounded in bytes, and never cut within a character.
is($node->safe_psql('in_utf8', "SET client_encoding = 'UTF8'; SELECT attempt('SELECT recsys.create_model(''" . $utf8 x 25 . "'', ''likes'', algorithm => ''als'')'), attempt('SELECT recsys.create_model(''" . $utf8 x 24 . "'', ''likes'', algorithm => ''als'')')"),
	'22023|done', 'A36: names of 50 and of 48 bytes');
is($node->safe_psql('in_utf8', "SET client_encoding = 'UTF8'; SELECT FROM recsys.train('" . $utf8 x 24 . "'); SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE '$utf8$utf8%' AND relkind <> 'i'"),
	join(' ', $utf8 x 24, $utf8 x 24 . '_item_factors', $utf8 x 24 . '_user_factors'), 'A36: its relations');

# A locale whose decimal point is a comma.
SKIP:
{
	my $locales = PostgreSQL::Test::Utils::tempdir;

	skip 'A36: localedef makes no de_DE.UTF-8 here', 3 if system("localedef -i de_DE -f UTF-8 $locales/de_DE.UTF-8 >/dev/null 2>&1") != 0;
	my $before = $node->safe_psql('postgres', $answer);
	local $ENV{LOCPATH} = $locales;
	$node->append_conf('postgresql.conf', "lc_numeric = 'de_DE.UTF-8'\n");
	$node->restart;
	is($node->safe_psql('postgres', q{SELECT to_char(1.5, 'FM9D9')}), '1,5', 'A36: a locale with a comma');
	is($node->safe_psql('postgres', $answer), $before, 'A36: the same answer');
	is($node->safe_psql('postgres', q{SELECT FROM recsys.train('m', '{"regularization": 0.25}'); SELECT options->'regularization' FROM recsys.model_versions WHERE model = 'm' AND active}),
		'0.25', 'A36: and options as they were given');
	$node->append_conf('postgresql.conf', "lc_numeric = 'C'\n");
	delete $ENV{LOCPATH};
	$node->restart;
}

# ---- A38: two databases, one cache ------------------------------------------------------------

# A copy has the same OIDs, transactions and version numbers, and then other factors.
$node->safe_psql('postgres', 'CREATE DATABASE one');
$node->safe_psql('one', "CREATE EXTENSION recsys; $setup");
$node->safe_psql('postgres', 'CREATE DATABASE two TEMPLATE one');
my $oids = q{SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class WHERE relname LIKE 'm\_%factors'};
is($node->safe_psql('one', $oids), $node->safe_psql('two', $oids), 'A38: the same tables by their OIDs');
$node->safe_psql($_->[0], "SELECT FROM recsys.train('m', '{\"seed\": $_->[1]}')") foreach [ 'one', 1 ], [ 'two', 2 ];
my $plain_sql = q{
SELECT string_agg(item_id::text, ' ' ORDER BY rank) = (SELECT string_agg(item_id::text, ' ' ORDER BY distance, item_id)
	FROM (SELECT item_id, factors OPERATOR(recsys.<#>) (SELECT recsys.user_vector('m', 1)) AS distance
	        FROM recsys_data.m_item_factors WHERE version = 2 ORDER BY 2, 1 LIMIT 3) AS s)
  FROM recsys.recommend('m', 1, 3, exclude_seen => false)};
my %session = map { $_ => $node->background_psql($_) } 'one', 'two';
my %said = map { $_ => $session{$_}->query_safe($answer) } 'one', 'two';
isnt($said{one}, $said{two}, 'A38: two answers');
foreach my $database ('two', 'one', 'two')
{
	is($node->safe_psql($database, $answer), $said{$database}, "A38: $database by another session");
	is($session{$database}->query_safe($answer), $said{$database}, "A38: $database by the same");
	is($session{$database}->query_safe($plain_sql), 't', "A38: $database: the answer of plain SQL");
	is($node->safe_psql($database, 'SELECT count(*) FROM recsys.cache_status'), 1, "A38: $database sees its own image");
}
$session{two}->quit;
$node->safe_psql('postgres', 'DROP DATABASE two');
is($session{one}->query_safe($answer), $said{one}, 'A38: one is left');
$session{one}->quit;

$node->stop;
done_testing();
