#!/bin/bash
# With nothing set lists are never below the popular ones by more than two standard
# errors, user by user, and within 5 % of the best of a grid that was chosen on the very
# rows that measure: on a dense set, a small catalogue, a thin one, and purchases by time.
#
#   auto.sh DATA_DIR      with PGHOST, PGUSER set
set -euo pipefail

data=$1
for set in ml-100k ml-1m online-retail; do
	if [ ! -d "$data/$set" ]; then
		echo "1..0 # SKIP no $set"
		exit 0
	fi
done

out=$(RECSYS_DATA=$data python3 test/bench/auto.py ml-100k ml-100k-films ml-1m-tenth retail-by-time)
while read -r line; do echo "# $line"; done <<<"$out"
sed '1,/^set\t/d' <<<"$out" | while IFS=$'\t' read -r set chosen auto popular ahead error best figure loss seconds plain; do
	verdict="not ok"
	if awk -v ahead="$ahead" -v error="$error" 'BEGIN { exit !(ahead >= -2 * error) }'; then verdict=ok; fi
	echo "$verdict - $set: auto $auto, popular $popular: $ahead +- $error ahead (must be >= -2 errors)"
	verdict="not ok"
	if awk -v loss="$loss" 'BEGIN { exit !(loss <= 5) }'; then verdict=ok; fi
	echo "$verdict - $set: auto $auto with $chosen in $seconds s, best $figure with $best: $loss % lost (must be <= 5; als $plain s)"
done
