# Twenty kill -9 of a training backend, at points all over the run: the old version
# goes on serving, nothing half-written is left, and the next training succeeds.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use TrainTest;

my $node = recsys_node('kill', preload => 1,
	conf => "restart_after_crash = on\nautovacuum = off\n");
create_long_model($node);

# Where the backend is to be killed: gate 1 holds it in the middle of reading, gate 2
# in the middle of writing rows; otherwise it is caught after so many iterations.
my @points = (
	(map { { gate => 1, condition => "phase = 'reading'" } } 1 .. 4),
	(map { { condition => "phase = 'iterating' AND iteration >= $_" } }
		  (0, 0, 1, 1, 2, 3, 5, 8, 13, 21)),
	(map { { gate => 2, condition => "phase = 'publishing'", iterations => 2 } } 1 .. 6));

my $state = model_state($node);
my $answers = answers($node);
like($state, qr/^active 1, versions 1:2000:700, users 1:2000, items 1:700,/, 'one version to begin with');

foreach my $point (@points)
{
	my $name = $point->{condition};
	my $gate;

	if ($point->{gate})
	{
		$gate = $node->background_psql('postgres', on_error_stop => 0);
		$gate->query_safe("SELECT pg_advisory_lock($point->{gate})");
	}
	my $training = start_training($node, iterations => $point->{iterations});
	my $pid = wait_phase($node, $point->{condition});
	if ($gate)
	{
		$pid = poll_until(
			sub {
				return $node->safe_psql('postgres',
					"SELECT pid FROM pg_stat_activity WHERE application_name = 'trainer' AND wait_event_type = 'Lock' AND wait_event = 'advisory'");
			});
	}
	ok($pid, "caught: $name") or BAIL_OUT('a training was not seen');
	my $log = -s $node->logfile;
	kill 'KILL', $pid;
	like(end_training($training), qr/server closed the connection unexpectedly|terminating connection because of crash/,
		"its session ended: $name");
	if ($gate)
	{
		# its server process is gone with the crash
		eval { $gate->quit; };
	}
	# the server may answer until it learns of the death, so its log must tell
	ok( poll_until(
			sub {
				return slurp_file($node->logfile, $log) =~
				  /all server processes terminated; reinitializing.*database system is ready to accept connections/s;
			}),
		"the server is back: $name");
	is(model_state($node), $state, "nothing changed: $name");
	is(answers($node), $answers, "the same answers: $name");
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress'), 0, 'no training is shown');
is(train_once($node), 2, 'the next training succeeds');
like(model_state($node), qr/^active 2, versions 1:2000:700 2:2000:700, users 1:2000 2:2000, items 1:700 2:700,/, 'and is whole');
$node->stop;
done_testing();
