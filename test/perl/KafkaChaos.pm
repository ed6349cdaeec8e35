# Faults at random points while numbered events arrive, every thousandth of them broken;
# at the end each is a row or a dead letter, once.
#
# A source e reads topic e into table t.  The faults of the server are here, those of the
# brokers come from the test.  KAFKA_SEED and KAFKA_ROUNDS repeat or prolong a run.
package KafkaChaos;

use strict;
use warnings;

use Exporter 'import';
use KafkaTest;
use List::Util qw(shuffle);
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(run_chaos chaos_node);

my $per_round = 10000;

# The server, and the source in it, which commits as often as it can, so that faults
# come between any two steps of a transaction.
sub chaos_node
{
	my ($brokers, %opt) = @_;
	my $node = kafka_node('chaos', $brokers, conf => "restart_after_crash = on\n");

	app_sql($node, 'CREATE TABLE t (n bigint, user_id int, item_id int, weight real, at timestamptz)');
	create_source($node, 'e', 'e', 't', columns => kafka_columns(), options => { batch_rows => 10, linger_ms => 0, max_dead_letters => 1000 });
	return $node;
}

# SQL that may fail, for the server may be gone; the first line of the answer.
sub try_sql
{
	my ($node, $sql, $role) = @_;
	my ($rc, $out) = $node->psql('postgres', $sql, $role ? (extra_params => [ '-U', $role ]) : ());

	return (split /\n/, $out || '')[0] || '';
}

sub kill_process
{
	my ($node, $sql) = @_;
	my $pid = try_sql($node, $sql);

	ok(crash_and_wait($node, $pid), "  process $pid killed, the server is back") if $pid =~ /^\d+$/;
	return;
}

my $our_processes = "FROM pg_stat_activity WHERE backend_type LIKE '%recsys%'";
my $our_worker = 'FROM recsys.kafka_status WHERE pid IS NOT NULL';

my %server_faults = (
	'kill -9 of the worker' => sub { kill_process($_[0], "SELECT pid $our_worker"); },
	'kill -9 of one of our processes' => sub { kill_process($_[0], "SELECT pid $our_processes ORDER BY random()"); },
	'an immediate stop' => sub {
		$_[0]->stop('immediate');
		$_[0]->start;
	},
	'kill -9 of the postmaster' => sub {
		my ($node) = @_;
		my ($pid) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

		$node->kill9;
		poll_until(sub { return !kill 0, $pid; });
		# its children notice after a moment, and hold the shared memory until then
		poll_until(sub { return $node->start(fail_ok => 1); }) or die 'the server does not start';
	},
	'a fast restart' => sub { $_[0]->restart; },
	'the worker terminated' => sub { try_sql($_[0], "SELECT pg_terminate_backend(pid) $our_worker"); },
	'the worker canceled' => sub { try_sql($_[0], "SELECT pg_cancel_backend(pid) $our_worker"); },
	'all processes terminated' => sub { try_sql($_[0], "SELECT pg_terminate_backend(pid) $our_processes"); },
	'stop and start' => sub {
		my ($node) = @_;

		try_sql($node, "SELECT recsys.kafka_stop('e')", 'app');
		sleep rand 0.2;
		# a restart of the server may be on its way
		poll_until(sub { return ($node->psql('postgres', "SELECT recsys.kafka_start('e')", extra_params => [ '-U', 'app' ]))[0] == 0; });
	},
	'a locked target' => sub { try_sql($_[0], 'BEGIN; LOCK TABLE t; SELECT pg_sleep(' . rand(0.3) . '); COMMIT'); });

# Every fault about equally often, the graver ones first.
sub order_of
{
	my ($rounds, @names) = @_;
	my @order = shuffle(('kill -9 of the worker') x 3, ('an immediate stop') x 2, 'kill -9 of the postmaster');

	push @order, shuffle(sort @names) while @order < $rounds;
	return @order[ 0 .. $rounds - 1 ];
}

# Test that all messages are read: as many as were sent, or more if some were sent again.
sub all_is_read
{
	my ($node, $sent, $resent, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_messages($node, 'e', $sent, $name) unless $resent;
	return wait_for_sql($node, "SELECT sum(messages) >= $sent AND bool_and(next_offset = high) FROM recsys.kafka_lag",
		't', $name);
}

# Run so many rounds; faults => { name => code } of the brokers, end => code that heals
# them, seconds => end early after that long, sparse => 1 when offsets have holes,
# resent => 1 when the brokers keep what a producer sends again because the answer was
# lost: then the topic holds more messages than there are numbers, and so must the table.
sub run_chaos
{
	my ($node, $brokers, %opt) = @_;
	my $partitions = $opt{partitions};
	my $seed = $ENV{KAFKA_SEED} || int(time * 1000) % 1000000;
	my $rounds = $ENV{KAFKA_ROUNDS} || $opt{rounds};
	my %faults = (%server_faults, %{ $opt{faults} });
	my $end = time + ($opt{seconds} || 1e9);
	my $sent = 0;
	my $done = 0;

	srand $seed;
	diag("KAFKA_SEED=$seed");
	foreach my $fault (order_of($rounds, keys %faults))
	{
		last if time > $end;
		my $producer = $brokers->start_numbers('e', first => $sent, count => $per_round,
			rate => 2 * $per_round, partitions => $partitions, bad_every => 1000);

		sleep rand 0.5;
		$faults{$fault}->($node, $brokers);
		$done++;
		ok(IPC::Run::finish($producer), "round $done: $fault");
		$sent += $per_round;
	}
	$opt{end}->() if $opt{end};
	all_is_read($node, $sent, $opt{resent}, "all is read after $done faults");
	numbers_are_whole($node, 'e', 't', $sent, $partitions, "each of $sent events once, KAFKA_SEED=$seed",
		bad_every => 1000, sparse => $opt{sparse}, resent => $opt{resent});
	is($node->safe_psql('postgres', 'SELECT sum(messages), sum(rows), sum(dead_letters) FROM recsys.kafka_lag'),
		$node->safe_psql('postgres', 'SELECT a + b, a, b FROM (SELECT count(*) FROM t) x(a), (SELECT count(*) FROM recsys.kafka_dead_letter) y(b)'),
		'and all are counted');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM recsys.kafka_gaps'), 0, 'no gaps');
	return $done;
}

1;
