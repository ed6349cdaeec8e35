-- ---------------------------------------------------------------------------
-- How good a model is on held-out data.
--
-- VOLATILE: it reads under a snapshot of its own, so that the version of a train() in
-- the same statement can be measured.  RESTRICTED, because it keeps a cursor open for as
-- long as it runs, which may be minutes.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.evaluate(
    model   text,
    test    regclass,
    k       int[] DEFAULT '{10,20}',
    version int   DEFAULT NULL,
    exclude_seen boolean DEFAULT true,
    OUT metric         text,
    OUT k              int,
    OUT value          double precision,
    OUT users          int,
    OUT users_skipped  int,
    OUT standard_error double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 1000000 ROWS 11
AS 'MODULE_PATHNAME', 'recsys_evaluate';
COMMENT ON FUNCTION recsys.evaluate(text, regclass, int[], int, boolean) IS
'Measures a version on held-out data by asking what recommend() and predict() answer, with vectors folded in from the model''s rows of this moment. test is read as the caller: its columns are called as the source''s were, or user_id, item_id, rating. For each user of test, T is the set of distinct items of their test rows, every one counting as relevant whatever its rating, also those the model does not know or they have already seen; R is the list of all items, but (exclude_seen) those of their rows in the model''s view, cut at k; hits = |R and T|. recall = hits / |T|; hit_rate = 1 if there is a hit, else 0; ndcg = sum over hits of 1 / log2(rank + 1), divided by the same sum for min(k, |T|) hits at the top (binary gains; Jarvelin and Kekalainen 2002). These are means over users; a user the model does not know is evaluated on the popular items, an empty list scores 0; users_skipped counts users all of whose test items are NULL; standard_error is s / sqrt(users). known_users is the share of these users of whom the model''s view has rows, known_items the share of the items of all T that the version has; a warning says if most are unknown, or most are left out as seen. Explicit feedback adds, over all test rows that have a rating and a prediction: rmse, the root of the mean squared error, and mae, the mean absolute error, in units of the rating; users_skipped counts users without any prediction; standard_error takes users as the sampling units of a ratio estimator (Cochran 1977, section 2.11). predicted_share is the share of rated test rows that have a prediction. Rows with a NULL user are ignored. value is NULL when there is nothing to measure, standard_error when fewer than two users were. Ordered by metric, k. Errors: 42704, 42501, 55000 as for recommend(), 42P01 no such relation, 42703 no such column, 22023 k is empty, not positive or not one-dimensional, 22004 an argument or an element of k is NULL, 54000 k has more than 1000000 elements, 42804 an id column of a type that cannot be an id, 22000 a test rating is not finite.';
