#!/usr/bin/env python3
"""Demands that the families' tests launch every entry of every image, for each architecture.

Usage: check_launched.py IMAGES_FOLDER RECORDS...    one line for each entry that none launches; exit
1 if there is one, 77 where no tests have recorded their launches (ctest -L ptx does)
"""
import pathlib
import sys

import compiled

SKIPPED = 77


def entries_of(images):
    """{(architecture, entry)} of a folder of images."""
    _, families = compiled.read_images(images)
    return {(architecture, entry) for family in families
            for architecture, text in
            compiled.ptx_of_fatbin((images / f"{family}.fatbin").read_bytes()).items()
            for entry in compiled.read_ptx(text)}


def never_launched(entries, records):
    launched = {(record["architecture"], launch["entry"])
                for record in records for launch in record["launches"]}
    for architecture, entry in sorted(entries - launched, key=lambda key: (key[1], key[0])):
        yield f"{entry} sm_{architecture}"


def main(images, *paths):
    records = compiled.read_records([pathlib.Path(path) for path in paths])
    if not records:
        print("skipped: no test has recorded what it launched: run ctest -L ptx")
        return SKIPPED
    entries = entries_of(pathlib.Path(images))
    missing = list(never_launched(entries, records))
    for name in missing:
        print(f"{name}: no test of its family launches it")
    print(f"{len(entries)} entries, {len(missing)} never launched")
    return 1 if missing or not entries else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
