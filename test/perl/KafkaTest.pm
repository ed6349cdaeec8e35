# A mock of a Kafka cluster, a server that reads from it, and waiting for rows.
#
# A test starts with
#
#	use KafkaTest;
#	use RecsysTest;
#	use Test::More;
#	kafka_tools_or_skip();
#	my $mock = KafkaTest->start(brokers => 1);
#	my $node = kafka_node('main', $mock);
#
# and has a role app, to which a foreign server kafka is granted.  Every wait has a
# deadline and tells what it last saw.  The tools are those of make kafka-tools, in
# RECSYS_KAFKA_TOOLS or build/kafka.
package KafkaTest;

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use IPC::Open2;
use IPC::Run;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(kafka_tools_or_skip kafka_node kafka_role kafka_columns create_source
  app_sql app_error wait_for_sql wait_state wait_messages status_line numbers_are_whole
  one_fields crash_and_wait log_is_clean);

my $deadline = 60;

# ---- tools ------------------------------------------------------------------------

sub tool
{
	my ($name) = @_;

	return ($ENV{RECSYS_KAFKA_TOOLS} || 'build/kafka') . "/$name";
}

# Skip the whole test where recsys_kafka.so or the tools were not built.
sub kafka_tools_or_skip
{
	plan skip_all => 'built without Kafka' unless -e stage_library('recsys_kafka');
	plan skip_all => 'no build/kafka, see make kafka-tools' unless -x tool('mock_broker');
	return;
}

# ---- the mock cluster ---------------------------------------------------------------

# Start a mock cluster; brokers => how many.
sub start
{
	my ($class, %opt) = @_;
	my $self = bless { hung => 0 }, $class;

	$self->{pid} = open2($self->{out}, $self->{in}, tool('mock_broker'), $opt{brokers} || 1);
	$self->{brokers} = $self->answer;
	return $self;
}

# The next line that it prints.
sub answer
{
	my ($self) = @_;
	my $line = '';
	my $end = time + $deadline;

	until ($line =~ /\n\z/)
	{
		my $left = $end - time;

		die "the mock cluster does not answer\n"
		  if $left <= 0 || !IO::Select->new($self->{out})->can_read($left);
		sysread($self->{out}, $line, 1, length $line) or die "the mock cluster has ended\n";
	}
	chomp $line;
	return $line;
}

sub brokers { return $_[0]->{brokers}; }

# Let it obey a command of mock_broker.c.
sub command
{
	my ($self, $command) = @_;

	syswrite($self->{in}, "$command\n") or die "the mock cluster has ended\n";
	my $answer = $self->answer;
	die "mock cluster: $command: $answer\n" unless $answer eq 'ok';
	return;
}

# Stop it in its tracks, as a hung machine, and let it go on.
sub hang
{
	my ($self) = @_;

	kill 'STOP', $self->{pid};
	$self->{hung} = 1;
	return;
}

sub unhang
{
	my ($self) = @_;

	kill 'CONT', $self->{pid};
	$self->{hung} = 0;
	return;
}

# End it; all it held is gone.
sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'CONT', $self->{pid} if $self->{hung};
	close $self->{in};
	waitpid $self->{pid}, 0;
	$self->{pid} = undef;
	return;
}

sub DESTROY
{
	local ($?, $!, $@);

	$_[0]->stop;
	return;
}

# ---- producing ----------------------------------------------------------------------

sub run_producer
{
	my ($self, $in, @args) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ tool('produce'), @args ], '<', \$in, '>', \$out, '2>', \$err,
		IPC::Run::timeout($deadline))
	  or die "produce @args: $err$out\n";
	return $out;
}

# Messages for partition 0 of a topic, each a payload without a newline.
sub produce
{
	my ($self, $topic, @payloads) = @_;

	return $self->produce_fields($topic, map { one_fields(payload => $_) } @payloads);
}

# One line for produce_fields: partition, timestamp, key, headers (a string), payload;
# what is not given is none, but the partition is 0.  Texts are escaped here unless
# raw => 1.
sub one_fields
{
	my (%m) = @_;
	my $escape = sub {
		my ($text) = @_;

		return '\N' unless defined $text;
		return $text if $m{raw};
		$text =~ s/([\\\x00-\x1f\x7f-\xff])/sprintf '\\x%02x', ord $1/ge;
		return $text;
	};

	return join "\t", $m{partition} // 0, $m{timestamp} // '\N', $escape->($m{key}),
	  $m{headers} // '\N', $escape->($m{payload});
}

sub produce_fields
{
	my ($self, $topic, @lines) = @_;

	return $self->run_producer(join('', map { "$_\n" } @lines), '-F', $self->brokers, $topic);
}

