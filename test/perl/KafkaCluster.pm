# A cluster of real Kafka brokers, with what KafkaTest.pm has for the mock: produce,
# produce_numbers, start_numbers, brokers, stop.
#
# The jars are in RECSYS_KAFKA_JARS/VERSION/jars; test/kafka/kafka_cluster.sh runs them.
package KafkaCluster;

use strict;
use warnings;

use parent -norequire, 'KafkaTest';

use File::Basename;
use IO::Socket::INET;
use IPC::Run;
use KafkaTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $script = dirname(__FILE__) . '/../kafka/kafka_cluster.sh';

# A hundred ports of which none is taken.
sub free_ports
{
	foreach (1 .. 50)
	{
		my $base = 20000 + 100 * int rand 100;
		my @taken = grep {
			!IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $base + $_, Listen => 1, ReuseAddr => 1)
		} 1 .. 50;

		return $base unless @taken;
	}
	die "no free ports\n";
}

# Start nodes => how many, of version =>; secure => 1 listens with SASL and TLS as well;
# name => the host name in the certificate.
sub start
{
	my ($class, %opt) = @_;
	my $self = bless {
		dir => PostgreSQL::Test::Utils::tempdir(),
		nodes => $opt{nodes} || 1,
		port => free_ports()
	}, $class;

	$self->{environment} = {
		KAFKA_JARS => "$ENV{RECSYS_KAFKA_JARS}/" . ($opt{version} || '4.3.1') . '/jars',
		KAFKA_PORT => $self->{port},
		KAFKA_SECURE => $opt{secure} ? 1 : '',
		KAFKA_NAME => $opt{name} || ''
	};
	chomp($self->{brokers} = $self->run_script('start', $self->{nodes}));
	return $self;
}

sub run_script
{
	my ($self, $command, @arguments) = @_;
	my ($out, $err) = ('', '');
	local %ENV = (%ENV, %{ $self->{environment} });

	IPC::Run::run([ 'bash', $script, $command, $self->{dir}, @arguments ], '>', \$out, '2>', \$err, IPC::Run::timeout(120))
	  or die "kafka_cluster $command @arguments: $err\n";
	return $out;
}

# The addresses of another listener: 20 SASL_PLAINTEXT, 30 SSL, 40 SASL_SSL; host =>.
sub listener
{
	my ($self, $offset, $host) = @_;

	return join ',', map { ($host || '127.0.0.1') . ':' . ($self->{port} + $offset + $_) } 1 .. $self->{nodes};
}

# The certificate that signed those of the brokers.
sub ca { return slurp_file("$_[0]->{dir}/ca.pem"); }

sub kill_node { return $_[0]->run_script('kill', $_[1]); }
sub restart_node { return $_[0]->run_script('restart', $_[1]); }

# Stop a node in its tracks, and let it go on.
sub signal_node
{
	my ($self, $node, $signal) = @_;

	kill $signal, slurp_file("$self->{dir}/node-$node/pid");
	return;
}

# See admin.c.
sub admin
{
	my ($self, @words) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ KafkaTest::tool('admin'), $self->brokers, @words ], '>', \$out, '2>', \$err, IPC::Run::timeout(90))
	  or die "admin @words: $err\n";
	return $out;
}

# A transaction over numbered events; abort => 1.
sub transaction
{
	my ($self, $topic, %opt) = @_;

	return $self->run_producer('', '-T', 'tx-' . int rand 1e9, $opt{abort} ? '-a' : (),
		$self->number_arguments($topic, %opt));
}

sub stop
{
	my ($self) = @_;

	return unless $self->{dir};
	foreach my $node (1 .. $self->{nodes})
	{
		$self->signal_node($node, 'CONT') if -e "$self->{dir}/node-$node/pid";
	}
	eval { $self->run_script('stop'); 1 } or diag($@);
	$self->{dir} = undef;
	return;
}

1;
