#!/usr/bin/env python3
"""Answers out of a server, one line for each target; run by test/bench/run.sh serve.

One client with prepared statements over the local socket (pgbench) unless it says
otherwise.  The yardstick is `SELECT 1` by the same client in turns with it: what a
question costs that does no work.
"""

import os
import statistics
import subprocess
import sys
import threading
import time

from bench import Report
from database import PSQL, Database
from everybody import everybody
from measure import Unavailable
from vector import load, lists, look_at, make_index, recall, vector_server

FULL = os.environ.get("BENCH_SCALE", "quick") == "full"
ROUNDS = 5
SECONDS = 2
USERS, ITEMS, ROWS_A_USER = 20_000, 26_744, 100
MANY_ITEMS = 1_000_000
WIDE_ITEMS = 100_000
VECTORS = 100

# popularity falls with the rank, three of five rows are of the user's own taste
RATINGS = f"""
INSERT INTO ratings
SELECT u, 1 + (at * 7919) % {ITEMS}, 1 + (u + at) % 5
  FROM (SELECT DISTINCT u, (CASE WHEN random() < 0.6 THEN (u % 50) * 500 ELSE 0 END
                            + floor({ITEMS} * power(random(), 3))::int) AS at
          FROM generate_series(1, {USERS}) AS u, generate_series(1, {ROWS_A_USER}) AS n) AS x"""


class Questions:
    """Runs scripts by pgbench and keeps the latencies, in milliseconds."""

    def __init__(self, database):
        self.database = database
        self.directory = os.environ["BENCH_TMP"]

    def run(self, script, *options, seconds=SECONDS, clients=1):
        """Sorted latencies of one run, of a script or of several at random."""
        prefix = os.path.join(self.directory, "latency")
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-T", str(seconds), "-l",
                   "--log-prefix", prefix, *options]
        for number, text in enumerate([script] if isinstance(script, str) else script):
            path = os.path.join(self.directory, f"script{number}.sql")
            with open(path, "w", encoding="ascii") as file:
                file.write(text + "\n")
            command += ["-f", path]
        command.append(self.database)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise RuntimeError(done.stderr.strip())
        latencies = []
        for name in os.listdir(self.directory):
            if name.startswith("latency"):
                with open(os.path.join(self.directory, name), encoding="ascii") as file:
                    latencies += [int(line.split()[2]) / 1000 for line in file]
                os.remove(os.path.join(self.directory, name))
        return sorted(latencies)

    def against_nothing(self, script, *options, **settings):
        """p50 and p99 of a script and of SELECT 1, the median of rounds in turns."""
        ours, nothing = [], []
        self.run(script, *options, seconds=1)
        for _ in range(ROUNDS):
            ours.append(percentiles(self.run(script, *options, **settings)))
            nothing.append(percentiles(self.run("SELECT 1;", *options, **settings)))
        return ([statistics.median(p[i] for p in ours) for i in (0, 1)],
                [statistics.median(p[i] for p in nothing) for i in (0, 1)])


