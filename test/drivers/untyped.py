"""Parameters as psycopg sends them: text without a type, int, UUID, lists.

    untyped.py pooled|direct     prints `ok` or `not ok` for each call; the server by PGHOST and so on
"""
import sys
import uuid

import psycopg

USER = uuid.UUID(int=7)
CALLS = [
    # (what, SQL, parameters, expected first column, or error)
    ("int user, bigint items", "SELECT count(*) FROM recsys.recommend('numbers', %s, %s)", (1, 2), 2),
    ("text for an integer user", "SELECT count(*) FROM recsys.recommend('numbers', %s, %s)", ("1", 2), 2),
    ("list of candidates", "SELECT count(*) FROM recsys.recommend('numbers', %s, 10, candidates => %s)", (1, [3, 4]), 2),
    ("empty list of candidates", "SELECT count(*) FROM recsys.recommend('numbers', %s, 10, candidates => %s::bigint[])", (1, []), 0),
    ("text user and text items", "SELECT count(*) FROM recsys.recommend_text('words', %s, %s)", ("user 1", 2), 2),
    ("list of text candidates", "SELECT count(*) FROM recsys.recommend_text('words', %s, 10, candidates => %s)", ("user 1", ["item 3", "nobody's"]), 1),
    ("uuid user", "SELECT count(*) FROM recsys.recommend('uuids', %s, %s)", (USER, 2), 2),
    ("uuid user as text", "SELECT count(*) FROM recsys.recommend('uuids', %s, %s)", (str(USER), 2), 2),
    ("predict with text ids", "SELECT recsys.predict_text('words', %s, %s) IS NOT NULL", ("user 1", "item 3"), True),
    ("predict with int ids", "SELECT recsys.predict('numbers', %s, %s) IS NOT NULL", (1, 3), True),
    ("basket", "SELECT count(*) FROM recsys.recommend_for_items('numbers', %s, k => %s)", ([3, 4], 2), 2),
    ("a tuple of candidates", "SELECT count(*) FROM recsys.recommend('numbers', %s, 10, candidates => %s)", (1, (3, 4)), psycopg.errors.InvalidTextRepresentation),
    ("weights of double precision", "SELECT count(*) FROM recsys.recommend_for_items('numbers', %s, %s, 2)", ([3, 4], [1.5, 2.5]), psycopg.errors.UndefinedFunction),
    ("basket with weights", "SELECT count(*) FROM recsys.recommend_for_items('numbers', %s, %s::real[], 2)", ([3, 4], [1.5, 2.5]), 2),
    ("empty basket", "SELECT count(*) FROM recsys.recommend_for_items('numbers', %s::bigint[], k => 2)", ([],), 2),
    ("basket of texts", "SELECT count(*) FROM recsys.recommend_for_items_text('words', %s, k => 2)", (["item 3"],), 2),
    ("similar and popular", "SELECT count(*) FROM recsys.similar_items_text('words', %s, 2), recsys.popular_text('words', %s)", ("item 3", 1), 2),
    ("explain with int ids", "SELECT count(*) > 0 FROM recsys.explain('numbers', %s, %s)", (1, 3), True),
    ("explain with a user as text", "SELECT count(*) > 0 FROM recsys.explain('numbers', %s, %s)", ("1", "3"), True),
    ("vectors", "SELECT recsys.user_vector('numbers', %s) IS NOT NULL AND recsys.item_vector('numbers', %s) IS NOT NULL", (1, 3), True),
]

POOLED = sys.argv[1] == "pooled"
with psycopg.connect(**({"prepare_threshold": None} if POOLED else {})) as connection:
    for prepare in (False,) if POOLED else (False, True):
        for what, sql, parameters, expected in CALLS:
            try:
                got = connection.execute(sql, parameters, prepare=prepare).fetchone()[0]
            except psycopg.Error as error:
                connection.rollback()
                got = error
            right = isinstance(got, expected) if isinstance(expected, type) else got == expected
            verdict = "ok" if right else "not ok"
            print(f"{verdict} - psycopg, {what}{', prepared' if prepare else ''}:", str(got).partition("\n")[0])
