# A session does not grow: not over a million questions, a thousand trainings, or models
# that come and go.  MEMORY_SCALE=0.01 asks a hundredth of it.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

plan skip_all => 'no /proc to look at' unless -r "/proc/$$/status";

my $scale = $ENV{MEMORY_SCALE} || 1;
my $questions = 1_000_000 * $scale;
my $trainings = 1000 * $scale;

# What may differ between two moments of a session that does not grow.
my $most_used = 256 * 1024;		# bytes in its contexts
my $most_resident = 4 * 1024;	# kB of its own, with what malloc has not given back

my $node = recsys_node('growth', preload => 1, conf => "autovacuum = off\nfsync = off\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings AS
SELECT u::bigint AS user_id, i::bigint AS item_id, 'item ' || i AS name, (1 + (u * i) % 5)::real AS rating
  FROM generate_series(1, 200) AS u, generate_series(1, 300) AS i WHERE (u * 7 + i * 3) % 11 < 3;
CREATE INDEX ON ratings (user_id) INCLUDE (item_id, name, rating);
VACUUM ANALYZE ratings;
-- all parts that a version may have: one of likes, one of ratings; what is given is not tried
SELECT recsys.create_model(m, 'ratings', feedback => f,
	options => '{"factors": 8, "iterations": 2, "regularization": 0.01, "weights": {"als": 0.8, "item": 0.2, "popularity": 0.1}}')
  FROM (VALUES ('likes', 'implicit'), ('stars', 'explicit')) AS v (m, f);
SELECT recsys.create_model('names', 'ratings', item_column => 'name', options => '{"factors": 4, "iterations": 2}', algorithm => 'als');
SELECT recsys.train(m) FROM unnest(ARRAY['likes', 'stars', 'names']) AS m;

-- one of each question, some of users and items that nobody knows, some that fail
CREATE PROCEDURE ask(first int, n int) LANGUAGE plpgsql AS
$$
DECLARE
	u bigint; i bigint;
BEGIN
	FOR at IN first .. first + n / 10 - 1 LOOP
		u := at % 210;
		i := at % 310;
		PERFORM * FROM recsys.recommend('likes', u, 10);
		PERFORM * FROM recsys.recommend('stars', u, 5, fresh => false, exclude => ARRAY[i, 7]);
		PERFORM * FROM recsys.recommend_text('names', u, 5, version => 1);
		PERFORM recsys.predict('likes', u, i);
		PERFORM recsys.predict_text('names', u, 'item ' || i);
		PERFORM * FROM recsys.similar_items('stars', i, 5);
		PERFORM * FROM recsys.popular('likes', 5);
		PERFORM * FROM recsys.recommend_for_items('likes', ARRAY[i, 3, 5], k => 5);
		PERFORM * FROM recsys.explain('stars', u, i) LIMIT 5;
		BEGIN
			PERFORM recsys.user_vector(CASE WHEN at % 2 = 0 THEN 'likes' ELSE 'none' END, u, version => 1 + at % 50);
		EXCEPTION WHEN undefined_object OR object_not_in_prerequisite_state THEN
			NULL;
		END;
	END LOOP;
	COMMIT;
END
$$;

-- trainings, each seen by a question before the next one
CREATE PROCEDURE train(n int) LANGUAGE plpgsql AS
$$
BEGIN
	FOR at IN 1 .. n LOOP
		PERFORM recsys.train(CASE WHEN at % 2 = 0 THEN 'likes' ELSE 'stars' END);
		COMMIT;
		PERFORM * FROM recsys.recommend('likes', at % 200, 10);
		PERFORM recsys.predict('stars', at % 200, 5);
		COMMIT;
	END LOOP;
END
$$;

CREATE PROCEDURE come_and_go(n int) LANGUAGE plpgsql AS
$$
BEGIN
	FOR at IN 1 .. n LOOP
		PERFORM recsys.create_model('passing', 'ratings', options => '{"factors": 4, "iterations": 1}', algorithm => 'als');
		PERFORM recsys.train('passing');
		PERFORM * FROM recsys.recommend('passing', at % 200, 10);
		COMMIT;
		PERFORM recsys.drop_model('passing');
		COMMIT;
	END LOOP;
END
$$;
SQL

my $session = $node->background_psql('postgres');
my $pid = backend_pid($session);
$session->query_safe(<<'SQL');
SET client_min_messages = error;
PREPARE best AS SELECT * FROM recsys.recommend('likes', $1::bigint, 10);
PREPARE score AS SELECT recsys.predict('stars', $1::bigint, $2::bigint);
PREPARE alike AS SELECT * FROM recsys.similar_items('likes', $1::bigint, 10);
PREPARE everybody AS SELECT * FROM recsys.popular('likes', 10);
SQL

sub resident_kb { return slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : 0; }

# The server's own caches grow with each relation that was ever looked for.
sub used_bytes
{
	my $used = $session->query_safe("SELECT sum(used_bytes) FROM pg_backend_memory_contexts WHERE name <> 'CacheMemoryContext'");

	$used =~ s/\s//g;
	return $used;
}

# Statements of their own, as clients send them.
sub execute
{
	my ($n) = @_;
	my $file = $node->basedir . '/statements.sql';

	append_to_file($file, "EXECUTE best($_ % 210); EXECUTE score($_ % 210, $_ % 310); EXECUTE alike($_ % 310); EXECUTE everybody;\n")
	  foreach 1 .. $n / 4;
	$session->query_safe("\\o /dev/null\n\\i $file\n\\o");
	unlink $file;
}

# Do something a few times, which fills caches, then many times, which must not.
sub does_not_grow
{
	my ($what, $few, $step, $steps, $code) = @_;

	$code->($_, $few) foreach 0 .. 1;
	used_bytes();
	my ($used, $resident) = (used_bytes(), resident_kb());
	$code->($_, $step) foreach 1 .. $steps;
	my ($more_used, $more_resident) = (used_bytes() - $used, resident_kb() - $resident);
	note("$what: $more_used bytes of $used, $more_resident kB of $resident kB");
	cmp_ok($more_used, '<=', $most_used, "$what: contexts");
	cmp_ok($more_resident, '<=', $most_resident, "$what: the process");
}

does_not_grow(0.8 * $questions . ' questions', 40_000 * $scale, 80_000 * $scale, 10,
	sub { $session->query_safe("CALL ask($_[0] * 100, $_[1])") });
does_not_grow(0.2 * $questions . ' questions, each a statement', 4_000 * $scale, 20_000 * $scale, 10, sub { execute($_[1]) });
does_not_grow("$trainings trainings", $trainings / 10, $trainings / 10, 10, sub { $session->query_safe("CALL train($_[1])") });
does_not_grow($trainings / 2 . ' models', $trainings / 20, $trainings / 20, 10,
	sub { $session->query_safe("CALL come_and_go($_[1])") });

is($node->safe_psql('postgres', "SELECT count(*) <= 3 * 3 + 1 FROM recsys.cache_status"), 't', 'images of versions that are gone are gone');
$session->quit;
$node->stop;
done_testing();
