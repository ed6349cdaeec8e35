#!/usr/bin/env python3
"""What the default options lose on real data: sweep.py [SET...]; run by run.sh sweep.

For each set a model is trained with nothing set and with each setting of a grid, and
measured by recsys.evaluate() on rows taken out of the set's training part (see
datasets.py); at most USERS users are asked.  Printed are all settings, then one line
for each set: the best setting, its figure, the default's, and the loss in per cent.
The best of many is flattered by chance; the standard error says by how much.
"""

import json
import math
import os
import random
import sys
from collections import defaultdict

import datasets
from database import Database, number

USERS = int(os.environ.get("SWEEP_USERS", "2000"))
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
        self.facts = statistics_of(train)
        self.database = Database("sweep_" + name.replace("-", "_"))
        for table, rows in (("train", train), ("valid", sample(train, valid))):
            self.database.execute(
                f"CREATE TABLE {table} (user_id int, item_id int, rating real)")
            self.database.copy(table, (f"{u}\t{i}\t{v:g}\n" for u, i, v in rows))
        self.database.execute(
            "CREATE INDEX ON train (user_id)", "VACUUM ANALYZE train",
            f"""SELECT recsys.create_model('m', 'train', rating_column => 'rating',
                feedback => '{feedback}', options => '{{"keep_versions": 1}}')""")
        print("# " + name, *(f"{k} {v:.6g}" for k, v in self.facts.items()), flush=True)

    def measure(self, options):
        """The figure of one setting, and its standard error."""
        self.database.execute(f"SELECT recsys.train('m', '{json.dumps(options)}')")
        for metric, value, error in self.database.execute(
                "SELECT metric, value, standard_error FROM recsys.evaluate('m', 'valid', '{20}')"):
            if metric == METRIC[self.feedback]:
                print(self.name, json.dumps(options), f"{metric} {float(value):.4f}",
                      sep="\t", flush=True)
                return number(value), number(error)
        raise RuntimeError(f"no {METRIC[self.feedback]} for {self.name}")

    def sweep(self):
        """Name, best setting, its figure, the default's, standard error, loss in per cent."""
        default, error = self.measure({})
        grid = implicit_grid if self.feedback == "implicit" else explicit_grid
        figures = [(self.measure(options)[0], options) for options in grid(self.facts)]
        choose = max if self.feedback == "implicit" else min
        best, options = choose(figures, key=lambda figure: figure[0])
        loss = abs(best - default) / best * 100
        if choose(best, default) == default:
            loss = -loss
        return [self.name, json.dumps(options), f"{best:.4f}", f"{default:.4f}", f"{error:.4f}",
                f"{loss:.1f}"]


def sample(train, valid):
    """The validation rows of at most USERS users that training knows."""
    users = sorted({row[0] for row in train} & {row[0] for row in valid})
    random.Random(datasets.SEED).shuffle(users)
    chosen = set(users[:USERS])
    return [row for row in valid if row[0] in chosen]


def main():
    """Sweep the sets that are named, or all."""
    loaders = {**{name: ("implicit", load) for name, load in datasets.IMPLICIT.items()},
               **{name: ("explicit", load) for name, load in datasets.EXPLICIT.items()}}
    summary = []
    for name in sys.argv[1:] or loaders:
        feedback, load = loaders[name]
        summary.append(Set(name, feedback, load()).sweep())
    print("set\tbest setting\tits figure\tdefault's\tstandard error\tloss %")
    for line in summary:
        print(*line, sep="\t")


if __name__ == "__main__":
    main()
