#!/bin/bash
# Measurements on a private server; never part of the tests.
#
#   test/bench/run.sh bench            training against its rivals (BENCH_SCALE=quick|full;
#                                      BENCH_ONLY, a regular expression, picks steps)
#   test/bench/run.sh sweep [SET...]   what the default options lose on real data
#   test/bench/run.sh quality [SET...] how good lists are, against its rivals
#   test/bench/run.sh kafka            events of a real Kafka broker into tables
#                                      (BENCH_EVENTS, default 2000000)
#   test/bench/run.sh serve            answers against SELECT 1 (BENCH_SCALE; BENCH_ONLY
#                                      picks targets, as "S1 S4")
#
# Rivals are installed into virtual environments under build/bench, or BENCH_CACHE;
# the generated data lie there too.  The server lies in a temporary directory.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

HERE=$ROOT/test/bench
CACHE=${BENCH_CACHE:-$BUILD/bench}
WORK=

cleanup()
{
	local rc=$?

	trap - EXIT
	if [ -n "$WORK" ]; then
		if [ -d "$WORK/broker" ]; then bash "$ROOT/test/kafka/kafka_cluster.sh" stop "$WORK/broker"; fi
		server_stop "$WORK/data" immediate >/dev/null 2>&1 || true
		rm -rf "$WORK"
	fi
	exit "$rc"
}

# A server with the settings of standard input.
start_server()
{
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/recsys-bench.XXXXXX")
	mkdir "$WORK/sock" "$WORK/tmp"
	cp -R "$TREE/stage" "$WORK/stage"
	hand_over "$WORK"
	chmod 755 "$WORK"
	{
		stage_conf "$WORK/stage"
		cat
	} | server_init "$WORK/data"
	server_start "$WORK/data" "$WORK/sock" "$WORK/server.log"
	export PGHOST=$WORK/sock PGPORT=5432 PGUSER=postgres PGDATABASE=postgres PSQLRC=/dev/null
	export PATH=$PG_BIN:$PATH
}

# environment NAME REQUIREMENTS: print its python; nothing when it cannot be made.
# Packages are installed in the order of the file, one after the other, so that a
# failure costs one rival; it is tried again the next time.
environment()
{
	local dir=$CACHE/$1 package packages complete=1

	if [ ! -f "$dir/complete" ]; then
		echo "# installing rivals, see build/log/bench-pip.log" >&2
		python3 -m venv "$dir" >>"$LOG/bench-pip.log" 2>&1 || return 0
		mapfile -t packages < <(grep -v '^#' "$2")
		for package in "${packages[@]}"; do
			if ! "$dir/bin/pip" install -q --no-build-isolation "$package" \
				>>"$LOG/bench-pip.log" 2>&1; then
				echo "# $package could not be installed" >&2
				complete=
			fi
		done
		if [ -n "$complete" ]; then touch "$dir/complete"; fi
	fi
	echo "$dir/bin/python"
}

# Ratings as lines for us and as arrays for the rivals, generated once.
shape()
{
	local file=$CACHE/$1

	if [ ! -f "$file.tsv" ]; then
		echo "# generating the shape \"$1\"" >&2
		python3 "$HERE/shape.py" "$1" "$file.new"
		mv "$file.new" "$file.tsv"
	fi
	if [ -n "$BENCH_PYTHON" ] && [ ! -f "$file.npz" ]; then
		"$BENCH_PYTHON" "$HERE/peer.py" pack "$file.tsv" "$file.npz" ||
			echo "# the rivals have no data: no numpy, scipy or pandas" >&2
	fi
}

# It does not wait for disks and does not tidy up while it is measured.
start_fast_server()
{
	start_server <<-'CONF'
		fsync = off
		synchronous_commit = off
		autovacuum = off
		max_wal_size = 8GB
		wal_level = minimal
		max_wal_senders = 0
		recsys.training_memory = 16GB
	CONF
}