def percentiles(latencies):
    """p50 and p99."""
    return latencies[len(latencies) // 2], latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]


def asked(model, arguments="", column="*"):
    """A script that recommends to a random user."""
    return f"\\set u random(1, {USERS})\nSELECT {column} FROM recsys.recommend('{model}', :u::bigint, 10{arguments});"


def line(report, target, work, ours, nothing, most):
    """A latency against that of SELECT 1."""
    ratio = ours[0] / nothing[0]
    report.add(target, f"{work}, p50", "ms", (ours[0],), "SELECT 1", (nothing[0],), ratio,
               f"<= {most} x" if most else "-", ratio <= most if most else None)


def tail(report, target, work, ours, nothing):
    """The spread of a latency against that of SELECT 1."""
    spread, floor = ours[1] / ours[0], nothing[1] / nothing[0]
    report.add(target, f"{work}, p99 / p50", "", (spread,), "SELECT 1", (floor,), spread / floor, "<= 2 x",
               spread <= 2 * floor)


def single(database, report, questions):
    """S1, S1b: one user, folded in, seen items left out."""
    for target, model, most in (("S1", "m64", 3.5), ("S1b", "m256", 7)):
        ours, nothing = questions.against_nothing(asked(model))
        factors = database.value(f"SELECT options->>'factors' FROM recsys.model_versions WHERE model = '{model}'")
        work = f"recommend, {ITEMS} items, {factors} factors"
        line(report, target, work, ours, nothing, most)
        tail(report, target, work, ours, nothing)


def by_pgvector(database, report):
    """S1 by pgvector: it is given the user's vector, and leaves no item out."""
    items = database.execute("""SELECT item_id, factors FROM recsys_data.m64_item_factors AS f
                                  JOIN recsys.models ON model = 'm64' AND version = active_version""")
    users = [row[0] for row in database.execute(
        f"SELECT recsys.user_vector('m64', u) FROM generate_series(1, {USERS}, {USERS // VECTORS}) AS u")]
    scripts = [f"SELECT id FROM items ORDER BY embedding <#> :q{n} LIMIT 10;" for n in range(VECTORS)]
    vectors = [f"-Dq{n}={vector}" for n, vector in enumerate(users)]
    questions = Questions("postgres")
    try:
        with vector_server():
            work = f"pgvector {load(items, users)}, {len(items)} items, {items[0][1].count(',') + 1} factors"
            exact = lists()
            line(report, "S1", f"{work}, exact", *questions.against_nothing(scripts, *vectors), None)
            make_index()
            for candidates in (40, 100, 200):
                look_at(candidates)
                line(report, "S1", f"{work}, HNSW, ef_search {candidates}, recall {recall(lists(), exact):.3f}",
                     *questions.against_nothing(scripts, *vectors), None)
    except Unavailable as reason:
        print(f"# {reason}", flush=True)


def by_row(database, report):
    """S4: a score for each of many rows."""
    rows = 100_000
    plain = f"SELECT i FROM generate_series(1, {rows}) AS i ORDER BY i % 997 LIMIT 10"
    scored = (f"SELECT i FROM generate_series(1, {rows}) AS i"
              f" ORDER BY recsys.predict('m64', 7, 1 + i % {ITEMS}) DESC NULLS LAST LIMIT 10")
    costs = []
    for _ in range(ROUNDS):
        costs.append((clock(database, scored) - clock(database, plain)) / rows * 1e6)
    cost = statistics.median(costs)
    report.add("S4", f"predict for each of {rows} rows", "us a row", (cost,), "-", (), None, "<= 1", cost <= 1)


def clock(database, *commands):
    """Seconds of the last command in a session, by the server's clock."""
    output = subprocess.run(PSQL + ["-d", database.name, "-o", "/dev/null"] +
                            [argument for command in (*commands[:-1], "\\timing on", commands[-1])
                             for argument in ("-c", command)],
                            capture_output=True, text=True, check=True).stdout
    return float([word for word in output.split() if word.replace(".", "").isdigit()][-1]) / 1000


def retraining(database, report, questions):
    """S5: eight clients, alone, while version after version is trained, and beside a busy backend."""
    alone = percentiles(questions.run(asked("m64"), clients=8, seconds=10))
    trainer = subprocess.Popen(PSQL + ["-d", database.name] + ["-c", "SELECT FROM recsys.train('m64')"] * 20,
                               stdout=subprocess.DEVNULL)
    latencies = []
    while trainer.poll() is None:
        latencies += questions.run(asked("m64"), clients=8, seconds=5)
    busy = percentiles(sorted(latencies))
    ratio = busy[1] / alone[1]
    report.add("S5", "8 clients during 20 trainings, p99", "ms", (busy[1],), "the same without", (alone[1],), ratio,
               "<= 3 x", ratio <= 3)
    with subprocess.Popen(PSQL + ["-d", database.name, "-c", "DO $$ BEGIN LOOP NULL; END LOOP; END $$"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        beside = percentiles(questions.run(asked("m64"), clients=8, seconds=10))
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN LOOP%'")
    report.add("S5", "the same", "ms", (busy[1],), "beside a busy backend", (beside[1],), busy[1] / beside[1], "-", None)


def first_question(report, questions):
    """S7: the first answer of a session."""
    later = percentiles(questions.run(asked("m64")))[0]
    new = percentiles(questions.run(asked("m64"), "-C", seconds=5))[0]
    nothing = percentiles(questions.run("SELECT 1;", "-C", seconds=5))[0]
    more = new - nothing - later
    report.add("S7", "first answer of a session, more than a later one", "ms", (more,), "-", (), None, "<= 2", more <= 2)


def selections(database, report, questions):
    """S9: a tenth of the items is not eligible."""
    database.execute(
        f"""CREATE TABLE selection AS SELECT ARRAY(SELECT i::bigint FROM generate_series(1, {ITEMS}) AS i WHERE i % 10 = 0) AS excluded,
            ARRAY(SELECT i::bigint FROM generate_series(1, {ITEMS}) AS i WHERE i % 10 <> 0) AS candidates""")
    free, _ = questions.against_nothing(asked("m64"))
    for name, column in (("exclude", "excluded"), ("candidates", "candidates")):
        ids = int(database.value(f"SELECT cardinality({column}) FROM selection"))
        script = (f"\\set u random(1, {USERS})\nSELECT r.* FROM selection AS s,"
                  f" recsys.recommend('m64', :u::bigint, 10, {name} => s.{column}) AS r;")
        ours, _ = questions.against_nothing(script)
        count, _ = questions.against_nothing(f"SELECT cardinality({column}) FROM selection;")
        bound = count[0] + 20e-6 * ids + free[0]
        report.add("S9", f"{name} => an array of {ids} ids, p50", "ms", (ours[0],), "the bound", (bound,),
                   ours[0] / bound, "<= 1 x", ours[0] <= bound)


def catalogue(database, report, questions):
    """S9: the same by a catalogue, and where it shows few items."""
    database.execute(
        "CREATE TABLE wide (user_id int, item_id int)",
        f"""INSERT INTO wide SELECT u, 1 + (at * 7919) % {WIDE_ITEMS}
              FROM (SELECT DISTINCT u, (CASE WHEN random() < 0.6 THEN (u % 50) * 2000 ELSE 0 END
                                        + floor({WIDE_ITEMS} * power(random(), 3))::int) AS at
                      FROM generate_series(1, {USERS}) AS u, generate_series(1, {ROWS_A_USER}) AS n) AS x""",
        "CREATE INDEX ON wide (user_id) INCLUDE (item_id)", "VACUUM ANALYZE wide",
        f"CREATE TABLE goods AS SELECT i AS item_id, 1 + i % 1000 AS share FROM generate_series(1, {WIDE_ITEMS}) AS i",
        "CREATE INDEX ON goods (item_id) INCLUDE (share)", "VACUUM ANALYZE goods")
    shown = {"free": None, "most": 900, "half": 500, "some": 50, "few": 5}
    for name, share in shown.items():
        catalog = ""
        if share:
            database.execute(f"CREATE VIEW goods_{name} AS SELECT item_id FROM goods WHERE share <= {share}")
            catalog = f", catalog => 'goods_{name}'"
        database.execute(f"SELECT recsys.create_model('{name}', 'wide', feedback => 'implicit'{catalog}, algorithm => 'als')",
                         f"SELECT FROM recsys.train('{name}', '{{\"iterations\": 5}}')")
    latencies = {name: [] for name in shown}
    for _ in range(ROUNDS):
        for name in shown:
            latencies[name].append(percentiles(questions.run(asked(name)))[0])
    free = statistics.median(latencies["free"])
    for name, share in shown.items():
        ours = statistics.median(latencies[name])
        if share:
            report.add("S9", f"a catalogue of {share / 10:g} % of {WIDE_ITEMS} items, p50", "ms", (ours,),
                       "without", (free,), ours / free, "<= 1.3 x" if name == "most" else "-",
                       ours <= 1.3 * free if name == "most" else None)


# What the manual says of each form of a question; :u is a user, :i an item, :c a hundredth of the items.
FORMS = (
    ("recommend", "SELECT * FROM recsys.recommend('m64', :u::bigint, 10)"),
    ("the same by LATERAL, for 100 users",
     "SELECT * FROM generate_series(:u::bigint, :u + 99) AS u, LATERAL recsys.recommend('m64', u, 10) AS r"),
    ("candidates, a hundredth of the items",
     "SELECT * FROM recsys.recommend('m64', :u::bigint, 10, candidates => ARRAY(SELECT id FROM items WHERE part = :c))"),
    ("that array alone", "SELECT ARRAY(SELECT id FROM items WHERE part = :c)"),
    ("candidates, all items", "SELECT * FROM recsys.recommend('m64', :u::bigint, 10, candidates => ARRAY(SELECT id FROM items))"),
    ("that array alone", "SELECT cardinality(ARRAY(SELECT id FROM items))"),
    ("predict", "SELECT recsys.predict('m64', :u::bigint, :i)"),
    ("ORDER BY predict LIMIT 10, a hundredth of the items",
     "SELECT id FROM items WHERE part = :c ORDER BY recsys.predict('m64', :u::bigint, id) DESC NULLS LAST LIMIT 10"),
    ("ORDER BY predict LIMIT 10, all items",
     "SELECT id FROM items ORDER BY recsys.predict('m64', :u::bigint, id) DESC NULLS LAST LIMIT 10"),
    ("ORDER BY a number LIMIT 10, all items", "SELECT id FROM items ORDER BY part * id % 997 LIMIT 10"),
    ("recommend_for_items, three items", "SELECT * FROM recsys.recommend_for_items('m64', ARRAY[:i, :i / 2, :i / 3]::bigint[])"),
    ("similar_items", "SELECT * FROM recsys.similar_items('m64', :i)"),
    ("popular", "SELECT * FROM recsys.popular('m64')"),
    ("explain", "SELECT * FROM recsys.explain('m64', :u::bigint, :i)"),
    ("a table of lists made before", "SELECT item_id, score FROM lists WHERE user_id = :u ORDER BY rank"))


def forms(database, report, questions):
    """What each form of a question takes."""
    database.execute(
        f"CREATE TABLE items AS SELECT i AS id, i % 100 AS part FROM generate_series(1, {ITEMS}) AS i",
        "CREATE INDEX ON items (part, id)",
        f"""CREATE TABLE lists AS SELECT u AS user_id, r.rank, r.item_id, r.score
              FROM generate_series(1, {USERS}) AS u, LATERAL recsys.recommend('m64', u, 10) AS r""",
        "CREATE UNIQUE INDEX ON lists (user_id, rank)", "VACUUM ANALYZE items, lists")
    for name, statement in FORMS:
        ours, nothing = questions.against_nothing(
            f"\\set u random(1, {USERS} - 100)\n\\set i random(1, {ITEMS})\n\\set c random(0, 99)\n{statement};")
        line(report, "-", name, ours, nothing, None)


# A million items: as in RATINGS, popularity falls with the rank, or all are about equally popular; each has a row.
PEAKED = f"""
SELECT u, 1 + (at * 7919) % {MANY_ITEMS}
  FROM (SELECT DISTINCT u, (CASE WHEN random() < 0.6 THEN (u % 500) * 2000 ELSE 0 END
                            + floor({MANY_ITEMS} * power(random(), 6))::bigint) AS at
          FROM generate_series(1, 300000) AS u, generate_series(1, 20) AS n) AS x"""
FLAT = f"""
SELECT u, 1 + ((u % 1000) * 1000 + floor(power(random(), 2) * 3000)::int) % {MANY_ITEMS}
  FROM generate_series(1, 300000) AS u, generate_series(1, 20) AS n"""


def train_many(database, model, rows):
    """A model of a million items over these rows and one more for each item."""
    database.execute(
        f"CREATE TABLE {model} (user_id, item_id) AS {rows}",
        f"INSERT INTO {model} SELECT 1 + i % 300000, i FROM generate_series(1, {MANY_ITEMS}) AS i",
        f"CREATE INDEX ON {model} (user_id) INCLUDE (item_id)", f"VACUUM ANALYZE {model}",
        f"""SELECT recsys.create_model('{model}', '{model}', feedback => 'implicit',
                                       algorithm => 'als')""",
        f"SELECT FROM recsys.train('{model}', '{{\"iterations\": 5}}')")


def make_equal_norms(database, model):
    """Its items get random vectors of norm 1, of which none comes before another."""
    database.execute(
        f"""UPDATE recsys_data.{model}_item_factors AS f SET factors = (
               SELECT array_agg((random() - 0.5)::real)::real[]::recsys.recvec
                 FROM generate_series(1, 64 + 0 * f.item_id))""",
        f"""UPDATE recsys_data.{model}_item_factors
              SET factors = ARRAY(SELECT x / recsys.norm(factors) FROM unnest(factors::real[]) AS x)::real[]::recsys.recvec""")


def many_items(database, report, questions):
    """S2: a million items, trained ones and random ones of equal norm; S8: many sessions that ask for them."""
    def ask(model, work, most):
        ours, nothing = questions.against_nothing(asked(model))
        report.add("S2", f"recommend, {MANY_ITEMS} items, {work}, p50", "ms", (ours[0],), "SELECT 1", (nothing[0],),
                   ours[0] / nothing[0], f"<= {most} ms" if most else "-", ours[0] <= most if most else None)

    train_many(database, "peaked", PEAKED)
    ask("peaked", "trained, popularity falls with the rank", 1)
    sessions(database, report, questions, "peaked")
    nowhere(database, report, "peaked", MANY_ITEMS)
    train_many(database, "flat", FLAT)
    ask("flat", "trained, all about equally popular", None)
    make_equal_norms(database, "flat")
    ask("flat", "random vectors of equal norm", 8)


SESSIONS = 100
OF_SESSIONS = "FROM pg_stat_activity WHERE application_name = 'pgbench' AND backend_type = 'client backend'"


def private_memory(database, questions, script):
    """Megabytes that each of many sessions has for itself while they ask; None where they may not be seen."""
    asking = threading.Thread(target=questions.run, args=(script,), kwargs={"clients": SESSIONS, "seconds": 30})
    asking.start()
    while int(database.value(f"SELECT count(*) {OF_SESSIONS}")) < SESSIONS:
        time.sleep(0.5)
    time.sleep(10)
    try:
        kilobytes = 0
        for row in database.execute(f"SELECT pid {OF_SESSIONS}"):
            with open(f"/proc/{row[0]}/smaps_rollup", encoding="ascii") as file:
                kilobytes += sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
        return kilobytes / 1024 / SESSIONS
    except PermissionError:
        return None
    finally:
        asking.join()


def sessions(database, report, questions, model):
    """S8: what many sessions take beside the one image."""
    ours, bare = private_memory(database, questions, asked(model)), private_memory(database, questions, "SELECT 1;")
    if ours is None:
        print("# S8 is left out: the memory of the server's processes may not be seen")
        return
    images = database.value(f"SELECT count(*) FROM recsys.cache_status WHERE model = '{model}'")
    report.add("S8", f"{SESSIONS} sessions, {MANY_ITEMS} items, {images} image, private memory a session", "MB", (ours,),
               "SELECT 1", (bare,), ours / bare, "<= 1 MB more", ours - bare <= 1)


def set_cache(database, size):
    """What all sessions share from now on, at most."""
    database.execute(f"ALTER SYSTEM SET recsys.cache_size = '{size}'", "SELECT pg_reload_conf()")
    while database.value("SHOW recsys.cache_size") != size:
        time.sleep(0.1)


def nowhere(database, report, model, items):
    """U: vectors that can be kept nowhere: a list against a scan of the factor table, and rows that are looked up."""
    set_cache(database, "0")
    alone = ("SET recsys.local_cache_size = 0", "SET max_parallel_workers_per_gather = 0", "SET jit = off")
    version = database.value(f"SELECT active_version FROM recsys.models WHERE model = '{model}'")
    scan = f"SELECT sum(recsys.norm(factors)) FROM recsys_data.{model}_item_factors WHERE version = {version}"
    question = f"SELECT count(*) FROM recsys.recommend('{model}', 7, 10)"
    rows = 1000
    plain = f"SELECT count(i * 7919 % {items}) FROM generate_series(1, {rows}) AS i"
    scored = f"SELECT count(recsys.predict('{model}', 7, 1 + i * 7919 % {items})) FROM generate_series(1, {rows}) AS i"
    ours, bare, costs = [], [], []
    for _ in range(ROUNDS):
        ours.append(clock(database, *alone, question, question) * 1000)
        bare.append(clock(database, *alone, scan, scan) * 1000)
        costs.append((clock(database, *alone, scored, scored) - clock(database, *alone, plain, plain)) / rows * 1e6)
    list_time, scan_time, cost = (statistics.median(times) for times in (ours, bare, costs))
    report.add("U", f"recommend, {items} items, not kept", "ms", (list_time,), "sum(norm(factors))", (scan_time,),
               list_time / scan_time, "<= 1.5 x", list_time <= 1.5 * scan_time)
    report.add("U", f"predict for each of {rows} rows, not kept", "us a row", (cost,), "-", (), None, "<= 20", cost <= 20)
    set_cache(database, "1GB")


def main():
    """All targets."""
    database = Database("bench_serve")
    database.execute("CREATE TABLE ratings (user_id int, item_id int, rating real)", "SELECT setseed(0.3)", RATINGS,
                     "CREATE INDEX ON ratings (user_id) INCLUDE (item_id, rating)", "VACUUM ANALYZE ratings")
    for factors in (64, 256):
        database.execute(
            f"""SELECT recsys.create_model('m{factors}', 'ratings', feedback => 'implicit',
                                           options => '{{"factors": {factors}}}', algorithm => 'als')""",
            f"SELECT FROM recsys.train('m{factors}')")
    report = Report()
    questions = Questions("bench_serve")
    steps = {"S1": lambda: (single(database, report, questions), by_pgvector(database, report)),
             "S3": lambda: everybody(database, report, questions, "full" if FULL else "quick"), "S4": lambda: by_row(database, report),
             "S7": lambda: first_question(report, questions), "S9": lambda: (selections(database, report, questions), catalogue(database, report, questions)),
             "S5": lambda: retraining(database, report, questions), "U": lambda: nowhere(database, report, "m64", ITEMS)}
    if FULL:
        steps["S2"] = lambda: many_items(database, report, questions)
        steps["forms"] = lambda: forms(database, report, questions)
    only = os.environ.get("BENCH_ONLY", "").split()
    for name, step in steps.items():
        if not only or name in only:
            step()
    report.write(os.environ["BENCH_RESULTS"])


if __name__ == "__main__":
    sys.exit(main())
