#!/usr/bin/env python3
"""Ratings with the shape of a MovieLens set: shape.py small|large FILE

Writes lines user, item, rating.  The same bytes each time.  Users have lognormal
activity with a floor of 20 ratings, an item's popularity falls as 1/(rank + 40) with
an exponential cut-off, no pair occurs twice, ratings are a planted model of four
factors and biases with noise, in halves from 0.5 to 5.  Item numbers say nothing
about popularity.  Rows come in the order of users.
"""

import itertools
import math
import random
import sys

# users, items, rows, most ratings of a user
SHAPES = {
    "small": (6040, 3706, 1_000_209, 2314),
    "large": (138_493, 26_744, 20_000_000, 9254),
}
FACTORS = 4


def activities(rng, users, rows, most):
    """Ratings of each user; their sum is rows."""
    normal = [rng.gauss(0, 1.3) for _ in range(users)]
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        counts = [min(most, 20 + int(math.exp(middle + z))) for z in normal]
        low, high = (middle, high) if sum(counts) < rows else (low, middle)
    missing = rows - sum(counts)
    step = 1 if missing > 0 else -1
    for user in itertools.cycle(range(users)):
        if missing == 0:
            return counts
        if 20 < counts[user] + step <= most:
            counts[user] += step
            missing -= step


def popularity(items):
    """Weights of the items, by rank."""
    cut = items / 8
    return [math.exp(-rank / cut) / (rank + 40) + 1.2e-6 for rank in range(items)]


def choose(rng, n, weights, cumulative):
    """n ranks, all different."""
    if n > len(weights) // 12:
        # exponential keys: the n smallest are a draw without replacement
        keys = sorted((rng.expovariate(w), rank) for rank, w in enumerate(weights))
        return [rank for _, rank in keys[:n]]
    chosen = {}
    while len(chosen) < n:
        draw = rng.choices(range(len(weights)), cum_weights=cumulative, k=n - len(chosen))
        chosen.update(dict.fromkeys(draw))
    return list(chosen)


def planted(rng, n, bias):
    """A bias and a vector for each of n."""
    return [(rng.gauss(0, bias), [rng.gauss(0, 0.7) for _ in range(FACTORS)]) for _ in range(n)]


def rate(rng, user, item):
    """What the planted model says, with noise, in halves."""
    score = 3.5 + user[0] + item[0] + rng.gauss(0, 0.7)
    score += 0.55 * sum(a * b for a, b in zip(user[1], item[1]))
    return min(5.0, max(0.5, round(score * 2) / 2))


def generate(name, out):
    """Write one shape."""
    users, items, rows, most = SHAPES[name]
    rng = random.Random(20240601)
    counts = activities(rng, users, rows, most)
    weights = popularity(items)
    cumulative = list(itertools.accumulate(weights))
    number = list(range(1, items + 1))
    rng.shuffle(number)
    item_models = planted(rng, items, 0.35)
    for user, count in enumerate(counts, 1):
        model = planted(rng, 1, 0.4)[0]
        ranks = sorted(choose(rng, count, weights, cumulative), key=number.__getitem__)
        out.writelines(f"{user}\t{number[r]}\t{rate(rng, model, item_models[r])}\n" for r in ranks)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(__doc__)
    with open(sys.argv[2], "w", encoding="ascii") as file:
        generate(sys.argv[1], file)