# Numbered events: count =>, first =>, partitions =>, rate =>, bad_every =>.
sub number_arguments
{
	my ($self, $topic, %opt) = @_;

	return ('-n', $opt{count}, '-f', $opt{first} || 0, '-p', $opt{partitions} || 1,
		'-r', $opt{rate} || 0, '-e', $opt{bad_every} || 0, $self->brokers, $topic);
}

sub produce_numbers
{
	my ($self, $topic, %opt) = @_;

	return $self->run_producer('', $self->number_arguments($topic, %opt));
}

# The same in the background; end it with IPC::Run::finish.
sub start_numbers
{
	my ($self, $topic, %opt) = @_;
	my $in = '';
	my $out = '';

	return IPC::Run::start([ tool('produce'), $self->number_arguments($topic, %opt) ],
		'<', \$in, '>&', \$out, IPC::Run::timeout(4 * $deadline));
}

# ---- the server that reads ---------------------------------------------------------------

# A server whose database postgres is served, with role app; options of recsys_node.
sub kafka_node
{
	my ($name, $mock, %opt) = @_;
	my $conf = <<'CONF';
recsys.kafka_databases = 'postgres'
max_worker_processes = 20
autovacuum = off
log_line_prefix = '%m [%p] %b %a '
CONF
	my $node = recsys_node($name, preload => 1, %opt, conf => $conf . ($opt{conf} || ''),
		init => [ extra => [ '--encoding=UTF8', '--locale=C' ], @{ $opt{init} || [] } ]);

	kafka_role($node, $mock->brokers) if !defined $opt{start} || $opt{start};
	return $node;
}

# Role app and a foreign server kafka that it may use.
sub kafka_role
{
	my ($node, $brokers) = @_;

	$node->safe_psql('postgres', <<"SQL");
CREATE ROLE app LOGIN;
GRANT CREATE ON SCHEMA public TO app;
CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers '$brokers');
GRANT USAGE ON FOREIGN SERVER kafka TO app;
CREATE USER MAPPING FOR app SERVER kafka;
SQL
	return;
}

# Run SQL as role app.
sub app_sql
{
	my ($node, $sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'app' ]);
}

# Run SQL as role app (or another), and return what it complains.
sub app_error
{
	my ($node, $sql, $role) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		extra_params => [ '-U', $role || 'app' ]);

	$err =~ s/^psql:<stdin>:[0-9]+: //mg;
	return $err;
}

sub json_literal
{
	my ($value) = @_;
	my $json = ref $value ? JSON::PP->new->canonical->encode($value) : $value;

	$json =~ s/'/''/g;
	return "'$json'";
}

# The columns of the numbered events of produce.c.
sub kafka_columns
{
	return {
		n => '$.n', user_id => '$.user_id', item_id => '$.item_id', at => '$.at',
		weight => { path => '$.action', map => { view => 1, cart => 3, purchase => 5 } }
	};
}

# Create a source as app: columns => or transform =>, start =>, on_conflict =>, options =>;
# and pause => 1 to stop it in the same transaction.  The mock answers a fetch only when
# its wait is over, so that is short here.
sub create_source
{
	my ($node, $source, $topic, $target, %opt) = @_;
	my $options = { fetch_wait_max_ms => 10, linger_ms => 20, %{ $opt{options} || {} } };
	my @arguments = ("'$source'", "'kafka'", "'$topic'", "'$target'", 'options => ' . json_literal($options));

	push @arguments, 'columns => ' . json_literal($opt{columns}) if $opt{columns};
	foreach my $name (qw(transform start on_conflict))
	{
		push @arguments, "$name => '$opt{$name}'" if defined $opt{$name};
	}
	my $sql = 'SELECT recsys.kafka_create_source(' . join(', ', @arguments) . ');';
	$sql = "BEGIN; $sql SELECT recsys.kafka_stop('$source'); COMMIT;" if $opt{pause};
	return $sql if $opt{sql_only};
	app_sql($node, $sql);
	return;
}

# ---- waiting ---------------------------------------------------------------------------

# All that is known of the sources, for those who look for a failure.
sub status_line
{
	my ($node) = @_;
	my ($rc, $out) = $node->psql('postgres', <<'SQL');
SELECT source, state, pid, sqlstate, reason, hint FROM recsys.kafka_status ORDER BY 1;
SELECT source, partition, next_offset, high, messages, rows, dead_letters FROM recsys.kafka_lag ORDER BY 1, 2;
SQL
	return $out // '';
}

