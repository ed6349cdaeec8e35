#!/bin/bash
# The version is written in recsys.control; META.json and CHANGELOG.md must agree.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
bad=0
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" recsys.control)

complain()
{
	echo "$1"
	bad=1
}

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || complain "recsys.control: default_version is \"$version\""
while read -r other; do
	[ "$other" = "$version" ] || complain "META.json: version $other, recsys.control says $version"
done < <(sed -n 's/.*"version": "\([0-9.]*\)".*/\1/p' META.json | sed '/^1\.0\.0$/{$d}')
[ "$(grep -c "\"version\": \"$version\"" META.json)" -ge 2 ] ||
	complain "META.json: version $version belongs into it twice, for the distribution and the extension"
first=$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)
[ "$first" = "$version" ] || complain "CHANGELOG.md: the first entry is $first, recsys.control says $version"
for file in sql/recsys--*--*.sql; do
	if [ -f "$file" ] && ! grep -q '^\\echo' "$file"; then
		complain "$file: has no guard against psql -f"
	fi
done
exit $bad
