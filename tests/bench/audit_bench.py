#!/usr/bin/env python3
"""The speed of assay audit: N invented tariffs (100,000) read, converted, judged and written.

Prints the best wall time of three runs for each form of the output, process start included, and
fails where the slowest form takes five seconds or more. "--json" is the document on standard
output, into a file; csv and json are files that the program writes itself, to the disk.

Usage: audit_bench.py ASSAY SOURCE [N]
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

RUNS = 3
MOST_S = 5.0


def main():
    program, source = sys.argv[1], pathlib.Path(sys.argv[2])
    count = sys.argv[3] if len(sys.argv) > 3 else "100000"
    examples = source / "pricing" / "data" / "examples"
    certificate = examples / "certificates" / "simulated-h800.json"
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        tariffs = pathlib.Path(folder) / "tariffs.csv"
        with open(tariffs, "w", encoding="utf-8") as file:
            subprocess.run([sys.executable, source / "tests" / "bench" / "make_tariffs.py", count,
                            certificate, "none (example)"], stdout=file, check=True)
        for form in ("table", "csv", "json", "--json"):
            times = []
            for _ in range(RUNS):
                command = [program, "audit", "--tariffs", tariffs, "--certificates", certificate,
                           "--cost-sheets", examples / "h800-node-worked.json", "--date",
                           "2026-06-01T00:00:00Z"]
                if form == "--json":
                    command += ["--json"]
                elif form != "table":
                    command += ["-o", pathlib.Path(folder) / f"audit.{form}", "--quiet"]
                with open(pathlib.Path(folder) / "said", "wb") as said:
                    start = time.monotonic()
                    done = subprocess.run(command, stdout=said, check=False)
                    times.append(time.monotonic() - start)
                if done.returncode != 1:  # invented prices: some are above
                    sys.exit(f"assay audit: exit code {done.returncode}")
            slowest = max(slowest, min(times))
            print(f"{count} tariffs, {form}: {min(times):.2f} s (best of {RUNS}; "
                  f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    return 0 if slowest < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main())