run_bench()
{
	export BENCH_SCALE=${BENCH_SCALE:-quick} BENCH_THREADS=${BENCH_THREADS:-2}
	case $BENCH_SCALE in
		quick | full) ;;
		*) die "BENCH_SCALE is quick or full, not \"$BENCH_SCALE\"" ;;
	esac
	if [ -z "${BENCH_ONLY:-}" ]; then make -s -C "$ROOT" bench-programs; fi
	BENCH_PYTHON=$(environment venv "$HERE/requirements.txt")
	BENCH_PYTHON_LENSKIT=$(environment venv-lenskit "$HERE/requirements-lenskit.txt")
	export BENCH_PYTHON BENCH_PYTHON_LENSKIT BENCH_CACHE=$CACHE
	shape small
	if [ "$BENCH_SCALE" = full ]; then shape large; fi
	start_fast_server
	export BENCH_TMP=$WORK/tmp BENCH_RESULTS=$CACHE/results.md
	python3 "$HERE/bench.py"
	echo "The table is in $CACHE/results.md"
}

run_sweep()
{
	start_fast_server
	python3 "$HERE/sweep.py" "$@"
}

run_quality()
{
	BENCH_PYTHON=$(environment venv "$HERE/requirements.txt")
	if [ -z "$BENCH_PYTHON" ]; then die "the rivals' environment cannot be made, see build/log/bench-pip.log"; fi
	start_fast_server
	export BENCH_RESULTS=$CACHE/quality.md
	"$BENCH_PYTHON" "$HERE/quality.py" "$@"
	echo "The table is in $CACHE/quality.md"
}

# Durable as by default; only checkpoints and vacuums are kept out of the way.
run_kafka()
{
	local jars=${RECSYS_KAFKA_JARS:-$BUILD/kafka-jars}/4.3.1 script=$ROOT/test/kafka/kafka_cluster.sh

	make -s -C "$TREE" kafka-tools
	[ -d "$jars/jars" ] || bash "$script" fetch "$jars" || die "the jars of Kafka cannot be had"
	start_server <<-'CONF'
		shared_preload_libraries = 'recsys'
		recsys.kafka_databases = 'bench_kafka'
		autovacuum = off
		max_wal_size = 8GB
		checkpoint_timeout = 1h
	CONF
	chmod 777 "$WORK/tmp"	# COPY writes there
	KAFKA_BROKERS=$(KAFKA_JARS=$jars/jars KAFKA_PORT=${KAFKA_PORT:-19190} \
		bash "$script" start "$WORK/broker" 1) || die "the broker does not start"
	export KAFKA_BROKERS KAFKA_TOOLS=$TREE/build/kafka
	export BENCH_TMP=$WORK/tmp BENCH_RESULTS=$CACHE/kafka.md
	python3 "$HERE/kafka.py"
	echo "The table is in $CACHE/kafka.md"
}

# With the library preloaded, as 15 and 16 share item images only then.  A commit is
# waited for, or the vacuum after it finds rows that are not known to be visible to all.
run_serve()
{
	# a rival if make bench has installed it
	BENCH_PYTHON=$CACHE/venv/bin/python
	if [ ! -x "$BENCH_PYTHON" ]; then BENCH_PYTHON=; fi
	export BENCH_PYTHON BENCH_CACHE=$CACHE BENCH_THREADS=${BENCH_THREADS:-2}
	if [ "${BENCH_SCALE:-quick}" = full ]; then shape large; else shape small; fi
	start_server <<-'CONF'
		shared_preload_libraries = 'recsys'
		shared_buffers = 1GB
		fsync = off
		autovacuum = off
		max_wal_size = 8GB
		recsys.cache_size = 4GB
		max_connections = 120
	CONF
	export BENCH_TMP=$WORK/tmp BENCH_RESULTS=$CACHE/serve.md
	python3 "$HERE/serve.py"
	echo "The table is in $CACHE/serve.md"
}

WHAT=${1:-}
case $WHAT in
	bench | sweep | quality | kafka | serve) ;;
	*) die "usage: $0 bench|sweep|quality|kafka|serve" ;;
esac
find_postgres || die "no PostgreSQL with server headers found; run test/setup.sh demo"
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$LOG" "$CACHE"
export PYTHONDONTWRITEBYTECODE=1
TREE=$BUILD/bench-$PG_MAJOR
build_tree "$TREE" >"$LOG/build-bench.log" 2>&1 || die "the build failed, see build/log/build-bench.log"
shift
"run_$WHAT" "$@"
