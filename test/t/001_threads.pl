# Threads stay in training: the postmaster and a serving backend have one thread and
# no solver, and a backend that has trained is back at one thread.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use RecsysTest;

plan skip_all => 'no /proc to look at' unless -r "/proc/$$/maps";

sub threads
{
	my ($pid) = @_;

	opendir(my $dir, "/proc/$pid/task") or die "process $pid: $!";
	return scalar grep { /^\d+$/ } readdir $dir;
}

# The libraries among the mapped files whose name matches.
sub mapped
{
	my ($pid, $pattern) = @_;
	my %found;

	foreach my $line (split /\n/, slurp_file("/proc/$pid/maps"))
	{
		$found{$1} = 1 if $line =~ m{/([^/\s]*$pattern[^/\s]*)$};
	}
	return join ' ', sort keys %found;
}

my $node = recsys_node('threads', preload => 1);
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];

is(mapped($postmaster, 'recsys'), 'recsys.so', 'the postmaster has preloaded recsys alone');
is(threads($postmaster), 1, 'the postmaster has one thread');

my $trainer = $node->background_psql('postgres');
my $trainer_pid = backend_pid($trainer);
$trainer->query_safe(q{
	CREATE TABLE ratings (user_id int, item_id int, rating real);
	INSERT INTO ratings SELECT u, i, 1 + (u + i) % 5
	FROM generate_series(1, 60) u, generate_series(1, 40) i WHERE (u + i) % 3 <> 0;
	CREATE INDEX ON ratings (user_id);
	SELECT recsys.create_model('m', 'ratings', options => '{"factors": 8}', algorithm => 'als');
	SET recsys.training_threads = 3;
	SELECT * FROM recsys.train('m')});
like(mapped($trainer_pid, 'recsys'), qr/recsys_solver\.so/, 'who trains has the solver');
is(threads($trainer_pid), 1, 'no thread is left after the training');

my $server = $node->background_psql('postgres');
my $server_pid = backend_pid($server);
my $rows = $server->query_safe(q{
	SELECT count(*) FROM recsys.recommend('m', 1, k => 5);
	SELECT count(*) FROM recsys.recommend('m', 999, k => 5);
	SELECT recsys.predict('m', 1, 2) IS NOT NULL});
like($rows, qr/^5\s+5\s+t\s*$/, 'the serving backend has served');
is(mapped($server_pid, 'recsys'), 'recsys.so', 'a serving backend has recsys alone');
is(threads($server_pid), 1, 'a serving backend has one thread');

$trainer->quit;
$server->quit;
done_testing();
