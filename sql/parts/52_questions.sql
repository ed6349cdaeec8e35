-- ---------------------------------------------------------------------------
-- Further questions to a model: recommend_for_items, similar_items, popular,
-- explain.
--
-- Names, types and rights as in 50_serving.sql, but that explain() needs SELECT
-- on the model's view, since it shows rows.  The comment of the bigint form says
-- all; the others say what differs.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.recommend_for_items(
    model         text,
    items         bigint[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    bigint[] DEFAULT NULL,
    exclude       bigint[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items';
COMMENT ON FUNCTION recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text) IS
'The k best items for somebody whose rows these items are: a basket, a session, an anonymous visitor. Reads no row of the model''s view. As for a user of recommend(): vector folded in from the items, preference and score those that preference() and predict() would give, source "folded", or "popular" where the items say nothing or there are none. weights holds a rating (explicit) or weight (implicit) for each item; it counts as in a row of the source: an item that is repeated is reduced as rows are, one with a NULL weight counts as given but says nothing, a negative weight of implicit feedback is a dislike. Without weights each item is liked: a row of weight 1 where the model counts rows; otherwise an item is worth the mean of all likes that the version was trained on, which are the ratings at or above the mean of all or the weights above 0. NULL for items is the empty array; NULL elements and unknown ids are ignored. exclude_given leaves out the items. after asks for pages, as for recommend(). candidates NULL means all items, an empty array none. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, or one from before 0.2.0 is asked without weights, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative, after is no token of a page, there are not as many weights as items, or a weight is not finite, 22000 the equations have no solution, 54000 the items need more than recsys.serving_memory.';

CREATE FUNCTION recsys.recommend_for_items_text(
    model         text,
    items         text[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    text[] DEFAULT NULL,
    exclude       text[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items_text';
COMMENT ON FUNCTION recsys.recommend_for_items_text(text, text[], real[], int, boolean, text[], text[], int, text) IS
'As recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.recommend_for_items_uuid(
    model         text,
    items         uuid[],
    weights       real[] DEFAULT NULL,
    k             int DEFAULT 10,
    exclude_given boolean DEFAULT true,
    candidates    uuid[] DEFAULT NULL,
    exclude       uuid[] DEFAULT NULL,
    version       int DEFAULT NULL,
    after         text DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT preference real,
    OUT score real,
    OUT source text,
    OUT next text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_for_items_uuid';
COMMENT ON FUNCTION recsys.recommend_for_items_uuid(text, uuid[], real[], int, boolean, uuid[], uuid[], int, text) IS
'As recsys.recommend_for_items(text, bigint[], real[], int, boolean, bigint[], bigint[], int, text), but for items with uuid ids.';

CREATE FUNCTION recsys.similar_items(
    model      text,
    item_id    bigint,
    k          int DEFAULT 10,
    candidates bigint[] DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items';
COMMENT ON FUNCTION recsys.similar_items(text, bigint, int, bigint[], bigint[], int) IS
'The k items most like an item, best first, the score being the cosine of their vectors in the part that ranks, from -1 to 1, without the component of the bias. Exact: every eligible item is compared; equal scores by ascending id. The item itself is not among them, nor are items whose vector is zero. No rows for an unknown or NULL item, for one whose vector is zero, and for the algorithm popular. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, 42804 the items are of another type, 22004 an argument is NULL, 22023 k is negative.';

CREATE FUNCTION recsys.similar_items_text(
    model      text,
    item_id    text,
    k          int DEFAULT 10,
    candidates text[] DEFAULT NULL,
    exclude    text[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items_text';
COMMENT ON FUNCTION recsys.similar_items_text(text, text, int, text[], text[], int) IS
'As recsys.similar_items(text, bigint, int, bigint[], bigint[], int), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.similar_items_uuid(
    model      text,
    item_id    uuid,
    k          int DEFAULT 10,
    candidates uuid[] DEFAULT NULL,
    exclude    uuid[] DEFAULT NULL,
    version    int DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_items_uuid';
COMMENT ON FUNCTION recsys.similar_items_uuid(text, uuid, int, uuid[], uuid[], int) IS
'As recsys.similar_items(text, bigint, int, bigint[], bigint[], int), but for items with uuid ids.';

CREATE FUNCTION recsys.popular(
    model      text,
    k          int DEFAULT 10,
    candidates bigint[] DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id bigint,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular';
COMMENT ON FUNCTION recsys.popular(text, int, bigint[], bigint[], int, interval, interval) IS
'The k items that most users like, best first, the score being their number: by a weight above 0 (implicit), by a rating at or above the mean of all (explicit). Equal scores by ascending id. Without since and half_life: when the version was trained, which is what recommend() answers with source "popular". With either: by the rows that the model''s view shows the caller now, of items that the version has; the mean is that of the version. since leaves out rows that were older at the start of the transaction: it takes those with time >= now() - since. With half_life a like counts 2^(-age / half_life), a like of the future 1. A user counts once for an item, by their latest rating (of equally late ones the mean) or by the sum of their weights, at the time of their latest row; rows without a time do not count, items that nobody likes are not in the list. history_limit does not matter. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, or since or half_life where the model has no time column or times that are numbers, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative, or an interval is not positive or not finite, 22008 an interval leads out of the range of times.';

CREATE FUNCTION recsys.popular_text(
    model      text,
    k          int DEFAULT 10,
    candidates text[] DEFAULT NULL,
    exclude    text[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id text,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular_text';
COMMENT ON FUNCTION recsys.popular_text(text, int, text[], text[], int, interval, interval) IS
'As recsys.popular(text, int, bigint[], bigint[], int, interval, interval), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.popular_uuid(
    model      text,
    k          int DEFAULT 10,
    candidates uuid[] DEFAULT NULL,
    exclude    uuid[] DEFAULT NULL,
    version    int DEFAULT NULL,
    since      interval DEFAULT NULL,
    half_life  interval DEFAULT NULL,
    OUT rank int,
    OUT item_id uuid,
    OUT score real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_popular_uuid';
COMMENT ON FUNCTION recsys.popular_uuid(text, int, uuid[], uuid[], int, interval, interval) IS
'As recsys.popular(text, int, bigint[], bigint[], int, interval, interval), but for items with uuid ids.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id bigint,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, bigint, bigint, int, int) IS
'What the score that predict() gives a user for an item is made of: contributions, which sum to the score but for rounding. part says what a row is: "item", one of the k items of the user''s rows that contribute most, of either sign, with its rating as it counted (repeated ones reduced); "other items", the further ones together; "mean" (explicit), "user bias" and "item bias" (with biases). An item contributes weight * y.(A^-1 y_item), A being the matrix of the user''s fold-in and weight what the item adds on its right-hand side (Hu, Koren, Volinsky 2008, section 5). A dislike of implicit feedback contributes 0: it only bears upon what the others contribute. No rows where predict() is NULL. Shows rows of the user, so the right to read them is needed: SELECT on the model''s view; REFERENCES is not enough. Errors: 42704 no such model, 42501 no right to use it, 55000 no such version, 42804 the items are of another type, 22004 an argument but an id is NULL, 22023 k is negative, 22P02 an id is not of the model''s type, 22000 the equations have no solution, 54000 the user''s rows need more than recsys.serving_memory.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id text,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, text, bigint, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain(
    model   text,
    user_id uuid,
    item_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id bigint,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain';
COMMENT ON FUNCTION recsys.explain(text, uuid, bigint, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id bigint,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, bigint, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id text,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, text, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain_text(
    model   text,
    user_id uuid,
    item_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id text,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_text';
COMMENT ON FUNCTION recsys.explain_text(text, uuid, text, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, bigint, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id text,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, text, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.explain_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT item_id uuid,
    OUT rating real,
    OUT contribution double precision,
    OUT part text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_explain_uuid';
COMMENT ON FUNCTION recsys.explain_uuid(text, uuid, uuid, int, int) IS
'As recsys.explain(text, bigint, bigint, int, int), but for items with uuid ids and the user id given as uuid.';
