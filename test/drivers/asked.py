"""Parameters as asyncpg sends them, in the types that the server says they have.

    asked.py pooled|direct     prints `ok` or `not ok` for each call; the server by PGHOST and so on
"""
import asyncio
import sys
import uuid

import asyncpg

USER = uuid.UUID(int=7)
CALLS = [
    # (what, SQL, parameters, expected first column, or error)
    ("bigint user", "SELECT count(*) FROM recsys.recommend('numbers', $1::bigint, $2)", (1, 2), 2),
    ("text user", "SELECT count(*) FROM recsys.recommend_text('words', $1::text, $2)", ("user 1", 2), 2),
    ("uuid user", "SELECT count(*) FROM recsys.recommend('uuids', $1::uuid, $2)", (USER, 2), 2),
    ("a user without a type is a text", "SELECT count(*) FROM recsys.recommend('numbers', $1, 2)", ("1",), 2),
    ("and no number", "SELECT count(*) FROM recsys.recommend('numbers', $1, 2)", (1,), asyncpg.DataError),
    ("candidates", "SELECT count(*) FROM recsys.recommend('numbers', $1::bigint, 10, candidates => $2)", (1, [3, 4]), 2),
    ("no candidates", "SELECT count(*) FROM recsys.recommend('numbers', $1::bigint, 10, candidates => $2)", (1, []), 0),
    ("all candidates", "SELECT count(*) FROM recsys.recommend('numbers', $1::bigint, 2, candidates => $2)", (1, None), 2),
    ("text candidates", "SELECT count(*) FROM recsys.recommend_text('words', $1::text, 10, candidates => $2)", ("user 1", ["item 3", "nobody's"]), 1),
    ("predict", "SELECT recsys.predict('numbers', $1::bigint, $2) IS NOT NULL", (1, 3), True),
    ("basket with weights", "SELECT count(*) FROM recsys.recommend_for_items('numbers', $1, $2, 2)", ([3, 4], [1.5, 2.5]), 2),
    ("basket without", "SELECT count(*) FROM recsys.recommend_for_items('numbers', $1, k => 2)", ([3, 4],), 2),
    ("similar and popular", "SELECT count(*) FROM recsys.similar_items_text('words', $1, 2), recsys.popular_text('words', $2)", ("item 3", 1), 2),
    ("explain", "SELECT count(*) > 0 FROM recsys.explain('numbers', $1::bigint, $2)", (1, 3), True),
]


async def main(pooled):
    """All calls, each twice, so that the second finds the statement prepared."""
    connection = await asyncpg.connect(**({"statement_cache_size": 0} if pooled else {}))
    for what, sql, parameters, expected in CALLS:
        for again in ("", ", again"):
            try:
                got = await connection.fetchval(sql, *parameters)
            except (asyncpg.PostgresError, asyncpg.DataError) as error:
                got = error
            right = isinstance(got, expected) if isinstance(expected, type) else got == expected
            print(f"{'ok' if right else 'not ok'} - asyncpg, {what}{again}: {got}")
    await connection.close()

asyncio.run(main(sys.argv[1] == "pooled"))
