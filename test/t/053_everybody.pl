# Answers for all users at once: what others see of them, on a standby, without enough
# memory or room on disk, and of views that call them in turn.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('everybody', preload => 1, init => [ allows_streaming => 1 ]);
create_gate($node);
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings (user_id int, item_id int, rating real);
INSERT INTO ratings SELECT u, 1 + (u * 31 + n * n * 7) % 500, 1 + (u * n) % 5
FROM generate_series(1, 9000) AS u, generate_series(1, 12) AS n;
CREATE INDEX ON ratings (user_id);
SELECT recsys.create_model('m', 'ratings', options => '{"factors": 16, "iterations": 3}', algorithm => 'als');
SELECT FROM recsys.train('m');
CREATE TABLE kept AS SELECT * FROM recsys.recommend_all('m');

CREATE VIEW gated AS SELECT * FROM ratings WHERE public.gate(1, user_id = 9000);
SELECT recsys.create_model('gated', 'gated', options => '{"factors": 4, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('gated');
SQL

# ---- news -----------------------------------------------------------------------

my ($rc, $out, $err) = $node->psql('postgres',
	"SET recsys.log_progress = on; SET client_min_messages = notice; SELECT count(*), count(DISTINCT user_id) FROM recsys.recommend_all('m', 3)");
is($out, '27000|9000', 'all users have their lists');
is(join(' ', $err =~ /NOTICE:  model "m": (\w+)/g), 'reading preparing needs answering', 'the session hears of each phase');
my ($needed) = $err =~ /needs (\d+) MB/;

my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(1)');
my $asking = $node->background_psql('postgres');
$asking->query_until(qr/asked/, "\\echo asked\nSELECT count(*) FROM recsys.recommend_all('gated');\n");
ok( poll_until(
		sub {
			return $node->safe_psql('postgres', 'SELECT model, phase, user_name = current_user, iterations, loss IS NULL FROM recsys.training_progress') eq
			  'gated|reading|t|0|t';
		}),
	'others see it');
$lock->query_safe('SELECT pg_advisory_unlock(1)');
$asking->query_safe('SELECT 1');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress'), 0, 'and that it is over');
$lock->quit;
$asking->quit;

# what a view starts while it is read is not told, and the rest is
$node->safe_psql('postgres', <<'SQL');
CREATE VIEW nested AS SELECT user_id::int, item_id::int, rank::real AS rating FROM recsys.recommend_all('m', 3);
SELECT recsys.create_model('nested', 'nested', options => '{"factors": 4, "iterations": 1}', algorithm => 'als');
SELECT FROM recsys.train('nested');
SQL
($rc, $out, $err) = $node->psql('postgres',
	"SET recsys.log_progress = on; SET client_min_messages = notice; SELECT count(*) FROM recsys.recommend_all('nested', 1)");
is($out, 9000, 'a view may ask for all users in turn');
my @told = $err =~ /NOTICE:  model "(\w+)": (\w+)/g;
is("@told", 'nested reading nested preparing nested needs nested answering', 'the outer run is told of, to its end');

# ---- what it takes ----------------------------------------------------------------

cmp_ok($needed, '>', 1, 'memory is counted');
my $limit = $needed - 1;
($rc, $out, $err) = $node->psql('postgres', "SET recsys.training_memory = '${limit}MB'; SELECT count(*) FROM recsys.recommend_all('m', 3)");
like($err, qr/ERROR:  answering for all users of model "m" needs $needed MB, but "recsys.training_memory" is $limit MB\nHINT:  Raise/,
	'with less it is refused, with the number');

# the result does not fit on disk: the error arises while threads compute
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query("SET work_mem = '64kB'; SET temp_file_limit = '1MB'");
$session->query("SELECT count(*) FROM recsys.recommend_all('m', 10)");
like($session->{stderr}, qr/ERROR:  temporary file size exceeds/, 'an error while rows are handed out is raised');
$session->{stderr} = '';
$session->query('RESET temp_file_limit');
is($session->query("SELECT count(*) FROM recsys.recommend_all('m', 10)"), 90000, 'and the session can ask again');
is($session->query('SELECT count(*) FROM recsys.training_progress'), 0, 'no run is shown');
$session->quit;

# ---- a standby ----------------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is( $standby->safe_psql('postgres',
		"SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM (SELECT * FROM recsys.recommend_all('m') EXCEPT ALL SELECT * FROM kept) AS d)"),
	'90000|0', 'a standby gives the same lists');
is($standby->safe_psql('postgres', "SELECT count(*) FROM recsys.recommend_users('m', 7, 5)"), 5, 'users for an item');
is($standby->safe_psql('postgres', "SELECT count(*) FROM recsys.similar_users('m', 7, 5)"), 5, 'users like a user');

$standby->stop;
$node->stop;
done_testing();
