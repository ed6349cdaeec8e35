#!/bin/bash
# Quality on real data: published protocols, through the SQL that users call.
#
#   quality.sh DATA_DIR      with PGHOST, PGUSER, PGDATABASE, PGPORT set
#
# Prints `ok` or `not ok` for each figure with the value that was reached.  The
# thresholds are those of plain, well-tuned alternating least squares.
set -euo pipefail

data=$1
db=recsys_quality
PSQL=(psql -X -q -v ON_ERROR_STOP=1)

sql() { "${PSQL[@]}" -d "$db" -At -c "$1"; }

# load TABLE FILE FILTER...: a compressed file, filtered, as CSV into a table
load()
{
	local table=$1 file=$2

	shift 2
	xz -dc "$data/$file" | "$@" | "${PSQL[@]}" -d "$db" -c "\\copy $table from pstdin with (format csv)"
}

# check WHAT VALUE RELATION BOUND
check()
{
	if [ "$(sql "SELECT ($2)::float8 $3 ($4)::float8")" = t ]; then
		echo "ok - $1: $2 (must be $3 $4)"
	else
		echo "not ok - $1: $2 (must be $3 $4)"
	fi
}

metric() { sql "SELECT value FROM recsys.evaluate('$1', '$2', '{$4}') WHERE metric = '$3' AND k = $4"; }

# recall MODEL TEST MIN_RATING: recall@10 of the test items with at least this rating
recall() { sql "SELECT round(value::numeric, 4) FROM recsys.evaluate('$1', '$2', '{10}', min_rating => $3) WHERE metric = 'recall'"; }

# lists NAME TABLE TEST: what lists find of held-out ratings with nothing set, against
# implicit feedback over the same pairs, each of which weighs 1
lists()
{
	sql "SELECT recsys.create_model('auto_$2', '$2'),
	            recsys.create_model('pairs_$2', '$2', feedback => 'implicit', algorithm => 'als')"
	sql "SELECT recsys.train('auto_$2'), recsys.train('pairs_$2')" >/dev/null
	check "$1 recall@10 of rated items" "$(recall "auto_$2" "$3" 1)" '>=' "0.95 * $(recall "pairs_$2" "$3" 1)"
	check "$1 recall@10 of liked items" "$(recall "auto_$2" "$3" 4)" '>=' "$(recall "pairs_$2" "$3" 4)"
}

skip()
{
	echo "1..0 # SKIP $1"
	exit 0
}

for set in ml-100k/u1.base.xz ml-1m/ratings.csv.xz gowalla/train.txt.xz; do
	[ -f "$data/$set" ] || skip "no $set"
done
"${PSQL[@]}" -c "DROP DATABASE IF EXISTS $db" -c "CREATE DATABASE $db"
sql "CREATE EXTENSION recsys"

# ---- ml-100k: RMSE over the five folds, predictions clipped to 1..5 ------------------
sql "CREATE TABLE fold_rmse (rmse float8)"
for i in 1 2 3 4 5; do
	sql "CREATE TABLE base$i (user_id int, item_id int, rating real, time bigint)"
	sql "CREATE TABLE test$i (LIKE base$i)"
	load base$i ml-100k/u$i.base.xz tr '\t' ','
	load test$i ml-100k/u$i.test.xz tr '\t' ','
	sql "CREATE INDEX ON base$i (user_id)"
	sql "SELECT recsys.create_model('fold$i', 'base$i', options => '{\"factors\": 50}', algorithm => 'als')"
	sql "SELECT recsys.train('fold$i')" >/dev/null
	# a film without a rating in the base is predicted by the mean
	sql "INSERT INTO fold_rmse
	     SELECT sqrt(avg((rating - greatest(1, least(5, coalesce(p, mean)))) ^ 2))
	       FROM (SELECT rating, recsys.predict('fold$i', user_id, item_id) AS p FROM test$i) AS t,
	            (SELECT avg(rating) AS mean FROM base$i) AS m"
done
check "ml-100k RMSE, u1..u5, d=50" "$(sql 'SELECT round(avg(rmse)::numeric, 4) FROM fold_rmse')" '<=' .927

lists ml-100k base1 test1

# ---- ml-1m: RMSE on the inf-AE split -------------------------------------------------
sql "CREATE TABLE ml1m (row int GENERATED ALWAYS AS IDENTITY, user_id int, item_id int, rating real)"
sql "CREATE TABLE part (row int GENERATED ALWAYS AS IDENTITY, part int)"
load "ml1m (user_id, item_id, rating)" ml-1m/ratings.csv.xz tail -n +2
load "part (part)" ml-1m/infae_split.txt.xz cat
sql "CREATE TABLE infae AS SELECT user_id, item_id, rating FROM ml1m JOIN part USING (row) WHERE part < 2"
sql "CREATE TABLE infae_test AS SELECT user_id, item_id, rating FROM ml1m JOIN part USING (row) WHERE part = 2"
sql "CREATE INDEX ON infae (user_id)"
sql "SELECT recsys.create_model('infae', 'infae', options => '{\"factors\": 50, \"regularization\": 0.07}', algorithm => 'als')"
sql "SELECT recsys.train('infae')" >/dev/null
check "ml-1m RMSE, inf-AE split, d=50" \
	"$(sql "SELECT round(value::numeric, 4) FROM recsys.evaluate('infae', 'infae_test') WHERE metric = 'rmse'")" '<=' .857

