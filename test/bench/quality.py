#!/usr/bin/env python3
"""How good lists are: quality.py [SET...]; run by run.sh quality, in the rivals' environment.

For each set every method learns from the same training pairs and ranks all items but the
user's own; the test pairs, which nobody tuned on, say how good the lists are.  Ours runs
with nothing set.  A rival that has a grid is tuned on a tenth of each user's training
pairs, and then learns from all of them.  The table goes to BENCH_RESULTS.

Recall@20 is hits / test items, NDCG@20 has min(20, test items) hits in its ideal list;
both are means over the users with a test item whom training knows, with standard errors.
"""

import json
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit and cmfrec have threads of their own

import numpy as np  # noqa: E402 - the variable above must come first
import scipy.sparse as sp  # noqa: E402

import datasets
from database import Database

K = 20
LARGEST_EASE = 16_000
DISCOUNT = 1 / np.log2(np.arange(2, K + 2))


class Set:
    """Training rows, test pairs, and the same inside of training to tune on."""

    def __init__(self, name, feedback, parts, timed=False):
        self.name, self.feedback, self.timed = name, feedback, timed
        self.train, test = parts
        known = {row[0] for row in self.train}
        self.test = [row for row in test if row[0] in known]
        self.shape = (1 + max(row[0] for row in self.train), 1 + max(row[1] for row in self.train + self.test))

    def matrix(self, rows):
        """Pairs as ones; repeated rows are one pair."""
        pairs = {row[:2] for row in rows}
        users, items = zip(*sorted(pairs))
        return sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=self.shape)

    def inner(self):
        """A tenth of the training pairs of each user, to tune on."""
        train, test = datasets.hold_out([row[:3] for row in self.train])
        return self.matrix(train), self.matrix(test)


def judge(lists, test):
    """Recall and NDCG with standard errors; lists are arrays of items, -1 where they end early."""
    figures = []
    for user in np.flatnonzero(np.diff(test.indptr)):
        relevant = test.indices[test.indptr[user]:test.indptr[user + 1]]
        hits = np.isin(lists[user], relevant)
        figures.append((hits.sum() / len(relevant), (hits * DISCOUNT).sum() / DISCOUNT[:len(relevant)].sum()))
    figures = np.array(figures)
    return figures.mean(axis=0), figures.std(axis=0, ddof=1) / np.sqrt(len(figures))


def best(scores, seen):
    """The K best of each row of dense scores without what the user has."""
    scores = np.array(scores, np.float32)
    scores[seen.nonzero()] = -np.inf
    part = np.argpartition(-scores, K, axis=1)[:, :K]
    order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1, kind="stable")
    return np.take_along_axis(part, order, axis=1)


def by_parts(score, train, rows=2000):
    """Lists of all users, some thousand at a time; score(first, last) gives their dense scores."""
    return np.vstack([best(score(first, min(first + rows, train.shape[0])), train[first:first + rows])
                      for first in range(0, train.shape[0], rows)])


# Methods: from the training matrix and options to lists.

def popular(train, _):
    """The same for everybody."""
    counts = np.asarray(train.sum(axis=0)).ravel()
    return by_parts(lambda first, last: np.tile(counts, (last - first, 1)), train)


def ease(train, options):
    """Steck 2019, equation 8: B = I - P / diag(P), P = (X'X + lambda I)^-1."""
    gram = (train.T @ train).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += options["regularization"]
    inverse = np.linalg.inv(gram)
    weights = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0)
    return by_parts(lambda first, last: train[first:last] @ weights, train)


def item_knn(train, options):
    """Cosine of items, the largest of each column kept (ItemCF)."""
    norms = np.sqrt(np.asarray(train.sum(axis=0)).ravel())
    scaled = (train @ sp.diags(1 / np.maximum(norms, 1))).tocsc()
    kept = []
    for first in range(0, train.shape[1], 1000):
        likeness = (scaled.T @ scaled[:, first:first + 1000]).toarray()
        likeness[np.arange(first, first + likeness.shape[1]), np.arange(likeness.shape[1])] = 0
        least = np.partition(likeness, -options["neighbours"], axis=0)[-options["neighbours"]]
        kept.append(sp.csr_matrix(np.where(likeness >= np.maximum(least, 1e-9), likeness, 0)))
    weights = sp.hstack(kept).tocsr()
    return by_parts(lambda first, last: (train[first:last] @ weights).toarray(), train)


