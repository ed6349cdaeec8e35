"""S3: the best items of all users, into a table, and what a look-up in it costs.

By the notices of the run: reading, then sorting the rows, then the users' vectors and
lists.  The same without lists, by recommend_users(), tells what the search takes.
"""

import os
import re
import statistics
import subprocess
import sys
import time

from database import PSQL
from measure import Rival, Unavailable

ROUNDS = 3
TOP = 10
SHAPES = {"quick": "small", "full": "large"}


def phases(database, statement):
    """Seconds of a statement, from each of its notices to the end."""
    command = PSQL + ["-d", database.name, "-c", "SET recsys.log_progress = on", "-c", statement]
    marks = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            phase = re.search(r": (reading|preparing|answering)$", line)
            if phase:
                marks[phase.group(1)] = time.perf_counter()
            elif line.startswith("ERROR"):
                raise RuntimeError(line.strip())
    end = time.perf_counter()
    return {name: end - mark for name, mark in marks.items()}


def medians(runs):
    """Of each figure of some runs, the least and the median."""
    return {name: (min(run[name] for run in runs), statistics.median(run[name] for run in runs)) for name in runs[0]}


def measure(database):
    """Rounds of the table, the lists alone and the users alone, in turns."""
    into, lists, users = [], [], []
    for _ in range(ROUNDS):
        into.append(phases(database, f"CREATE TABLE best AS SELECT * FROM recsys.recommend_all('all', {TOP})"))
        database.execute("ALTER TABLE best RENAME TO kept", "DROP TABLE IF EXISTS last", "ALTER TABLE kept RENAME TO last")
        lists.append(phases(database, f"SELECT user_id FROM recsys.recommend_all('all', {TOP}) LIMIT 1"))
        users.append(phases(database, f"SELECT user_id FROM recsys.recommend_users('all', 1, {TOP})"))
    return medians(into), medians(lists), medians(users)


def rival_rates(name, users):
    """Users a second of implicit's recommend, its vectors being there."""
    data = os.path.join(os.environ["BENCH_CACHE"], f"{name}.npz")
    try:
        if not os.path.exists(data):
            raise Unavailable("implicit has no data: run make bench once")
        rival = Rival("implicit", os.environ.get("BENCH_PYTHON"), data)
        seconds = [rival.fit({"mode": "implicit", "factors": 64, "iterations": 1, "regularization": 0.1,
                              "alpha": 1, "recommend": TOP})["recommend_seconds"] for _ in range(ROUNDS)]
        rival.close()
    except Unavailable as reason:
        print(f"# {reason}", file=sys.stderr)
        return ()
    return users / min(seconds), users / statistics.median(seconds)


def per_second(users, seconds):
    """A pair of rates for a pair of times."""
    return users / seconds[0], users / seconds[1]


def look_up(report, questions, users):
    """A user's rows of the table, by its index, against asking."""
    ours, nothing = questions.against_nothing(
        f"\\set u random(1, {users})\nSELECT item_id, preference FROM last WHERE user_id = :u::text ORDER BY rank;")
    asked, _ = questions.against_nothing(
        f"\\set u random(1, {users})\nSELECT item_id, preference FROM recsys.recommend('all', :u::bigint, {TOP});")
    report.add("S3", "a user's list from the table, p50", "ms", (ours[0],), "SELECT 1", (nothing[0],),
               ours[0] / nothing[0], "-", None)
    report.add("S3", "the same", "ms", (ours[0],), "recommend", (asked[0],), ours[0] / asked[0], "-", None)


def everybody(database, report, questions, scale):
    """All lines of S3."""
    shape = SHAPES[scale]
    database.execute(
        "CREATE TABLE rows_of_all (user_id int, item_id int, rating real)",
        f"\\copy rows_of_all FROM '{os.path.join(os.environ['BENCH_CACHE'], shape)}.tsv'",
        "CREATE INDEX ON rows_of_all (user_id) INCLUDE (item_id, rating)", "VACUUM ANALYZE rows_of_all",
        "SELECT recsys.create_model('all', 'rows_of_all', feedback => 'implicit', algorithm => 'als')",
        "SELECT FROM recsys.train('all', '{\"iterations\": 8}')")
    users, items = (int(n) for n in database.execute(
        "SELECT users, items FROM recsys.model_versions WHERE model = 'all'")[0])
    into, lists, alone = measure(database)
    full = scale == "full"
    work = f"recommend_all, top {TOP}, {users} users x {items} items"
    report.add("S3", f"{work}, into a table", "s", into["reading"], "-", (), None, "<= 5 s" if full else "-",
               into["reading"][0] <= 5 if full else None)
    report.add("S3", "beyond reading the rows", "s", into["preparing"], "-", (), None, "<= 3 s" if full else "-",
               into["preparing"][0] <= 3 if full else None)
    search = [max(lists["answering"][i] - alone["answering"][i], 1e-3) for i in (0, 1)]
    report.add("S3", "search alone", "users/s", per_second(users, search), "-", (), None,
               ">= 80000" if full else "-", users / search[0] >= 80000 if full else None)
    theirs = rival_rates(shape, users)
    ours = per_second(users, lists["answering"])
    report.add("S3", "folded in and searched", "users/s", ours, "implicit, search", theirs,
               ours[0] / theirs[0] if theirs else None, "-", None)
    database.execute("CREATE INDEX ON last (user_id, rank) INCLUDE (item_id, preference)", "VACUUM ANALYZE last")
    look_up(report, questions, users)
