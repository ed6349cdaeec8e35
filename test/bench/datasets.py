"""The data sets, as rows (user, item, value): users and items are small integers.

Each loader answers (training rows, validation rows).  The validation rows come
out of the set's training part, so that its test part stays unseen: a random tenth
of each user's items.  Online-retail is split twice, by time and at random.
"""

import csv
import datetime
import lzma
import os
import random
from collections import defaultdict

from database import data_directory

SHARE = 0.1
RETAIL_SHARE = 0.2
SEED = 7
RETAIL_TRAIN_END = datetime.datetime(2011, 10, 1)
RETAIL_VALID_END = datetime.datetime(2011, 11, 1)


def open_file(name):
    """A compressed file of the data directory as text."""
    path = os.path.join(data_directory(), name)
    return lzma.open(path, "rt", encoding="latin-1", newline=None)


def table(name, separator, header):
    """The fields of each line."""
    with open_file(name) as lines:
        rows = csv.reader(lines, delimiter=separator)
        if header:
            next(rows)
        yield from rows


class Codes(dict):
    """Numbers keys as they come."""

    def __missing__(self, key):
        self[key] = len(self)
        return self[key]


def coded(rows):
    """Rows with users and items numbered."""
    users, items = Codes(), Codes()
    return [(users[u], items[i], float(v)) for u, i, v in rows]


def hold_out(rows, share=SHARE):
    """Move a random share of each user's items into validation."""
    items = defaultdict(set)
    for user, item, _ in rows:
        items[user].add(item)
    chance = random.Random(SEED)
    held = {(user, item) for user in sorted(items) for item in sorted(items[user])
            if len(items[user]) > 1 and chance.random() < share}
    return ([r for r in rows if r[:2] not in held], [r for r in rows if r[:2] in held])


def gowalla():
    """Check-ins, one user a line."""
    def rows():
        with open_file("gowalla/train.txt.xz") as lines:
            for line in lines:
                user, *items = line.split()
                for item in items:
                    yield user, item, 1
    return hold_out(coded(rows()))


def lastfm():
    """Play counts."""
    return hold_out(coded(table("lastfm-2k/user_artists.dat.xz", "\t", True)))


def ml_100k():
    """Ratings of the first fold's training part."""
    return hold_out(coded(r[:3] for r in table("ml-100k/u1.base.xz", "\t", False)))


def ml_1m():
    """Ratings of the training part of the inf-AE split."""
    with open_file("ml-1m/infae_split.txt.xz") as lines:
        parts = [line.strip() for line in lines]
    rows = table("ml-1m/ratings.csv.xz", ",", True)
    return hold_out(coded(r for r, part in zip(rows, parts) if part == "0"))


def jester():
    """Real ratings from -10 to 10 of few items; every fourth user is enough.

    Some zeros are written as the least normal double, which is no real.
    """
    rows = coded(table("jester/ratings.csv.xz", ",", True))
    return hold_out([(u, i, round(v, 6)) for u, i, v in rows if u % 4 == 0])


def retailrocket():
    """Three kinds of event with the weights 1, 3 and 5."""
    def rows():
        for kind, weight in (("view", 1), ("add_to_cart", 3), ("purchase", 5)):
            for user, item, _ in table(f"retailrocket-small/{kind}_ecommerce.dat.xz", "\t", True):
                yield user, item, weight
    return hold_out(coded(rows()))


def retail_lines():
    """Purchases (time, customer, article, quantity) of known customers."""
    for row in table("online-retail/online_retail.csv.xz", ",", True):
        quantity = int(row[3])
        if row[6] and quantity > 0 and float(row[5]) > 0:
            yield datetime.datetime.fromisoformat(row[4]), row[6], row[1].upper(), quantity


