#!/usr/bin/env python3
"""Holds the functional device against an independent executor of PTX on one test program.

Usage: compare_executors.py PROGRAM FOLDER      exit 1 where the two disagree

The program runs on each (ASSAY_TEST_DRIVER); what it copies from the device must agree: bit for
bit, or, where a kernel uses approximate functions or matrix instructions (whose sums have no
prescribed order), within rounding: 2^-18 of the copy's largest value read as FP32, or 2^-7 as BF16
or 2^-9 as FP16. What was counted must agree too: instructions and bytes.
"""
import array
import json
import math
import os
import pathlib
import struct
import subprocess
import sys

COUNTED = ["instructions", "global_read_bytes", "global_written_bytes"]


def counted_as_theirs(counted):
    # Zeros that a cp.async fills in are not read, but that executor counts each copy at its full size.
    read = counted["global_read_bytes"] + counted["zero_filled_bytes"]
    return {**counted, "global_read_bytes": read}


def run(program, folder, driver):
    copies, records = folder / f"{driver}.copies", folder / f"{driver}.jsonl"
    for path in (copies, records):
        path.unlink(missing_ok=True)
    environment = dict(os.environ, ASSAY_TEST_DRIVER=driver, ASSAY_TEST_COPIES=str(copies),
                       ASSAY_PTX_RECORDS=str(records), OMP_NUM_THREADS="1")
    done = subprocess.run([program, "--gtest_brief=1"], env=environment, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{driver}: the tests fail\n{done.stdout[-2000:]}")
    lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
    return copies.read_bytes() if copies.exists() else b"", [json.loads(line) for line in lines]


def split(copies):
    at = 0
    while at < len(copies):
        (size,) = struct.unpack_from("<Q", copies, at)
        yield copies[at + 8:at + 8 + size]
        at += 8 + size


def floats_of(data, kind):
    """The bytes as numbers, or nothing where they are none of that kind."""
    if kind == "fp32":
        return array.array("f", data) if len(data) % 4 == 0 else []
    if len(data) % 2 != 0:
        return []
    if kind == "fp16":
        return [value for (value,) in struct.iter_unpack("<e", data)]
    wide = b"".join(b"\0\0" + data[i:i + 2] for i in range(0, len(data), 2))
    return array.array("f", wide)


def relative_difference(first, second, kind):
    a, b = floats_of(first, kind), floats_of(second, kind)
    if not a or not all(map(math.isfinite, a)) or not all(map(math.isfinite, b)):
        return math.inf
    largest = max(map(abs, a))
    difference = max(abs(x - y) for x, y in zip(a, b))
    return difference / largest if largest > 0 else math.inf


def within_rounding(first, second):
    return any(relative_difference(first, second, kind) <= bound
               for kind, bound in (("fp32", 2**-18), ("bf16", 2**-7), ("fp16", 2**-9)))


def main(program, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ours, our_records = run(program, folder, "functional")
    theirs, their_records = run(program, folder, "ptxrun")
    pairs = list(zip(split(ours), split(theirs), strict=True))
    exact = sum(a == b for a, b in pairs)
    wrong = [i for i, (a, b) in enumerate(pairs)
             if len(a) != len(b) or (a != b and not within_rounding(a, b))]
    print(f"{len(pairs)} copies: {exact} equal bit for bit, {len(pairs) - exact - len(wrong)} "
          f"within rounding, {len(wrong)} not")
    for i in wrong[:10]:
        print(f"copy {i} of {len(pairs[i][0])} bytes differs")
    unequal = 0
    for a, b in zip(our_records, their_records, strict=True):
        here, there = counted_as_theirs(a["counted"]), b["counted"]
        for name in COUNTED:
            if here[name] != there[name]:
                unequal += 1
                print(f"{a['contract']['name']} on sm_{a['architecture']}: {name} "
                      f"{here[name]} here, {there[name]} there")
    print(f"{len(our_records)} workloads counted, {unequal} counts differ")
    return 1 if wrong or unequal or not pairs else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
