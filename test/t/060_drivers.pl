# Calls through real drivers: their parameters often carry no type.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

# A driver that is not installed is told, not passed over in silence.
my $psycopg = system('/usr/bin/python3 -c "import psycopg" 2>/dev/null') == 0;
my ($jar) = glob('/usr/share/java/postgresql.jar');
my $java = $jar && system('java -XX:-UsePerfData -version >/dev/null 2>&1') == 0;

my $node = recsys_node('drivers', conf => "listen_addresses = '127.0.0.1'\n");
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
SELECT recsys.create_model('numbers', 'event', 'number', 'item', feedback => 'implicit', options => '{"factors": 4}');
SELECT recsys.create_model('words', 'event', 'word', 'item_word', feedback => 'implicit', options => '{"factors": 4}');
SELECT recsys.create_model('uuids', 'event', 'uuid', 'item', feedback => 'implicit', options => '{"factors": 4}');
SELECT recsys.train('numbers'), recsys.train('words'), recsys.train('uuids');
SQL

# Run a program and pass each of its verdicts on.
sub run_driver
{
	my ($name, @command) = @_;
	my ($out, $err) = ('', '');

	ok(IPC::Run::run(\@command, '>', \$out, '2>', \$err), "$name ends well") || diag($err);
	like($out, qr/^ok/m, "$name made calls");
	for my $line (split /\n/, $out)
	{
		my ($not, $what) = $line =~ /^(not )?ok - (.*)/ or next;
		ok(!$not, $what);
	}
}

my $dir = "$ENV{TESTDIR}/test/drivers";
SKIP:
{
	skip 'psycopg is not installed', 1 unless $psycopg;
	run_driver('psycopg', '/usr/bin/python3', "$dir/untyped.py",
		'host=127.0.0.1 dbname=postgres user=postgres port=' . $node->port);
}
SKIP:
{
	skip 'no Java, or no JDBC driver for PostgreSQL', 1 unless $java;
	run_driver('JDBC', 'java', '-XX:-UsePerfData', '-cp', $jar, "$dir/Untyped.java",
		'jdbc:postgresql://127.0.0.1:' . $node->port . '/postgres?user=postgres');
}
done_testing();
