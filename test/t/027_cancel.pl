# A tester with a stop watch: statements whose loops are as long as the data are, each
# cancelled, terminated or timed out at several points of its way.
#
# The loops: reading and sorting rows and ids, reducing repeated ratings, preparing,
# choosing and iterating, building the item image or reading the factor table, a user's rows, a long list,
# a long catalogue, many lengths of list; for all users reading, one with many rows, many
# users, long lists, rows of the result.
# A statement runs once undisturbed, which tells how long it takes; then it is stopped
# after some parts of that time.  What is tested is that it ends by being stopped and not
# by finishing; how long that took is printed.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(time);

my $node = recsys_node('cancel', preload => 1, init => [ extra => ['--encoding=UTF8'] ], conf => "t.rows = 100\n");
my %said = (
	cancel => qr/ERROR:  57014: canceling statement due to user request/,
	terminate => qr/FATAL:  57P01: terminating connection due to administrator command/,
	timeout => qr/ERROR:  57014: canceling statement due to statement timeout/);
my $longest = 0;

# Sources are as long as the setting t.rows says, and cost nothing to make.  The stop
# watch waits until the statement of a session has run for so long, stops it, and gives
# the milliseconds until it has stopped; NULL if it ended before.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION n() RETURNS int LANGUAGE sql STABLE AS $$ SELECT current_setting('t.rows')::int $$;
CREATE VIEW copies AS SELECT 1 AS user_id, 1 AS item_id, (g * 7919::bigint % 1000003)::real AS rating FROM generate_series(1, n()) AS g;
CREATE VIEW one_user AS SELECT 1 AS user_id, g * 7919::bigint % 1000 AS item_id, 1 + g % 5 AS rating, g % 1000 AS at FROM generate_series(1, n()) AS g;
CREATE VIEW one_item AS SELECT g * 7919::bigint % 16777259 AS user_id, 1 AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g;
CREATE VIEW bigints AS SELECT hashint8extended(g, 0) AS user_id, g % 100 AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g;
CREATE VIEW texts AS SELECT md5(g::text) AS user_id, g % 100 AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g;
CREATE VIEW many_users AS SELECT g * 7919::bigint % 200003 AS user_id, g % 1000 AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g;
CREATE VIEW many_items AS SELECT g % 1000 AS user_id, g AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g;

CREATE FUNCTION stop_watch(who text, after interval, how text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + '3 min';
	session pg_stat_activity;
	seen boolean := false;
	started timestamptz;
BEGIN
	LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT * INTO session FROM pg_stat_activity
		WHERE application_name = who AND state = 'active' AND query ~ '^/\*watched';
		EXIT WHEN FOUND AND clock_timestamp() > session.query_start + after;
		IF seen AND NOT FOUND THEN
			RETURN NULL;
		END IF;
		seen := FOUND;
		IF clock_timestamp() > deadline THEN
			RAISE 'the statement did not start';
		END IF;
		PERFORM pg_sleep(0.002);
	END LOOP;
	started := clock_timestamp();
	IF how = 'cancel' THEN
		PERFORM pg_cancel_backend(session.pid);
	ELSIF how = 'terminate' THEN
		PERFORM pg_terminate_backend(session.pid);
	END IF;
	LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = session.pid AND a.state = 'active');
		IF clock_timestamp() > deadline THEN
			RAISE 'the statement did not stop';
		END IF;
		PERFORM pg_sleep(0.001);
	END LOOP;
	RETURN round((extract(epoch FROM clock_timestamp() - started) * 1000)::numeric);
END
$$;
SQL

# Run a statement in a session of its own after some settings; what to finish.
sub start_session
{
	my ($settings, $sql) = @_;
	my $session = { err => '' };

	$session->{run} = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres') . ' application_name=watched',
			'-c', $settings, '-c', "/*watched*/ $sql"
		],
		'<', '/dev/null', '>', '/dev/null', '2>', \$session->{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	return $session;
}

