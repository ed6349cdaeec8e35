#!/bin/bash
# Run the tests and say how many passed.
#
#   test/run.sh [STAGE...]      lint build unit regress isolation tap nokafka
#                               installcheck gates kafka long
#
# Without stages: all but gates, kafka and long.  The last line is `N passed, N failed`, with
# `, N skipped` where something could not be tried; what failed is printed, and
# every log is under build/log.  Single tests, all optional:
#   REGRESS="name..."  ISOLATION="name..."  PROVE_TESTS="test/t/file..."
#
# The project is built in a copy under build/, as warnings-are-errors; what the
# unprivileged user needs goes into a temporary directory, where one server
# serves the regress and isolation tests and each TAP test starts its own.
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"

PASSED=0
FAILED=0
SKIPPED=0
WORK=

stage() { printf '== %s\n' "$1"; }
passed() { PASSED=$((PASSED + 1)); printf 'ok      %s\n' "$1"; }
skipped() { SKIPPED=$((SKIPPED + 1)); printf 'skipped: %s: %s\n' "$1" "$2"; }

# A failed test: its name, and the log of which the end is shown.
failed()
{
	FAILED=$((FAILED + 1))
	printf 'FAILED  %s\n' "$1"
	if [ -s "${2:-}" ]; then
		tail -n "${SHOW_LINES:-80}" "$2" | sed 's/^/        | /'
	fi
}

# Run a command with its output in a log, and count it as one test; by convention
# status 77 says that it could not be tried, and the last line why.
try()
{
	local name=$1 log=$LOG/$1.log rc=0

	shift
	"$@" >"$log" 2>&1 || rc=$?
	case $rc in
		0) passed "$name" ;;
		77) skipped "$name" "$(tail -n 1 "$log")" ;;
		*) failed "$name" "$log" ;;
	esac
}

cleanup()
{
	local rc=$?

	trap - EXIT
	if [ -n "$WORK" ]; then
		server_stop "$WORK/data" immediate >/dev/null 2>&1
		server_stop "$WORK/data-nokafka" immediate >/dev/null 2>&1
		server_stop "$WORK/data-installed" immediate >/dev/null 2>&1
		rm -rf "$WORK"
	fi
	hand_back "$BUILD"
	exit "$rc"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# ---- lint: checks of the text ----------------------------------------------------

run_lint()
{
	local check

	stage lint
	for check in "$ROOT"/test/check_*.sh; do
		case $check in
			*/check_symbols.sh) ;;		# looks at a build, see below
			*) try "$(basename "$check" .sh)" bash "$check" ;;
		esac
	done
}

# ---- build: without a warning, by both compilers -----------------------------------

TREE=
BUILT=1
WARNINGS='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Werror'

# Build the tree under test, once; the other stages need it.
need_build()
{
	local log=$LOG/build-gcc.log

	if [ -z "$TREE" ]; then
		TREE=$BUILD/gcc-$PG_MAJOR
		build_tree "$TREE" CC=gcc COPT="$WARNINGS" >"$log" 2>&1
		BUILT=$?
	fi
	return "$BUILT"
}

run_build()
{
	stage build
	if need_build; then passed build-gcc; else failed build-gcc "$LOG/build-gcc.log"; fi
	if command -v clang >/dev/null; then
		# The server's flags are those of the compiler it was built with.
		try build-clang build_tree "$BUILD/clang-$PG_MAJOR" CC=clang \
			COPT="$WARNINGS -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes"
	else
		skipped build-clang "clang is not installed"
	fi
	try check_symbols bash "$ROOT/test/check_symbols.sh" "$TREE"
}

# ---- unit: the mathematics, without a server ---------------------------------------

