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

# ---- trials ---------------------------------------------------------------------------

# Options that need a trial beyond the limit are not tried; a training that needs less is done.
$node->safe_psql('postgres', <<'SQL');
SELECT recsys.create_model('i', 'ratings', feedback => 'implicit', options => '{"iterations": 1}', algorithm => 'als');
SELECT recsys.create_model('auto', 'ratings', feedback => 'implicit', options => '{"iterations": 1, "weights": {"als": 1}}');
SELECT recsys.create_model('sum', 'ratings', feedback => 'implicit', options => '{"iterations": 1, "factors": 64, "regularization": 0.006, "weights": {"als": 0.8, "item": 0.2}}');
SQL
sub train
{
	my ($model, $mb) = @_;
	my $run = $node->background_psql('postgres');
	my $process = backend_pid($run);

	$run->query_safe("SET recsys.log_progress = on; SET client_min_messages = notice; SET recsys.training_memory = '${mb}MB'");
	$run->query("SELECT version FROM recsys.train('few')");
	my $held = status_mb($process, 'VmRSS');
	$run->{stderr} = '';
	$run->query("SELECT version FROM recsys.train('$model')");
	my $peak = status_mb($process, 'VmHWM') - $held;
	my $told = $run->{stderr};
	$run->quit;
	return ($peak, $told);
}

sub choice
{
	my ($expression) = @_;

	return $node->safe_psql('postgres', "SELECT $expression FROM recsys.model_versions WHERE model = 'auto' ORDER BY version DESC LIMIT 1");
}

my ($peak, $told) = train('i', 4096);
my ($alone) = $told =~ /model "i": needs (\d+) MB/;
($peak, $told) = train('auto', $alone + 1);
like(choice("choice ->> 'reason'"), qr/recsys.training_memory is too small/, 'without room for trials the defaults are taken');
is(choice("options ->> 'factors'"), 64, 'all of them');
cmp_ok($peak, '<=', 1.1 * ($alone + 1), 'within the limit');
$limit = int(1.7 * $alone);
($peak, $told) = train('auto', $limit);
like($told, qr/model "auto": choosing/, 'a training tells that it chooses');
is(choice("choice ->> 'reason' IS NULL AND choice -> 'lists' -> 'left_out' @> '[{\"reason\": \"memory\"}]'"), 't', 'with some room some candidates are left out');
note(sprintf 'alone %d MB, limit %d MB, seen %.1f MB', $alone, $limit, $peak);
cmp_ok($peak, '<=', 1.1 * $limit, 'within the limit, too');

# The item part is counted with the dense one, before either is taken.
($peak, $told) = train('sum', 4096);
my $needs = (sort { $b <=> $a } $told =~ /model "sum": needs (\d+) MB/g)[0];
# now a trial of both parts has no room, the training has
($peak, $told) = train('sum', $needs + 1);
note(sprintf 'counted %d MB, seen %.1f MB', $needs, $peak);
cmp_ok($peak, '<=', 1.1 * $needs, 'an item part is within what was counted');
my ($first) = $told =~ /model "sum": needs (\d+) MB/;
cmp_ok($first, '>', $alone, 'and it is counted at the beginning');

$node->stop;
done_testing();
