-- ---------------------------------------------------------------------------
-- All users at once: recommend_all, recommend_users, similar_users.
--
-- They show the ids of users and what these like, so they need SELECT on the model's
-- view.  The comment of the bigint form says all; the others say what differs.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.recommend_all(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    bigint,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all';
COMMENT ON FUNCTION recsys.recommend_all(text, int, boolean, int) IS
'The k best items of each user of whom the caller sees a row: what recommend() answers for them, bit by bit, ordered by user and rank. user_id is the id as text; the other columns, and exclude_seen, are those of recommend(). Lists hold only items of which the caller sees a row in the model''s catalog, if it has one. Reads the view once, as the caller; all users are folded in and searched for by recsys.training_threads threads. The rows of the view and the memory of the computation must fit into recsys.training_memory; the result goes to disk beyond work_mem. Writes nothing, so that it works on a standby. While it runs, recsys.training_progress shows it. Errors: 42704 no such model, 42501 no SELECT on its view or the catalog, 55000 no such version or the catalog is missing, 42804 the items are of another type, 22004 another argument than version is NULL, 22023 k is negative, 22000 the equations of a user have no solution, 54000 more memory than recsys.training_memory or a text id that is too long, 53000 no thread can be started.';

CREATE FUNCTION recsys.recommend_all_text(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    text,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all_text';
COMMENT ON FUNCTION recsys.recommend_all_text(text, int, boolean, int) IS
'As recsys.recommend_all(text, int, boolean, int), but for items of any model with their ids as text.';

CREATE FUNCTION recsys.recommend_all_uuid(
    model        text,
    k            int     DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int     DEFAULT NULL,
    OUT user_id    text,
    OUT rank       int,
    OUT item_id    uuid,
    OUT preference real,
    OUT score      real,
    OUT source     text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'recsys_recommend_all_uuid';
COMMENT ON FUNCTION recsys.recommend_all_uuid(text, int, boolean, int) IS
'As recsys.recommend_all(text, int, boolean, int), but for items with uuid ids.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      bigint,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, bigint, int, boolean, int) IS
'The k users who prefer an item most, for instance to tell them of it. All users of whom the caller sees usable rows now are folded in; preference is what recommend() ranks the item by for them, and score what predict() gives, to the last bit; equal ones in the order of ids. user_id is the id as text. exclude_seen leaves out the users who have a row with the item. No rows for an item that the version does not know or of which the caller sees no row in the catalog, for a NULL id, and for the popular algorithm. Costs as much as recommend_all() without its lists, whatever k is. Errors as for recommend_all(), and 22P02 the id is not of the model''s type.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      text,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, text, int, boolean, int) IS
'As recsys.recommend_users(text, bigint, int, boolean, int), but for the item id given as text, which is converted to the type of the model''s items.';

CREATE FUNCTION recsys.recommend_users(
    model        text,
    item_id      uuid,
    k            int      DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    version      int      DEFAULT NULL,
    OUT rank       int,
    OUT user_id    text,
    OUT preference real,
    OUT score      real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recsys.recommend_users(text, uuid, int, boolean, int) IS
'As recsys.recommend_users(text, bigint, int, boolean, int), but for the item id given as uuid.';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id bigint,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, bigint, int, int) IS
'The k users whose vectors are nearest in direction to that of a user, who is not among them. All users of whom the caller sees usable rows now are folded in. The score is the cosine, as recsys.cosine_similarity() gives it for their vectors in the part that ranks, which is user_vector() without the component of the bias where the version has one part, as real; equal ones in the order of ids; user_id is the id as text. No rows when the user has no vector or one of zeros, for a NULL id, and for the popular algorithm. Costs as much as recommend_users(). Errors as for recommend_users().';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id text,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, text, int, int) IS
'As recsys.similar_users(text, bigint, int, int), but for the user id given as text, which is converted to the type of the model''s users.';

CREATE FUNCTION recsys.similar_users(
    model   text,
    user_id uuid,
    k       int DEFAULT 10,
    version int DEFAULT NULL,
    OUT rank    int,
    OUT user_id text,
    OUT score   real)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION recsys.similar_users(text, uuid, int, int) IS
'As recsys.similar_users(text, bigint, int, int), but for the user id given as uuid.';
