#!/bin/bash
# Includes must follow the layers, which point one way (extension/README.md):
#
#	api → batch, train, serve, ingest, store   train → store, solver/solver.h
#	batch → train, serve, solver/solver.h
#	serve → store, type, kernel                store → type → kernel
#	ingest → store, kafka_ingest/shared.h      solver → kernel
#
# What a layer may include, those below its neighbours may be included as well.
# kernel/ and solver/ are free of PostgreSQL, which compiling them here proves, and
# so are the files of kafka_ingest/ that make rows of events.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
bad=0

complain()
{
	echo "$1"
	bad=1
}

# Layers and files whose headers a layer may include, as an extended regexp.
allowed()
{
	case $1 in
		kernel) echo '^(kernel/|rs_limits\.h$)' ;;
		solver) echo '^(solver/|kernel/|rs_limits\.h$)' ;;
		type) echo '^(type/|kernel/|[a-z_]+\.h$)' ;;
		store) echo '^(store/|type/|kernel/|[a-z_]+\.h$)' ;;
		train) echo '^(train/|store/|type/|kernel/|solver/solver\.h$|[a-z_]+\.h$)' ;;
		serve) echo '^(serve/|store/|type/|kernel/|[a-z_]+\.h$)' ;;
		batch) echo '^(batch/|train/|serve/|store/|type/|kernel/|solver/solver\.h$|[a-z_]+\.h$)' ;;
		ingest) echo '^(ingest/|store/|type/|kernel/|[a-z_]+\.h$|\.\./kafka_ingest/shared\.h$)' ;;
		api) echo '^(api/|batch/|train/|serve/|ingest/|store/|type/|kernel/|[a-z_]+\.h$)' ;;
		.) echo '.' ;;
		*) echo '^$' ;;
	esac
}

# file:line "header" or <header>, for every include of the given files.
includes()
{
	grep -nHE '^[[:space:]]*#[[:space:]]*include' "$@" /dev/null |
		sed -E 's/^([^:]*:[0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*/\1 /'
}

mapfile -t sources < <(find extension -name '*.[ch]' | sort)
while read -r place header _; do
	file=${place%%:*}
	layer=${file#extension/}
	case $layer in */*) layer=${layer%%/*} ;; *) layer=. ;; esac
	name=${header:1:${#header}-2}

	if [ "$file:$name" = extension/solver/module.c:compat.h ]; then
		continue				# the one file of the solver that knows PostgreSQL
	elif [ -f "extension/$name" ]; then
		echo "$name" | grep -qE "$(allowed "$layer")" ||
			complain "$place: $layer must not include \"$name\""
		continue
	elif [ -f "$(dirname "$file")/$name" ]; then
		complain "$place: write \"${layer}/$name\", from the root of extension/"
		continue
	fi
	case $layer:$name in
		type:executor/* | type:catalog/*)
			[ "$name" = catalog/pg_type.h ] ||
				complain "$place: type must not include $header"
			;;
	esac
	case $layer:$header in
		kernel:\"* | solver:\"*)
			[ "$file" = extension/solver/module.c ] ||
				complain "$place: $layer is free of PostgreSQL, found $header"
			;;
	esac
done < <(includes "${sources[@]}")

while read -r file; do
	[ "$file" = extension/compat.h ] || complain "$file: only compat.h looks at PG_VERSION_NUM"
done < <(grep -rlw --include='*.[ch]' PG_VERSION_NUM extension)

for file in extension/kernel/*.c extension/solver/*.c; do
	if [ ! -f "$file" ] || [ "$file" = extension/solver/module.c ]; then continue; fi
	"${CC:-cc}" -std=gnu11 -fsyntax-only -Iextension "$file" ||
		complain "$file: does not compile without PostgreSQL's headers"
done
for file in kafka_ingest/{arena,checks,event,json}.c; do
	"${CC:-cc}" -std=gnu11 -fsyntax-only "$file" || complain "$file: is not free of other headers"
done
exit $bad
