# Item images in shared memory: one copy for all sessions, of the versions that can be
# asked, and none that an interrupted or killed session leaves behind.  Where they fit
# nowhere, answers are read from the factor table, and no call builds one.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('images', preload => 1, conf => "restart_after_crash = on\nautovacuum = off\n");

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE events (user_id int, item_id int);
INSERT INTO events SELECT u, (u * 7 + i * i) % 50 FROM generate_series(1, 60) AS u, generate_series(1, 8) AS i;
CREATE INDEX ON events (user_id);
SELECT recsys.create_model('m', 'events', feedback => 'implicit', options => '{"factors": 4, "keep_versions": 1}', algorithm => 'als');
SELECT FROM recsys.train('m');
SQL
my $answer = 'SELECT string_agg(r::text, \' \' ORDER BY rank) FROM recsys.recommend(\'m\', 7, 3) AS r';

sub status
{
	my ($columns, $database) = @_;
	return $node->safe_psql($database || 'postgres', "SELECT $columns FROM recsys.cache_status ORDER BY model, version, shared");
}

# ---- one copy ----------------------------------------------------------------------

my $first = $node->background_psql('postgres');
my $second = $node->background_psql('postgres');
is($first->query_safe($answer), $second->query_safe($answer), 'two sessions, one answer');
is(status('model, version, shared, complete, sessions, uses'), 'm|1|t|t|2|2', 'one image, which both have attached');
is($node->safe_psql('postgres', "SELECT bytes = (SELECT bytes FROM recsys.cache_status) AND seconds < 60 FROM recsys.prewarm('m')"), 't', 'prewarm finds it');
$second->quit;
ok(poll_until(sub { status('sessions') eq '1' }), 'a session that ends detaches it');

# ---- versions that are gone -----------------------------------------------------------

my $old = $node->background_psql('postgres');
my $then = $old->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $answer");
foreach my $round (1 .. 3)
{
	$node->safe_psql('postgres', "SELECT FROM recsys.train('m', '{\"seed\": $round}')");
	$node->safe_psql('postgres', $answer);
}
is($old->query_safe($answer), $then, 'an old snapshot is answered from its version');
like(status('version'), qr/^1\n/, 'whose image stays as long as a snapshot shows it');
$old->quit;
$first->query_safe($answer);
$node->safe_psql('postgres', "SELECT FROM recsys.train('m')");
$node->safe_psql('postgres', "VACUUM recsys.model_version");
$first->query_safe($answer);
is(status('version, sessions'), '5|1', 'later only the version that is left has one');

# ---- databases ---------------------------------------------------------------------------

my $here = $first->query_safe($answer);
$first->quit;
$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE postgres');
is($node->safe_psql('other', $answer), $here, 'another database answers by its own image');
is(status('version', 'other') . status('version'), '55', 'each database sees its own');
$node->safe_psql('postgres', 'DROP DATABASE other');
is($node->safe_psql('postgres', "SELECT FROM recsys.train('m'); $answer; SELECT count(*) FROM recsys.cache_images()") =~ /\n1$/ ? 1 : 0, 1,
	'one image after a training and a dropped database');

# ---- a rolled back training ----------------------------------------------------------------

$node->safe_psql('postgres', "BEGIN; SELECT FROM recsys.train('m', '{\"seed\": 9}'); $answer; ROLLBACK");
is($node->safe_psql('postgres', "$answer; SELECT version FROM recsys.cache_status") =~ /\n6$/ ? 1 : 0, 1, 'it left no image to see');

# ---- rows that the owner changes by hand and takes back -------------------------------------

$node->safe_psql('postgres', "SELECT version FROM recsys.train('m', '{\"seed\": 11}')");
my $changed = $node->safe_psql('postgres', "BEGIN; SAVEPOINT s; UPDATE recsys_data.m_item_factors SET factors = factors OPERATOR(recsys.*) '[-1,-1,-1,-1]' WHERE item_id % 2 = 0; $answer; ROLLBACK TO s; $answer; COMMIT; $answer");
my @answers = split /\n/, $changed;
isnt($answers[0], $answers[1], 'a change of factors by hand is seen in its subtransaction');
is($answers[2], $answers[1], 'and nowhere else');
is($node->safe_psql('postgres', $answer), $answers[1], 'nor by another session');

