# The blocks of a manual in Markdown.
package Readme;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(readme_blocks);

# Every fenced block of a text: its language, line and text.  A ```text block that
# follows another with nothing but blank lines between is that one's output.  Dies
# where a block does not end.
sub readme_blocks
{
	my ($readme) = @_;
	my @blocks;
	my ($fence, $previous);
	my $number = 0;

	foreach my $line (split /\n/, $readme)
	{
		$number++;
		if (!$fence)
		{
			$fence = { lang => $1, line => $number, text => '' } if $line =~ /^```(\w*)$/;
			$previous = undef if !$fence && $line =~ /\S/;
		}
		elsif ($line ne '```')
		{
			$fence->{text} .= "$line\n";
		}
		else
		{
			push @blocks, $fence;
			$previous->{output} = $fence->{text} if $fence->{lang} eq 'text' && $previous;
			$previous = $fence->{lang} eq 'text' ? undef : $fence;
			$fence = undef;
		}
	}
	die "the block at line $fence->{line} does not end" if $fence;
	return @blocks;
}

1;
