# Topics that the brokers' rules forbid to read: librdkafka tells it once, or not at all.
use strict;
use warnings;

use KafkaTest;
use RecsysTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest->start(brokers => 1);
my $node = kafka_node('main', $mock);

$mock->command('create unread 1');
$mock->command('create unseen 0');
$mock->command('topic_error unseen 29');
$mock->produce('unread', '{"n": 1}');
app_sql($node, "CREATE TABLE $_ (n bigint)") foreach qw(unread unseen);

# READ is forbidden: the answer to a fetch.
$mock->command('errors fetch' . (' 29' x 60));
create_source($node, 'unread', 'unread', 'unread', columns => { n => '$.n' });
wait_state($node, 'unread', 'failed', 'a topic that may not be read', '42501.*unread');
$mock->command('clear fetch');
wait_messages($node, 'unread', 1);

# DESCRIBE is forbidden: the topic is missing from the metadata.  The source was made
# when it was not, which the mock cannot play.
create_source($node, 'unseen', 'unread', 'unseen', columns => { n => '$.n' }, pause => 1);
$node->safe_psql('postgres', q(UPDATE recsys.kafka_source SET topic = 'unseen' WHERE source = 'unseen'));
app_sql($node, q(SELECT recsys.kafka_start('unseen')));
wait_state($node, 'unseen', 'failed', 'a topic that may not be described', '42501.*unseen');
$node->stop;
log_is_clean($node);

done_testing();
