#!/usr/bin/env python3
"""Plants a bug of bugs.json in copies of a kernel's sources.

Usage: plant.py BUG SOURCE_FOLDER COPIES_FOLDER    exit 1 unless the text to change is there once

The copies keep their place below the folder, so that with the folder first on the include path the
compiler takes the changed file for the product's.
"""
import json
import pathlib
import sys


def read_bug(name):
    path = pathlib.Path(__file__).with_name("bugs.json")
    bugs = json.loads(path.read_text(encoding="utf-8"))["bugs"]
    return next(bug for bug in bugs if bug["name"] == name)


def plant(bug, root, copies):
    text = (root / bug["file"]).read_text(encoding="utf-8")
    count = text.count(bug["old"])
    if count != 1:
        raise SystemExit(f"tests/planted/bugs.json: {bug['name']}: the old text is {count} times "
                         f"in {bug['file']}, not once")
    for name in {bug["file"], bug["source"]}:
        copy = copies / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        original = (root / name).read_text(encoding="utf-8")
        changed = original.replace(bug["old"], bug["new"]) if name == bug["file"] else original
        copy.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    plant(read_bug(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