# A unit test program is a test: make check-unit says `ok NAME` or `not ok NAME` of each.
run_unit()
{
	local log=$LOG/unit.log rc=0 line

	stage unit
	make -C "$TREE" -s -j"$JOBS" check-unit PG_CONFIG="$PG_CONFIG" CC=gcc >"$log" 2>&1 || rc=$?
	while read -r line; do
		case $line in
			ok*) passed "unit ${line#ok }" ;;
			*) failed "unit ${line#not ok }" ;;
		esac
	done < <(grep -E '^(ok|not ok) test_' "$log")
	if [ "$rc" != 0 ]; then
		grep -q '^not ok' "$log" || failed "unit: could not run"
		grep -v '^ok' "$log" | tail -n 60 | sed 's/^/        | /'
	fi
}

# ---- the unprivileged part -----------------------------------------------------------

# A directory that belongs to the user of the server: the staged extension and
# the inputs of the tests.  Its path is short, for the sockets in it.
need_work()
{
	if [ -n "$WORK" ]; then return; fi
	WORK=$(mktemp -d /tmp/recsys-test.XXXXXX)
	mkdir "$WORK/src" "$WORK/sock" "$WORK/home" "$WORK/tmp"
	cp -R "$TREE/stage" "$WORK/stage"
	sync_tree "$WORK/src"
	mkdir -p "$WORK/src/tmp_check"
	stage_conf "$WORK/stage" >"$WORK/stage.conf"
	hand_over "$WORK"
	chmod 755 "$WORK"
	RUN_HOME=$WORK/home
}

# VARIANT is '', or -nokafka for the server of the build without Kafka.
VARIANT=

need_server()
{
	local data

	need_work
	data=$WORK/data$VARIANT
	if [ -d "$data" ]; then
		as_user "$PG_BIN/pg_ctl" -D "$data" status
		return
	fi
	cat "$ROOT/test/regress.conf" "$WORK/stage$VARIANT.conf" | server_init "$data" &&
		server_start "$data" "$WORK/sock$VARIANT" "$WORK/server.log"
}

# The tests' names in a directory: its files without their ending.
names() { find "$1" -maxdepth 1 -name "*.$2" -printf '%f\n' 2>/dev/null | sed "s/\.$2\$//" | sort; }

# Both drivers print a line for each test, in TAP's form from 16 on.
count_pg_regress()
{
	sed -nE -e 's/^test ([^ ]+) +\.\.\. ok .*/ok \1/p' \
		-e 's/^test ([^ ]+) +\.\.\. .*FAILED.*/not ok \1/p' \
		-e 's/^(ok|not ok) +[0-9]+ +[-+] ([^ ]+).*/\1 \2/p' "$1"
}

# Count the tests of stage $1 by what a driver has printed into $2.
tell_pg_regress()
{
	local line

	while read -r line; do
		case $line in
			ok*) passed "$1 ${line#ok }" ;;
			*) failed "$1 ${line#not ok }" ;;
		esac
	done < <(count_pg_regress "$2")
}

# run_driver STAGE OUTPUTDIR PROGRAM ARGUMENT...
run_driver()
{
	local stage=$1 out=$2 log=$LOG/$1.log rc=0

	shift 2
	if ! need_server >"$log" 2>&1; then
		cat "$WORK/server.log" >>"$log"
		failed "$stage: the server does not start" "$log"
		return
	fi
	(
		cd "$WORK/src" || exit 2
		USER_ENV=(PGUSER=postgres)
		as_user "$@" --bindir="$PG_BIN" --host="$WORK/sock$VARIANT" --user=postgres \
			--load-extension=recsys
	) >"$log" 2>&1 || rc=$?
	tell_pg_regress "$stage" "$log"
	if [ "$rc" = 0 ]; then return; fi
	grep -q -E 'FAILED|^not ok' "$log" || failed "$stage: could not run" "$log"
	cp "$WORK/server.log" "$LOG/$stage-server.log" 2>/dev/null
	if [ -s "$WORK/src/$out/regression.diffs" ]; then
		cp "$WORK/src/$out/regression.diffs" "$LOG/$stage.diffs"
		head -n 300 "$LOG/$stage.diffs" | sed 's/^/        | /'
	fi
}

