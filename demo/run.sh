#!/bin/bash
# The demo, from sources to recommendations, on a private server.
#
#   demo/run.sh         build, start the server, run demo.sql and kafka.sql, stop the server
#   demo/run.sh psql    the same server again for as long as psql runs
#   demo/run.sh clean   remove what lies outside of build/
#
# Everything lies under build/ (where the unprivileged user may not go there, in a
# directory of the system's temporary ones); nothing is left running.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../test/lib.sh"

step()
{
	local start=$EPOCHREALTIME title=$1

	shift
	printf '%-58s' "$title"
	if ! "$@" >"$BUILD/demo.log" 2>&1; then
		echo "failed"
		tail -n 30 "$BUILD/demo.log" >&2
		die "the log is build/demo.log"
	fi
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%6.1f s\n", b - a }'
}

# Where the server's files are when the user it runs as cannot reach build/.
OUTSIDE=${TMPDIR:-/tmp}/recsys-demo-$(echo "$ROOT" | cksum | cut -d ' ' -f 1)

# Where the server's files are: the user it runs as must reach them.
find_place()
{
	PLACE=$BUILD/demo
	mkdir -p "$PLACE"
	hand_over "$PLACE"
	if ! as_user test -w "$PLACE"; then
		rmdir "$PLACE" 2>/dev/null || true
		PLACE=$OUTSIDE
		# The name can be foreseen, so it may be somebody else's already.
		if ! mkdir -m 755 "$PLACE" 2>/dev/null; then
			case $(stat -c '%F %U' "$PLACE") in
				"directory root" | "directory $RUN_AS" | "directory $(stat -c %U "$ROOT")") ;;
				*) die "$PLACE belongs to somebody else" ;;
			esac
		fi
		hand_over "$PLACE"
	fi
	RUN_HOME=$PLACE
	USER_ENV=(PGHOST="$SOCK" PGDATABASE=demo PGUSER=demo TERM="${TERM:-dumb}" PSQLRC=/dev/null)
}

start()
{
	server_start "$PLACE/data" "$SOCK" "$PLACE/server.log"
}

# Is Kafka a part of this?  (make WITH_KAFKA=no)
with_kafka() { [ "${WITH_KAFKA:-yes}" != no ]; }

build()
{
	build_tree "$TREE" && { ! with_kafka || make -C "$TREE" -s kafka-tools; }
}

# The sources of the demo and the staged extension, for that user.
bring()
{
	server_stop "$PLACE/data"
	rm -rf "$PLACE/stage" "$PLACE/demo" "$PLACE/kafka"
	cp -R "$TREE/stage" "$PLACE/stage"
	if with_kafka; then cp -R "$TREE/build/kafka" "$PLACE/kafka"; fi
	cp -R "$TREE/demo" "$PLACE/demo"
	{
		stage_conf "$PLACE/stage"
		echo "shared_preload_libraries = 'recsys'"
		echo "recsys.kafka_databases = 'demo'"
	} >"$PLACE/recsys.conf"
	hand_over "$PLACE"
}

server()
{
	bring
	if [ "$(cat "$PLACE/data/PG_VERSION" 2>/dev/null)" != "$PG_MAJOR" ]; then
		rm -rf "$PLACE/data"
		echo "include '../recsys.conf'" | server_init "$PLACE/data"
	fi
	start
}

admin() { as_user env PGUSER=postgres PGDATABASE="$1" psql -X -q -v ON_ERROR_STOP=1 -c "$2"; }

# A database with the extension, and a role without any privilege but to make models.
database()
{
	admin postgres "DROP DATABASE IF EXISTS demo"
	admin postgres "DROP ROLE IF EXISTS demo"
	admin postgres "CREATE ROLE demo LOGIN"
	admin postgres "CREATE DATABASE demo OWNER demo"
	admin demo "CREATE EXTENSION recsys"
	admin demo "GRANT CREATE ON SCHEMA recsys_data TO demo"
	admin demo "GRANT USAGE ON FOREIGN DATA WRAPPER recsys_kafka TO demo"
}

# A mock of a Kafka broker, which ends when this script does.
start_broker()
{
	coproc BROKER { as_user "$PLACE/kafka/mock_broker"; }
	read -r -t 30 -u "${BROKER[0]}" brokers || die "the mock of a Kafka broker does not start"
	echo "create shop 1" >&"${BROKER[1]}"
	USER_ENV+=(KAFKA_BROKERS="$brokers" PRODUCE="$PLACE/kafka/produce")
}

finish()
{
	local rc=$?

	trap - EXIT
	if [ -n "${BROKER_PID:-}" ]; then echo quit >&"${BROKER[1]}" || true; fi
	server_stop "$PLACE/data" >/dev/null 2>&1 || true
	rm -rf "$SOCK"
	hand_back "$BUILD" "$PLACE"
	exit "$rc"
}

if [ "${1:-}" = clean ]; then
	rm -rf "$OUTSIDE"
	exit
fi
find_postgres || die "no PostgreSQL with server headers found; run make demo"
TREE=$BUILD/demo-$PG_MAJOR
SOCK=$(mktemp -d /tmp/recsys-demo.XXXXXX)	# short, as paths of sockets must be
hand_over "$SOCK"
find_place
trap finish EXIT
trap 'exit 130' INT TERM HUP

case ${1:-} in
	"")
		step "Building" build
		step "Starting a private PostgreSQL $PG_MAJOR as user $RUN_AS" server
		step "Creating a database, a role and the extension" database
		scripts=(-f demo/demo.sql)
		if with_kafka; then
			start_broker
			scripts+=(-v brokers="$brokers" -f demo/kafka.sql)
		fi
		begin=$EPOCHREALTIME
		(cd "$PLACE" && as_user psql -X -q -v ON_ERROR_STOP=1 "${scripts[@]}")
		awk -v a="$begin" -v b="$EPOCHREALTIME" \
			'BEGIN { printf "The scripts in demo/ took %.1f s.\n", b - a }'
		if [ "$PLACE" != "$BUILD/demo" ]; then echo "User $RUN_AS has its files in $PLACE."; fi
		echo "The server is stopped again.  To go on in the same database: make psql"
		;;
	psql)
		[ -d "$PLACE/data" ] || die "there is no demo yet; run make demo"
		start
		echo "Database demo; the server stops when you leave psql.  Try:"
		echo "  SELECT * FROM recsys.recommend_text('shop', 15194);"
		cd "$PLACE" && as_user psql -X
		;;
	*) die "usage: $0 [psql|clean]" ;;
esac
