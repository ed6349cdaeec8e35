#!/usr/bin/env python3
"""Training against its rivals, one line for each target; run by test/bench/run.sh.

Every figure is the minimum of rounds in which the sides take turns, with the median
behind it.  The table for the manual goes into the file BENCH_RESULTS, which grows with
every step.
"""

import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass

from database import Database, data_directory
from measure import HERE, Ours, Rival, Unavailable, Variant, iteration_seconds

SMALL = {"title": "1.0 M rows, 6,040 x 3,706", "steps": 5, "rounds": 3, "slow_rounds": 1}
LARGE = {"title": "20.0 M rows, 138,493 x 26,744", "steps": 3, "rounds": 2, "slow_rounds": 1}
LEAST_SQUARES = {"mode": "implicit", "regularization": 0.1, "alpha": 1.0}


@dataclass
class Line:
    """One comparison; minimum and median of each side.  met is None without a goal."""

    target: str
    work: str
    unit: str
    ours: tuple
    rival: str
    theirs: tuple
    ratio: float
    wanted: str
    met: bool | None

    def fields(self):
        """Its columns as text."""
        return [self.target, self.work, show(self.ours, self.unit), self.rival,
                show(self.theirs, self.unit), f"{self.ratio:.2f}" if self.ratio else "-",
                self.wanted, {True: "met", False: "not met", None: "-"}[self.met]]


def show(figure, unit):
    """A figure with its unit, and the median in brackets."""
    if not figure:
        return "-"
    text = f"{figure[0]:.4g} {unit}"
    return text + f" ({figure[1]:.4g})" if len(figure) > 1 else text


class Report:
    """Prints the lines as they come and keeps them for the table."""

    HEAD = ["", "work", "recsys", "rival", "its figure", "ratio", "target", ""]

    def __init__(self):
        self.lines = []

    def add(self, *arguments):
        """One comparison."""
        line = Line(*arguments)
        self.lines.append(line)
        print("  ".join(line.fields()), flush=True)

    def alone(self, target, work, unit, ours):
        """Our figure where the rival cannot be had."""
        self.add(target, work, unit, ours, "-", (), None, "-", None)

    def faster(self, target, work, ours, rival, theirs, least):
        """We want to be several times faster."""
        ratio = theirs[0] / ours[0]
        self.add(target, work, "s", ours, rival, theirs, ratio, f">= {least} x", ratio >= least)

    def write(self, path):
        """The table in Markdown."""
        rows = [self.HEAD, ["---"] * len(self.HEAD)] + [line.fields() for line in self.lines]
        with open(path, "w", encoding="ascii") as file:
            file.writelines("| " + " | ".join(row) + " |\n" for row in rows)