lists ml-1m infae infae_test

# ---- ml-1m: leave one out among 100, as He et al. 2017 -------------------------------
sql "CREATE TABLE item_map (ncf_item int, item_id int)"
sql "CREATE TABLE ncf_test (user_id int, ncf_item int, rating real, time bigint)"
sql "CREATE TABLE ncf_negative (user_id int, ncf_item int)"
load item_map ml-1m/ncf.item_map.csv.xz tail -n +2
load ncf_test ml-1m/ncf.test.rating.xz tr '\t' ','
# shellcheck disable=SC2016	# awk's fields, not the shell's
load ncf_negative ml-1m/ncf.test.negative.xz \
	awk -F '\t' '{ split($1, pair, /[(,)]/); for (i = 2; i <= NF; i++) print pair[2] "," $i }'
sql "UPDATE ncf_test SET user_id = user_id + 1"
sql "UPDATE ncf_negative SET user_id = user_id + 1"
sql "CREATE TABLE loo_test AS SELECT user_id, item_id FROM ncf_test JOIN item_map USING (ncf_item)"
sql "CREATE TABLE loo AS SELECT user_id, item_id FROM ml1m
      WHERE NOT EXISTS (SELECT FROM loo_test AS t WHERE t.user_id = ml1m.user_id AND t.item_id = ml1m.item_id)"
sql "CREATE TABLE loo_candidates AS
     SELECT user_id, array_agg(DISTINCT item_id::bigint) AS items
       FROM (SELECT user_id, item_id FROM loo_test
             UNION ALL SELECT user_id, item_id FROM ncf_negative JOIN item_map USING (ncf_item)) AS c
      GROUP BY user_id"
sql "CREATE INDEX ON loo (user_id)"
sql "SELECT recsys.create_model('loo', 'loo', feedback => 'implicit', options =>
     '{\"factors\": 64, \"iterations\": 12, \"unobserved_weight\": 0.3, \"regularization\": 0.007}', algorithm => 'als')"
sql "SELECT recsys.train('loo')" >/dev/null
ncf=$(sql "SELECT round(avg((r.rank IS NOT NULL)::int), 4), round(avg(coalesce(ln(2) / ln(r.rank + 1), 0))::numeric, 4)
             FROM loo_test AS t JOIN loo_candidates AS c USING (user_id)
             LEFT JOIN LATERAL (SELECT rank FROM recsys.recommend('loo', t.user_id, 10, candidates => c.items) AS r
                                 WHERE r.item_id = t.item_id) AS r ON true")
check "ml-1m leave-one-out HR@10, d=64" "${ncf%|*}" '>=' .720
check "ml-1m leave-one-out NDCG@10, d=64" "${ncf#*|}" '>=' .443

# ---- gowalla: full ranking; the popular ranking checks the evaluator ------------------
pairs() { awk '{ for (i = 2; i <= NF; i++) print $1 "," $i }'; }
sql "CREATE TABLE gowalla (user_id int, item_id int)"
sql "CREATE TABLE gowalla_test (user_id int, item_id int)"
load gowalla gowalla/train.txt.xz pairs
load gowalla_test gowalla/test.txt.xz pairs
sql "CREATE INDEX ON gowalla (user_id)"
sql "SELECT recsys.create_model('popular', 'gowalla', feedback => 'implicit', algorithm => 'popular')"
sql "SELECT recsys.train('popular')" >/dev/null
check "gowalla Recall@20, most popular" "$(sql "SELECT round($(metric popular gowalla_test recall 20)::numeric, 4)")" '=' .0416
check "gowalla NDCG@20, most popular" "$(sql "SELECT round($(metric popular gowalla_test ndcg 20)::numeric, 4)")" '=' .0317

sql "SELECT recsys.create_model('gowalla', 'gowalla', feedback => 'implicit', options =>
     '{\"iterations\": 8, \"unobserved_weight\": 0.01, \"regularization\": 0.003}', algorithm => 'als')"
gowalla()
{
	local figures

	sql "SELECT recsys.train('gowalla', '$2')" >/dev/null
	figures=$(sql "SELECT string_agg(round(value::numeric, 4)::text, '|' ORDER BY metric DESC)
	                 FROM recsys.evaluate('gowalla', 'gowalla_test', '{20}') WHERE metric IN ('recall', 'ndcg')")
	check "gowalla Recall@20, d=$1" "${figures%|*}" '>=' "$3"
	check "gowalla NDCG@20, d=$1" "${figures#*|}" '>=' "$4"
}
gowalla 64 '{"factors": 64}' .150 .125
gowalla 128 '{"factors": 128, "unobserved_weight": 0.015, "regularization": 0.005}' .164 .136
