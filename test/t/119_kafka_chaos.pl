# Twenty faults at random points while numbered events arrive on eight partitions, every
# thousandth of them broken: at the end each is a row or a dead letter, once.
#
# KAFKA_SEED and KAFKA_ROUNDS repeat or prolong a run.

use strict;
use warnings;

use KafkaTest;
use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep time);

kafka_tools_or_skip();
my $seed = $ENV{KAFKA_SEED} || (time * 1000) % 1000000;
my $rounds = $ENV{KAFKA_ROUNDS} || 20;
my $partitions = 8;
my $sent = 0;

srand $seed;
diag("KAFKA_SEED=$seed");
my $mock = KafkaTest->start(brokers => 3);
my $node = kafka_node('chaos', $mock, conf => "restart_after_crash = on\nfsync = off\n");

$mock->command("create e $partitions");
app_sql($node, 'CREATE TABLE t (n bigint, user_id int, item_id int, weight real, at timestamptz)');
create_source($node, 'e', 'e', 't', columns => kafka_columns(), options => { batch_rows => 500, linger_ms => 30 });

# A process of ours, by what its name is like; undef when there is none now.
sub process
{
	my ($like) = @_;
	my ($rc, $out) = $node->psql('postgres', "SELECT min(pid) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%' AND (backend_type LIKE '$like' OR application_name LIKE '$like')");

	return defined $out && $out =~ /^\d+$/ ? $out : undef;
}

my %faults = (
	'kill -9 of the worker' => sub {
		my $pid = (split /\n/, ($node->psql('postgres', 'SELECT pid FROM recsys.kafka_status WHERE pid IS NOT NULL'))[1] || '')[0];
		ok(crash_and_wait($node, $pid), '  the server is back') if $pid;
	},
	'kill -9 of any of our processes' => sub {
		my $pid = process('%');
		ok(crash_and_wait($node, $pid), '  the server is back') if $pid;
	},
	'an immediate stop' => sub {
		$node->stop('immediate');
		$node->start;
	},
	'kill -9 of the postmaster' => sub {
		my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

		$node->kill9;
		poll_until(sub { return !kill 0, $pid; });
		# its children notice after a moment, and hold the shared memory until then
		poll_until(sub { return $node->start(fail_ok => 1); }) or die 'the server does not start';
	},
	'a fast restart' => sub { $node->restart; },
	'the worker terminated' => sub {
		$node->psql('postgres', 'SELECT pg_terminate_backend(pid) FROM recsys.kafka_status WHERE pid IS NOT NULL');
	},
	'the worker canceled' => sub {
		$node->psql('postgres', 'SELECT pg_cancel_backend(pid) FROM recsys.kafka_status WHERE pid IS NOT NULL');
	},
	'all processes terminated' => sub {
		$node->psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE '%recsys%'");
	},
	'stop and start' => sub {
		$node->psql('postgres', "SELECT recsys.kafka_stop('e')", extra_params => [ '-U', 'app' ]);
		sleep rand 0.2;
		$node->psql('postgres', "SELECT recsys.kafka_start('e')", extra_params => [ '-U', 'app' ]);
	},
	'a locked target' => sub {
		$node->psql('postgres', 'BEGIN; LOCK TABLE t; SELECT pg_sleep(' . rand(0.3) . '); COMMIT');
	},
	'brokers that restart' => sub {
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
	});

# Each fault comes up, the graver ones more often.
my @order = map { shuffle(sort keys %faults) } 1 .. 1 + $rounds / keys %faults;
splice @order, 0, 6, shuffle(('kill -9 of the worker') x 3, ('an immediate stop') x 2, 'kill -9 of the postmaster');
foreach my $round (1 .. $rounds)
{
	my $fault = $order[ $round - 1 ];
	my $producer = $mock->start_numbers('e', first => $sent, count => 4000, rate => 8000, partitions => $partitions, bad_every => 1000);

	sleep rand 0.5;
	$faults{$fault}->();
	ok(IPC::Run::finish($producer), "round $round: $fault");
	$sent += 4000;
}
$mock->command('clear fetch');
wait_messages($node, 'e', $sent, 'all is read in the end');
numbers_are_whole($node, 'e', 't', $sent, $partitions, "each of $sent events once, KAFKA_SEED=$seed", bad_every => 1000);
is($node->safe_psql('postgres', 'SELECT sum(messages), sum(rows), sum(dead_letters) FROM recsys.kafka_lag'),
	join('|', $sent, $sent - $sent / 1000, $sent / 1000), 'and all are counted');
is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_gaps'), 0, 'no gaps');

$node->stop;
log_is_clean($node, qr/FATAL|signal 9/);
$mock->stop;
done_testing();
