"""Who is measured: this extension through SQL, and the rivals as processes."""

import json
import os
import re
import statistics
import subprocess
import sys
import time

from database import PSQL

HERE = os.path.dirname(os.path.abspath(__file__))

# what our threads run at: who else is on the machine slows both alike
NICENESS = "10"


class Unavailable(Exception):
    """A rival cannot be had here."""


class Ours:
    """Models over one table of ratings; a job is what peer.py describes."""

    name = "recsys"

    def __init__(self, database):
        self.database = database

    def make_table(self, path):
        """Load a file of lines user, item, rating."""
        self.database.execute(
            "CREATE TABLE ratings (user_id bigint, item_id bigint, rating real)",
            f"\\copy ratings from '{path}'", "VACUUM ANALYZE ratings")
        self.make_models("ratings")

    def make_part(self, table, share):
        """The ratings of a share of the users as a table of its own."""
        self.database.execute(
            f"""CREATE TABLE {table} AS SELECT * FROM ratings
                WHERE user_id <= (SELECT max(user_id) * {share} FROM ratings)""",
            f"VACUUM ANALYZE {table}")
        self.make_models(table)

    def make_models(self, table):
        """One model for each kind of feedback."""
        for mode in ("implicit", "explicit"):
            self.database.execute(
                f"""SELECT recsys.create_model('{table}_{mode}', '{table}',
                    rating_column => 'rating', feedback => '{mode}', algorithm => 'als')""")

    @staticmethod
    def options(job):
        """A job in this extension's words; the objective is the rivals'."""
        options = {"factors": job["factors"], "iterations": job["iterations"],
                   "regularization": job["regularization"], "keep_versions": 1}
        if job["mode"] == "implicit":
            options.update(alpha=job["alpha"], unobserved_weight=1, reg_scaling=0)
        if job.get("solver") == "cholesky":
            options["solver"] = "exact"
        return json.dumps(options)

    def fit(self, job):
        """One training: its own clock, the caller's clock and the backend's peak.

        By the notices also the seconds of an iteration, which is steadier than a
        difference of two trainings, and those of reading.  Unless all are exact the
        last iteration is left out: its users are solved exactly, once a training,
        what a difference of two trainings would not show either.
        """
        model = f"{job.get('table', 'ratings')}_{job['mode']}"
        command = PSQL + ["-d", self.database.name]
        for statement in (
                "SET recsys.log_progress = on",
                f"SET recsys.training_threads = {job.get('threads', os.environ['BENCH_THREADS'])}",
                f"SELECT seconds FROM recsys.train('{model}', '{self.options(job)}')",
                "SELECT regexp_replace(pg_read_file('/proc/self/status'), "
                "'.*VmHWM:\\s*(\\d+) kB.*', '\\1')"):
            command += ["-c", statement]
        marks, ends = {}, []
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            for line in process.stderr:
                phase = re.search(r": (reading|iterating|publishing)$", line)
                if phase:
                    marks[phase.group(1)] = time.perf_counter()
                elif re.search(r": iteration \d+ of \d+, loss ", line):
                    ends.append(time.perf_counter())
                elif line.startswith("ERROR"):
                    raise RuntimeError(line.strip())
            seconds, peak = process.stdout.read().split()
        answer = {"whole_seconds": time.perf_counter() - start, "seconds": float(seconds),
                  "peak_mb": float(peak) / 1024,
                  "read_seconds": marks["iterating"] - marks["reading"]}
        if job.get("solver") != "cholesky":
            ends = ends[:-1]
        if len(ends) > 1:
            answer["iteration_seconds"] = (ends[-1] - ends[0]) / (len(ends) - 1)
        return answer

    def losses(self, mode):
        """The objective after each iteration of the last training."""
        text = self.database.value(
            f"""SELECT array_to_string(loss, ' ') FROM recsys.model_versions
                WHERE model = 'ratings_{mode}' ORDER BY version DESC LIMIT 1""")
        return [float(x) for x in text.split()]

    def read_seconds(self):
        """From the start of a training to its first iteration, by its notices."""
        return self.fit({"mode": "implicit", "factors": 1, "iterations": 1,
                         "regularization": 0.1, "alpha": 1})["read_seconds"]

    def scan_seconds(self):
        """The same rows read by a plain query."""
        start = time.perf_counter()
        self.database.execute("SELECT count(*), sum(rating) FROM ratings")
        return time.perf_counter() - start


class Variant:
    """This extension with some of a job changed, as a side of its own."""

    def __init__(self, ours, name, changes):
        self.ours, self.name, self.changes = ours, name, changes

    def fit(self, job):
        """One training."""
        return self.ours.fit({**job, **self.changes})


class Rival:
    """peer.py with one rival, alive as long as it is asked."""

    def __init__(self, name, python, data):
        if not python:
            raise Unavailable(f"{name} could not be installed")
        self.name = name
        with open(os.path.join(os.environ["BENCH_TMP"], f"{name}.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["nice", "-n", NICENESS, python, os.path.join(HERE, "peer.py"), name, data], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.answer()  # it has its data: nobody is measured while it loads

    def answer(self):
        """What the process writes next."""
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"{self.name} failed, see its log")
        return json.loads(line)

    def fit(self, job):
        """One training."""
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # then there is no answer either
        return self.answer()

    def close(self):
        """End the process."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it is gone already
        self.process.wait()


def iteration_seconds(sides, job, steps, rounds):
    """Seconds per iteration of each side, which take turns: (minimum, median).

    Where a side does not tell, from trainings of n and of 2n iterations: their
    difference by n.  A side that fails is left out.
    """
    times = {side.name: ([], [], []) for side in sides}
    for _ in range(rounds):
        for side in [s for s in sides if s.name in times]:
            told, *totals = times[side.name]
            try:
                for several, seconds in zip((1, 2), totals):
                    answer = side.fit({**job, "iterations": several * steps})
                    seconds.append(answer["seconds"])
                    if "iteration_seconds" in answer:
                        told.append(answer["iteration_seconds"])
            except Unavailable as reason:
                print(f"# {reason}", file=sys.stderr)
                del times[side.name]
    return {name: (min(told), statistics.median(told)) if told else
            tuple((f(double) - f(single)) / steps for f in (min, statistics.median))
            for name, (told, single, double) in times.items()}
