# What a training says it needs is what it takes, and less is refused before it computes.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use RecsysTest;

plan skip_all => 'no /proc to look at' unless -r "/proc/$$/status";

# little shared memory, so that the process's peak is what training allocates
my $node = recsys_node('memory', conf => "shared_buffers = '2MB'\nmax_parallel_workers_per_gather = 0\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings (user_id bigint, item_id bigint, rating real);
INSERT INTO ratings
SELECT 1 + hashint8(n) & 16383, 1 + hashint8(n * 7 + 1) & 4095, 1 + n % 5 FROM generate_series(1, 3000000) AS n;
CREATE VIEW few AS SELECT * FROM ratings LIMIT 1000;
SELECT recsys.create_model('m', 'ratings', options => '{"factors": 64, "iterations": 1}', algorithm => 'als');
SELECT recsys.create_model('few', 'few', options => '{"factors": 4, "iterations": 1}', algorithm => 'als');
SQL

sub status_mb
{
	my ($pid, $field) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^$field:\s+(\d+) kB/m;

	return $kb / 1024;
}

my $session = $node->background_psql('postgres');
my $pid = backend_pid($session);
$session->query_safe("SET recsys.log_progress = on; SET client_min_messages = notice");
# what every session takes that trains, whatever the size
$session->query("SELECT version FROM recsys.train('few')");
my $before = status_mb($pid, 'VmRSS');
my $out = $session->query("SELECT version FROM recsys.train('m')");
my ($planned) = $session->{stderr} =~ /model "m": needs (\d+) MB/;
my $seen = status_mb($pid, 'VmHWM') - $before;
ok($planned, 'training tells what it needs') || diag($session->{stderr});
note(sprintf 'planned %d MB, seen %.1f MB', $planned, $seen);
cmp_ok(abs($planned - $seen), '<=', 0.1 * $seen, 'and takes that, within a tenth');
$session->quit;

my $limit = int($planned * 0.8);
my ($rc, $stdout, $stderr) = $node->psql('postgres', "SET recsys.training_memory = '${limit}MB'; SELECT recsys.train('m')");
like($stderr, qr/ERROR:  training model "m" needs $planned MB, but "recsys.training_memory" is $limit MB/, 'less is refused, with the number');
is($node->safe_psql('postgres', "SELECT active_version FROM recsys.models WHERE model = 'm'"), '1', 'and leaves the version that serves');

$node->stop;
done_testing();
