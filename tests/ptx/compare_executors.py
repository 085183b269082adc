#!/usr/bin/env python3
"""Holds the functional device against an independent executor of PTX on one test program.

Usage: compare_executors.py PROGRAM FOLDER IMAGES    exit 1 where the two disagree

The program runs on each (ASSAY_TEST_DRIVER); what it copies from the device must agree bit for bit,
but where a kernel that PTX lets round as it likes was launched on that device before: one whose code
has approximate functions or matrix instructions, whose sums have no prescribed order. Then within
rounding: 2^-18 of the copy's largest value read as FP32, or 2^-7 as BF16 or 2^-9 as FP16 where such a
kernel of that type was launched. Integers must always be equal. The kernels that may round are named.
What was counted must agree too: instructions and bytes.
"""
import array
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "compiled"))
import compiled  # pylint: disable=wrong-import-position

MAY_ROUND = re.compile(r"\.approx\b|\bmma\.sync\b")
BOUNDS = {"fp32": 2**-18, "bf16": 2**-7, "fp16": 2**-9}
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
    records = [json.loads(line) for line in lines]
    return (copies.read_bytes() if copies.exists() else b"",
            [record for record in records if "contract" in record])


def split(copies):
    """(entries launched before, bytes) of each copy."""
    at = 0
    while at < len(copies):
        end = copies.index(b"\n", at)
        header = json.loads(copies[at:end])
        at = end + 1 + header["bytes"]
        yield header["entries"], copies[end + 1:at]


def rounding_entries(images):
    """The entries of a folder of images that may round, for whichever architecture."""
    _, families = compiled.read_images(images)
    return {entry for family in families
            for text in compiled.ptx_of_fatbin((images / f"{family}.fatbin").read_bytes()).values()
            for entry, body in compiled.read_ptx(text).items() if MAY_ROUND.search(body)}


def rounding_types(entries):
    """The types that results of those entries, which may round, are rounded in: FP32 is one of them,
    if there are any."""
    return [kind for kind in BOUNDS
            if entries and (kind == "fp32" or any(kind in entry for entry in entries))]


def holds_integers(data):
    """Whether each word is small: as floating-point numbers they would all be subnormal."""
    return len(data) % 4 == 0 and max(array.array("I", data), default=0) < 2**20


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


def agree(rounding, first, second):
    """Whether two copies agree where the entries `rounding` were launched before, which may round."""
    if first == second:
        return True
    if len(first) != len(second) or holds_integers(first) or holds_integers(second):
        return False
    return any(relative_difference(first, second, kind) <= BOUNDS[kind]
               for kind in rounding_types(rounding))


def main(program, folder, images):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ours, our_records = run(program, folder, "functional")
    theirs, their_records = run(program, folder, "ptxrun")
    may_round = rounding_entries(pathlib.Path(images))
    pairs = [(may_round.intersection(entries), a, b) for (entries, a), (_, b) in
             zip(split(ours), split(theirs), strict=True)]
    equal = sum(a == b for _, a, b in pairs)
    held = sum(not rounding or holds_integers(a) for rounding, a, _ in pairs)
    wrong = [i for i, pair in enumerate(pairs) if not agree(*pair)]
    print(f"{len(pairs)} copies: {equal} equal bit for bit, of which {held} must be, "
          f"{len(pairs) - equal - len(wrong)} within rounding, {len(wrong)} differ")
    rounded = sorted(set().union(*(rounding for rounding, _, _ in pairs)))
    print(f"may round: {', '.join(rounded) or 'none'}")
    for i in wrong[:10]:
        print(f"copy {i} of {len(pairs[i][1])} bytes differs")
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
    sys.exit(main(*sys.argv[1:4]))