run_regress()
{
	local tests

	stage regress
	tests=${REGRESS:-$(names "$ROOT/test/sql" sql)}
	if [ -z "$tests" ]; then echo "no regression tests"; return; fi
	# shellcheck disable=SC2086	# names are words
	run_driver regress . "$PGXS_DIR/src/test/regress/pg_regress" \
		--inputdir=test --dbname=recsys_regress $tests
}

# ---- without Kafka: what make WITH_KAFKA=no builds, and its regression tests -------

build_nokafka()
{
	build_tree "$BUILD/nokafka-$PG_MAJOR" WITH_KAFKA=no CC=gcc COPT="$WARNINGS" || return 1
	if find "$BUILD/nokafka-$PG_MAJOR" -name 'recsys_kafka*' -path '*.so' | grep . ||
		readelf -d "$BUILD/nokafka-$PG_MAJOR"/*.so | grep -E 'File|rdkafka' | grep -B1 rdkafka; then
		echo "built although it should not be, or linked to librdkafka"
		return 1
	fi
}

run_nokafka()
{
	local stage tests failures=$FAILED

	stage nokafka
	try build-nokafka build_nokafka
	if [ "$FAILED" -gt "$failures" ]; then return; fi
	need_work
	VARIANT=-nokafka
	stage=$WORK/stage$VARIANT
	cp -R "$BUILD/nokafka-$PG_MAJOR/stage" "$stage"
	mkdir -p "$WORK/sock$VARIANT"
	stage_conf "$stage" >"$stage.conf"
	hand_over "$stage" "$WORK/sock$VARIANT"
	tests=${REGRESS:-$(names "$ROOT/test/sql" sql)}
	# shellcheck disable=SC2086	# names are words
	run_driver nokafka . "$PGXS_DIR/src/test/regress/pg_regress" \
		--inputdir=test --dbname=recsys_regress $tests
	VARIANT=
}

run_isolation()
{
	local tests driver=$PGXS_DIR/src/test/isolation/pg_isolation_regress

	stage isolation
	tests=${ISOLATION:-$(names "$ROOT/test/isolation/specs" spec)}
	if [ -z "$tests" ]; then echo "no isolation tests"; return; fi
	if [ ! -x "$driver" ]; then
		skipped isolation "this PostgreSQL comes without pg_isolation_regress"
		return
	fi
	# shellcheck disable=SC2086
	run_driver isolation output_iso "$driver" --inputdir=test/isolation \
		--outputdir=output_iso --dbname=recsys_isolation $tests
}

# What a TAP test wrote for those who look for its failure: the end, and where it is.
show_regress_log()
{
	if [ -s "$1" ]; then
		printf '        the end of %s:\n' "${1#"$ROOT"/}"
		tail -n "${SHOW_LINES:-30}" "$1" | sed 's/^/        | /'
	fi
}

# Run one Perl program under prove, with its output in a log and its status beside it.
prove_file()
{
	local file=$1 log=$2 rc=0

	(
		cd "$WORK/src" || exit 2
		as_user prove -v -I "$PGXS_DIR/src/test/perl" -I "$WORK/src/test/perl" "$file"
	) >"$log" 2>&1 || rc=$?
	echo "$rc" >"$log.rc"
}

# Tell how it went.
tell_prove()
{
	local name log=$2 rc why

	name=$(basename "$1" .pl)
	rc=$(cat "$log.rc")
	rm -f "$log.rc"
	if [ "$rc" != 0 ]; then
		mkdir -p "$LOG/$name.tap"
		cp "$WORK/src/tmp_check/log/"*"$name"* "$LOG/$name.tap/" 2>/dev/null
		failed "tap $name" "$log"
		show_regress_log "$LOG/$name.tap/regress_log_$name"
	elif grep -q '^1\.\.0 # SKIP' "$log"; then
		skipped "tap $name" "$(sed -n 's/^1\.\.0 # SKIP *//p' "$log")"
	else
		passed "tap $name ($(grep '^ok ' "$log" | grep -vci '# skip') checks)"
		sed -n 's/^# *\(KAFKA_SEED=.*\)/        \1/p' "$log"
		while read -r why; do
			skipped "tap $name" "$why"
		done < <(sed -n 's/^ok [0-9]* # skip *//p' "$log")
	fi
}

