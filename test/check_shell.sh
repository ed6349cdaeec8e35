#!/bin/bash
# Shell and Perl of the project: syntax, and what shellcheck finds.
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

mapfile -d '' -t scripts < <(list_files | grep -zE '\.sh$|^\.ci/run$')
bad=0
for script in "${scripts[@]}"; do bash -n "$script" || bad=1; done
if command -v shellcheck >/dev/null; then
	shellcheck -x -P SCRIPTDIR -P . "${scripts[@]}" || bad=1
else
	echo "shellcheck is not installed"
	[ $bad = 1 ] || exit 77
fi
exit $bad
