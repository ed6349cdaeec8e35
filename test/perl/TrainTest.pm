# A model that takes long to train, sessions that train it, and what must hold of
# it whatever happened to them.
#
# The source is large enough for an iteration to take some milliseconds, and 1000
# iterations are the option's maximum, so a training that nothing interrupts takes
# much longer than any test waits.  Gates hold a training where no interruption of
# the solver could: while it reads (advisory lock 1) and while it publishes (2).
package TrainTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use RecsysTest;

our @EXPORT = qw(create_long_model train_once start_training training_pid wait_phase
  end_training model_state answers);

# Create model m over table ratings and train its first version.
sub create_long_model
{
	my ($node) = @_;

	create_gate($node);
	$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings (user_id int, item_id int, rating real);
INSERT INTO ratings
SELECT u, 1 + (u * 31 + n * n * 7) % 700, 1 + (u * n) % 5
FROM generate_series(1, 2000) AS u, generate_series(1, 30) AS n;
CREATE INDEX ON ratings (user_id);
ANALYZE ratings;

CREATE VIEW gated AS SELECT * FROM ratings WHERE public.gate(1, user_id = 1000);
SELECT recsys.create_model('m', 'gated', options => '{"factors": 64, "iterations": 3}', algorithm => 'als');
SELECT FROM recsys.train('m');
CREATE INDEX ON recsys_data.m_user_factors (public.gate(2, user_id = 1000));
SQL
	return;
}

# A training that ends.
sub train_once
{
	my ($node) = @_;

	return $node->safe_psql('postgres', "SELECT version FROM recsys.train('m')");
}

# Start a training in a session of its own; SQL before it, iterations, database.
sub start_training
{
	my ($node, %opt) = @_;
	my $iterations = $opt{iterations} || 1000;
	my $before = $opt{before} || '';
	my $training = { in => '', out => '', err => '' };

	$training->{run} = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr('postgres'),
			'-c', "SET application_name = 'trainer'; $before",
			'-c', "SELECT version FROM recsys.train('m', '{\"iterations\": $iterations}')",
			@{ $opt{after} || [] }
		],
		'<', \$training->{in}, '>', \$training->{out}, '2>', \$training->{err},
		IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
	return $training;
}

# The process id of the backend that trains; undef after the deadline.
sub training_pid
{
	my ($node) = @_;

	return poll_until(
		sub {
			return $node->safe_psql('postgres',
				"SELECT pid FROM recsys.training_progress WHERE model = 'm'");
		});
}

# Wait until a condition on recsys.training_progress holds; its pid.
sub wait_phase
{
	my ($node, $condition) = @_;

	return poll_until(
		sub {
			return $node->safe_psql('postgres',
				"SELECT pid FROM recsys.training_progress WHERE $condition");
		});
}

# Wait for the end of a training's session; what it said.
sub end_training
{
	my ($training) = @_;

	eval { IPC::Run::finish($training->{run}); 1 } or diag_end($training, $@);
	return $training->{out} . $training->{err};
}

sub diag_end
{
	my ($training, $error) = @_;

	IPC::Run::kill_kill($training->{run});
	$training->{err} .= "training did not end: $error";
	return;
}

# One line: the active version, the versions there are, the versions that have
# factor rows and how many, and a checksum of everything that is stored.
sub model_state
{
	my ($node, $database) = @_;

	return $node->safe_psql($database || 'postgres', <<'SQL');
SELECT format('active %s, versions %s, users %s, items %s, md5 %s',
	(SELECT active_version FROM recsys.model WHERE name = 'm'),
	(SELECT string_agg(version || ':' || users || ':' || items, ' ' ORDER BY version) FROM recsys.model_version WHERE model = 'm'),
	(SELECT string_agg(version || ':' || n, ' ' ORDER BY version) FROM (SELECT version, count(*) AS n FROM recsys_data.m_user_factors GROUP BY 1) u),
	(SELECT string_agg(version || ':' || n, ' ' ORDER BY version) FROM (SELECT version, count(*) AS n FROM recsys_data.m_item_factors GROUP BY 1) i),
	md5((SELECT string_agg(md5(u::text), '' ORDER BY version, user_id) FROM recsys_data.m_user_factors u) ||
		(SELECT string_agg(md5(i::text), '' ORDER BY version, item_id) FROM recsys_data.m_item_factors i)))
SQL
}

# A checksum of what the model answers to some users.
sub answers
{
	my ($node, $database) = @_;

	return $node->safe_psql($database || 'postgres', <<'SQL');
SELECT md5(string_agg(r::text, ',' ORDER BY u, r.rank))
FROM generate_series(1, 2000, 97) AS u, recsys.recommend('m', u::bigint, 10) AS r
SQL
}

1;
