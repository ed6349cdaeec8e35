#!/bin/bash
# The form of every file, and that none names a machine it was written on.
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

list_files | perl -0 -ne '
	chomp;
	my $file = $_;
	my $bad = sub { my ($line, $what) = @_; print "$file:$line: $what\n"; $main::failed = 1; };
	next if $file =~ /\.(xz|gz|png|bin)$/ || $file =~ m{^test/fuzz/corpus/};
	open(my $in, "<:raw", $file) or next;
	local $/ = undef;
	my $text = <$in>;
	next if !defined $text || $text eq "";
	my $c = $file =~ /\.[ch]$/;
	my $out = $file =~ /\.out$/;

	$bad->(1, "does not end with a line feed") if $text !~ /\n\z/;
	$bad->(1, "is no UTF-8") if !utf8::decode(my $copy = $text);
	my $n = 0;
	my ($start, $name) = (0, "");
	foreach my $line (split /\n/, $text)
	{
		$n++;
		$bad->($n, "carriage return") if $line =~ /\r/;
		$bad->($n, "blanks at the end of the line") if !$out && $line =~ /[ \t]$/;
		$bad->($n, "path of one machine")
		  if $line =~ m{(?:^|[^\w./-])/(?:home|root|work|farm|opt|mnt)/\w};
		$bad->($n, "name of a package host")
		  if $line =~ m{--index-ur[l]|\b(?:(?:deb|security|archive|ftp|snapshot)\.[\w.]*(?:debian|ubuntu)|pypi|pythonhosted|registry\.npmjs|repo\d*\.maven|proxy\.golang)\.(?:org|com|apache)\b};
		$bad->($n, "a word that promises instead of doing")
		  if $file =~ /\.(?:c|h|sql|pl|pm|sh|py)$|Makefile|^\.ci/ && $line =~ /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/;
		next if !$c;

		my $width = $line;
		utf8::decode($width);
		1 while $width =~ s/^([^\t]*)\t/$1 . " " x (4 - length($1) % 4)/e;
		# A message is not broken, so that it can be searched for.
		$bad->($n, "longer than 110 columns") if length($width) > 110 && $line !~ /"[^"]{20,}"/;
		$bad->($n, "indented with blanks") if $line =~ /^ {2,}[^* ]/;
		$bad->($n, "brace belongs on a line of its own") if $line =~ /^\s*(?:if|for|while|else|do|switch)\b.*\{$/;
		if ($line =~ /^\{/) { $start = $n; }
		elsif ($line =~ /^\}/ && $start)
		{
			$bad->($start, "function of " . ($n - $start - 1) . " lines: $name") if $n - $start - 1 > 100;
			$start = 0;
		}
		elsif ($line =~ /^(\w+)\(/) { $name = $1; }
	}
	next if !$c;

	my ($base) = $file =~ m{([^/]+)$};
	$bad->(1, "has no header comment that begins with its name")
	  if $text !~ m{\A/\*-+\n \*\n \* \Q$base\E\n};
	$bad->(1, "has more than 900 lines") if $n > 900;
	# Without comments and strings no // may be left.
	$text =~ s{/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27}{my $s = $&; $s =~ s/[^\n]//g; "_$s"}gse;
	while ($text =~ m{//}g) { $bad->(1 + (substr($text, 0, pos $text) =~ tr/\n//), "comments are /* */"); }
	END { exit($main::failed ? 1 : 0) }
'
