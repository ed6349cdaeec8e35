#!/bin/bash
# What a build exports.
#
#   test/check_symbols.sh [TREE]
#
# PostgreSQL opens libraries with global symbols, so a name of ours could stand in
# for one of another extension.  Exported is what the server looks up and nothing
# else; and what our files share among each other carries the prefix rs_.
set -uo pipefail
cd "${1:-$(dirname "$0")/..}" || exit 1
bad=0

complain()
{
	echo "$1"
	bad=1
}

# exports LIBRARY REGEXP
exports()
{
	local name

	if [ ! -f "$1" ]; then
		complain "$1: was not built"
		return
	fi
	while read -r name; do
		[[ $name =~ $2 ]] || complain "$1: exports $name"
	done < <(nm -D --defined-only "$1" | awk '{print $NF}')
}

exports recsys.so '^(recsys_[a-z0-9_]+|pg_finfo_recsys_[a-z0-9_]+|Pg_magic_func|_PG_init)$'
exports recsys_solver.so '^(rs_solver_api|Pg_magic_func)$'
if [ "${WITH_KAFKA:-yes}" != no ]; then
	exports kafka_ingest/recsys_kafka.so \
		'^(recsys_kafka_worker_main|recsys_kafka_ask_main|Pg_magic_func|_PG_init)$'
	for name in recsys_kafka_worker_main recsys_kafka_ask_main Pg_magic_func; do
		nm -D --defined-only kafka_ingest/recsys_kafka.so | grep -qw "$name" ||
			complain "recsys_kafka.so: does not export $name"
	done
fi

# What the install script asks for must be there: CREATE EXTENSION stops at the first.
exported=" $(nm -D --defined-only recsys.so | awk '{print $NF}' | tr '\n' ' ')"
while read -r name; do
	[[ $exported == *" $name "* ]] ||
		complain "recsys.so: does not export $name, which an SQL function names"
done < <(grep -ohE "'MODULE_PATHNAME'(, *'[a-z0-9_]+')?" sql/parts/*.sql |
	sed -n "s/.*, *'\(.*\)'/\1/p" | sort -u)

while read -r file name; do
	[[ $name =~ ^(rs_|recsys_|pg_finfo_recsys_|Pg_magic_func$|_PG_init$) ]] ||
		complain "${file%:}: $name is global and has no prefix"
done < <(find extension -name '*.o' -exec nm -A -g --defined-only {} + |
	sed -E 's/^([^:]*):[^ ]* . /\1 /')
while read -r file name; do
	[[ $name =~ ^(rk_|recsys_kafka_|Pg_magic_func$|_PG_init$) ]] ||
		complain "${file%:}: $name is global and has no prefix"
done < <(find kafka_ingest -name '*.o' -exec nm -A -g --defined-only {} + |
	sed -E 's/^([^:]*):[^ ]* . /\1 /')

# What only one of the libraries may need.
needs_not()
{
	if [ -f "$1" ] && readelf -d "$1" | grep -E "NEEDED.*($2)"; then
		complain "$1: must not be linked to these"
	fi
}
needs_not recsys.so 'pthread|gomp|rdkafka'
needs_not recsys_solver.so 'libpq|rdkafka'
exit $bad