class Bench:
    """One data set: our tables, the rivals' processes."""

    def __init__(self, report, name, settings):
        self.report = report
        self.settings = settings
        self.title = settings["title"]
        self.data = os.path.join(os.environ["BENCH_CACHE"], f"{name}.npz")
        self.ours = Ours(Database(f"bench_{name}"))
        self.ours.make_table(self.data.replace(".npz", ".tsv"))

    def rival(self, name):
        """Its process, or None with a line that says why."""
        variable = "BENCH_PYTHON_LENSKIT" if name == "lenskit" else "BENCH_PYTHON"
        try:
            return Rival(name, os.environ.get(variable), self.data)
        except Unavailable as reason:
            print(f"# {reason}", flush=True)
            return None

    def compare_iterations(self, target, job, goals, rounds, steps):
        """Seconds per iteration; goals: our side is so many times faster than a rival."""
        rivals = [r for r in map(self.rival, goals) if r]
        times = iteration_seconds([self.ours] + rivals, job, steps, rounds)
        ours = times.pop("recsys")
        kind = "exact iteration" if job["solver"] == "cholesky" else "iteration"
        work = f"{self.title}, k={job['factors']}, {job['mode']}, {kind}"
        for name, theirs in times.items():
            solver = " cholesky" if name == "lenskit" else f" {job['solver']}"
            self.report.faster(target, work, ours, name + solver, theirs, goals[name])
        if not times:
            self.report.alone(target, work, "s", ours)
        for rival in rivals:
            rival.close()

    def iterations(self, target, factors, goals):
        """Implicit feedback against the rivals' quick solvers."""
        job = {**LEAST_SQUARES, "factors": factors, "solver": "cg"}
        self.compare_iterations(target, job, goals, self.settings["rounds"],
                                self.settings["steps"])

    def exact(self, target, factors, goals):
        """Implicit feedback, exact solvers on both sides."""
        job = {**LEAST_SQUARES, "factors": factors, "solver": "cholesky"}
        self.compare_iterations(target, job, goals, self.settings["slow_rounds"], 1)

    def explicit(self, target):
        """Explicit feedback, exact solvers on both sides."""
        job = {**LEAST_SQUARES, "factors": 64, "mode": "explicit", "solver": "cholesky"}
        self.compare_iterations(target, job, {"lenskit": 3}, self.settings["rounds"],
                                self.settings["steps"])

    def objective(self, target, factors, goal_ratio):
        """Time until the objective is where implicit leaves it after 15 iterations."""
        job = {**LEAST_SQUARES, "factors": factors, "iterations": 15}
        rival = self.rival("implicit")
        if not rival:
            return
        goal = rival.fit({**job, "objective": True})["objective"]
        self.ours.fit(job)
        losses = self.ours.losses("implicit")
        need = next((n for n, loss in enumerate(losses, 1) if loss <= goal), None)
        if need is None:
            print(f"# {target} objective {goal:.6g} not reached: {losses[-1]:.6g}")
            rival.close()
            return
        rounds = [(self.ours.fit({**job, "iterations": need})["seconds"],
                   rival.fit(job)["seconds"]) for _ in range(2)]
        rival.close()
        ours, theirs = [(min(x), statistics.median(x)) for x in zip(*rounds)]
        work = f"{self.title}, k={factors}, same objective ({need} of 15 iterations)"
        self.report.faster(target, work, ours, "implicit cg", theirs, goal_ratio)

    def reading(self):
        """T4: reading into both orientations against a scan."""
        rounds = [(self.ours.read_seconds(), self.ours.scan_seconds()) for _ in range(3)]
        ours, scan = [(min(x), statistics.median(x)) for x in zip(*rounds)]
        ratio = ours[0] / scan[0]
        self.report.add("T4", f"{self.title}, read", "s", ours, "count(*), sum(rating)", scan,
                        ratio, "<= 3", ratio <= 3)

    def whole(self, name, job, goal, extrapolate):
        """T5: the whole call against Spark."""
        times = [self.ours.fit(job)["whole_seconds"] for _ in range(2)]
        ours = (min(times), statistics.median(times))
        work = f"{self.title}, k={job['factors']}, {job['mode']}, {job['iterations']} iterations"
        theirs = spark_seconds(self.rival(name), job, extrapolate)
        if theirs:
            name += " (from 1 and 2 iterations)" if extrapolate else ""
            self.report.faster("T5", work, ours, name, (theirs,), goal)
        else:
            self.report.alone("T5", work, "s", ours)

    def memory(self):
        """T6: peaks of a training's process."""
        job = {**LEAST_SQUARES, "factors": 64, "iterations": 1}
        ours = self.ours.fit(job)["peak_mb"]
        work = f"{self.title}, k=64, peak"
        rival = self.rival("implicit")
        if not rival:
            self.report.alone("T6", work, "MB", (ours,))
            return
        theirs = rival.fit(job)["peak_mb"]
        rival.close()
        self.report.add("T6", work, "MB", (ours,), "implicit", (theirs,), ours / theirs, "< 1",
                        ours < theirs)

    def growth(self):
        """T7: how the time of an iteration grows with rows, factors and threads."""
        for share, table in ((0.25, "quarter"), (0.5, "half")):
            self.ours.make_part(table, share)
        variants = {
            "quarter": {"table": "quarter"}, "half": {"table": "half"}, "all": {},
            "k=32": {"factors": 32}, "k=128": {"factors": 128}, "one thread": {"threads": 1}}
        sides = [Variant(self.ours, name, changes) for name, changes in variants.items()]
        times = iteration_seconds(sides, {**LEAST_SQUARES, "factors": 64},
                                  self.settings["steps"], self.settings["rounds"])
        for work, more, less, limit in (
                ("rows, 1/4 to 1/2", "half", "quarter", 2.2),
                ("rows, 1/2 to 1", "all", "half", 2.2),
                ("k, 32 to 64", "all", "k=32", None), ("k, 64 to 128", "k=128", "all", None)):
            ratio = times[more][0] / times[less][0]
            self.report.add("T7", f"{self.title}, {work}", "s", times[more], "before",
                            times[less], ratio, f"<= {limit}" if limit else "-",
                            ratio <= limit if limit else None)
        self.report.faster("T7", f"{self.title}, second thread", times["all"], "one thread",
                           times["one thread"], 1.8)