# Stop a statement after so many seconds; the milliseconds, '' if it ended before.
sub stop_after
{
	my ($name, $settings, $sql, $seconds, $how) = @_;
	my $limit = $how eq 'timeout' ? 'SET statement_timeout = ' . int(1 + 1000 * $seconds) : '';
	my $session = start_session("$settings; $limit", $sql);
	my $ms = $node->safe_psql('postgres', "SELECT stop_watch('watched', '$seconds s', '$how')");

	eval { IPC::Run::finish($session->{run}); 1 } or IPC::Run::kill_kill($session->{run});
	if ($session->{err} !~ /ERROR|FATAL/)
	{
		note("$name: ended before $seconds s");
		return '';
	}
	like($session->{err}, $said{$how}, sprintf("%s: %s after %.2f s", $name, $how, $seconds));
	return $ms;
}

# Watch a statement, which must be stopped at one point at least.
sub watch
{
	my ($name, $rows, $sql, $settings) = @_;
	my @hows = qw(cancel terminate cancel timeout cancel);
	my @ms;

	$settings = "SET client_min_messages = error; SET t.rows = $rows; " . ($settings || '');
	my $start = time;
	$node->safe_psql('postgres', "$settings; $sql");
	my $took = time - $start;
	foreach my $i (0 .. $#hows)
	{
		push @ms, stop_after($name, $settings, $sql, sprintf('%.3f', $took * (0.1 + 0.2 * $i)), $hows[$i]);
	}
	my @stopped = grep { $_ ne '' } @ms;
	ok(@stopped > 0, "$name: was stopped");
	diag(sprintf('%-28s %6.2f s, stopped after ms: %s', $name, $took, join ' ', map { $_ eq '' ? '-' : $_ } @ms));
	foreach (@stopped) { $longest = $_ if $_ > $longest; }
	return;
}

# A model over one of the sources.
sub create_model
{
	my ($model, $source, $arguments, $algorithm) = @_;

	$algorithm //= 'als';
	$node->safe_psql('postgres', "SELECT recsys.create_model('$model', '$source'$arguments, algorithm => '$algorithm')");
	return;
}

# ---- training -----------------------------------------------------------------------

my $small = "options => '{\"factors\": 8, \"iterations\": 1}'";
create_model('copies', 'copies', ", $small");
create_model('one_user', 'one_user', ", time_column => 'at', $small");
create_model('limited', 'one_user', ", time_column => 'at', options => '{\"factors\": 8, \"iterations\": 1, \"history_limit\": 1000}'");
create_model('one_item', 'one_item', '', 'popular');
create_model('bigints', 'bigints', '', 'popular');
create_model('texts', 'texts', ", $small");
watch('train: one cell', 2000000, "SELECT FROM recsys.train('copies')");
watch('train: one user', 3000000, "SELECT FROM recsys.train('one_user')");
watch('train: one item', 1000000, "SELECT FROM recsys.train('one_item')");
watch('train: history_limit', 1000000, "SELECT FROM recsys.train('limited')");
watch('train: bigint ids', 1000000, "SELECT FROM recsys.train('bigints')");
create_model('choosing', 'many_users', ", feedback => 'implicit', options => '{\"iterations\": 2}'", 'auto');
watch('train: choosing', 300000, "SELECT FROM recsys.train('choosing')");
watch('train: text ids', 500000, "SELECT FROM recsys.train('texts')");

# A refresh of what was trained on few rows, to many more: all of them are read again by each.
create_model('refreshed', 'bigints', ", feedback => 'implicit', $small");
create_model('grown', 'many_items', ", $small");
$node->safe_psql('postgres', "SET t.rows = 5000; SELECT FROM recsys.train('refreshed'); SELECT FROM recsys.train('grown')");
watch('refresh: new users', 500000, "SELECT FROM recsys.refresh('refreshed', deploy => false)");
watch('refresh: new items', 500000, "SELECT FROM recsys.refresh('grown', deploy => false)");

# ---- serving -----------------------------------------------------------------------

create_model('many_items', 'many_items', ", $small");
$node->safe_psql('postgres', "SET t.rows = 10000; SELECT FROM recsys.train('one_user'); SELECT FROM recsys.train('limited')");
$node->safe_psql('postgres', "SET t.rows = 300000; SELECT FROM recsys.train('many_items')");
$node->safe_psql('postgres', 'CREATE TABLE test AS SELECT g % 10 AS user_id, g AS item_id, 3 AS rating FROM generate_series(1, 300000) AS g');

my $room = "SET recsys.serving_memory = '1GB'";
watch('recommend: fold-in', 1000000, "SELECT count(*) FROM recsys.recommend('one_user', 1, 10)", $room);
watch('recommend: history_limit', 1000000, "SELECT count(*) FROM recsys.recommend('limited', 1, 10)", $room);
watch('recommend: image, long list', 100, "SELECT count(*) FROM recsys.recommend('many_items', 1, 300000)");
watch('evaluate: long lists', 30000, "SELECT count(*) FROM recsys.evaluate('many_items', 'test', ARRAY(SELECT 10000 * g FROM generate_series(1, 30) AS g))");

# Where item vectors fit nowhere, all rows of the factor table are read, sorted first if need be.
my $collation = $node->safe_psql('postgres', "SELECT max(collname) FROM pg_collation WHERE collname IN ('C', 'und-x-icu')");
$node->safe_psql('postgres', "CREATE VIEW text_items AS SELECT g % 1000 AS user_id, md5(g::text) COLLATE \"$collation\" AS item_id, 1 + g % 5 AS rating FROM generate_series(1, n()) AS g");
create_model('text_items', 'text_items', ", feedback => 'implicit', $small");
$node->safe_psql('postgres', "SET t.rows = 300000; SELECT FROM recsys.train('text_items'); ALTER SYSTEM SET recsys.cache_size = 0; SELECT pg_reload_conf()");
my $nowhere = 'SET recsys.local_cache_size = 0';
watch('recommend: not kept, long list', 100, "SELECT count(*) FROM recsys.recommend('many_items', 1, 300000)", $nowhere);
watch('recommend: not kept, sorted', 100, "SELECT count(*) FROM recsys.recommend_text('text_items', 1, 10)", $nowhere);
watch('predict: not kept', 100, "SELECT count(recsys.predict('many_items', 1, i)) FROM generate_series(1, 100000) AS i", $nowhere);
$node->safe_psql('postgres', 'ALTER SYSTEM RESET recsys.cache_size; SELECT pg_reload_conf()');

# ---- all users ---------------------------------------------------------------------

create_model('many_users', 'many_users', ", options => '{\"factors\": 32, \"iterations\": 1}'");
$node->safe_psql('postgres', "SET t.rows = 100000; SELECT FROM recsys.train('many_users')");
watch('recommend_all: one user', 2000000, "SELECT count(*) FROM recsys.recommend_all('one_user')");
watch('recommend_all: history_limit', 1000000, "SELECT count(*) FROM recsys.recommend_all('limited')");
watch('recommend_all: many users', 1000000, "SELECT count(*) FROM recsys.recommend_all('many_users')");
watch('recommend_all: long lists', 100, "SELECT count(*) FROM recsys.recommend_all('many_items', 20000)");
watch('recommend_users', 1000000, "SELECT count(*) FROM recsys.recommend_users('many_users', 1)");

$node->safe_psql('postgres', "CREATE VIEW shown AS SELECT g AS item_id FROM generate_series(-n(), 0) AS g; SELECT recsys.alter_model('many_items', catalog => 'shown')");
watch('popular: a long catalogue', 3000000, "SELECT count(*) FROM recsys.popular('many_items')");
watch('cast: long numbers', 100, "SELECT array_fill(('0.' || repeat('7', 16000))::numeric, ARRAY[16000])::recsys.recvec");

# ---- the state afterwards ---------------------------------------------------------------

is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress'), 0, 'no training is shown');
is($node->safe_psql('postgres', 'SET t.rows = 10000; SELECT count(*) FROM recsys.recommend(\'one_user\', 1, 10)'), 0, 'the models still answer');
diag("the longest took $longest ms");
$node->stop;
done_testing();
