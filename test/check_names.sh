#!/bin/bash
# Every test must be one that runs, and run what it says.
#
# pg_regress takes sql/NAME.sql of the current directory before test/sql/NAME.sql,
# so a test with the name of an install script would test nothing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
bad=0

complain()
{
	echo "$1"
	bad=1
}

# pairs INPUTS ENDING OUTPUTS: each input has an output and each output an input;
# NAME_1.out to NAME_9.out are further outputs of NAME.
pairs()
{
	local file name

	for file in "$1"/*."$2"; do
		name=$(basename "$file" ".$2")
		[[ $name =~ ^[a-z][a-z0-9_]*$ ]] || complain "$file: names are lower case, digits and _"
		[ -s "$3/$name.out" ] || complain "$file: no expected output $3/$name.out"
	done
	for file in "$3"/*.out; do
		name=$(basename "$file" .out)
		[ -f "$1/$name.$2" ] || [ -f "$1/${name%_[0-9]}.$2" ] ||
			complain "$file: no test $1/$name.$2"
	done
}

pairs test/sql sql expected
pairs test/isolation/specs spec test/isolation/expected

for file in test/sql/*.sql; do
	if [ -f "sql/$(basename "$file")" ]; then
		complain "$file: shadowed by sql/$(basename "$file")"
	fi
done
for file in sql/*; do
	case $file in
		sql/parts | sql/recsys--*.sql) ;;
		*) complain "$file: sql/ holds parts/ and recsys--*.sql only" ;;
	esac
done
for file in sql/parts/*; do
	[[ $file =~ ^sql/parts/[0-9][0-9]_[a-z_]+\.sql$ ]] ||
		complain "$file: parts are called NN_topic.sql"
done

for file in test/t/* test/gates/*.pl; do
	[[ $(basename "$file") =~ ^[0-9]{3}_[a-z0-9_]+\.pl$ ]] ||
		complain "$file: TAP tests are called NNN_topic.pl"
done
for number in $(printf '%s\n' test/t/*.pl | sed 's,.*/\([0-9]*\)_.*,\1,' | sort | uniq -d); do
	complain "test/t: two tests have the number $number"
done
for file in test/sql/* test/isolation/specs/*; do
	case $file in
		*.sql | *.spec) ;;
		*) complain "$file: nothing runs this" ;;
	esac
done
exit $bad
