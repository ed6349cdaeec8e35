#!/usr/bin/env python3
"""What the algorithm auto chooses against a sweep: auto.py [SET...]; a gate runs it.

For each set a model with nothing set, the popular items, and models with each setting
of a grid are trained, and measured by recsys.evaluate_users() on the set's test rows,
by ndcg at 20 of at most USERS users.

A line for each set: what was chosen; its figure; that of the popular items, and by
how much auto is better, with the standard error of that, user by user; the best
setting of the grid, which chance flatters as it is the best of many, its figure, what
auto loses against it in per cent; seconds of auto and of als with nothing set.
"""

import json
import statistics
import sys
from collections import Counter

import datasets
from database import Database
from sweep import sample

FACTORS = (8, 16, 32, 64, 128, 256)
REGULARIZATION = (0.003, 0.006, 0.012, 0.024, 0.048)
POPULAR_FILMS = 100
NO_TIME = "\\N"


def popular_films():
    """ML-100K, the films that most people rated."""
    train, test = SETS["ml-100k"]()
    most = {item for item, _ in Counter(item for _, item, _ in train).most_common(POPULAR_FILMS)}
    return tuple([row for row in part if row[1] in most] for part in (train, test))


SETS = {
    "ml-100k": datasets.single(datasets.TESTS["ml-100k"][1]),
    "ml-100k-films": popular_films,
    **{name: load for name, (feedback, load, _) in datasets.TESTS.items() if feedback == "implicit"},
}


class Set:
    """One data set in a database of its own; all rows of sets with ratings are likes."""

    def __init__(self, name):
        train, test = SETS[name]()
        self.name = name
        test = sample(train, test)
        self.database = Database("auto_" + name.replace("-", "_"))
        self.database.execute(
            "CREATE TABLE train (user_id int, item_id int, weight real, at timestamp)",
            "CREATE TABLE test (user_id int, item_id int)")
        self.database.copy("train", (f"{u}\t{i}\t{v:g}\t{(*time, NO_TIME)[0]}\n" for u, i, v, *time in train))
        self.database.copy("test", (f"{row[0]}\t{row[1]}\n" for row in test))
        self.database.execute("CREATE INDEX ON train (user_id)", "VACUUM ANALYZE train, test")
        for algorithm in ("auto", "als", "popular"):
            self.database.execute(
                f"""SELECT recsys.create_model('{algorithm}', 'train', rating_column => 'weight',
                    time_column => 'at', feedback => 'implicit', algorithm => '{algorithm}',
                    options => '{{"keep_versions": 1}}')""")

    def measure(self, model, options):
        """Seconds of a training, and ndcg of each user."""
        seconds = self.database.value(
            f"SELECT seconds FROM recsys.train('{model}', '{json.dumps(options)}')")
        scores = self.database.execute(
            f"""SELECT user_id, ndcg FROM recsys.evaluate_users('{model}', 'test', k => 20)
                 WHERE ndcg IS NOT NULL""")
        return float(seconds), {user: float(score) for user, score in scores}

    def compare(self):
        """The set's line."""
        seconds, auto = self.measure("auto", {})
        chosen = self.database.value(
            "SELECT choice -> 'lists' ->> 'chosen' FROM recsys.model_versions WHERE model = 'auto'")
        _, popular = self.measure("popular", {})
        ahead = [auto[user] - popular[user] for user in auto]
        best, figure, plain = None, 0.0, 0.0
        for factors in FACTORS:
            for regularization in REGULARIZATION:
                options = {"factors": factors, "regularization": regularization}
                took, scores = self.measure("als", options)
                found = statistics.fmean(scores.values())
                print(f"# {self.name}", json.dumps(options), f"{found:.4f}", sep="\t", flush=True)
                if (factors, regularization) == (64, 0.006):
                    plain = took
                if found > figure:
                    best, figure = options, found
        value = statistics.fmean(auto.values())
        return [self.name, chosen, f"{value:.4f}", f"{statistics.fmean(popular.values()):.4f}",
                f"{statistics.fmean(ahead):.4f}", f"{statistics.stdev(ahead) / len(ahead) ** 0.5:.4f}",
                json.dumps(best), f"{figure:.4f}", f"{(figure - value) / figure * 100:.1f}",
                f"{seconds:.1f}", f"{plain:.1f}"]


def main():
    """Compare the sets that are named, or all."""
    lines = [Set(name).compare() for name in sys.argv[1:] or SETS]
    print("set\tchosen\tauto\tpopular\tahead\tstandard error\tbest of the grid\tits figure"
          "\tloss %\tseconds\tof als")
    for line in lines:
        print(*line, sep="\t")


if __name__ == "__main__":
    main()
