#!/usr/bin/env python3
"""What the default options lose on real data: sweep.py [SET...]; run by run.sh sweep.

For each set a model is trained with nothing set and with each setting of a grid, and
measured by recsys.evaluate() on rows taken out of the set's training part (see
datasets.py); at most USERS users are asked.  Initial factors alone move recall by 2 %, so
each setting is trained with several seeds and the mean counts.  The best of many is
flattered by chance where it was chosen.  So the users are dealt into two halves: the
setting that is best on one half is measured on the other, and both directions together
make the tuned figure.  Halves consist of small groups, and leaving out each group once
(jackknife) gives the standard error of the loss, user by user compared, settings as
chosen.

Printed are all settings, then one line for each set: the settings chosen, their figure
on the other half, the default's, the loss in per cent of the former, its standard
error, and the loss against the best on all users, which is the flattered one.
"""

import json
import math
import os
import random
import statistics
import sys
from collections import Counter, defaultdict

import datasets
from database import Database

USERS = int(os.environ.get("SWEEP_USERS", "2000"))
SEEDS = range(42, 42 + int(os.environ.get("SWEEP_SEEDS", "3")))
GROUPS = 20  # even ones are one half, odd ones the other
METRIC = {"implicit": "recall", "explicit": "rmse"}


def statistics_of(rows):
    """What the grids are scaled by."""
    cells = defaultdict(float)
    for user, item, value in rows:
        cells[user, item] += value
    holders = defaultdict(int)
    for _, item in cells:
        holders[item] += 1
    users = len({user for user, _ in cells})
    mean = sum(cells.values()) / len(cells)
    return {
        "rows": len(rows), "cells": len(cells), "users": users, "items": len(holders), "mean": mean,
        "deviation": math.sqrt(sum((v - mean) ** 2 for v in cells.values()) / len(cells)),
        "share": sum(n * n for n in holders.values()) / len(cells) / users}


def implicit_grid(facts):
    """Weights relative to the mean weight of a cell and to the popularity of items."""
    for weight in (0.5, 1, 2, 4, 8):
        for regularization in (0.004, 0.008, 0.016):
            for alpha in (1, 0.25) if facts["rows"] < 200_000 else (1,):
                yield {"alpha": round_to(alpha / facts["mean"]),
                       "unobserved_weight": round_to(weight * facts["share"]),
                       "regularization": regularization}


def explicit_grid(facts):
    """Regularization relative to the spread of the ratings."""
    for scaling, values in ((1, (0.05, 0.07, 0.09, 0.11, 0.15)), (0.5, (0.5, 1, 1.5))):
        for value in values:
            yield {"regularization": round_to(value * facts["deviation"]), "reg_scaling": scaling}


def round_to(value):
    """Three digits are enough."""
    return float(f"{value:.3g}")


class Set:
    """One data set in a database of its own."""

    def __init__(self, name, feedback, parts):
        self.name, self.feedback = name, feedback
        train, valid = parts
        valid = sample(train, valid)
        self.rows = Counter(group for *_, group in valid)
        self.facts = statistics_of(train)
        self.database = Database("sweep_" + name.replace("-", "_"))
        self.database.execute(
            "CREATE TABLE train (user_id int, item_id int, rating real)",
            "CREATE TABLE valid (user_id int, item_id int, rating real, part int)",
            *(f"CREATE VIEW valid_{group} AS SELECT * FROM valid WHERE part = {group}"
              for group in range(GROUPS)))
        self.database.copy("train", (f"{u}\t{i}\t{v:g}\n" for u, i, v in train))
        self.database.copy("valid", (f"{u}\t{i}\t{v:g}\t{g}\n" for u, i, v, g in valid))
        self.database.execute(
            "CREATE INDEX ON train (user_id)", "VACUUM ANALYZE train, valid",
            f"""SELECT recsys.create_model('m', 'train', rating_column => 'rating',
                feedback => '{feedback}', options => '{{"keep_versions": 1}}', algorithm => 'als')""")
        print("# " + name, *(f"{k} {v:.6g}" for k, v in self.facts.items()), flush=True)

    def measure(self, options):
        """For each group what one setting reaches: a sum, and over how many."""
        trained = [self.train({**options, "seed": seed}) for seed in SEEDS]
        parts = [tuple(map(sum, zip(*group))) for group in zip(*trained)]
        print(self.name, json.dumps(options),
              f"{METRIC[self.feedback]} {self.figure(parts):.4f}", sep="\t", flush=True)
        return parts

    def train(self, options):
        """The same for one training."""
        self.database.execute(f"SELECT recsys.train('m', '{json.dumps(options)}')")
        found = {(int(group), metric): (float(value), int(users))
                 for group, metric, value, users in self.database.execute(
                     f"""SELECT g, metric, value, users FROM generate_series(0, {GROUPS - 1}) g,
                         recsys.evaluate('m', format('valid_%s', g)::regclass, '{{20}}')""")}
        parts = []
        for group in range(GROUPS):
            value, count = found[group, METRIC[self.feedback]]
            if self.feedback == "explicit":
                value, count = value ** 2, self.rows[group] * found[group, "predicted_share"][0]
            parts.append((value * count, count))
        return parts

    def figure(self, parts):
        """Recall or RMSE over some groups."""
        mean = sum(total for total, _ in parts) / sum(count for _, count in parts)
        return math.sqrt(mean) if self.feedback == "explicit" else mean

    def loss(self, tuned, default):
        """What the default loses, in per cent."""
        tuned, default = self.figure(tuned), self.figure(default)
        return (tuned - default if self.feedback == "implicit" else default - tuned) / tuned * 100

    def sweep(self):
        """The set's line of the summary."""
        default = self.measure({})
        grid = implicit_grid if self.feedback == "implicit" else explicit_grid
        results = [(options, self.measure(options)) for options in grid(self.facts)]
        choose = max if self.feedback == "implicit" else min

        def best(groups):
            return choose(results, key=lambda result: self.figure([result[1][g] for g in groups]))

        chosen = [best(range(half, GROUPS, 2)) for half in (0, 1)]
        tuned = [chosen[1 - g % 2][1][g] for g in range(GROUPS)]
        without = [self.loss(tuned[:g] + tuned[g + 1:], default[:g] + default[g + 1:])
                   for g in range(GROUPS)]
        return [self.name, json.dumps([options for options, _ in chosen]),
                f"{self.figure(tuned):.4f}", f"{self.figure(default):.4f}",
                f"{self.loss(tuned, default):.1f}",
                f"{math.sqrt(GROUPS - 1) * statistics.pstdev(without):.1f}",
                f"{self.loss(best(range(GROUPS))[1], default):.1f}"]


def sample(train, valid):
    """The validation rows of at most USERS users that training knows, with their group."""
    users = sorted({row[0] for row in train} & {row[0] for row in valid})
    random.Random(datasets.SEED).shuffle(users)
    groups = {user: n % GROUPS for n, user in enumerate(users[:USERS])}
    return [(*row, groups[row[0]]) for row in valid if row[0] in groups]


def main():
    """Sweep the sets that are named, or all."""
    loaders = {**{name: ("implicit", load) for name, load in datasets.IMPLICIT.items()},
               **{name: ("explicit", load) for name, load in datasets.EXPLICIT.items()}}
    summary = []
    for name in sys.argv[1:] or loaders:
        feedback, load = loaders[name]
        summary.append(Set(name, feedback, load()).sweep())
    print("set\tbest on each half\ttuned\tdefault's\tloss %\tstandard error\tagainst best of all %")
    for line in summary:
        print(*line, sep="\t")


if __name__ == "__main__":
    main()
