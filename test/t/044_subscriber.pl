# A model on a subscriber is trained at its publisher: a training of its own would end the
# replication, and is refused.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $publisher = recsys_node('publisher', init => [ allows_streaming => 'logical' ]);
my $subscriber = recsys_node('subscriber');
my $connection = $publisher->connstr . ' dbname=postgres';
my $tables = 'ratings, recsys.model, recsys.model_version, recsys_data.m_user_factors, recsys_data.m_item_factors';

foreach my $node ($publisher, $subscriber)
{
	$node->safe_psql('postgres', <<'SQL');
CREATE TABLE ratings (user_id int, item_id int, rating real, PRIMARY KEY (user_id, item_id));
SELECT recsys.create_model('m', 'ratings', options => '{"factors": 2}', algorithm => 'als');
SQL
}
$publisher->safe_psql('postgres', <<"SQL");
INSERT INTO ratings SELECT u, i, (u * i) % 5 + 1 FROM generate_series(1, 6) AS u, generate_series(1, 6) AS i WHERE u <> i;
SELECT FROM recsys.train('m');
CREATE PUBLICATION p FOR TABLE $tables;
SQL
$subscriber->safe_psql('postgres', "DELETE FROM recsys.model; CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$subscriber->wait_for_subscription_sync($publisher, 's');

my $answer = "SELECT r::text FROM recsys.recommend('m', 1, 10, false) AS r ORDER BY rank";
is($subscriber->safe_psql('postgres', $answer), $publisher->safe_psql('postgres', $answer), 'the subscriber answers as the publisher');

# The error of a command on the subscriber, with its SQLSTATE and hint.
sub refused
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $subscriber->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $err;
}

like(refused("SELECT recsys.train('m')"), qr/ERROR:  55000: model "m" is replicated from a publisher\n.*\nHINT:  Train the model at the publisher/,
	'training is refused');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION s DISABLE');
like(refused("SELECT recsys.train('m')"), qr/ERROR:  55000: model "m" is replicated/, 'also while the subscription is disabled');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION s ENABLE');

# a model of the subscriber's own is made with a warning, and trained
like(refused("SELECT recsys.create_model('own', 'ratings', options => '{\"factors\": 2}', algorithm => 'als')"),
	qr/WARNING:  55000: models are replicated from a publisher\n.*\nHINT:  Use a name/, 'a model of its own is warned of');
is($subscriber->safe_psql('postgres', "SELECT version FROM recsys.train('own')"), 1, 'and trained');

# a row that came without relations is the publisher's: nobody creates over it
$publisher->safe_psql('postgres', "SELECT recsys.create_model('later', 'ratings', algorithm => 'als')");
$publisher->wait_for_catchup('s');
like(refused("SELECT recsys.create_model('later', 'ratings', algorithm => 'als')"), qr/ERROR:  55000: model "later" is replicated/, 'a name that the publisher uses is refused');

# the replication goes on
is($publisher->safe_psql('postgres', "SELECT version FROM recsys.train('m', '{\"seed\": 5}')"), 2, 'the publisher trains');
$publisher->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', $answer), $publisher->safe_psql('postgres', $answer), 'and the subscriber has it');
$publisher->stop;

# who leaves the publisher trains for themselves
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s');
is($subscriber->safe_psql('postgres', "SELECT version FROM recsys.train('m')"), 3, 'without the subscription the model is trained here');

$subscriber->stop;
done_testing();
