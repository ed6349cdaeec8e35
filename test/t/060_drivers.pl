# Calls through real drivers: their parameters often carry no type.  The programs of the
# manual are run as they stand there, and print what it shows; through a pooler as well.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Readme;
use RecsysTest;
use Test::More;

# A driver that is not installed is told, not passed over in silence.
my $psycopg = system('/usr/bin/python3 -c "import psycopg" 2>/dev/null') == 0;
my $asyncpg = system('/usr/bin/python3 -c "import asyncpg" 2>/dev/null') == 0;
my ($jar) = glob('/usr/share/java/postgresql.jar');
my $java = $jar && system('java -XX:-UsePerfData -version >/dev/null 2>&1') == 0;
my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};

my @blocks = readme_blocks(slurp_file(dirname(__FILE__) . '/../../README.md'));

# The program of the manual in this language with a text in it.
sub program
{
	my ($lang, $part) = @_;
	my ($found) = grep { $_->{lang} eq $lang && index($_->{text}, $part) >= 0 } @blocks;

	die "the manual has no $lang with $part" unless $found;
	return $found;
}

my $node = recsys_node('drivers', create => 0,
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ], conf => "listen_addresses = '127.0.0.1'\n");
# the quick start up to what it asks, and models with ids of each type
my @quick_start = map { $_->{text} } grep { $_->{lang} eq 'sql' } @blocks;
$node->safe_psql('postgres', "$quick_start[0] $quick_start[1]");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE event AS
SELECT u AS number, 'user ' || u AS word,
       ('00000000-0000-0000-0000-' || lpad(to_hex(u + 6), 12, '0'))::uuid AS uuid,
       i AS item, 'item ' || i AS item_word
  FROM generate_series(1, 20) AS u, generate_series(1, 12) AS i
 WHERE (u + i) % 3 = 0;
CREATE INDEX ON event (number);
CREATE INDEX ON event (word);
CREATE INDEX ON event (uuid);
SELECT recsys.create_model('numbers', 'event', 'number', 'item', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.create_model('words', 'event', 'word', 'item_word', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.create_model('uuids', 'event', 'uuid', 'item', feedback => 'implicit', options => '{"factors": 4}', algorithm => 'als');
SELECT recsys.train('numbers'), recsys.train('words'), recsys.train('uuids');
SQL

# Drivers find the server, or the pooler before it, by these.
$ENV{PGHOST} = '127.0.0.1';
$ENV{PGDATABASE} = 'postgres';
$ENV{PGUSER} = 'postgres';
# settings of make installcheck, which a pooler would refuse
delete $ENV{PGOPTIONS};

# Run a program that tests, and pass each of its verdicts on.
sub run_driver
{
	my ($name, @command) = @_;
	my ($out, $err) = ('', '');

	ok(IPC::Run::run(\@command, '>', \$out, '2>', \$err), "$name ends well") || diag($err);
	like($out, qr/^ok/m, "$name made calls");
	for my $line (split /\n/, $out)
	{
		my ($not, $what) = $line =~ /^(not )?ok - (.*)/ or next;
		ok(!$not, "$what ($name)");
	}
	return;
}

# Run a program of the manual, which must print what the manual shows.
sub run_program
{
	my ($name, $program, $file, @command) = @_;
	my $path = $node->basedir . "/$file";
	my ($out, $err) = ('', '');

	if (!-e $path)
	{
		open my $fh, '>', $path or die "$path: $!";
		print $fh $program->{text};
		close $fh;
	}
	IPC::Run::run([ map { s/^FILE$/$path/r } @command ], '>', \$out, '2>', \$err);
	is($out . $err, $program->{output}, "$name: the program of the manual, line $program->{line}");
	return;
}

my $dir = dirname(__FILE__) . '/../drivers';

# Everything that can be tried, straight at the server or through the pooler.
sub try_drivers
{
	my ($way, $port) = @_;
	my $url = "jdbc:postgresql://127.0.0.1:$port/postgres?user=postgres" . ($way eq 'pooled' ? '&prepareThreshold=0' : '');

	local $ENV{PGPORT} = $port;
  SKIP:
	{
		skip "$way: psycopg is not installed", 1 unless $psycopg;
		run_driver("psycopg, $way", '/usr/bin/python3', "$dir/untyped.py", $way);
		run_program("psycopg, $way", program('python', 'import psycopg'), 'recommend_psycopg.py', '/usr/bin/python3', 'FILE');
	}
  SKIP:
	{
		skip "$way: asyncpg is not installed", 1 unless $asyncpg;
		run_driver("asyncpg, $way", '/usr/bin/python3', "$dir/asked.py", $way);
		# it prepares its statements by name, which this pooler may not pass on
		run_program("asyncpg, $way", program('python', 'import asyncpg'), 'recommend_asyncpg.py', '/usr/bin/python3', 'FILE')
		  if $way eq 'direct';
	}
  SKIP:
	{
		skip "$way: no Java, or no JDBC driver for PostgreSQL", 1 unless $java;
		run_driver("JDBC, $way", 'java', '-XX:-UsePerfData', '-cp', $jar, "$dir/Untyped.java", $url);
		run_program("JDBC, $way", program('java', 'DriverManager'), 'Recommend.java', 'java', '-XX:-UsePerfData', '-cp', $jar, 'FILE', $url);
	}
	return;
}

try_drivers('direct', $node->port);

# pgx, which wants a Go toolchain and is not run, asks the server what types the parameters
# of its statement have, as asyncpg does, and sends what Go's integers and slices fit.
my ($statement) = program('go', 'connection.Query')->{text} =~ /"(SELECT .*)"/;
like(program('python', 'import asyncpg')->{text}, qr/"\Q$statement\E"/, 'pgx: the statement is the one that asyncpg runs');
is($node->safe_psql('postgres', "PREPARE q AS $statement; SELECT parameter_types FROM pg_prepared_statements"),
	'{bigint,integer,bigint[]}', 'pgx: its parameters have types of Go');

# ---- PgBouncer, by transaction ---------------------------------------------------------

SKIP:
{
	skip 'PgBouncer is not installed', 1 unless $pgbouncer;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $base = $node->basedir;

	append_to_file("$base/pgbouncer.ini", <<"INI");
[databases]
postgres = host=127.0.0.1 port=@{[ $node->port ]} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
logfile = $base/pgbouncer.log
pidfile = $base/pgbouncer.pid
auth_type = any
pool_mode = transaction
default_pool_size = 1
ignore_startup_parameters = extra_float_digits
INI
	my $pooler = IPC::Run::start([ $pgbouncer, "$base/pgbouncer.ini" ], '<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
	my $pooled = "host=127.0.0.1 port=$port dbname=postgres user=postgres";
	ok(poll_until(sub { system("psql -XAtc 'SELECT 1' '$pooled' >/dev/null 2>&1") == 0 }), 'the pooler runs') || diag(slurp_file("$base/pgbouncer.log"));

	try_drivers('pooled', $port);
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND client_port > 0 AND pid <> pg_backend_pid()"),
		1, 'all through one session of the server');
	$pooler->kill_kill;
}
done_testing();
