#!/usr/bin/env python3
"""Holds the time of each test label (from ctest's JUnit file) against its budget in seconds.

Usage: check_budgets.py tests.xml budgets.json    exit 1 if a label is over its budget
"""
import json
import sys
import xml.etree.ElementTree as ElementTree


def main(junit_path, budgets_path):
    with open(budgets_path, encoding="utf-8") as file:
        budgets = json.load(file)
    spent = {}
    for case in ElementTree.parse(junit_path).getroot().iter("testcase"):
        labels = [p.get("value") for p in case.iter("property") if p.get("name") == "cmake_labels"]
        for label in (labels[0].split(";") if labels else ["unlabelled"]):
            spent[label] = spent.get(label, 0.0) + float(case.get("time", 0))
    over = False
    for label, seconds in sorted(spent.items()):
        budget = budgets.get(label)
        verdict = "no budget: add one to tests/budgets.json" if budget is None else (
            "ok" if seconds <= budget else "OVER")
        over = over or verdict != "ok"
        print(f"{label:<12} {seconds:8.1f} s of {budget if budget is not None else '-'} s  {verdict}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
