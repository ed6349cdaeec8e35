# A training stops when it is told to, lets others work, and leaves nothing behind:
# cancel, statement_timeout, terminate, a client that goes away, DROP DATABASE of
# another database, fast stop, death of the postmaster.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use TrainTest;

my $node = recsys_node('interrupt', preload => 1);
create_long_model($node);
my $state = model_state($node);
my $answers = answers($node);
# later than where the solver may begin anew
my $iterating = "phase = 'iterating' AND iteration >= 3";

# After each interruption: nothing changed, and no training is shown.
sub unchanged
{
	my ($name) = @_;

	ok( poll_until(
			sub {
				return $node->safe_psql('postgres',
					'SELECT count(*) = 0 FROM recsys.training_progress') eq 't';
			}),
		"$name: no training is shown");
	is(model_state($node), $state, "$name: nothing changed");
	is(answers($node), $answers, "$name: the same answers");
	return;
}

sub still_training
{
	return $node->safe_psql('postgres', "SELECT count(*) FROM recsys.training_progress WHERE $iterating");
}

# ---- what others see ------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE reader LOGIN; CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION recsys');
my $training = start_training($node);
my $pid = wait_phase($node, $iterating);
ok($pid, 'a training is seen') or BAIL_OUT('a training was not seen');
# where the solver begins anew there is no loss for a moment
ok( poll_until(
		sub {
			return $node->safe_psql('postgres', "SELECT model, user_name = current_user, rows_read, iterations, rows_total > 0, loss > 0, started_at < clock_timestamp() FROM recsys.training_progress") eq
			  'm|t|60000|1000|t|t|t';
		}),
	'with its figures');
my $iteration = $node->safe_psql('postgres', 'SELECT iteration FROM recsys.training_progress');
ok(wait_phase($node, "iteration > $iteration + 2"), 'and advances');
is($node->safe_psql('other', 'SELECT count(*) FROM recsys.training_progress'), 0, 'but not from another database');
my @as_reader = (extra_params => [ '-U', 'reader' ]);
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress', @as_reader), 0, 'nor by a role without a right on the model');
$node->safe_psql('postgres', 'GRANT SELECT ON recsys_data.m TO reader');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress', @as_reader), 1, 'with the right it is');
is(answers($node), $answers, 'the old version serves meanwhile');

# ---- what others wait for -------------------------------------------------------

my $log = -s $node->logfile;
$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
ok( poll_until(sub { return slurp_file($node->logfile, $log) =~ /recsys train/ }),
	'its memory contexts can be logged');
$node->safe_psql('postgres', 'DROP DATABASE other');
is(still_training(), 1, 'another database can be dropped while it trains');

# ---- cancel, time-out, terminate ------------------------------------------------

$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like(end_training($training), qr/ERROR:  57014: canceling statement due to user request/, 'cancel');
unchanged('cancel');

$training = start_training($node, before => "SET statement_timeout = '1s'",
	after => [
		'-c', 'RESET statement_timeout',
		'-c', "SELECT 'trainings shown: ' || count(*) FROM recsys.training_progress",
		'-c', "BEGIN; SELECT 'version ' || version FROM recsys.train('m', '{\"iterations\": 1}'); ROLLBACK"
	]);
my $said = end_training($training);
like($said, qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout');
like($said, qr/trainings shown: 0/, 'statement_timeout: its progress is cleared while the session lives on');
like($said, qr/version 2/, 'statement_timeout: the session can train again');
unchanged('statement_timeout');

$training = start_training($node);
$pid = wait_phase($node, $iterating);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
like(end_training($training), qr/FATAL:  57P01: terminating connection due to administrator command/, 'terminate');
unchanged('terminate');

# in a block that catches every error but these
$training = start_training($node, before =>
	  "DO \$\$ BEGIN PERFORM recsys.train('m', '{\"iterations\": 1000}'); EXCEPTION WHEN OTHERS THEN RAISE WARNING 'caught'; END \$\$",
	iterations => 2, after => [ '-c', 'ROLLBACK' ]);
$pid = wait_phase($node, $iterating);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
unlike(end_training($training), qr/caught/, 'terminate in an exception block');
unchanged('terminate in an exception block');

# while rows are written
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(2)');
$training = start_training($node, iterations => 2);
$pid = wait_phase($node, "phase = 'publishing'");
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like(end_training($training), qr/ERROR:  57014/, 'cancel while publishing');
unchanged('cancel while publishing');
$gate->query_safe('SELECT pg_advisory_unlock(2)');
$gate->quit;

# ---- a client that goes away ----------------------------------------------------

$training = start_training($node, before => "SET client_connection_check_interval = '50ms'");
$pid = wait_phase($node, $iterating);
$training->{run}->signal('KILL');
ok(poll_until(sub { return !kill(0, $pid) }), 'a lost client ends the training');
eval { IPC::Run::finish($training->{run}); };
unchanged('lost client');

# ---- the server stops -----------------------------------------------------------

$training = start_training($node);
ok(wait_phase($node, $iterating), 'training before a fast stop');
$node->stop('fast');
like(end_training($training), qr/FATAL:  57P01: terminating connection due to administrator command/, 'fast stop');
$node->start;
unchanged('fast stop');

$training = start_training($node);
$pid = wait_phase($node, $iterating);
ok($pid, 'training before the postmaster dies');
$node->kill9;
ok(poll_until(sub { return !kill(0, $pid) }), 'the training ends with the postmaster');
end_training($training);
$node->start;
unchanged('death of the postmaster');

is(train_once($node), 2, 'the next training succeeds');
$node->stop;
done_testing();
