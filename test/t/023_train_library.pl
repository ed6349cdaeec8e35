# Training without shared_preload_libraries, without the solver's library, on a
# standby.

use strict;
use warnings;

use File::Basename;
use File::Copy;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use TrainTest;

# ---- not preloaded ----------------------------------------------------------------

my $node = recsys_node('plain', init => [ allows_streaming => 1 ]);
create_long_model($node);
like(model_state($node), qr/^active 1, versions 1:2000:700,/, 'training works without preloading');
my $training = start_training($node, before => 'SET recsys.log_progress = on');
ok( poll_until(
		sub {
			$training->{run}->pump_nb;
			return $training->{err} =~ /iteration [0-9]+ of 1000/;
		}),
	'whoever asks is told');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.training_progress'), 0, 'others see nothing');
my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'trainer'");
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like(end_training($training), qr/ERROR:  57014: canceling statement due to user request/, 'cancel works as well');

# ---- on a standby -----------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $version = train_once($node);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(model_state($standby), model_state($node), 'a standby has the new version');
is(answers($standby), answers($node), 'and gives the same answers');
foreach my $call ("train('m')", "deploy('m', 1)", "rollback('m')")
{
	my ($rc, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT recsys.$call");

	like($err, qr/ERROR:  25006: cannot execute recsys\.\w+\(\) during recovery/, "$call is refused on a standby");
}
$standby->stop;

# ---- without the solver's library -------------------------------------------------

my $lib = PostgreSQL::Test::Utils::tempdir;
# Nothing but this directory is searched, so that a solver that is installed is not found.
# From 18 on the server's own libraries are searched for there, too.
chomp(my $pkglibdir = `@{[ $ENV{PG_CONFIG} || 'pg_config' ]} --pkglibdir`);
symlink($_, "$lib/" . basename($_)) foreach grep { basename($_) !~ /recsys/ } glob "$pkglibdir/*.so";
copy(stage_library('recsys'), "$lib/recsys.so") or die "copy failed: $!";
$node->append_conf('postgresql.conf', "dynamic_library_path = '$lib'\n");
$node->restart;
my $state = model_state($node);
my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM recsys.train('m')");
like($err, qr/ERROR:  58P01: could not access file "recsys_solver"/, 'a missing solver is an error');
like($err, qr/HINT:  The library "recsys_solver" is installed together with the extension/, 'with a hint');
is(model_state($node), $state, 'nothing changed');
ok(answers($node), 'serving does not need it');

$node->stop;
done_testing();
