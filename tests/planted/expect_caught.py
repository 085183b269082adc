#!/usr/bin/env python3
"""Runs a family's tests on a kernel with a planted bug: they must fail, and name what is wrong.

Usage: expect_caught.py BUG TEST_PROGRAM IMAGE    exit 0 if the bug is caught as bugs.json says
"""
import os
import pathlib
import re
import subprocess
import sys

from plant import read_bug

# What a report says of each kind of finding: faults of the device that executes the kernel, and the
# tests' own comparison with the definition.
REPORTS = {
    "comparison": r"Value of: \w+\.passed\(\)\s+Actual: false.*\s+Expected: true\s+\S+",
    "race": r"\brace(:| on shared memory)",
    "uninitialised": r"\buninitialised(:| shared memory)",
    "unwaited copy": r"before the cp\.async of thread \d+ to it .* has been waited for",
    "outside": r"bytes past the end of|byte \d+ of the \d+-byte allocation|"
               r"outside of the block's variables",
}


def main(name, program, image):
    bug = read_bug(name)
    family = pathlib.Path(image).stem
    environment = {**os.environ, f"ASSAY_TEST_IMAGE_{family}": image,
                   "ASSAY_TEST_ARCHITECTURE": "80"}
    environment.pop("ASSAY_PTX_RECORDS", None)
    run = subprocess.run([program, f"--gtest_filter={bug['filter']}", "--gtest_fail_fast",
                          "--gtest_throw_on_failure"], env=environment, capture_output=True,
                         text=True, check=False)
    report = run.stdout + run.stderr
    caught = re.search(REPORTS[bug["caught_by"]], report)
    if run.returncode != 0 and caught:
        begin = report.rfind("\n", 0, caught.start()) + 1
        end = report.find("\n", caught.end())
        print(f"{name}, {bug['kind']}: caught by {bug['caught_by']}\n{report[begin:end]}")
        return 0
    print(f"{name}, {bug['kind']}: not caught by {bug['caught_by']}; the tests "
          f"{'passed' if run.returncode == 0 else 'failed otherwise'}:\n{report[-3000:]}")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
