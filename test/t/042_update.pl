# ALTER EXTENSION recsys UPDATE from each version that was released: the script of then
# is what it was, the objects afterwards are those of a fresh installation, and models
# made before answer as before.

use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('update');
my $dir = dirname(dirname(__FILE__)) . '/update';

# The objects of the extension in a database, a line each.
sub objects
{
	my ($database) = @_;
	my ($rc, $out, $err) = $node->psql($database, "\\i $dir/catalog.sql", extra_params => [ '-q' ]);

	die $err if $rc || $err;
	return [ split /\n/, $out ];
}

# Two lists must hold the same lines; tell those that are in one only.
sub same_lines
{
	my ($got, $expected, $name) = @_;
	my %count;

	$count{$_}++ foreach @$got;
	$count{$_}-- foreach @$expected;
	my @more = grep { $count{$_} > 0 } sort keys %count;
	my @less = grep { $count{$_} < 0 } sort keys %count;
	ok(@$got > 0 && !@more && !@less, $name)
	  or diag(join("\n", (map { "only here: $_" } @more), (map { "missing: $_" } @less)));
	return;
}

my $fresh = objects('postgres');
my @released = map { basename($_, '.sql') } grep { !/catalog\.sql$/ } sort glob "$dir/*.sql";
cmp_ok(@released, '>=', 1, 'a version was released');

my $answers = <<'SQL';
SELECT m.model, r.rank, r.item_id, round(r.score::numeric, 4), r.source
  FROM (VALUES ('movies', 'true', NULL), ('movies', 'false', 1), ('shop', 'true', NULL)) AS m (model, fresh, version),
       recsys.recommend_text(m.model, CASE m.model WHEN 'shop' THEN 'c2' ELSE '1' END, 3, fresh => m.fresh::boolean, version => m.version::int) AS r
 ORDER BY 1, m.fresh, 2;
SELECT model, owner, run_as, active_version, versions FROM recsys.models ORDER BY 1;
SQL

foreach my $version (@released)
{
	my $database = "from_$version";

	$node->safe_psql('postgres', "CREATE DATABASE \"$database\"");
	$node->safe_psql($database, "\\i $dir/$version.sql");
	my @kept = split /\n/, slurp_file("$dir/$version.catalog");
	same_lines([ grep { !/^text of / } @{ objects($database) } ], \@kept, "$version is what was released");

	# C13: functions of then in the library of now, as after an installation and before this
	my ($rc, $out, $err) = $node->psql($database, "SELECT count(*) FROM recsys.recommend_text('shop', 'c2')");
	ok($rc == 0 || $err =~ /HINT:  ALTER EXTENSION recsys UPDATE/, "functions of $version in this library answer, or say what to do: $err");
	$node->safe_psql($database, 'ALTER EXTENSION recsys UPDATE');
	same_lines(objects($database), $fresh, "$version, updated, is a fresh installation");
	is($node->safe_psql($database, $answers), slurp_file("$dir/$version.answers") =~ s/\n\z//r,
		"models of $version answer as then");
	is($node->safe_psql($database, "BEGIN; SELECT new_users, new_items FROM recsys.refresh('movies');"
			  . " SELECT bool_and(f.factors::text = recsys.user_vector('movies', f.user_id)::text) FROM recsys_data.movies_user_factors AS f JOIN recsys.models AS m ON m.model = 'movies' AND m.active_version = f.version; ROLLBACK"),
		"0|0\nt", "models of $version are refreshed");
	is($node->safe_psql($database, "SELECT version, deployed FROM recsys.train('movies'); SELECT version FROM recsys.train('shop')"),
		"3|t\n2", "models of $version train on");
	is($node->safe_psql($database, "DELETE FROM ratings WHERE (user_id + item_id) % 5 < 3; SELECT recsys.alter_model('movies', algorithm => 'auto'); SELECT version FROM recsys.train('movies');"
			  . " SELECT count(preference) > 0, count(*) = count(preference) FROM recsys_data.movies_item_factors WHERE version = 4; SELECT count(*) FROM recsys.recommend('movies', 1, 3, version => 3)"),
		"\n4\nt|t\n3", "models of $version get a part that ranks");
	$node->safe_psql($database, "SELECT recsys.drop_model('movies'), recsys.drop_model('shop'), recsys.drop_model('untrained')");
	is($node->safe_psql($database, 'SELECT count(*) FROM recsys.model_version'), 0, "models of $version are dropped");
}

$node->stop;
done_testing();