# Run programs one after the other; those about Kafka mostly wait, so two at a time.
run_proves()
{
	local file

	for file; do
		if [[ $file == *_kafka_* ]]; then
			while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
			prove_file "$file" "$LOG/tap-$(basename "$file" .pl).log" &
		else
			wait
			prove_file "$file" "$LOG/tap-$(basename "$file" .pl).log"
			tell_prove "$file" "$LOG/tap-$(basename "$file" .pl).log"
		fi
	done
	wait
	for file; do
		if [[ $file == *_kafka_* ]]; then
			tell_prove "$file" "$LOG/tap-$(basename "$file" .pl).log"
		fi
	done
}

# What PostgreSQL::Test::Cluster and RecsysTest.pm want to know.
tap_environment()
{
	USER_ENV=(TESTDIR="$WORK/src" TESTDATADIR="$WORK/src/tmp_check"
		TESTLOGDIR="$WORK/src/tmp_check/log" PGPORT=65432 TMPDIR="$WORK/tmp"
		PG_REGRESS="$PGXS_DIR/src/test/regress/pg_regress"
		TEMP_CONFIG="$WORK/stage.conf" RECSYS_STAGE="$WORK/stage"
		RECSYS_KAFKA_TOOLS="$WORK/kafka" PG_CONFIG="$PG_CONFIG"
		KAFKA_SEED="${KAFKA_SEED:-}" KAFKA_ROUNDS="${KAFKA_ROUNDS:-}"
		MEMORY_SCALE="${MEMORY_SCALE:-}"
		PROPERTY_SEED="${PROPERTY_SEED:-}" PROPERTY_STEPS="${PROPERTY_STEPS:-}")
}

# The mock cluster and the producer of the tests of Kafka.
need_kafka_tools()
{
	if [ -d "$WORK/kafka" ] || [ "${WITH_KAFKA:-yes}" = no ]; then return; fi
	try kafka-tools make -C "$TREE" -s kafka-tools CC=gcc
	cp -R "$TREE/build/kafka" "$WORK/kafka"
	hand_over "$WORK/kafka"
}

# Can Perl programs make servers?  The module makes its directories when it is loaded.
has_tap()
{
	(cd "$WORK/src" && as_user perl -I "$PGXS_DIR/src/test/perl" \
		-MIPC::Run -MPostgreSQL::Test::Cluster -e 1) >/dev/null 2>&1
}

run_tap()
{
	local files

	stage tap
	files=${PROVE_TESTS:-$(cd "$ROOT" && find test/t -name '*.pl' 2>/dev/null | sort)}
	if [ -z "$files" ]; then echo "no TAP tests"; return; fi
	need_work
	need_kafka_tools
	tap_environment
	if ! has_tap; then
		skipped tap "PostgreSQL::Test::Cluster or IPC::Run is missing"
		USER_ENV=()
		return
	fi
	# shellcheck disable=SC2086	# names are words
	run_proves $files
	USER_ENV=()
}

# ---- long: TAP tests that take minutes, and a long walk of the property test -------------

run_long()
{
	local files

	stage long
	files=${PROVE_TESTS:-$(cd "$ROOT" && find test/long -name '*.pl' | sort) test/t/052_serving_property.pl}
	need_work
	PROPERTY_STEPS=${PROPERTY_STEPS:-10000} tap_environment
	USER_ENV+=(PG_TEST_TIMEOUT_DEFAULT=3600)	# for as long as a session lasts
	# shellcheck disable=SC2086	# names are words
	run_proves $files
	USER_ENV=()
}

# ---- installcheck: what packagers run, where the extension is truly installed --------