def retail_quantities():
    """Purchases weighted by quantity, split by time; only first purchases count."""
    users, items = Codes(), Codes()
    train, valid, seen = [], {}, set()
    for time, user, item, quantity in retail_lines():
        row = (users[user], items[item], float(quantity))
        if time < RETAIL_TRAIN_END:
            train.append(row)
            seen.add(row[:2])
        elif time < RETAIL_VALID_END and row[:2] not in seen:
            valid[row[:2]] = row
    return train, list(valid.values())


def retail_quantities_random():
    """The purchases of both parts, a fifth of each user's articles left out at random."""
    return hold_out(coded((user, item, quantity) for time, user, item, quantity in retail_lines()
                          if time < RETAIL_VALID_END), RETAIL_SHARE)


def single(load):
    """The same rows, each of weight 1."""
    return lambda: tuple([(u, i, 1.0) for u, i, _ in part] for part in load())


IMPLICIT = {
    "lastfm-2k": lastfm,
    "retailrocket": retailrocket,
    "retail-rows": single(retail_quantities),
    "retail-quantity": retail_quantities,
    "retail-rows-random": single(retail_quantities_random),
    "retail-quantity-random": retail_quantities_random,
    "ml-1m": single(ml_1m),
    "gowalla": gowalla,
}
EXPLICIT = {
    "ml-100k": ml_100k,
    "ml-1m-ratings": ml_1m,
    "jester": jester,
}


# Whole sets with test pairs that nobody tunes on: name -> feedback, (train, test), whether rows have times.

TEST_SHARE = 0.2
RETAIL_TEST_BEGIN = RETAIL_VALID_END


def gowalla_split():
    """The published split."""
    def rows(name):
        with open_file(f"gowalla/{name}.txt.xz") as lines:
            for line in lines:
                user, *items = line.split()
                for item in items:
                    yield int(user), int(item), 1.0
    return list(rows("train")), list(rows("test"))


def ratings_of(name, separator, header, every=1):
    """A fifth of each user's ratings at random is left out; of so many users one is taken."""
    rows = coded(r[:3] for r in table(name, separator, header))
    return hold_out([(u, i, round(v, 6)) for u, i, v in rows if u % every == 0], TEST_SHARE)


def ml_1m_tenth():
    """A tenth of the ratings, as of a shop's first weeks."""
    rows = coded(r[:3] for r in table("ml-1m/ratings.csv.xz", ",", True))
    chance = random.Random(SEED)
    return hold_out([row for row in rows if chance.random() < 0.1], TEST_SHARE)


def lastfm_whole():
    """Play counts, a fifth left out."""
    return hold_out(coded(table("lastfm-2k/user_artists.dat.xz", "\t", True)), TEST_SHARE)


def retailrocket_whole():
    """Events by weight, a fifth left out."""
    train, held = retailrocket()
    return hold_out(train + held, TEST_SHARE)


def retail_by_time():
    """First purchases of the last weeks; times are of rows of training."""
    users, items = Codes(), Codes()
    train, test, seen = [], {}, set()
    for when, user, item, _ in retail_lines():
        row = (users[user], items[item], 1.0, when.isoformat())
        if when < RETAIL_TEST_BEGIN:
            train.append(row)
            seen.add(row[:2])
        elif row[:2] not in seen:
            test[row[:2]] = row[:3]
    return train, list(test.values())


TESTS = {
    "ml-100k": ("explicit", lambda: ratings_of("ml-100k/u.data.xz", "\t", False), False),
    "ml-1m": ("explicit", lambda: ratings_of("ml-1m/ratings.csv.xz", ",", True), False),
    "jester": ("explicit", lambda: ratings_of("jester/ratings.csv.xz", ",", True, every=4), False),
    "ml-1m-pairs": ("implicit", single(lambda: ratings_of("ml-1m/ratings.csv.xz", ",", True)), False),
    "ml-1m-tenth": ("implicit", single(ml_1m_tenth), False),
    "gowalla": ("implicit", gowalla_split, False),
    "lastfm-2k": ("implicit", lastfm_whole, False),
    "retailrocket": ("implicit", retailrocket_whole, False),
    "retail-by-time": ("implicit", retail_by_time, True),
}
