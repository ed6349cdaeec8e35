# The manual tells the truth: README.md's examples run and give the output shown,
# and its reference names every function, option, setting, column, operator and
# message as the extension has them.
#
# A ```sql block is run in one session with those before it.  A ```text block that
# follows it, with nothing but blank lines between, is its output as psql prints it;
# where the server complains, the complaint comes after the rest.  A block without
# shown output must only run without an error.
#
# Programs in other languages are run by 060_drivers.pl.
#
# Who copies an example must not pay for it: what folds a user in or looks a vector up is
# called as often as it is written, not once for each row of a table.
#
# A mock stands in for the Kafka cluster that the manual names: the lines of a ```json
# block are sent to the topic of the example when it is reached, and what follows waits
# until they were read.
use strict;
use warnings;

use File::Basename;
use File::Find;
use KafkaTest;
use PostgreSQL::Test::Utils;
use Readme;
use Test::More;
use RecsysTest;

my $root = dirname(__FILE__) . '/../..';
my $readme = slurp_file("$root/README.md");
my @lines = split /\n/, $readme;

# ---- the manual's blocks and sections ------------------------------------------

my @blocks = readme_blocks($readme);

# The text from a heading to the next one of the same or a higher level.
sub section
{
	my ($heading) = @_;
	my ($level) = $heading =~ /^(#+)/;
	my $n = length $level;

	$readme =~ /^\Q$heading\E\n(.*?)(?=^#{1,$n} |\z)/ms
	  or die "README.md has no heading \"$heading\"";
	return $1;
}

# The rows of the first table of a text, as arrays of cells without backquotes.
sub table_rows
{
	my ($text) = @_;
	my @rows;

	foreach my $line (split /\n/, $text)
	{
		if ($line !~ /^\|/)
		{
			last if @rows;
			next;
		}
		my @cells = map { s/^\s+|\s+$|`//gr } split /(?<!\\)\|/, $line =~ s/^\||\|$//gr, -1;
		push @rows, \@cells;
	}
	return @rows[ 2 .. $#rows ];
}

# ---- the examples ----------------------------------------------------------------

my $has_kafka = -e stage_library('recsys_kafka') && -x KafkaTest::tool('mock_broker');
my $node = recsys_node('main', preload => 1, create => 0,
	conf => "recsys.kafka_databases = 'postgres'\ntrack_functions = all\n");
my ($events, $mock) = ('shop-events');
my $sent_files = 0;

if ($has_kafka)
{
	$mock = KafkaTest->start;
	$mock->command("create $_ 1") foreach $events, 'prices';
}

# Stands in for pg_cron: what is scheduled is run once, and undone.
$node->safe_psql('postgres', q{
CREATE SCHEMA cron;
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RAISE SQLSTATE 'RS000';
EXCEPTION WHEN SQLSTATE 'RS000' THEN
	RETURN 1;
END $$;
});

unlike(section('## Quick start'), qr/\bcron\./, 'the quick start needs nothing but recsys');

# Shell for psql: send the lines of a block as messages.
sub sending
{
	my ($text) = @_;
	my $file = $node->basedir . '/messages';

	append_to_file($file . ++$sent_files, $text);
	return "\\! " . KafkaTest::tool('produce') . ' ' . $mock->brokers . " $events <$file$sent_files >$file.log 2>&1\n";
}

# Wait until the source of the example has read so many messages, if it is there, and
# all that run have nothing to do.
sub waiting
{
	my ($messages) = @_;

	return <<"WAIT";
DO \$\$
BEGIN
	FOR i IN 1 .. 1200 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM recsys.kafka_sources
		                      WHERE source = '$events' AND enabled AND messages < $messages)
		          AND NOT EXISTS (SELECT FROM recsys.kafka_status
		                          WHERE state NOT IN ('idle', 'stopped'));
		PERFORM pg_catalog.pg_sleep(0.05);
	END LOOP;
END \$\$;
WAIT
}

# Shell for psql: how often each serving function was called since the server started.
# Counts are told when a session is idle, and at once when it is asked for.
sub counting
{
	my ($file) = @_;

	return <<"COUNT";
SELECT pg_catalog.pg_stat_force_next_flush() \\g /dev/null
SELECT funcname, sum(calls) FROM pg_catalog.pg_stat_user_functions WHERE schemaname = 'recsys'
AND funcname ~ '^(recommend|predict|user_vector|item_vector|similar|popular)' GROUP BY 1 \\g (tuples_only=on format=unaligned) $file
COUNT
}

# The counts of such a file.
sub counted
{
	my ($file) = @_;

	return map { split /\|/ } split /\n/, -e $file ? slurp_file($file) : '';
}

# Examples of Kafka want a broker.
my $kafka_begins = (grep { $lines[$_] eq '## Kafka' } 0 .. $#lines)[0];
my $kafka_ends = (grep { $_ > $kafka_begins && $lines[$_] =~ /^## / } 0 .. $#lines)[0];

sub is_kafka
{
	my ($block) = @_;

	return $block->{line} > $kafka_begins && $block->{line} <= $kafka_ends;
}

@blocks = grep { !is_kafka($_) } @blocks unless $has_kafka;
my @examples = grep { $_->{lang} eq 'sql' } @blocks;
my $script = '';
my $number = 0;
my $sent = 0;
foreach my $block (grep { $_->{lang} =~ /^(?:sql|json)$/ } @blocks)
{
	if ($block->{lang} eq 'json')
	{
		$script .= sending($block->{text});
		$sent += $block->{text} =~ tr/\n//;
		next;
	}
	my $text = $block->{text};
	if (is_kafka($block))
	{
		$text =~ s/kafka[12]:9092/$mock->brokers/ge;
		$script .= waiting($sent) if $sent;
	}
	$script .= "\\echo \@\@$number\n\\warn \@\@$number\n$text" . counting($node->basedir . "/calls$number");
	$number++;
}

my ($stdout, $stderr) = ('', '');
IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('postgres') ],
	'<', \$script, '>', \$stdout, '2>', \$stderr);

# What each example printed, without blanks at the end of a line.
sub by_example
{
	my ($text) = @_;
	my %printed;
	my $at;

	foreach my $line (split /\n/, $text)
	{
		if ($line =~ /^\@\@(\d+)$/)
		{
			$at = $1;
			$printed{$at} = '';
			next;
		}
		$line =~ s/\s+$//;
		$printed{$at} .= "$line\n" if defined $at;
	}
	return %printed;
}
my %printed = by_example($stdout);
my %complained = by_example($stderr);

sub without_blank_ends
{
	my ($text) = @_;

	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

cmp_ok(scalar @examples, '>', 20, 'there are examples');
foreach my $i (0 .. $#examples)
{
	my $example = $examples[$i];
	my $name = "example at line $example->{line}";

	if (!defined $printed{$i})
	{
		fail("$name was not reached");
	}
	elsif (defined $example->{output})
	{
		my $shown = $example->{output} =~ s/[ \t]+$//gmr;
		my $complaints = join '', map { "$_\n" }
		  grep { !/^(NOTICE|WARNING):/ } split /\n/, $complained{$i};

		is(without_blank_ends($printed{$i} . $complaints),
			without_blank_ends($shown), "$name: output");
	}
	else
	{
		unlike($complained{$i}, qr/^(ERROR|FATAL|PANIC)/m, "$name: no error");
	}
}

# A query for many users, by LATERAL, calls once for each of those that its LIMIT leaves.
my %before;
foreach my $i (0 .. $#examples)
{
	my $text = $examples[$i]->{text};
	my %after = counted($node->basedir . "/calls$i");
	my ($users) = $text =~ /LATERAL/ ? $text =~ /LIMIT (\d+)/ : 1;

	foreach my $function (sort keys %after)
	{
		my $written = () = $text =~ /recsys\.$function\(/g;
		my $called = $after{$function} - ($before{$function} // 0);

		cmp_ok($called, '<=', $written * $users, "example at line $examples[$i]->{line}: calls of $function") if $called;
	}
	%before = %after;
}
cmp_ok($before{recommend}, '>', 5, 'calls are counted');

# ---- examples, copied and used on ------------------------------------------------------

# The example that contains a text.
sub example
{
	my ($part) = @_;
	my ($found) = grep { index($_->{text}, $part) >= 0 } @examples;

	die "no example contains $part" unless $found;
	return $found->{text};
}

$node->safe_psql('postgres', q{SELECT recsys.train('movies')});
is(scalar(split /\n/, $node->safe_psql('postgres', example("SELECT recsys.user_vector('movies', 1)"))), 3,
	'the best items of another version');
is(scalar(split /\n/, $node->safe_psql('postgres', example('recsys.cosine_similarity'))), 2,
	'similar items of another version');

# Returns, nothing at all and as many as there can be; clocks that are ahead.
$node->safe_psql('postgres', q{
INSERT INTO events SELECT 1, 'tea-1', 'purchase', q, '2026-01-02' FROM unnest('{-1, 0, 1, -2147483648, 2147483647}'::int[]) q;
INSERT INTO events SELECT 1, 'tea-2', 'view', 1, at
FROM unnest(ARRAY[now(), now() + interval '3 years', 'infinity', '9999-12-31', now() - interval '30 days']) at;
});
is($node->safe_psql('postgres', q{SELECT string_agg(round(weight::numeric, 1)::text, ' ' ORDER BY weight)
	FROM shop_weights WHERE at = '2026-01-02'}), '-107.4 -3.5 0.0 3.5 107.4', 'weights of returns');
is($node->safe_psql('postgres', q{SELECT string_agg(round(weight::numeric, 3)::text, ' ' ORDER BY weight DESC)
	FROM recent_weights WHERE item_id = 'tea-2' AND at > now() - interval '31 days'}), '1.000 1.000 1.000 1.000 0.500',
	'weights of events of the future');
is($node->safe_psql('postgres', q{SELECT users FROM recsys.train('shop')}), 200, 'and all can be trained on');

SKIP:
{
	skip 'no Kafka', 1 unless $has_kafka;
	is($node->safe_psql('postgres', q{SELECT p FROM price_lines(convert_to(E'tea-1;250\r\n\ntea-2;300\n', 'UTF8'), '{"offset": 7}') p}),
		"(tea-1,250,7)\n(tea-2,300,7)", 'lines of a file with a last line feed');
}

# ---- the reference -----------------------------------------------------------------

sub query_lines
{
	my ($sql) = @_;

	return split /\n/, $node->safe_psql('postgres', $sql);
}

# Signatures, with the item types in the name and the user types spelled out.
sub shown_signatures
{
	my ($text) = @_;
	my %suffix = (bigint => '', text => '_text', uuid => '_uuid');
	my @signatures;

	$text =~ s/\s+/ /g;
	while ($text =~ /recsys\.(\w+)((?:\[_text\|_uuid\])?)\((.*?)\) RETURNS (.*?)(?= recsys\.\w+(?:\[|\()| ?$)/g)
	{
		my ($name, $family, $arguments, $result) = ($1, $2, $3, $4);

		foreach my $t ($family ? ('bigint', 'text', 'uuid') : ('bigint'))
		{
			foreach my $u ($arguments =~ /\bU\b/ ? ('bigint', 'text', 'uuid') : (''))
			{
				my $signature = $name . ($family ? $suffix{$t} : '') . "($arguments) $result";

				$signature =~ s/\bT\b/$t/g;
				$signature =~ s/\bU\b/$u/g;
				push @signatures, $signature;
			}
		}
	}
	return @signatures;
}

my @shown = map { shown_signatures($_->{text}) }
  grep { $_->{lang} eq 'text' && $_->{text} =~ /^recsys\.\w/ } @blocks;

# Functions to be called by everybody, not those behind a type, an operator, a view and the like.
my @there = map { s/::[a-z ]+(\[\])?//gr } query_lines(q{
SELECT p.proname || '(' ||
       regexp_replace(pg_get_function_arguments(p.oid), '(, )?OUT .*', '') || ') ' ||
       CASE WHEN p.proargmodes IS NULL THEN pg_get_function_result(p.oid)
            ELSE (SELECT string_agg(p.proargnames[i] || ' ' || format_type(p.proallargtypes[i], NULL), ', ' ORDER BY i)
                  FROM generate_subscripts(p.proargmodes, 1) i WHERE p.proargmodes[i] IN ('o', 't')) END
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
WHERE p.pronamespace = 'recsys'::regnamespace AND p.prokind = 'f'
AND NOT EXISTS (SELECT FROM pg_depend u
                WHERE u.refclassid = 'pg_proc'::regclass AND u.refobjid = p.oid
                AND u.classid IN ('pg_type'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass,
                                  'pg_opclass'::regclass, 'pg_amproc'::regclass, 'pg_opfamily'::regclass,
                                  'pg_rewrite'::regclass, 'pg_foreign_data_wrapper'::regclass))
AND has_function_privilege('public', p.oid, 'EXECUTE')
AND NOT EXISTS (SELECT FROM pg_aggregate a
                WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn))
AND NOT ('recsys.recvec'::regtype = ANY (p.proargtypes::oid[]))
});
is(join("\n", sort @shown), join("\n", sort @there), 'signatures of the functions');

# Options; the bullets below the table say what each means.
my @options = map { join '|', @$_ } table_rows(section('### Options'));
is(join("\n", sort @options), join("\n", sort(query_lines(
	q{SELECT concat_ws('|', name, type, coalesce(default_explicit, ''), coalesce(default_implicit, ''),
	                   range, algorithms) FROM recsys.options()}))), 'options');
is(join("\n", sort(section('### Options') =~ /^- `(\w+)`:/mg)),
	join("\n", sort map { (split /\|/)[0] } @options), 'every option is explained');

# Settings
is(join("\n", map { join '|', @$_[ 0 .. 2 ] } table_rows(section('### Settings'))),
	join("\n", query_lines(q{
SELECT name || '|' || CASE WHEN unit = 'kB' THEN replace(replace(replace(pg_size_pretty(boot_val::bigint * 1024), ' ', ''), '4096MB', '4GB'), '1024MB', '1GB')
                           ELSE boot_val END || '|' || context
FROM pg_settings WHERE name LIKE 'recsys.%' ORDER BY name COLLATE "C"})), 'settings');

# Views and their columns
my $views = section('### Views');
my @views;
while ($views =~ /^`recsys\.(\w+)`(.*?)(?=^`recsys|\z)/msg)
{
	my ($view, $text) = ($1, $2);
	my @columns = map { split /, /, $_->[0] } table_rows($text);

	push @views, $view;
	is(join("\n", sort @columns), join("\n", sort(query_lines(
		qq{SELECT attname FROM pg_attribute WHERE attrelid = 'recsys.$view'::regclass AND attnum > 0}))),
		"columns of $view");
}
is(join("\n", sort @views), join("\n", sort(query_lines(
	q{SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'recsys'::regnamespace}))), 'views');

# recvec: operators, functions, casts
my $recvec = section('### The type recvec');
is(join("\n", sort map { split / /, $_->[0] } table_rows($recvec)), join("\n", sort(query_lines(
	q{SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'recsys'::regnamespace}))), 'operators');
my ($functions) = $recvec =~ /^(\| function .*?)\n\n/ms;
is(join("\n", sort map { my $returns = $_->[1]; map { "$_ $returns" } $_->[0] =~ /\w+\([^)]*\)/g } table_rows($functions)),
	join("\n", sort(query_lines(q{
SELECT p.proname || '(' || replace(pg_get_function_identity_arguments(p.oid), 'recsys.', '') || ') ' ||
       replace(pg_get_function_result(p.oid), 'recsys.', '')
FROM pg_proc p
WHERE p.pronamespace = 'recsys'::regnamespace AND p.oid NOT IN (SELECT castfunc FROM pg_cast)
AND (p.prokind = 'a' OR 'recsys.recvec'::regtype = ANY (p.proargtypes::oid[]) AND p.proname !~ '^recvec_')}))),
	'functions of recvec');
my ($casts) = $recvec =~ /^(Casts,.*?)Errors/ms;
my ($from, $to) = split /; to /, $casts =~ s/\n/ /gr;
is(join("\n", sort((map { "from $_" } $from =~ /`(.*?)`/g), (map { "to $_" } $to =~ /`(.*?)`/g))),
	join("\n", sort(query_lines(q{
SELECT CASE WHEN casttarget = 'recsys.recvec'::regtype THEN 'from ' || castsource::regtype
            ELSE 'to ' || casttarget::regtype END
FROM pg_cast WHERE castsource <> casttarget AND 'recsys.recvec'::regtype IN (castsource, casttarget)}))), 'casts');

# ---- the messages --------------------------------------------------------------------

# Every message of recsys that the manual explains is one that the code can raise.
my @messages;
find({
	no_chdir => 1,
	wanted => sub {
		return if !/\.(?:c|sql)$/;
		my $code = slurp_file($_);

		push @messages, $1 while $code =~ /errmsg\("((?:[^"\\]|\\.)*)"/g;
		push @messages, $1 while $code =~ /RAISE EXCEPTION '([^']*)'/g;
	}
}, "$root/extension", "$root/sql/parts");
my @patterns = map {
	my $text = s/\\"/"/gr;
	join '.+', map { quotemeta } split /%[-.\d]*(?:z|l|ll)?[a-zA-Z]/, $text, -1;
} @messages;

my ($ours) = section('## Troubleshooting') =~ /\A(.*?)^Messages of the server/ms;
my @explained;
foreach my $entry ($ours =~ /^- (.*?)(?=^- |\n\n|\z)/msg)
{
	$entry =~ s/\s+/ /g;
	my ($head) = $entry =~ /^((?:`[^`]*`(?:, and |, )?)+)/;
	push @explained, $head =~ /`([^`]*)`/g;
}
cmp_ok(scalar @explained, '>', 20, 'messages are explained');
foreach my $message (grep { !/^could not load library/ } @explained)
{
	ok((grep { $message =~ /^$_$/ } @patterns), "message exists: $message");
}

done_testing();
