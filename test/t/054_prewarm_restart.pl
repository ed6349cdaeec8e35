# After a restart the item images in use come back by themselves: after a clean stop, a
# crash, on a standby; within recsys.cache_size; with the rights of each model's owner; and
# nothing that the list says is believed.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $node = recsys_node('main', preload => 1, init => [ allows_streaming => 1 ],
	conf => "restart_after_crash = on\nautovacuum = off\nmax_prepared_transactions = 2\nlog_min_messages = log\n");

# ---- the list, as image_file.c draws it ----------------------------------------------------

sub list_file { return $_[0]->data_dir . '/pg_stat/recsys.images'; }

sub read_list_file
{
	my ($server) = @_;

	return -e list_file($server) ? slurp_file(list_file($server)) : '';
}

# The item factor tables that are listed, in order.
sub listed
{
	my (undef, @fields) = unpack 'a24 (L L Q)*', read_list_file($_[0]);

	return join ' ', map { $fields[ 3 * $_ + 1 ] } 0 .. @fields / 3 - 1;
}

sub crc32c
{
	my $crc = 0xFFFFFFFF;

	foreach my $byte (unpack 'C*', $_[0])
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 foreach 1 .. 8;
	}
	return $crc ^ 0xFFFFFFFF;
}

# A list of [database, table, bytes], after so many attempts.
sub make_list
{
	my ($attempts, @images) = @_;
	my $rest = pack 'L L L (L L Q)*', $attempts, scalar @images, 0, map { @$_ } @images;

	return pack('L L L', 0x52534946, 1, crc32c($rest)) . $rest;
}

sub write_list_file
{
	my ($server, $content) = @_;
	open my $file, '>:raw', list_file($server) or die $!;
	print $file $content;
	close $file or die $!;
	return;
}

# ---- servers ---------------------------------------------------------------------------------

sub status
{
	my ($server, $database) = @_;

	return $server->safe_psql($database || 'postgres',
		"SELECT string_agg(concat_ws(':', model, version, kept, shared), ' ' ORDER BY model, version) FROM recsys.cache_status");
}

