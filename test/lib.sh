# What the scripts of test/ and demo/ share; sourced, never run.
#
# Nothing here writes outside the checkout's build/ and one temporary directory.
# A server is started as an unprivileged user on a socket in that directory and
# finds the extension where it was staged, so the system stays as it is.
# shellcheck shell=bash disable=SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build
LOG=${RECSYS_LOG:-$BUILD/log}
JOBS=$(nproc 2>/dev/null || echo 2)

# A variable given to make reaches scripts through the environment; a make
# started from here must not inherit it as an override.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export LC_ALL=C.UTF-8

die()
{
	echo "error: $*" >&2
	exit 1
}

# ---- counting ------------------------------------------------------------------

# Add a line `N passed, N failed[, N skipped]` to the counts.
add_total()
{
	local passed failed skipped

	read -r passed failed skipped < <(echo "$1" | tr -cs '0-9' ' ')
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	SKIPPED=$((SKIPPED + ${skipped:-0}))
}

print_total()
{
	if [ "$SKIPPED" -gt 0 ]; then
		echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	else
		echo "$PASSED passed, $FAILED failed"
	fi
}

# ---- which PostgreSQL ----------------------------------------------------------

# Can this pg_config build extensions and is its server there?
pg_config_complete()
{
	local pgxs

	pgxs=$("$1" --pgxs 2>/dev/null) && [ -f "$pgxs" ] &&
		[ -f "$("$1" --includedir-server)/postgres.h" ] &&
		[ -x "$("$1" --bindir)/postgres" ]
}

# Set PG_CONFIG, PG_MAJOR and PG_BIN; false when there is no complete server.
# PG_CONFIG from the environment wins, then the one in PATH, then Debian's places.
find_postgres()
{
	local candidate

	for candidate in ${PG_CONFIG:-pg_config /usr/lib/postgresql/1[5-8]/bin/pg_config}; do
		if pg_config_complete "$candidate"; then
			PG_CONFIG=$(command -v "$candidate")
			PG_BIN=$("$PG_CONFIG" --bindir)
			PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
			export PG_CONFIG
			return 0
		fi
	done
	return 1
}

# ---- the files of the project ----------------------------------------------------

# The version that is being made, as recsys.control has it.
version() { sed -n "s/^default_version = '\(.*\)'/\1/p" "$ROOT/recsys.control"; }

# Every file of the project, relative to the root and separated by zero bytes:
# what git tracks or would offer to track; without git, all but build products.
# Root may look at a checkout that belongs to somebody else.
list_files()
{
	(
		cd "$ROOT" || exit 1
		if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
			git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
				while IFS= read -r -d '' f; do
					if [ -f "$f" ]; then printf '%s\0' "$f"; fi
				done
		else
			find . \( -name .git -o -path ./build \) -prune -o -type f \
				! -name '*.o' ! -name '*.d' ! -name '*.so' ! -name '*.bc' \
				! -path "./sql/recsys--$(version).sql" -printf '%P\0' | sort -z
		fi
	)
}

# Make directory $1 a copy of the project.  Times are kept, so make rebuilds
# there only what changed; what is gone here goes there too, with what it was
# linked or put into.
sync_tree()
{
	local dir=$1 f

	mkdir -p "$dir"
	list_files >"$dir/.files.new"
	if [ -f "$dir/.files" ]; then
		sort -z "$dir/.files.new" | comm -z -23 <(sort -z "$dir/.files") - |
			while IFS= read -r -d '' f; do
				rm -f "$dir/$f" "$dir/${f%.c}.o" "$dir/${f%.c}.d" \
					"$dir"/*.so "$dir"/*/*.so "$dir"/sql/recsys--*.sql
			done
	fi
	tar -C "$ROOT" -cf - --no-recursion --null -T "$dir/.files.new" |
		tar -C "$dir" --no-same-owner -xf -
	mv "$dir/.files.new" "$dir/.files"
}

# Build a copy of the project in directory $1; the rest is arguments of make.
# It is staged, not installed, under $1/stage.
build_tree()
{
	local dir=$1 major=$PG_MAJOR

	shift
	sync_tree "$dir" || return 1
	if [ "$(cat "$dir/.major" 2>/dev/null)" != "$major" ]; then
		make -C "$dir" -s clean PG_CONFIG="$PG_CONFIG" >/dev/null 2>&1
		echo "$major" >"$dir/.major"
	fi
	make -C "$dir" -s -j"$JOBS" PG_CONFIG="$PG_CONFIG" "$@" &&
		rm -rf "$dir/stage" &&
		make -C "$dir" -s PG_CONFIG="$PG_CONFIG" "$@" install DESTDIR="$dir/stage"
}

# ---- the unprivileged user ---------------------------------------------------------

# The server refuses root, so root lends the work to this user.
if [ "$(id -u)" = 0 ]; then
	RUN_AS=${RECSYS_TEST_USER:-$(id -un postgres 2>/dev/null || echo nobody)}
else
	RUN_AS=$(id -un)
fi

# What Debian packages is found before anything installed by hand.
SYSTEM_PATH=/usr/bin:/bin:/usr/local/bin

# Run a command as that user, in an environment of the same few variables.
as_user()
{
	local keep=(env -i HOME="${RUN_HOME:-/}" PATH="${PG_BIN:-/bin}:$SYSTEM_PATH"
		LC_ALL=C.UTF-8 TZ=UTC "${USER_ENV[@]}")

	if [ "$(id -u)" = 0 ]; then
		runuser -u "$RUN_AS" -- "${keep[@]}" "$@"
	else
		"${keep[@]}" "$@"
	fi
}
USER_ENV=()

# Give a directory to that user.
hand_over()
{
	if [ "$(id -u)" = 0 ]; then
		chown -R "$RUN_AS:" "$@"
	fi
}

# What root has built in somebody's checkout is that person's to build again, and to remove.
hand_back()
{
	local dir

	if [ "$(id -u)" != 0 ]; then return; fi
	for dir; do
		if [ -d "$dir" ]; then chown -R --reference="$ROOT" "$dir"; fi
	done
}

# ---- the private server ------------------------------------------------------------

# The settings by which a server finds the extension staged in $1.
stage_conf()
{
	local lib share

	lib=$("$PG_CONFIG" --pkglibdir)
	share=$("$PG_CONFIG" --sharedir)
	echo "dynamic_library_path = '$1$lib:\$libdir'"
	if [ "$PG_MAJOR" -ge 18 ]; then
		echo "extension_control_path = '$1$share:\$system'"
	else
		# Debian's servers have this setting before 18, others have none.
		echo "extension_destdir = '$1'"
	fi
}

# Make a cluster in $1 with the settings read from standard input.
server_init()
{
	as_user "$PG_BIN/initdb" -D "$1" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync --no-instructions >/dev/null || return 1
	as_user tee -a "$1/postgresql.conf" >/dev/null
}

# Start the cluster in $1 on a socket in $2, no network; its log goes to $3.
server_start()
{
	as_user "$PG_BIN/pg_ctl" -D "$1" -w -t 120 -s -l "$3" \
		-o "-k '$2' -c listen_addresses=" start
}

# Stop the cluster in $1 whatever its state, if it runs.
server_stop()
{
	if [ -d "$1" ] && as_user "$PG_BIN/pg_ctl" -D "$1" status >/dev/null 2>&1; then
		as_user "$PG_BIN/pg_ctl" -D "$1" -w -s -m "${2:-fast}" stop
	fi
}
