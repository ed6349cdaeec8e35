#!/bin/bash
# Run the tests that need no other tools on the other supported majors of PostgreSQL.
#
#   test/majors.sh [MAJOR...]        default: 17 18
#
# Each runs in a chroot (pg_matrix.sh), which needs root and a mirror of Debian; where
# these cannot be had, the major is reported as skipped.  The last line is the total.
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"

LOG=$BUILD/majors/log
PASSED=0
FAILED=0
SKIPPED=0
CAN=

# Why chroots cannot be had here, or nothing.
obstacle()
{
	if [ "$(id -u)" != 0 ]; then
		echo "needs root"
	elif ! command -v debootstrap >/dev/null; then
		echo "debootstrap is not installed"
	elif ! unshare --mount --pid --ipc --fork true 2>/dev/null; then
		echo "this machine grants no namespaces"
	fi
}

run_major()
{
	local major=$1 log=$LOG/$1.log rc=0 total

	echo "== PostgreSQL $major"
	if [ -n "$CAN" ]; then
		echo "skipped: PostgreSQL $major: $CAN"
		SKIPPED=$((SKIPPED + 1))
		return
	fi
	# What runs is a copy of the sources, without what was built here.
	(
		cd "$BUILD/majors/src" || exit 125
		PG_MATRIX_OUT=$LOG/$major bash "$ROOT/test/pg_matrix.sh" "$major" -- bash -c '
			test/run.sh unit regress isolation tap
			rc=$?
			cp -R build/log/. "$OUT"
			exit $rc'
	) >"$log" 2>&1 || rc=$?
	if [ "$rc" = 125 ]; then
		echo "skipped: PostgreSQL $major: $(tail -n 1 "$log")"
		SKIPPED=$((SKIPPED + 1))
		return
	fi
	total=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [ "$rc" = 0 ]; then grep -E '^(ok|skipped:)' "$log"; else cat "$log"; fi
	if [ -z "$total" ]; then
		FAILED=$((FAILED + 1))
		echo "FAILED  PostgreSQL $major: the tests did not end"
		return
	fi
	add_total "$total"
}

rm -rf "$LOG"
mkdir -p "$LOG"
sync_tree "$BUILD/majors/src"
CAN=$(obstacle)
[ $# -gt 0 ] || set -- 17 18
for major in "$@"; do run_major "$major"; done
print_total
[ "$FAILED" = 0 ]
