-- ---------------------------------------------------------------------------
-- Answers from a model: recommend, predict, preference, user_vector, item_vector.
--
-- The type of the items is in the name, the user id is overloaded.  STABLE:
-- within a statement an answer does not change.  They write nothing, so they
-- work on a standby and in a read-only transaction.  RESTRICTED are those that
-- read the model's view, which may hold functions and foreign tables that are
-- not for a parallel worker; item_vector() reads the factor table only.
-- PUBLIC may execute them: each needs SELECT on the model's view.
--
-- The comment of the bigint form says all; the others say what differs.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text) IS
'The k best items for a user, best first: items with bigint ids (smallint and integer included). Exact: every eligible item is scored; equal scores by ascending id. preference is what the list is ranked by, equal to preference() to the last bit. score is what predict() gives, to the last bit: the predicted rating (explicit) or preference (implicit). source tells where the answer comes from: "folded", the vector solved from the user''s rows of this moment; "model", the vector that training stored (fresh => false): by both the preference is the score, but in a model of ratings that is ranked by a part of its own (algorithm auto), where it is x.y of that part, which tells what users choose; "popular", no vector, so that score is NULL, or one for which all items score alike, as that of a user with dislikes only: the items that most users like (by a weight above 0; by a rating at or above the mean of all), the preference being their number. exclude_seen leaves out every item of the user''s rows. candidates NULL means all items, an empty array none; in both arrays NULL elements and unknown ids are ignored. Fewer than k rows come only when fewer items are eligible. after asks for pages: '''' for the first page, then the next of the last row; next is NULL without after. While the version and the user''s rows stay as they are, no item comes twice and none is left out; a notice says when the order has changed. Where the model has a catalog, items of which the caller sees no row there are not eligible. Errors: 42704 no such model, 42501 no right to ask it, 55000 no such version, or the catalog is missing, 42804 the items are of another type, 22004 another argument is NULL, 22023 k is negative or after is no token of a page, 22P02 the id is not of the model''s type, 22000 the equations have no solution, 54000 the user''s rows need more than recsys.serving_memory. A NULL user_id gets no rows. Fold-in: Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, text, int, boolean, bigint[], bigint[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   bigint[] DEFAULT NULL,
    exclude      bigint[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  bigint,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend';
COMMENT ON FUNCTION recsys.recommend(text, uuid, int, boolean, bigint[], bigint[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for the user id given as uuid.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, bigint, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, text, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_text(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   text[] DEFAULT NULL,
    exclude      text[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  text,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_text';
COMMENT ON FUNCTION recsys.recommend_text(text, uuid, int, boolean, text[], text[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, bigint, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, text, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.recommend_uuid(
    model        text,
    user_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean  DEFAULT true,
    candidates   uuid[] DEFAULT NULL,
    exclude      uuid[] DEFAULT NULL,
    fresh        boolean  DEFAULT true,
    version      int      DEFAULT NULL,
    after        text     DEFAULT NULL,
    OUT rank     int,
    OUT item_id  uuid,
    OUT preference real,
    OUT score    real,
    OUT source   text,
    OUT next     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_uuid';
COMMENT ON FUNCTION recsys.recommend_uuid(text, uuid, int, boolean, uuid[], uuid[], boolean, int, text) IS
'As recsys.recommend(text, bigint, int, boolean, bigint[], bigint[], boolean, int, text), but for items with uuid ids and the user id given as uuid.';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id bigint,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, bigint, bigint, boolean, int) IS
'The score of one item for a user, as recommend() gives it: the predicted rating (explicit) or preference (implicit). mean + user bias + item bias + inner product (Koren, Bell, Volinsky 2009, equation 4), in double precision, rounded once. For an item that the version does not know, mean + user bias (explicit) or NULL (implicit). NULL when the user has no usable rows (fresh) or no stored vector (fresh => false), and for the popular algorithm; NULL for a NULL id. Errors as for recommend().';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id text,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, text, bigint, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict(
    model   text,
    user_id uuid,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict';
COMMENT ON FUNCTION recsys.predict(text, uuid, bigint, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id bigint,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, bigint, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id text,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, text, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict_text(
    model   text,
    user_id uuid,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_text';
COMMENT ON FUNCTION recsys.predict_text(text, uuid, text, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, bigint, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id text,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, text, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.predict_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_predict_uuid';
COMMENT ON FUNCTION recsys.predict_uuid(text, uuid, uuid, boolean, int) IS
'As recsys.predict(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as uuid.';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id bigint,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, bigint, bigint, boolean, int) IS
'What recommend() ranks one item by for a user, and returns as preference, equal to the last bit: the score that predict() gives; or, where several parts rank, their weighted sum, each divided by its standard deviation over all items for this user; or, in a model of ratings that is ranked by a part of its own, x.y of that part; or, where the answer is "popular", the number of users who like the item. NULL when the item is unknown or an id is NULL. Errors as for recommend().';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id text,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, text, bigint, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference(
    model   text,
    user_id uuid,
    item_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference';
COMMENT ON FUNCTION recsys.preference(text, uuid, bigint, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id bigint,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, bigint, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as bigint.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id text,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, text, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference_text(
    model   text,
    user_id uuid,
    item_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_text';
COMMENT ON FUNCTION recsys.preference_text(text, uuid, text, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items of any model with their ids as text and the user id given as uuid.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id bigint,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, bigint, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as bigint.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id text,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, text, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.preference_uuid(
    model   text,
    user_id uuid,
    item_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS real
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_preference_uuid';
COMMENT ON FUNCTION recsys.preference_uuid(text, uuid, uuid, boolean, int) IS
'As recsys.preference(text, bigint, bigint, boolean, int), but for items with uuid ids and the user id given as uuid.';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id bigint,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, bigint, boolean, int) IS
'The vector of a user: x of "factors" components, or (x, 1) when the model has biases, so that "ORDER BY f.factors <#> user_vector" over the rows of the version in recsys_data.<model>_item_factors ranks as predict() does, and as recommend() where the version has one part. fresh solves it from the user''s rows of this moment, else it is the one that training stored. NULL when there is none, and for a NULL id. Errors: 42704, 42501, 55000, 22004, 22P02 as for recommend().';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id text,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, text, boolean, int) IS
'As recsys.user_vector(text, bigint, boolean, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.user_vector(
    model   text,
    user_id uuid,
    fresh   boolean DEFAULT true,
    version int     DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'recsys_user_vector';
COMMENT ON FUNCTION recsys.user_vector(text, uuid, boolean, int) IS
'As recsys.user_vector(text, bigint, boolean, int), but for the user id given as uuid.';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id bigint,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, bigint, int) IS
'The vector of an item as training stored it: y of "factors" components, or (y, bias) when the model has biases. NULL for an unknown item, for a NULL id and for the popular algorithm. Errors: 42704, 42501, 55000, 22004, 22P02 as for recommend().';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id text,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, text, int) IS
'As recsys.item_vector(text, bigint, int), but for the item id given as text, which is converted to the type of the model''s items.';

CREATE FUNCTION recsys.item_vector(
    model   text,
    item_id uuid,
    version int DEFAULT NULL)
RETURNS recsys.recvec
LANGUAGE c STABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'recsys_item_vector';
COMMENT ON FUNCTION recsys.item_vector(text, uuid, int) IS
'As recsys.item_vector(text, bigint, int), but for the item id given as uuid.';