# Test that a query comes to a result; a string, or a regular expression.
sub wait_for_sql
{
	my ($node, $sql, $expected, $name, $seconds) = @_;
	my $last = '';
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	my $met = poll_until(
		sub {
			my ($rc, $out, $err) = $node->psql('postgres', $sql);

			$last = $rc ? $err : $out;
			return ref $expected ? $last =~ $expected : $last eq $expected;
		},
		$seconds || $deadline);
	return 1 if ok($met, $name);
	diag("expected: $expected\nlast seen: $last\n" . status_line($node));
	return 0;
}

# Test that a source comes to a state; the reason must match too when it is given.
sub wait_state
{
	my ($node, $source, $state, $name, $reason) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_for_sql($node,
		"SELECT concat_ws('|', state, sqlstate, reason, hint) FROM recsys.kafka_status WHERE source = '$source'",
		$reason ? qr/^(?:$state)\|.*(?:$reason)/s : qr/^(?:$state)(?:\||\z)/,
		$name || "$source is $state");
}

# Test that a source has consumed so many messages since it was created.
sub wait_messages
{
	my ($node, $source, $messages, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_for_sql($node, "SELECT messages FROM recsys.kafka_sources WHERE source = '$source'",
		"$messages", $name || "$source has read $messages messages");
}

# Test that a table holds the numbers 0 .. count - 1, each once, but for those that are
# dead letters (bad_every =>), and that the next offsets are the partitions' ends, which
# for sparse => 1 are not computed but those that the brokers told.  With resent => 1 a
# number may be in the topic more than once: each partition has as many rows and dead
# letters as there are offsets.
sub numbers_are_whole
{
	my ($node, $source, $table, $count, $partitions, $name, %opt) = @_;
	my $every = $opt{bad_every} || 0;
	my $ends = $opt{sparse} || $opt{resent} ? 'high' : "($count - partition + $partitions - 1) / $partitions";
	my $twice = $opt{resent} ? <<"SQL" : '(SELECT count(*) FROM (TABLE found UNION ALL TABLE letters) x WHERE times > 1)';
(SELECT count(*) FROM recsys.kafka_partition p WHERE source = '$source' AND high IS DISTINCT FROM
	(SELECT count(*) FROM $table WHERE n % $partitions = p.partition) +
	(SELECT count(*) FROM recsys.kafka_dead_letter d WHERE d.source = '$source' AND d.partition = p.partition))
SQL
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_for_sql($node, <<"SQL", 'missing 0, strange 0, twice 0, letters 0, offsets 0', $name || "$table: each number once", 10);
WITH expected AS (
	SELECT n FROM generate_series(0, $count - 1) n
	WHERE $every = 0 OR n % NULLIF($every, 0) <> 0),
found AS (SELECT n, count(*) AS times FROM $table GROUP BY n),
bad AS (SELECT n FROM generate_series(0, $count - 1) n WHERE $every > 0 AND n % NULLIF($every, 0) = 0),
letters AS (
	SELECT (regexp_match(convert_from(payload, 'UTF8'), '"n": (\\d+)'))[1]::bigint AS n, count(*) AS times
	FROM recsys.kafka_dead_letter WHERE source = '$source' GROUP BY 1)
SELECT format('missing %s, strange %s, twice %s, letters %s, offsets %s',
	count(*) FILTER (WHERE f.n IS NULL), count(*) FILTER (WHERE e.n IS NULL),
	$twice,
	(SELECT count(*) FROM bad FULL JOIN letters USING (n) WHERE bad.n IS NULL OR times IS NULL),
	(SELECT count(*) FROM recsys.kafka_partition WHERE source = '$source' AND next_offset IS DISTINCT FROM $ends))
FROM expected e FULL JOIN found f ON f.n = e.n
SQL
}

# Test that the server's log holds no line that would be a fault of ours; what else there
# may be is told by a regular expression.
sub log_is_clean
{
	my ($node, $allowed) = @_;
	my @lines = grep { /\b(?:PANIC|FATAL|TRAP):|was terminated by signal|(?:refcount|reference|descriptor) leak/ } split /\n/,
	  slurp_file($node->logfile);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	@lines = grep { !/due to administrator command|database system is (?:starting up|shutting down)/ } @lines;
	@lines = grep { $_ !~ $allowed } @lines if $allowed;
	return is(join("\n", @lines), '', 'nothing went wrong in the log');
}

# Kill a process of the server with signal 9 and wait until the server is back.
sub crash_and_wait
{
	my ($node, $pid) = @_;
	my $log = -s $node->logfile;

	return 0 unless kill 'KILL', $pid;
	return poll_until(
		sub {
			return slurp_file($node->logfile, $log) =~
			  /all server processes terminated; reinitializing.*database system is ready to accept connections/s;
		},
		$deadline);
}

1;
