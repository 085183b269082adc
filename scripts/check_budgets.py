#!/usr/bin/env python3
"""Holds the time of each test label, and of single tests, against budgets in seconds.

Usage: check_budgets.py BUILD_FOLDER tests.xml budgets.json    exit 1 if a budget is exceeded

Times come from ctest's JUnit file, labels from ctest itself (the JUnit file has none).

budgets.json: "labels" has the seconds of all tests of a label together. "one_test" has rules for
single tests: "tests" is a pattern of whole names, "seconds" what each may take on a quiet machine
of two cores, "fails_at" the factor beyond which it fails. A neighbour on a shared machine takes up
to three times as long as none, so between the two a test is only named, as slow: look at it on a
quiet machine.
"""
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree


def labels_of_tests(build_folder):
    listed = subprocess.run(["ctest", "--test-dir", build_folder, "--show-only=json-v1"],
                            capture_output=True, text=True, check=True).stdout
    return {test["name"]: next((p["value"] for p in test["properties"] if p["name"] == "LABELS"),
                               ["unlabelled"])
            for test in json.loads(listed)["tests"]}


def check_labels(times, labels, budgets):
    """One line a label; whether all are within their budgets."""
    spent = {}
    for name, seconds in times.items():
        for label in labels[name]:
            spent[label] = spent.get(label, 0.0) + seconds
    kept = True
    for label, seconds in sorted(spent.items()):
        budget = budgets.get(label)
        verdict = "no budget: add one to tests/budgets.json" if budget is None else (
            "ok" if seconds <= budget else "OVER")
        kept = kept and verdict == "ok"
        print(f"{label:<12} {seconds:8.1f} s of {budget if budget is not None else '-'} s  {verdict}")
    return kept


def check_single_tests(times, rules):
    """One line for each test beyond its budget; whether all are below the factor that fails."""
    kept = True
    for rule in rules:
        held = {name: seconds for name, seconds in times.items()
                if re.fullmatch(rule["tests"], name)}
        for name, seconds in sorted(held.items()):
            if seconds <= rule["seconds"]:
                continue
            fails = seconds > rule["seconds"] * rule["fails_at"]
            kept = kept and not fails
            print(f"{name} {seconds:.1f} s of {rule['seconds']} s  "
                  f"{'OVER' if fails else 'slow: fails from ' + str(rule['fails_at']) + ' times on'}")
        if held:
            slowest = max(held, key=held.get)
            print(f"one test     {held[slowest]:8.1f} s of {rule['seconds']} s  the slowest of "
                  f"{len(held)}: {slowest}")
    return kept


def main(build_folder, junit_path, budgets_path):
    with open(budgets_path, encoding="utf-8") as file:
        budgets = json.load(file)
    times = {case.get("name"): float(case.get("time", 0))
             for case in ElementTree.parse(junit_path).getroot().iter("testcase")}
    labels_kept = check_labels(times, labels_of_tests(build_folder), budgets["labels"])
    tests_kept = check_single_tests(times, budgets["one_test"])
    return 0 if labels_kept and tests_kept else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