def implicit_als(train, options):
    """implicit's alternating least squares."""
    import implicit

    model = implicit.als.AlternatingLeastSquares(
        factors=options["factors"], regularization=options["regularization"], alpha=options["alpha"],
        iterations=15, random_state=42, num_threads=2)
    model.fit(train, show_progress=False)
    return by_parts(lambda first, last: model.user_factors[first:last] @ model.item_factors.T, train)


def cmfrec_als(train, options):
    """cmfrec's implicit model."""
    import cmfrec

    model = cmfrec.CMF_implicit(k=options["factors"], lambda_=options["regularization"], alpha=options["alpha"],
                                niter=15, nthreads=2, random_state=42, verbose=False)
    model.fit(train.tocoo())
    return by_parts(lambda first, last: model.A_[first:last] @ model.B_.T, train)


def grid(**axes):
    """All combinations."""
    result = [{}]
    for name, values in axes.items():
        result = [{**options, name: value} for options in result for value in values]
    return result


RIVALS = {
    "popular": (popular, [{}]),
    "EASE": (ease, grid(regularization=(30, 100, 300, 1000))),
    "item kNN": (item_knn, grid(neighbours=(20, 100, 500))),
    "implicit": (implicit_als, grid(factors=(16, 64, 128), regularization=(0.01, 1, 10), alpha=(1, 10))),
    "cmfrec": (cmfrec_als, grid(factors=(16, 64, 128), regularization=(1, 10, 100), alpha=(1, 10))),
}


class Ours:
    """The extension: a model with these arguments, asked for everybody at once."""

    def __init__(self, data):
        self.data = data
        self.database = Database("quality_" + data.name.replace("-", "_"))
        self.database.execute("CREATE TABLE train (user_id int, item_id int, rating real, at timestamp)")
        self.database.copy("train", ("\t".join(map(field, (*row, None)[:4])) + "\n" for row in data.train))
        self.database.execute("CREATE INDEX ON train (user_id) INCLUDE (item_id, rating, at)", "VACUUM ANALYZE train")

    def lists(self, algorithm):
        """Lists, and what training chose."""
        timed = ", time_column => 'at'" if self.data.timed else ""
        self.database.execute(
            f"""SELECT recsys.create_model('{algorithm}', 'train', rating_column => 'rating',
                feedback => '{self.data.feedback}', algorithm => '{algorithm}'{timed})""",
            f"SELECT FROM recsys.train('{algorithm}')")
        lists = np.full((self.data.shape[0], K), -1)
        for user, rank, item in self.database.execute(
                f"SELECT user_id, rank, item_id FROM recsys.recommend_all('{algorithm}', {K})"):
            lists[int(user), int(rank) - 1] = int(item)
        return lists


def field(value):
    """As COPY reads it."""
    return "\\N" if value is None else str(value)


def tuned(method, options, data):
    """The best of a grid on the inner split."""
    if len(options) == 1:
        return options[0]
    train, test = data.inner()
    return max(options, key=lambda choice: judge(method(train, choice), test)[0][1])


def measure(data, lines):
    """All methods on one set."""
    train, test = data.matrix(data.train), data.matrix(data.test)
    ours = Ours(data)
    methods = {"recsys, nothing set": lambda: (ours.lists("auto"), ""),
               "recsys, als": lambda: (ours.lists("als"), "")}
    for name, (method, options) in RIVALS.items():
        def learn(method=method, options=options):
            choice = tuned(method, options, data)
            return method(train, choice), json.dumps(choice) if choice else ""
        methods[name] = learn
    for name, learn in methods.items():
        if name == "EASE" and train.shape[1] > LARGEST_EASE:
            print(f"# {data.name}: EASE is left out, {train.shape[1]} items", flush=True)
            continue
        began = time.time()
        try:
            lists, choice = learn()
        except ImportError as error:
            print(f"# {data.name}: {name} is left out, {error}", flush=True)
            continue
        (recall, ndcg), (recall_se, ndcg_se) = judge(lists, test)
        lines.append((data.name, name, f"{recall:.4f} ± {recall_se:.4f}", f"{ndcg:.4f} ± {ndcg_se:.4f}",
                      f"{time.time() - began:.0f}", choice))
        print("  ".join(lines[-1]), flush=True)


def main():
    """The sets that are named, or all."""
    lines = [("set", "method", "Recall@20", "NDCG@20", "seconds, tuning included", "options"), ("---",) * 6]
    for name in sys.argv[1:] or datasets.TESTS:
        feedback, load, timed = datasets.TESTS[name]
        measure(Set(name, feedback, load(), timed), lines)
    with open(os.environ["BENCH_RESULTS"], "w", encoding="utf-8") as file:
        file.writelines("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    main()