# ---- interrupted and killed while making one ------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE many AS SELECT 1 + n % 500 AS user_id, n AS item_id FROM generate_series(1, 60000) AS n;
CREATE INDEX ON many (user_id);
SELECT recsys.create_model('many', 'many', feedback => 'implicit', options => '{"factors": 64, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('many');
SQL
my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = '2ms'; SELECT FROM recsys.prewarm('many')");
like($err, qr/canceling statement due to statement timeout/, 'making an image is cancelled');
is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.cache_status WHERE model = 'many'"), 0, 'nothing is left of it');
is($node->safe_psql('postgres', "SELECT bytes > 0 FROM recsys.prewarm('many')"), 't', 'the next session makes it');

foreach my $kill (1 .. 3)
{
	$node->safe_psql('postgres', "SELECT FROM recsys.train('many', '{\"seed\": $kill}')");
	my $victim = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = backend_pid($victim);

	$victim->query_until(qr/begun/, "\\echo begun\nSELECT FROM recsys.prewarm('many');\n");
	poll_until(sub { $node->safe_psql('postgres', "SELECT count(*) FROM recsys.cache_images() WHERE version = $kill + 1") });
	my $log = -s $node->logfile;
	kill 'KILL', $pid;
	# the server may answer until it learns of the death, so its log must tell
	ok(poll_until(sub { slurp_file($node->logfile, $log) =~ /all server processes terminated; reinitializing.*database system is ready to accept connections/s }),
		"killed while making or after: the server is back ($kill)");
	eval { $victim->quit };
	ok(poll_until(sub { $node->safe_psql('postgres', 'SELECT bool_and(complete) FROM recsys.cache_images()') ne 'f' }), "without an image that nobody makes ($kill)");
	is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.recommend('many', 7, 3)"), 3, "and answers ($kill)");
}

# ---- no room ------------------------------------------------------------------------------

my $many = "SELECT string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend('many', 7, 3) AS r";
my $shared = $node->safe_psql('postgres', $answer);
my $shared_many = $node->safe_psql('postgres', $many);

# The most that the address space of a process has been, in kB.
sub peak { return slurp_file("/proc/$_[0]/status") =~ /^VmPeak:\s+(\d+)/m ? $1 : 0; }

foreach my $size ('0', '64kB')
{
	$node->append_conf('postgresql.conf', "recsys.cache_size = $size\n");
	$node->restart;
	is($node->safe_psql('postgres', "SELECT count(*) FROM recsys.recommend('many', 7, 3); SELECT shared, bytes > 0 FROM recsys.cache_status WHERE model = 'many'"),
		"3\nf|t", "cache_size $size: a session has an image of its own");
	is($node->safe_psql('postgres', $answer), $shared, "cache_size $size: the same answer");

	# neither here nor there
	my $session = $node->background_psql('postgres');
	my $pid = backend_pid($session);
	my $began = -r "/proc/$pid/status" ? peak($pid) : 0;
	my $is_shared = $size eq '0' ? 'f' : 't';
	my $held = "SELECT kept, shared, complete, bytes < 64 * 1024, needed > 16 * 1024 * 1024 FROM recsys.cache_status WHERE model = 'many'";

	$session->query_safe('SET recsys.local_cache_size = 0; SET plan_cache_mode = force_generic_plan');
	is($session->query_safe($many), $shared_many, "cache_size $size: the same answer from the factor table");
	is($session->query_safe($held), "f|$is_shared|t|t|t", "cache_size $size: what all items tell is kept, and how large they are");
	my $since = $session->query_safe("SELECT since FROM recsys.cache_status WHERE model = 'many'");
	foreach my $n (1 .. 3)
	{
		$session->query_safe("$many; SELECT count(*) FROM recsys.similar_items('many', $n); SELECT count(*) FROM recsys.popular('many')");
	}
	is($session->query_safe("SELECT since FROM recsys.cache_status WHERE model = 'many'"), $since, "cache_size $size: made once");
	my $plan = $session->query_safe("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT recsys.predict('many', 7, i * 5000) FROM generate_series(1, 10) AS i");
	my $blocks = 0;
	$blocks += $_ foreach $plan =~ /(?:hit|read)=(\d+)/g;
	like($plan, qr/Buffers: shared hit/, "cache_size $size: blocks are counted");
	cmp_ok($blocks, '<', $node->safe_psql('postgres', "SELECT pg_relation_size('recsys_data.many_item_factors') / 8192 / 2"),
		"cache_size $size: predict looks rows up, and scans none");
	cmp_ok(peak($pid) - $began, '<', 12 * 1024, "cache_size $size: nothing as large as all items was in memory") if $began > 0;
	like(($node->psql('postgres', "SET recsys.local_cache_size = 0; SELECT FROM recsys.prewarm('many')"))[2],
		qr/WARNING:  the item vectors of version 4 of model "many" cannot be kept in memory/, "cache_size $size: prewarm says so");

	# room at last
	$node->append_conf('postgresql.conf', "recsys.cache_size = 1GB\n");
	$node->reload;
	ok(poll_until(sub { $session->query_safe("$many; SELECT string_agg(kept::text, ' ') FROM recsys.cache_status WHERE model = 'many'") =~ /\ntrue$/ }),
		"cache_size $size: they are kept once there is room");
	is($session->query_safe($many), $shared_many, "cache_size $size: the same answer again");
	$session->quit;
}

# the system has no room: files may not grow beyond a limit that the image exceeds
SKIP:
{
	my $small = recsys_node('small', preload => 1, init => [ extra => [ '--wal-segsize=1' ] ], start => 0);

	$small->append_conf('postgresql.conf', "autovacuum = off\nmin_wal_size = 2MB\nmax_wal_size = 64MB\n");
	$small->start;
	$small->safe_psql('postgres', <<'SQL');
CREATE EXTENSION recsys;
CREATE TABLE many AS SELECT 1 + n % 500 AS user_id, n AS item_id FROM generate_series(1, 60000) AS n;
CREATE INDEX ON many (user_id);
SELECT recsys.create_model('many', 'many', feedback => 'implicit', options => '{"factors": 2, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('many');
SQL
	$small->stop;
	my $limited = "ulimit -f 4096; exec \"\$@\"";
	my $started = system('bash', '-c', $limited, 'bash', 'pg_ctl', '-D', $small->data_dir, '-l', $small->logfile, '-w', '-o', '--cluster-name=small', 'start') == 0;
	skip 'this system limits no files', 3 if !$started;
	$small->_update_pid(1);
	is($small->safe_psql('postgres', "SELECT count(*) FROM recsys.recommend('many', 7, 3); SELECT shared, bytes > 4096 * 1024 FROM recsys.cache_status"),
		"3\nf|t", 'no room in the system: a session has an image of its own');
	is($small->safe_psql('postgres', "SET recsys.local_cache_size = 0; SELECT count(*) FROM recsys.recommend('many', 7, 3); SELECT kept, shared, needed > 4096 * 1024 FROM recsys.cache_status"),
		"3\nf|t|t", 'or reads its rows');
	is($small->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"), 1, 'and nobody waits');
	$small->stop;
}

# ---- without preloading -------------------------------------------------------------------

my $plain = recsys_node('plain');
$plain->safe_psql('postgres', "CREATE TABLE e AS SELECT u AS user_id, (u + i) % 9 AS item_id FROM generate_series(1, 9) AS u, generate_series(1, 4) AS i; CREATE INDEX ON e (user_id);
SELECT recsys.create_model('e', 'e', feedback => 'implicit', options => '{\"factors\": 2}', algorithm => 'als'); SELECT FROM recsys.train('e')");
my ($major) = $plain->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d\d)/;
is($plain->safe_psql('postgres', "SELECT count(*) FROM recsys.recommend('e', 1, 2); SELECT shared FROM recsys.cache_status"),
	$major >= 17 ? "2\nt" : "2\nf", 'without preloading images are shared from 17 on');
$plain->stop;
$node->stop;
done_testing();
