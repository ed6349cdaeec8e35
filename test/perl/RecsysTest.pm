# Helpers of the TAP tests: a server with the extension, and waiting.
#
# A test starts with
#
#	use PostgreSQL::Test::Utils;
#	use Test::More;
#	use RecsysTest;
#	my $node = recsys_node('main', preload => 1);
#
# The extension is found where it was staged (RECSYS_STAGE), or in the system when
# the tests run against an installation.
package RecsysTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(recsys_node recsys_conf poll_until backend_pid stage_library create_gate);

# The superuser of every server is called postgres, whoever runs the tests: by default it
# would have the name of that user, which may be that of a role of a test.
$ENV{PGUSER} = 'postgres';

# Settings by which a server finds the staged extension; '' when none is staged.
sub recsys_conf
{
	my $stage = $ENV{RECSYS_STAGE};

	# run.sh hands the same settings to every node by TEMP_CONFIG.
	return '' if !$stage || $ENV{TEMP_CONFIG};

	my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
	chomp(my $lib = `$pg_config --pkglibdir`);
	chomp(my $share = `$pg_config --sharedir`);
	my ($major) = `$pg_config --version` =~ /(\d+)/;
	my $conf = "dynamic_library_path = '$stage$lib:\$libdir'\n";
	$conf .=
	  $major >= 18
	  ? "extension_control_path = '$stage$share:\$system'\n"
	  : "extension_destdir = '$stage'\n";
	return $conf;
}

# A new, started server with the extension created in database postgres.
# Options: preload => 1 (shared_preload_libraries), conf => 'lines', init => [arguments
# of PostgreSQL::Test::Cluster::init], create => 0 (no CREATE EXTENSION), start => 0.
sub recsys_node
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my %init = @{ $opt{init} || [] };

	$node->init(%init, extra => [ '--username=postgres', @{ $init{extra} || [] } ]);
	$node->append_conf('postgresql.conf', recsys_conf());
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'recsys'\n")
	  if $opt{preload};
	$node->append_conf('postgresql.conf', $opt{conf}) if defined $opt{conf};
	return $node if defined $opt{start} && !$opt{start};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION recsys')
	  if !defined $opt{create} || $opt{create};
	return $node;
}

# Call a function until it returns something true, which is returned; after the
# deadline in seconds (default: that of PostgreSQL's own tests), return undef.
sub poll_until
{
	my ($code, $deadline) = @_;
	my $end = time + ($deadline || $PostgreSQL::Test::Utils::timeout_default);

	while (1)
	{
		my $result = $code->();
		return $result if $result;
		return undef if time > $end;
		sleep 0.02;
	}
}

# The process id of the backend of an open background_psql session.
sub backend_pid
{
	my ($session) = @_;
	my $pid = $session->query_safe('SELECT pg_backend_pid()');

	$pid =~ s/\s//g;
	return $pid;
}

# The path of a library of ours in the stage or the system, NAME without ending.
sub stage_library
{
	my ($name) = @_;
	my $pg_config = $ENV{PG_CONFIG} || 'pg_config';

	chomp(my $lib = `$pg_config --pkglibdir`);
	return ($ENV{RECSYS_STAGE} || '') . "$lib/$name.so";
}

# gate(number, armed) holds a statement, once armed, while the advisory lock of the number is
# taken.  Immutable, so that a view and an index can call it.
sub create_gate
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION gate(number bigint, armed boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF armed THEN
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(number);
	END IF;
	RETURN true;
END
$$;
SQL
	return;
}

1;