def spark_seconds(rival, job, extrapolate):
    """Loading and a cold fit; where that would take too long, from fits of one and two iterations."""
    if not rival:
        return None
    try:
        if not extrapolate:
            fit = rival.fit(job)
            print(f"# {rival.name}: reading {fit['load_seconds']:.4g} s, fit {fit['seconds']:.4g} s",
                  flush=True)
            return fit["load_seconds"] + fit["seconds"]
        once, twice = (rival.fit({**job, "iterations": n}) for n in (1, 2))
        return (once["load_seconds"] + once["seconds"] +
                (job["iterations"] - 1) * (twice["seconds"] - once["seconds"]))
    except Unavailable as reason:
        print(f"# {reason}", flush=True)
        return None
    finally:
        rival.close()


def quality():
    """T8: the gates on real data print a line for each published protocol."""
    script = os.path.join(HERE, "..", "gates", "quality.sh")
    if not os.path.isdir(data_directory()):
        print("T8  no data sets here, see RECSYS_DATA")
        return
    done = subprocess.run(["bash", script, data_directory()], capture_output=True, text=True,
                          check=False)
    for line in done.stdout.splitlines():
        print("T8  " + line)


SPARK_SMALL = {"mode": "explicit", "factors": 50, "iterations": 10, "regularization": 0.1}
SPARK_LARGE = {**LEAST_SQUARES, "factors": 64, "iterations": 15}

STEPS_SMALL = [
    ("T3 iterations", lambda b: b.iterations("T3", 64, {"implicit": 3, "cmfrec": 3})),
    ("T3 exact", lambda b: b.exact("T3", 64, {"implicit": 8, "lenskit": 3})),
    ("T3 explicit", lambda b: b.explicit("T3")),
    ("T3 objective", lambda b: b.objective("T3", 64, 3)),
    ("T4", Bench.reading),
    ("T5", lambda b: b.whole("spark", SPARK_SMALL, 40, False)),
    ("T6", Bench.memory),
    ("T7", Bench.growth)]

STEPS_LARGE = [
    ("T1 iterations", lambda b: b.iterations("T1", 64, {"implicit": 4, "cmfrec": 4})),
    ("T1 objective", lambda b: b.objective("T1", 64, 4)),
    ("T1 explicit", lambda b: b.explicit("T1")),
    ("T1 exact", lambda b: b.exact("T1", 64, {"implicit": 8, "lenskit": 3})),
    ("T2 iterations", lambda b: b.iterations("T2", 128, {"implicit": 4})),
    ("T2 objective", lambda b: b.objective("T2", 128, 4)),
    ("T2 exact", lambda b: b.exact("T2", 128, {"implicit": 8})),
    ("T4", Bench.reading),
    ("T6", Bench.memory),
    ("T7", Bench.growth),
    ("T5 spark", lambda b: b.whole("spark", SPARK_LARGE, 30, True)),
    ("T5 openblas", lambda b: b.whole("spark-openblas", SPARK_LARGE, 12, True))]


def measure(report, name, settings, steps):
    """The steps on one data set that BENCH_ONLY, a regular expression, lets through."""
    only = re.compile(os.environ.get("BENCH_ONLY", ""))
    steps = [step for label, step in steps if only.search(f"{name} {label}")]
    if not steps:
        return
    bench = Bench(report, name, settings)
    for step in steps:
        step(bench)
        report.write(os.environ["BENCH_RESULTS"])


def main():
    """All lines of a scale, then the table."""
    report = Report()
    measure(report, "small", SMALL, STEPS_SMALL)
    if os.environ["BENCH_SCALE"] == "full":
        measure(report, "large", LARGE, STEPS_LARGE)
        if re.search(os.environ.get("BENCH_ONLY", ""), "quality T8"):
            quality()
    met = [line.met for line in report.lines if line.met is not None]
    print(f"{sum(met)} of {len(met)} targets are reached")


if __name__ == "__main__":
    sys.exit(main())
