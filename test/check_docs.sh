#!/bin/bash
# The manuals' form: lines of at most 120 characters, links that lead somewhere, and
# in extension/README.md every source file and every entry point where it is.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
bad=0

complain()
{
	echo "$1"
	bad=1
}

for file in README.md extension/README.md; do
	perl -CSD -ne 'if (length > 121) { print "$ARGV:$.: ", length() - 1, " characters\n"; $bad = 1 }
		END { exit($bad // 0) }' "$file" || bad=1

	# The anchor of a heading: lower case, blanks become -, other signs vanish.
	anchors=$(sed -nE 's/^#+ +//p' "$file" |
		perl -CSD -pe 'chomp; $_ = lc; s/[^\w\- ]//g; s/ /-/g; $_ .= "\n"')
	while read -r link; do
		case $link in
			http*) ;;
			\#*) grep -qxF -- "${link#\#}" <<<"$anchors" || complain "$file: no heading $link" ;;
			*) [ -e "$(dirname "$file")/$link" ] || complain "$file: no file $link" ;;
		esac
	done < <(grep -oE '\]\([^)]*\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/')
done

map=extension/README.md
for file in extension/*.[ch] extension/*/*.[ch]; do
	grep -qF "\`$(basename "$file")\`" "$map" || complain "$map does not name $file"
done
# shellcheck disable=SC2016	# backquotes of Markdown
while read -r name; do
	case $name in
		*/*.[ch] | *.[ch]) compgen -G "extension/$name" >/dev/null ||
			compgen -G "extension/*/$name" >/dev/null || complain "$map names $name, which is not there" ;;
		*.sql) [ -f "sql/parts/$name" ] || complain "$map names $name, which is not in sql/parts" ;;
	esac
done < <(grep -oE '`[a-z0-9_/]+\.(c|h|sql)`' "$map" | tr -d '`' | sort -u)

# | `name` `name` | `entry.c` | `worker.c` | `part.sql` |
while IFS='|' read -r _ names entry _ part _; do
	entry=$(tr -d '` ' <<<"$entry")
	part=$(tr -d '` ' <<<"$part")
	for name in $(tr -d '`' <<<"$names"); do
		grep -qE "^(RS_FUNCTION|PG_FUNCTION_INFO_V1)\(recsys_$name\)" "extension/$entry" ||
			complain "$map: recsys_$name is not in $entry"
		grep -qF "'recsys_$name'" "sql/parts/$part" || complain "$map: $name is not in $part"
	done
done < <(sed -n '/^## Where an SQL/,/^## On disk/p' "$map" | grep '^| `')
exit "$bad"