# Copy the server's files to the same places under $1, and install the extension there.
# PostgreSQL finds its files by where its programs are, so the copy is a server.
install_beside()
{
	local dir

	{
		for dir in bindir pkglibdir sharedir; do "$PG_CONFIG" --$dir; done
		# A server that brings a libpq of its own finds it by the way from its programs.
		ldd "$PG_BIN/psql" | sed -n 's|.*=> \(.*\)/libpq[-.].*|\1|p' |
			xargs -r realpath | grep -v '^/usr/lib/'
	} | while read -r dir; do
		mkdir -p "$1$dir" && cp -R "$dir/." "$1$dir"
	done
	cp -R "$TREE/stage/." "$1"
}

# A server as packagers have it, of which nothing is as in our private servers.
start_installed()
{
	as_user "$PG_BIN/initdb" -D "$WORK/data-installed" -U packager -A trust -E LATIN1 \
		--locale=C --no-sync --no-instructions &&
		printf '%s\n' "port = 54329" "default_transaction_isolation = serializable" \
			"row_security = off" |
		as_user tee -a "$WORK/data-installed/postgresql.conf" &&
		server_start "$WORK/data-installed" "$WORK/sock" "$WORK/installed.log"
}

# Uninstalling leaves nothing of what was installed.
uninstall_all()
{
	local stage=$WORK/uninstalled

	cp -R "$TREE/stage" "$stage" &&
		make -C "$TREE" -s PG_CONFIG="$PG_CONFIG" uninstall DESTDIR="$stage" &&
		if find "$stage" -type f | grep .; then return 1; fi
}

# Tell how the TAP tests went by what prove has printed.
tell_prove_all()
{
	local line

	if grep -q '^Result: PASS' "$1"; then
		passed "installcheck tap ($(sed -n 's/^Files=\([0-9]*\), Tests=\([0-9]*\),.*/\1 programs, \2 checks/p' "$1"))"
	else
		while read -r line; do failed "installcheck tap $line"; done < <(sed -n 's/^\(test\/.*\) *(Wstat.*/\1/p' "$1")
	fi
}