# The images of a database become these, without a question.
sub come_back
{
	my ($server, $database, $expected, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	poll_until(sub { return status($server, $database) eq $expected });
	return is(status($server, $database), $expected, $name);
}

# What the log says of images since an offset, once it says this.
sub log_says
{
	my ($server, $offset, $pattern, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	poll_until(sub { return slurp_file($server->logfile, $offset) =~ $pattern });
	return like(slurp_file($server->logfile, $offset), $pattern, $name);
}

# Stop, give the server this list, and start.  Returns where its log begins.
sub restart_with
{
	my ($content) = @_;

	$node->stop;
	write_list_file($node, $content);
	my $offset = -s $node->logfile;
	$node->start;
	return $offset;
}

sub table_oid
{
	my ($model, $database) = @_;

	return $node->safe_psql($database || 'postgres', "SELECT 'recsys_data.${model}_item_factors'::regclass::oid");
}

sub is_listed
{
	my ($server, $tables, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	poll_until(sub { return listed($server) eq $tables });
	return is(listed($server), $tables, $name);
}

# ---- two databases, two owners -----------------------------------------------------------------

$node->safe_psql('postgres', "CREATE ROLE $_ LOGIN") foreach qw(alice bob);
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION recsys');
foreach (['postgres', 'alice', 'm'], ['postgres', 'bob', 'n'], ['other', 'bob', 'o'])
{
	my ($database, $role, $model) = @$_;

	$node->safe_psql($database, "GRANT CREATE ON SCHEMA public, recsys_data TO $role");
	$node->safe_psql($database, <<"SQL", extra_params => [ '-U', $role ]);
CREATE TABLE ${model}_events AS SELECT u AS user_id, (u * 7 + i * i) % 50 AS item_id FROM generate_series(1, 60) AS u, generate_series(1, 8) AS i;
CREATE INDEX ON ${model}_events (user_id);
SELECT recsys.create_model('$model', '${model}_events', feedback => 'implicit', options => '{"factors": 4}');
SELECT FROM recsys.train('$model');
SQL
}
my $answer = q{SELECT string_agg(r::text, ' ' ORDER BY rank) FROM recsys.recommend('m', 7, 3) AS r};
my ($m, $n, $o) = (table_oid('m'), table_oid('n'), table_oid('o', 'other'));

is_listed($node, '', 'nothing is listed');
my $before = $node->safe_psql('postgres', $answer);
is_listed($node, $m, 'a model that was asked is');
$node->safe_psql('other', "SELECT FROM recsys.prewarm('o')");
is_listed($node, "$o $m", 'and one of another database, the last one first');

# ---- a restart, crashes ---------------------------------------------------------------------------

$node->restart;
come_back($node, 'postgres', 'm:1:t:t', 'after a restart the image is back');
come_back($node, 'other', 'o:1:t:t', 'in either database');
is($node->safe_psql('postgres', $answer), $before, 'with the same answer');
is_listed($node, "$m $o", 'and in use, as before');

$node->stop('immediate');
$node->start;
come_back($node, 'postgres', 'm:1:t:t', 'after an immediate stop');
come_back($node, 'other', 'o:1:t:t', 'too');

my $offset = -s $node->logfile;
my $victim = $node->background_psql('postgres', on_error_stop => 0);
kill 'KILL', backend_pid($victim);
log_says($node, $offset, qr/reinitializing.*ready to accept connections/s, 'a backend is killed');
eval { $victim->quit };
come_back($node, 'postgres', 'm:1:t:t', 'after a crash');
come_back($node, 'other', 'o:1:t:t', 'too');

# it may be ended while images come back
foreach my $mode ('fast', 'immediate')
{
	$node->restart;
	$node->stop($mode);
	$node->start;
	come_back($node, 'postgres', 'm:1:t:t', "two restarts in a row ($mode)");
	come_back($node, 'other', 'o:1:t:t', 'in either database');
}

# ---- the active version ------------------------------------------------------------------------------

$node->safe_psql('postgres', "SELECT FROM recsys.train('m')");
$node->restart;
come_back($node, 'postgres', 'm:2:t:t', 'of a model in use the version that is active now');

# ---- no more room than there is -----------------------------------------------------------------------

$node->safe_psql('postgres', "SELECT FROM recsys.prewarm('n')");
$node->safe_psql('postgres', $answer);
$node->stop;
is((split / /, listed($node))[0], $m, 'the most recently used is listed first');
my $bytes = (unpack 'a24 (L L Q)*', read_list_file($node))[3];
$node->append_conf('postgresql.conf', 'recsys.cache_size = ' . int($bytes / 1024 + 1) . "kB\n");
$node->start;
come_back($node, 'postgres', 'm:2:t:t', 'what has room comes back');
is_listed($node, $m, 'and nothing else');
$node->append_conf('postgresql.conf', "recsys.cache_size = 0\n");
$node->restart;
is_listed($node, '', 'without shared memory for images nothing');
$node->append_conf('postgresql.conf', "recsys.cache_size = 1GB\n");
$node->restart;

# ---- rights ------------------------------------------------------------------------------------------------

my ($here, $there) = split /\n/, $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname IN ('postgres', 'other') ORDER BY datname DESC");
my $all = make_list(0, [ $here, $m, 1 ], [ $here, $n, 1 ], [ $there, $o, 1 ]);
$node->safe_psql('postgres', 'REVOKE ALL ON recsys_data.m FROM alice');
$offset = restart_with($all);
come_back($node, 'postgres', 'n:1:t:t', 'the owner of a model may not use it: others come back');
log_says($node, $offset, qr/item image of factor table $m was not brought back: permission denied for model "m"/, 'and the log says so');
come_back($node, 'other', 'o:1:t:t', 'the worker goes on to the next database');
$node->safe_psql('postgres', 'GRANT ALL ON recsys_data.m TO alice');
SKIP:
{
	skip 'up to 16 the worker connects as superuser and becomes pg_monitor', 2 if $node->pg_version < 17;
	$node->safe_psql('postgres', 'REVOKE CONNECT ON DATABASE other FROM PUBLIC');
	$offset = restart_with($all);
	come_back($node, 'postgres', 'm:2:t:t n:1:t:t', 'pg_monitor may not connect to a database');
	log_says($node, $offset, qr/permission denied for database "other"/, 'no right is gone round');
	$node->safe_psql('postgres', 'GRANT CONNECT ON DATABASE other TO PUBLIC');
}

# ---- locks --------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', "BEGIN; LOCK TABLE recsys_data.m; PREPARE TRANSACTION 'holds m'");
$offset = restart_with($all);
come_back($node, 'postgres', 'n:1:t:t', 'a model that is locked is left out');
log_says($node, $offset, qr/factor table $m was not brought back: canceling statement due to lock timeout/, 'and the log says so');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'holds m'");

# ---- what is gone, and what is no list -------------------------------------------------------------------------

$node->safe_psql('postgres', "SELECT recsys.drop_model('n')", extra_params => [ '-U', 'bob' ]);
$node->safe_psql('postgres', 'DROP DATABASE other');
$offset = restart_with(make_list(2, [ $there, $o, 1 ], [ $here, $n, 1 ], [ $here, 1259, 1 ], [ 0, 0, 1 ], [ $here, $m, 1 ]));
come_back($node, 'postgres', 'm:2:t:t', 'what is gone is left out: a database, a model, what never was one');
log_says($node, $offset, qr/the item image of 1 model is in memory again in database "postgres"/, 'the log says what came back');
is_listed($node, $m, 'it is not listed any more');

my $good = make_list(0, [ $here, $m, 1 ]);
my %bad = (
	'empty' => '',
	'cut off' => substr($good, 0, -1),
	'too long' => "$good.",
	'much too long' => $good . "\0" x 100000,
	'changed' => substr($good, 0, -1) . "\1",
	'of another version' => substr($good, 0, 4) . "\2" . substr($good, 5),
	'longer than it says' => make_list(0, ([ $here, $m, 1 ]) x 513),
	'garbage' => join('', map { chr(37 * $_ % 256) } 1 .. 400));

foreach my $what (sort keys %bad)
{
	$offset = restart_with($bad{$what});
	log_says($node, $offset, qr/file "pg_stat\/recsys.images" is not a list of item images, and is ignored/, "$what: the file is no list");
	is_listed($node, '', 'nothing comes back, and the next list is whole');
}
$offset = restart_with(make_list(3, [ $here, $m, 1 ]));
log_says($node, $offset, qr/item images are not brought back: the server ended 3 times meanwhile/, 'what may end the server is not tried for ever');
is_listed($node, '', 'nothing comes back');

$node->safe_psql('postgres', $answer);
is_listed($node, $m, 'in use again');

# ---- a standby -------------------------------------------------------------------------------------------------

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
come_back($standby, 'postgres', 'm:2:t:t', 'a new standby has what the primary had in use');
is($standby->safe_psql('postgres', $answer), $node->safe_psql('postgres', $answer), 'and the same answer');
$standby->restart;
come_back($standby, 'postgres', 'm:2:t:t', 'a standby that is restarted, too');
$standby->promote;
is_listed($standby, $m, 'promoted, it goes on');
$standby->stop;

# ---- the extension is gone, and somebody made what looks like it ------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
ALTER TABLE recsys_data.m_item_factors SET SCHEMA public;
DROP EXTENSION recsys CASCADE;
CREATE SCHEMA IF NOT EXISTS recsys;
CREATE SCHEMA IF NOT EXISTS recsys_data;
CREATE TABLE recsys.model (model int PRIMARY KEY);
CREATE TABLE recsys.model_anchor (model int PRIMARY KEY);
ALTER TABLE m_item_factors SET SCHEMA recsys_data;
ALTER TABLE recsys_data.m_item_factors OWNER TO postgres;
CREATE VIEW recsys_data.m AS SELECT 1 AS user_id, 1 AS item_id, 1 AS rating;
CREATE TABLE recsys_data.m_user_factors ();
SQL
$offset = restart_with($good);
log_says($node, $offset, qr/the item images of 0 models are in memory again/, 'the extension is gone: nothing comes back');
unlike(slurp_file($node->logfile, $offset), qr/terminated by signal|was not brought back/, 'and what looks like its catalog is not read');

# ---- no slot ------------------------------------------------------------------------------------------------------

$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0\n");
$offset = restart_with($good);
log_says($node, $offset, qr/no background worker slot is free to bring item images back in database $here.*HINT:  Increase max_worker_processes, which is 2/s, 'no slot is free');
is_listed($node, '', 'and nothing waits for one');
$node->stop;
done_testing();
