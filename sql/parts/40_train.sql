-- ---------------------------------------------------------------------------
-- Training, refreshing, and which version serves.
--
-- EXECUTE stays with PUBLIC: the functions themselves require that the caller
-- is the model's owner or a member of that role, which no ACL could say.
-- ---------------------------------------------------------------------------

CREATE FUNCTION recsys.train(
    model       text,
    options     jsonb DEFAULT '{}',
    deploy      boolean DEFAULT true,
    OUT version    int,
    OUT users      int,
    OUT items      int,
    OUT ratings    bigint,
    OUT iterations int,
    OUT loss       double precision,
    OUT seconds    double precision,
    OUT deployed   boolean
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_train' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;
COMMENT ON FUNCTION recsys.train(text, jsonb, boolean) IS
    'Trains a model on what its view shows now and makes the result a new version; a model of the algorithm auto first chooses options by rows that it holds out, see the column choice of recsys.model_versions; options go before the model''s for this version only, deploy => false leaves the active version as it is. One row: the version, users and items published, ratings after the rule for repeated ones, iterations done, the objective after the last (NULL for popular), seconds. Errors: 42704 no such model, 42501 not its owner, 55P03 it is being trained, 55000 a factor table was altered, or lacks a column that the algorithm needs, 22004 an argument is NULL, 22023 wrong option or nothing to train on, 22000 a rating that is no number or factors that are not determined, 22003 a value out of range, 54000 more memory than recsys.training_memory, 25006 read-only.';

CREATE FUNCTION recsys.refresh(
    model       text,
    deploy      boolean DEFAULT true,
    OUT version        int,
    OUT refreshed_from int,
    OUT users          int,
    OUT items          int,
    OUT new_users      int,
    OUT new_items      int,
    OUT ratings        bigint,
    OUT loss           double precision,
    OUT seconds        double precision,
    OUT deployed       boolean
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_refresh' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000000;
COMMENT ON FUNCTION recsys.refresh(text, boolean) IS
    'Takes users and items that appeared since the model was trained into a new version, without retraining. Items that the trained version has keep their factors; users are solved from their rows of these items, new items from their rows of these users, then all users from all of their rows, exactly: so a stored user is what recommend() folds in. That is fold-in for both sides (Hu, Koren, Volinsky 2008, section 4; Zhou et al. 2008, section 3). The trained version is the active one or, where that was itself refreshed, the one it was refreshed from, so that a new item is solved anew by each refresh. Its mean and its options hold, but for keep_versions. Items and users without rows are left out. The algorithm popular is counted anew. deploy => false leaves the active version as it is. One row: the version, the trained one, users and items published, how many of them the trained one has not (new_users NULL for popular), ratings after the rule for repeated ones, the objective (NULL for popular), seconds. Errors: 55000 no active version, feedback or algorithm was altered since, or no item of the trained version has rows; the others as for train().';

CREATE FUNCTION recsys.deploy(model text, version int) RETURNS void
    AS 'MODULE_PATHNAME', 'recsys_deploy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.deploy(text, int) IS
    'Makes a version of a model the active one, from the commit of this transaction on. Errors: 42704 no such model, 42501 not its owner, 55000 no such version, 25006 read-only.';

CREATE FUNCTION recsys.rollback(model text) RETURNS void
    AS 'MODULE_PATHNAME', 'recsys_rollback' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION recsys.rollback(text) IS
    'Makes the greatest version below the active one the active one. Errors: 42704 no such model, 42501 not its owner, 55000 there is none, 25006 read-only.';

CREATE FUNCTION recsys.training_progress_slots(
    OUT model      text,
    OUT pid        int,
    OUT user_name  text,
    OUT phase      text,
    OUT rows_read  bigint,
    OUT iteration  int,
    OUT iterations int,
    OUT rows_done  bigint,
    OUT rows_total bigint,
    OUT loss       double precision,
    OUT started_at timestamptz
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'recsys_training_progress_slots'
    LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION recsys.training_progress_slots() IS
    'the rows of the view recsys.training_progress: runs in this database of models that the caller may use or owns';

CREATE VIEW recsys.training_progress AS
    SELECT model, pid, user_name, phase, rows_read, iteration, iterations,
           rows_done, rows_total, loss, started_at
    FROM recsys.training_progress_slots();
COMMENT ON VIEW recsys.training_progress IS
    'trainings, and answers for all users, that run now; empty unless the library recsys is in shared_preload_libraries';
COMMENT ON COLUMN recsys.training_progress.phase IS 'reading, preparing, choosing, iterating and publishing of a training, of one with a part that ranks preparing and preferring (its iterations) before the last, and of one with an item part preparing and relating (solving it) then; reading, preparing and answering of recommend_all() and its kin';
COMMENT ON COLUMN recsys.training_progress.iteration IS 'iterations finished; choosing: candidates tried';
COMMENT ON COLUMN recsys.training_progress.rows_done IS 'users or items solved in the current half of an iteration; answering: users who are answered';
COMMENT ON COLUMN recsys.training_progress.loss IS 'the objective after the last finished iteration';
GRANT SELECT ON recsys.training_progress TO PUBLIC;
