#!/usr/bin/env python3
"""Tariffs made up for the speed of assay audit: N rows, the same each time for a seed.

Every price is invented. Rows name one certificate, so that all of them but inference tokens and
core-hours are converted in full; sites and sellers vary.

Usage: make_tariffs.py N CERTIFICATE.json SELLER > tariffs.csv
"""
import base64
import csv
import json
import random
import sys

COLUMNS = ["seller", "seller_code", "site", "sku", "unit", "price", "currency", "vat", "vat_rate",
           "date", "source", "quantity", "devices", "configuration", "precision", "sparsity",
           "accelerator", "certificate"]
UNITS = [("card_hour", 1), ("card_day", 24), ("card_month", 730), ("card_year", 8760),
         ("node_hour", 8), ("node_year", 70080), ("p_day", 24), ("p_year", 8760), ("cu", 3),
         ("training_token", 1), ("inference_token", 1), ("core_hour", 1)]


def main():
    count, path, seller = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    envelope = json.load(open(path, encoding="utf-8"))
    content = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    items = [item["basket_item"] for item in content["assessment"]["items"]]
    draw = random.Random(2026)
    writer = csv.DictWriter(sys.stdout, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for _ in range(count):
        unit, hours = draw.choice(UNITS)  # about as many CNY an hour of one device for each
        vat = draw.choice(["excluded", "included", "unstated"])
        row = {"seller": seller, "sku": content["item"]["device"]["name"], "unit": unit,
               "price": f"{draw.uniform(2, 40) * hours:.2f}", "currency": "CNY", "vat": vat,
               "date": f"2026-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
               "source": "invented, make_tariffs.py", "certificate": content["certificate_id"]}
        if vat == "included":
            row["vat_rate"] = draw.choice(["0.06", "0.13"])
        if unit.startswith("node"):
            row["devices"] = "8"
        if unit == "training_token":
            row["configuration"] = draw.choice(items)
            row["price"], row["quantity"] = f"{draw.uniform(0.01, 1):.4f}", "1000000"
        if unit.startswith("p_"):
            row["accelerator"] = "H800 SXM5"
            row["precision"] = draw.choice(["", "fp16"])
            row["sparsity"] = draw.choice(["", "dense", "sparse"])
        writer.writerow(row)


if __name__ == "__main__":
    main()
