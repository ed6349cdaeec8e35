# A hundred faults of the server and of three real brokers; see KafkaChaos.pm.

use strict;
use warnings;

use KafkaChaos;
use KafkaCluster;
use KafkaTest;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep);

my $partitions = 8;
my $cluster = KafkaCluster->start(nodes => 3);

$cluster->admin('create', 'e', $partitions, 3);
my $node = chaos_node($cluster);
my %faults = (
	'a broker killed' => sub {
		my $broker = 1 + int rand 3;

		$cluster->kill_node($broker);
		sleep rand 1;
		$cluster->restart_node($broker);
	},
	'a broker restarted' => sub { $cluster->restart_node(1 + int rand 3); },
	'a broker that hangs' => sub {
		my $broker = 1 + int rand 3;

		$cluster->signal_node($broker, 'STOP');
		sleep rand 4;
		$cluster->signal_node($broker, 'CONT');
	},
	'all brokers that hang' => sub {
		$cluster->signal_node($_, 'STOP') foreach 1 .. 3;
		sleep rand 2;
		$cluster->signal_node($_, 'CONT') foreach 1 .. 3;
	},
	'a transaction that is aborted' => sub {
		$cluster->transaction('e', first => 1e9, count => 100, partitions => $partitions, abort => 1);
	});
my $done = run_chaos($node, $cluster, rounds => 100, seconds => 480, partitions => $partitions, faults => \%faults, sparse => 1);

diag("$done faults");
$node->stop;
log_is_clean($node, qr/FATAL|signal 9/);
$cluster->stop;
done_testing();
