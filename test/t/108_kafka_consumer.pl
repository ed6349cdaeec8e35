# Reading a topic, without a server: build/kafka/test_consumer against a mock cluster.
use strict;
use warnings;

use KafkaTest;
use Test::More;

kafka_tools_or_skip();

my $mock = KafkaTest::tool('mock_broker');
my $consumer = KafkaTest::tool('test_consumer');

is(system($consumer, $mock), 0, 'the consumer does what it says');

# What librdkafka 2.0.2 itself leaks, partitions of a topic that it never saw, is not
# among these.
SKIP:
{
	skip 'valgrind is not installed', 1 if system('valgrind --version >/dev/null 2>&1');
	is(system('valgrind', '-q', '--leak-check=full', '--error-exitcode=1',
			$consumer, $mock, qw(reading payloads position configuration lookup nothing_left)),
		0, 'no memory is lost');
}

done_testing();
