#!/usr/bin/env python3
"""Make the demo's two files from the Online Retail data set.

    python3 demo/make_data.py online_retail.csv

The argument is the data set as one CSV file with its header (xz-compressed if its
name ends in .xz).  Kept are the usable purchases: customer known, quantity and price
above zero, all 397,884 of them.  They are sorted by time, customer and product, which
is what lets them compress so well.  See DATA.md for source and licence.
"""
import collections
import csv
import lzma
import os
import sys


def usable_purchases(path):
    opener = lzma.open if path.endswith(".xz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            if row["CustomerID"] and int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0:
                yield row


def write(name, header, rows):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
    with lzma.open(path, "wt", encoding="utf-8", newline="", filters=filters) as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(f"{name}: {os.path.getsize(path)} bytes")


def main():
    purchases = []
    names = collections.defaultdict(collections.Counter)
    for row in usable_purchases(sys.argv[1]):
        code = row["StockCode"]
        customer = int(float(row["CustomerID"]))      # written as 17850.0
        minute = row["InvoiceDate"][:16]              # seconds are always 00
        purchases.append((minute, customer, code, int(row["Quantity"])))
        names[code][" ".join(row["Description"].split())] += 1
    purchases.sort()
    write("purchases.csv.xz", ("customer_id", "stock_code", "quantity", "bought_at"),
          ((customer, code, quantity, minute) for minute, customer, code, quantity in purchases))
    # A product's name is the one it was sold under most often.
    write("products.csv.xz", ("stock_code", "name"),
          ((code, min(counts, key=lambda name: (-counts[name], name)))
           for code, counts in sorted(names.items())))


if __name__ == "__main__":
    main()
