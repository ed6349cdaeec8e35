-- ---------------------------------------------------------------------------
-- How good a model is on held-out data, and how data are held out.
--
-- VOLATILE: they read under a snapshot of their own, so that the version of a train() in
-- the same statement can be measured.  RESTRICTED, because they keep a cursor open for as
-- long as they run, which may be minutes.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.evaluate(
    model   text,
    test    regclass,
    k       int[] DEFAULT '{10,20}',
    version int   DEFAULT NULL,
    exclude_seen boolean DEFAULT true,
    min_rating real DEFAULT NULL,
    OUT metric         text,
    OUT k              int,
    OUT value          double precision,
    OUT users          int,
    OUT users_skipped  int,
    OUT standard_error double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 1000000 ROWS 24
AS 'MODULE_PATHNAME', 'recsys_evaluate';
COMMENT ON FUNCTION recsys.evaluate(text, regclass, int[], int, boolean, real) IS
'Measures a version on held-out data by asking what recommend() and predict() answer, with vectors folded in from the model''s rows of this moment. test is read as the caller: its columns are called as the source''s were, or user_id, item_id, rating. For each user of test, T is the set of distinct relevant items of their test rows: every one, or with min_rating those with a rating of at least that, also those that the model does not know or the user has already seen; R is the list of all items, but (exclude_seen) those of their rows in the model''s view, cut at k; hits = |R and T|. precision = hits / k; recall = hits / |T|; hit_rate = 1 if there is a hit, else 0; mrr = 1 / rank of the first hit, 0 without one (Voorhees 1999); map = sum over hits of (hits up to that rank / rank), divided by min(k, |T|) (TREC, cut at k; so Spark and implicit); ndcg = sum over hits of 1 / log2(rank + 1), divided by the same sum for min(k, |T|) hits at the top (binary gains; Jarvelin and Kekalainen 2002). These are means over users; a user the model does not know is evaluated on the popular items, an empty list scores 0; users_skipped counts users without an item in T; standard_error is s / sqrt(users). novelty is the mean over users with a list of the mean rank of its items by popularity, from 1 for the item that most users like (LensKit''s mean popularity rank, which is a share of the items). Of the lists of all users: coverage is the share of the version''s items that are in one of them (catalog coverage of Ge, Delgado-Battenfeld and Jannach 2010); gini = (sum over i of (2 i - n - 1) x_i) / (n * sum of x), x_1 <= ... <= x_n being how often each of the version''s n items is in them: 0 if all alike, near 1 if few have everything (Gini 1912). known_users is the share of these users of whom the model''s view has rows, known_items the share of the items of all T that the version has; a warning says if most are unknown, or most are left out as seen. Explicit feedback adds, over all test rows that have a rating and a prediction: rmse, the root of the mean squared error, and mae, the mean absolute error, in units of the rating; f1 = 2 both / (liked + predicted), the rows whose rating and prediction, rating, and prediction are at least min_rating or, without it, the version''s mean (van Rijsbergen 1979); users_skipped counts users without any prediction; standard_error takes users as the sampling units of a ratio estimator (Cochran 1977, section 2.11). predicted_share is the share of rated test rows that have a prediction. Rows with a NULL user are ignored. value is NULL when there is nothing to measure, standard_error when fewer than two users were, and of coverage and gini. Ordered by metric, k. Errors: 42704, 42501, 55000 as for recommend(), 42P01 no such relation, 42703 no such column, 22023 k is empty, not positive or not one-dimensional, or min_rating is not finite, 22004 an argument or an element of k is NULL, 54000 k has more than 100 elements, 42804 an id column of a type that cannot be an id, 22000 a test rating is not finite.';

CREATE FUNCTION recsys.evaluate_users(
    model   text,
    test    regclass,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    exclude_seen boolean DEFAULT true,
    min_rating real DEFAULT NULL,
    OUT user_id           text,
    OUT source            text,
    OUT seen              int,
    OUT rows              int,
    OUT relevant          int,
    OUT hits              int,
    OUT hit_rate          double precision,
    OUT "precision"       double precision,
    OUT recall            double precision,
    OUT ndcg              double precision,
    OUT average_precision double precision,
    OUT reciprocal_rank   double precision,
    OUT novelty           double precision,
    OUT predicted         int,
    OUT rmse              double precision,
    OUT mae               double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED COST 1000000 ROWS 1000
AS 'MODULE_PATHNAME', 'recsys_evaluate_users';
COMMENT ON FUNCTION recsys.evaluate_users(text, regclass, int, int, boolean, real) IS
'What evaluate() measures, a row for each user of test, in ascending order of their ids: to be grouped, joined or compared in SQL. source is that of recommend(); seen counts the user''s rows in the model''s view, rows those in test, relevant the distinct relevant items of these (|T|), predicted those with a rating and a prediction. hits to novelty are of the list cut at k, as evaluate() defines them, NULL where relevant is 0 (novelty also for an empty list); their means are its recall, hit_rate, ..., map (average_precision) and mrr (reciprocal_rank). rmse and mae are over the predicted rows, NULL without any; sqrt(sum(rmse ^ 2 * predicted) / sum(predicted)) is evaluate()''s. Errors: as evaluate().';