run_installcheck()
{
	local log=$LOG/installcheck.log options=() failures=$FAILED
	local PG_BIN=$PG_BIN PG_CONFIG=$PG_CONFIG PGXS_DIR=$PGXS_DIR

	stage installcheck
	need_work
	try uninstall uninstall_all
	mkdir "$WORK/installed"
	if ! { install_beside "$WORK/installed" && hand_over "$WORK/installed"; } >"$log" 2>&1; then
		failed "installcheck: cannot be installed" "$log"
		return
	fi
	PG_BIN=$WORK/installed$PG_BIN
	PG_CONFIG=$PG_BIN/pg_config
	PGXS_DIR=$(dirname "$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")")
	if ! start_installed >"$log" 2>&1; then
		cat "$WORK/installed.log" >>"$log"
		failed "installcheck: the server does not start" "$log"
		return
	fi
	if ! has_tap; then
		skipped "installcheck tap" "PostgreSQL::Test::Cluster or IPC::Run is missing"
		options=(TAP_TESTS=)
	fi
	# Each kind of test is run whatever became of the one before.
	(
		cd "$WORK/src" || exit 2
		USER_ENV=(PGHOST="$WORK/sock" PGPORT=54329 PGUSER=packager)
		as_user make -i installcheck PG_CONFIG="$PG_CONFIG" "${options[@]}"
	) >"$log" 2>&1
	tell_pg_regress installcheck "$log"
	if [ ${#options[@]} = 0 ]; then tell_prove_all "$log"; fi
	if [ "$FAILED" -gt "$failures" ]; then
		cat "$WORK"/src/regression.diffs "$WORK"/src/output_iso/regression.diffs 2>/dev/null |
			tee "$LOG/installcheck.diffs" | head -n 300 | sed 's/^/        | /'
	fi
	server_stop "$WORK/data-installed"
}

# ---- gates: measurements on real data ------------------------------------------------

# Run one gate: a script that prints `ok` or `not ok` for each figure.  It gets the
# directory of the data, which are no part of the project, and finds a server by
# PGHOST and PGUSER.
run_gate()
{
	local file=$1 name log rc=0

	name=$(basename "$file" .sh)
	log=$LOG/gate-$name.log
	USER_ENV=(PGHOST="$WORK/sock" PGUSER=postgres PGDATABASE=postgres)
	(cd "$WORK/src" && as_user bash "test/gates/$name.sh" "$WORK/real") >"$log" 2>&1 || rc=$?
	USER_ENV=()
	grep -E '^(ok|not ok|#)' "$log" | sed 's/^/        /'
	if [ "$rc" != 0 ] || grep -q '^not ok' "$log"; then
		failed "gate $name" "$log"
	elif grep -q '^1\.\.0 # SKIP' "$log"; then
		skipped "gate $name" "$(sed -n 's/^1\.\.0 # SKIP *//p' "$log")"
	else
		passed "gate $name ($(grep -c '^ok ' "$log") checks)"
	fi
}

run_gates()
{
	local file data=${RECSYS_DATA:-$ROOT/../shared/data}

	stage gates
	if [ ! -d "$data" ]; then
		skipped gates "no data in ${data#"$ROOT"/}"
		return
	fi
	if ! need_server >"$LOG/gates.log" 2>&1; then
		cat "$WORK/server.log" >>"$LOG/gates.log"
		failed "gates: the server does not start" "$LOG/gates.log"
		return
	fi
	cp -RL "$data" "$WORK/real" && chmod -R u+w "$WORK/real" && hand_over "$WORK/real"
	for file in "$ROOT"/test/gates/*.sh; do run_gate "$file"; done
}

# ---- kafka: what needs a real broker -------------------------------------------------

KAFKA_VERSIONS=(4.3.1 3.9.2)

# The jars of every version in RECSYS_KAFKA_JARS/VERSION/jars, fetched once.
fetch_kafka()
{
	local jars=$1 version

	for version in "${KAFKA_VERSIONS[@]}"; do
		if [ -d "$jars/$version/jars" ]; then continue; fi
		KAFKA_VERSION=$version bash "$ROOT/test/kafka/kafka_cluster.sh" fetch "$jars/$version" ||
			return 1
	done
}

run_kafka()
{
	local file jars=${RECSYS_KAFKA_JARS:-$BUILD/kafka-jars} files

	stage kafka
	if [ "${WITH_KAFKA:-yes}" = no ]; then
		skipped kafka "WITH_KAFKA=no"
		return
	elif ! command -v java >/dev/null; then
		skipped kafka "there is no Java here"
		return
	elif ! fetch_kafka "$jars" >"$LOG/kafka-jars.log" 2>&1; then
		skipped kafka "the jars of Kafka cannot be had: $(grep -m 1 . "$LOG/kafka-jars.log")"
		return
	fi
	need_work
	need_kafka_tools
	cp -R "$jars" "$WORK/jars"
	hand_over "$WORK/jars"
	tap_environment
	USER_ENV+=(RECSYS_KAFKA_JARS="$WORK/jars")
	files=${PROVE_TESTS:-$(cd "$ROOT" && find test/gates_kafka -name '*.pl' | sort)}
	for file in $files; do
		prove_file "$file" "$LOG/kafka-$(basename "$file" .pl).log"
		tell_prove "$file" "$LOG/kafka-$(basename "$file" .pl).log"
	done
	USER_ENV=()
}

# ---- all of it -----------------------------------------------------------------------

if [ $# = 0 ]; then
	set -- lint build unit regress isolation tap nokafka installcheck
	rm -rf "$LOG"
fi
for s in "$@"; do
	declare -F "run_$s" >/dev/null || die "no stage called $s"
done
find_postgres || die "no PostgreSQL with server headers found; run test/setup.sh test"
PGXS_DIR=$(dirname "$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")")
mkdir -p "$LOG"
echo "PostgreSQL $PG_MAJOR ($PG_CONFIG), server runs as $RUN_AS"

for s in "$@"; do
	case $s in
		lint | build) ;;
		*)
			if ! need_build; then
				stage build
				failed build-gcc "$LOG/build-gcc.log"
				break
			fi
			;;
	esac
	"run_$s"
done

print_total
[ "$FAILED" = 0 ]
