# Twenty faults at random points, with eight partitions on three brokers of the mock; see
# KafkaChaos.pm.  The mock keeps what is sent again, whatever its sequence number says.

use strict;
use warnings;

use KafkaChaos;
use KafkaTest;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep);

kafka_tools_or_skip();
my $partitions = 8;
my $mock = KafkaTest->start(brokers => 3);

$mock->command("create e $partitions");
my $node = chaos_node($mock);
run_chaos($node, $mock, rounds => 20, partitions => $partitions, resent => 1, faults => {
	'a broker that restarts' => sub {
		my $broker = 1 + int rand 3;

		$mock->command("down $broker");
		sleep rand 0.1;
		$mock->command("up $broker");
	},
	'leaders that move' => sub {
		$mock->command('leader e ' . int(rand $partitions) . ' ' . (1 + int rand 3)) for 1 .. 4;
	},
	'brokers that hang' => sub {
		$mock->hang;
		sleep rand 0.3;
		$mock->unhang;
	},
	'fetches that fail' => sub {
		$mock->command('errors fetch ' . join ' ', map { (6, 7, -195, 5)[ rand 4 ] } 1 .. 5);
	} },
	end => sub { $mock->command('clear fetch'); });
$node->stop;
log_is_clean($node, qr/FATAL|signal 9/);
$mock->stop;
done_testing();
