#!/usr/bin/env python3
"""Style rules that a formatter does not know, over all tracked files. Prints each breach, exit 1.

- includes go down only: cli > pricing > results > base, cli > harness > {kernels, results} > base
- no source line over 100 characters; no source file over 700 lines
- nothing left for later in code; no path of one machine
- each Markdown page has exactly one title
- every header has #pragma once and says what it is
"""
import pathlib
import re
import subprocess
import sys

MAY_INCLUDE = {
    "base": {"base"},
    "kernels": {"base", "kernels"},
    "results": {"base", "results"},
    "harness": {"base", "kernels", "results", "harness"},
    "pricing": {"base", "results", "pricing"},
}
SOURCE = {".cpp", ".h", ".cu", ".cuh"}
LATER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(" + "|".join(["work", "root", "home/[a-z]+"]) + r")/")


def breaches(root, name):
    path = root / name
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        yield "is not UTF-8"
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if LATER.search(line) and path.suffix != ".md":
            yield f"{number}: left for later: {line.strip()[:60]}"
        if MACHINE_PATH.search(line) and "/proc/" not in line:
            yield f"{number}: a path of one machine: {line.strip()[:60]}"
    if text and not text.endswith("\n"):
        yield "does not end with a newline"
    if path.suffix == ".md":
        titles, fenced = 0, False
        for line in lines:
            fenced ^= line.startswith("```")
            titles += line.startswith("# ") and not fenced
        if titles != 1:
            yield f"has {titles} titles, not one"
    if path.suffix not in SOURCE:
        return
    folder = pathlib.PurePath(name).parts[0]
    if len(lines) > 700:
        yield f"has {len(lines)} lines: is it one thing?"
    for number, line in enumerate(lines, 1):
        if len(line) > 100:
            yield f"{number}: {len(line)} characters"
        include = re.match(r'#include "([a-z_]+)/', line)
        if include and folder in MAY_INCLUDE and include[1] in MAY_INCLUDE:
            if include[1] not in MAY_INCLUDE[folder]:
                yield f"{number}: {folder} may not include {include[1]}"
    if path.suffix == ".h":
        if lines[:1] != ["#pragma once"]:
            yield "does not begin with #pragma once"
        elif not lines[1].startswith("///"):
            yield "does not say what it is on its second line"


def main(root):
    root = pathlib.Path(root)
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others",
                             "--exclude-standard"], capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:  # an unpacked archive
        names = [str(p.relative_to(root)) for p in root.rglob("*")
                 if p.is_file() and "build" not in p.relative_to(root).parts]
    found = 0
    for name in names:
        if not (root / name).is_file() or name == "LICENSE":
            continue
        for breach in breaches(root, name):
            print(f"{name}: {breach}")
            found += 1
    print(f"{len(names)} files, {found} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
