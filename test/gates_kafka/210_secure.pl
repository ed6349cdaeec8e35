# TLS and SASL: what is right connects, and what is wrong says so without a secret.

use strict;
use warnings;

use KafkaCluster;
use KafkaTest;
use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $canary = 'alice-secret';
my $count = 0;

# A server with these options; returns what kafka_create_source complains.
sub try_server
{
	my ($node, $options, $mapping) = @_;
	my $name = 'server' . ++$count;

	$node->safe_psql('postgres', <<"SQL");
SET log_statement = 'none';
CREATE SERVER $name FOREIGN DATA WRAPPER recsys_kafka OPTIONS ($options);
GRANT USAGE ON FOREIGN SERVER $name TO app;
CREATE USER MAPPING FOR app SERVER $name@{[ $mapping ? " OPTIONS ($mapping)" : '' ]};
CREATE TABLE $name (n bigint);
GRANT ALL ON $name TO app;
SQL
	return app_error($node, create_source($node, $name, 'e', $name, columns => { n => '$.n' }, sql_only => 1) =~ s/'kafka'/'$name'/r);
}

sub arrives
{
	my ($node, $what, $options, $mapping) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(try_server($node, $options, $mapping), '', "$what: connects");
	return wait_for_sql($node, "SELECT count(*), max(n) FROM server$count", '100|99', "$what: events arrive");
}

sub refused
{
	my ($node, $what, $options, $mapping, $why) = @_;
	my $error = try_server($node, $options, $mapping);
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	like($error, $why, "$what: refused");
	return unlike($error, qr/wrong-secret|$canary/, "$what: without telling the secret");
}

# ---- the newest version ------------------------------------------------------------

my $cluster = KafkaCluster->start(secure => 1);
my $node = kafka_node('secure', $cluster);
my $ca = $cluster->ca;
my $alice = "sasl_username 'alice', sasl_password '$canary'";

$cluster->admin('create', 'e', 1, 1);
$cluster->produce_numbers('e', count => 100);
my ($ssl, $sasl, $both) = map { $cluster->listener($_) } 30, 20, 40;

# What is logged of statements would be the tests' own secrets.
$node->append_conf('postgresql.conf', "log_statement = 'none'\nlog_min_error_statement = panic\nlog_min_messages = debug5\n");
$node->reload;

arrives($node, 'TLS', "brokers '$ssl', security_protocol 'ssl', ssl_ca '$ca'");
arrives($node, 'SASL PLAIN', "brokers '$sasl', security_protocol 'sasl_plaintext', sasl_mechanism 'PLAIN'", $alice);
arrives($node, 'TLS and SASL PLAIN', "brokers '$both', security_protocol 'sasl_ssl', sasl_mechanism 'PLAIN', ssl_ca '$ca'", $alice);
refused($node, 'a wrong password', "brokers '$sasl', security_protocol 'sasl_plaintext', sasl_mechanism 'PLAIN'",
	"sasl_username 'alice', sasl_password 'wrong-secret'", qr/ERROR:  (?:28|08)\w\w\w: .*[Aa]uthentication/);
refused($node, 'no password', "brokers '$sasl', security_protocol 'sasl_plaintext', sasl_mechanism 'PLAIN'", undef, qr/ERROR:  \w+: .*\w/);
refused($node, 'an unknown authority', "brokers '$ssl', security_protocol 'ssl'", undef, qr/ERROR:  (?:28|08)\w\w\w: .*(?:certificate|CA|verif)/i);
refused($node, 'TLS where none is spoken', "brokers '" . $cluster->brokers . "', security_protocol 'ssl', ssl_ca '$ca'", undef, qr/ERROR:  08\w\w\w/);
refused($node, 'plain text where TLS is spoken', "brokers '$ssl'", undef, qr/ERROR:  08\w\w\w/);

# the password changes while a source reads
my $table = "server3";
$node->safe_psql('postgres', "ALTER USER MAPPING FOR app SERVER $table OPTIONS (SET sasl_password 'wrong-secret')");
wait_state($node, $table, 'failed|degraded', 'a password that is wrong by now', '[Aa]uthentication');
$node->safe_psql('postgres', "ALTER USER MAPPING FOR app SERVER $table OPTIONS (SET sasl_password '$canary')");
$cluster->produce_numbers('e', first => 100, count => 1);
wait_for_sql($node, "SELECT max(n) FROM $table", '100', 'and is right again');

# a password in a file
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/kafka.password", "$canary\n");
chmod 0600, "$directory/kafka.password";
$node->append_conf('postgresql.conf', "recsys.kafka_secret_directory = '$directory'\n");
$node->reload;
is(try_server($node, "brokers '$sasl', security_protocol 'sasl_plaintext', sasl_mechanism 'PLAIN'", "sasl_username 'alice', sasl_password_file 'kafka.password'"), '', 'a password from a file');

my $log = slurp_file($node->logfile);
unlike($log, qr/$canary|wrong-secret/, 'no secret in the log at debug5');
$node->stop;
log_is_clean($node);
$cluster->stop;

# ---- a certificate for another host ------------------------------------------------------

my $other = KafkaCluster->start(secure => 1, name => 'kafka.example.com');
my $node2 = kafka_node('othername', $other);

$other->admin('create', 'e', 1, 1);
refused($node2, 'a certificate for another host', "brokers '" . $other->listener(30) . "', security_protocol 'ssl', ssl_ca '" . $other->ca . "'", undef, qr/ERROR:  (?:28|08)\w\w\w: .*(?:certificate|host|verif)/i);
$node2->stop;
$other->stop;

# ---- an older version, whose SCRAM every librdkafka speaks ------------------------------------

my $older = KafkaCluster->start(secure => 1, version => '3.9.2');
my $node3 = kafka_node('scram', $older);

$older->admin('create', 'e', 1, 1);
$older->produce_numbers('e', count => 100);
my $ca3 = $older->ca;
arrives($node3, 'SCRAM', "brokers '" . $older->listener(20) . "', security_protocol 'sasl_plaintext', sasl_mechanism 'SCRAM-SHA-256'", $alice);
arrives($node3, 'TLS and SCRAM', "brokers '" . $older->listener(40) . "', security_protocol 'sasl_ssl', sasl_mechanism 'SCRAM-SHA-256', ssl_ca '$ca3'", $alice);
refused($node3, 'SCRAM with a wrong password', "brokers '" . $older->listener(20) . "', security_protocol 'sasl_plaintext', sasl_mechanism 'SCRAM-SHA-256'",
	"sasl_username 'alice', sasl_password 'wrong-secret'", qr/ERROR:  (?:28|08)\w\w\w: .*[Aa]uthentication/);
$node3->stop;
$older->stop;
done_testing();
