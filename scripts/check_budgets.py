#!/usr/bin/env python3
"""Holds the time of each test label against its budget in seconds.

Usage: check_budgets.py BUILD_FOLDER tests.xml budgets.json    exit 1 if a label is over its budget

Times come from ctest's JUnit file, labels from ctest itself (the JUnit file has none).
"""
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree


def labels_of_tests(build_folder):
    listed = subprocess.run(["ctest", "--test-dir", build_folder, "--show-only=json-v1"],
                            capture_output=True, text=True, check=True).stdout
    return {test["name"]: next((p["value"] for p in test["properties"] if p["name"] == "LABELS"),
                               ["unlabelled"])
            for test in json.loads(listed)["tests"]}


def main(build_folder, junit_path, budgets_path):
    with open(budgets_path, encoding="utf-8") as file:
        budgets = json.load(file)
    labels = labels_of_tests(build_folder)
    spent = {}
    for case in ElementTree.parse(junit_path).getroot().iter("testcase"):
        for label in labels[case.get("name")]:
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
    sys.exit(main(*sys.argv[1:4]))
