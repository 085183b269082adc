#!/usr/bin/env python3
"""Every schema is a valid JSON Schema 2020-12, and another validator agrees with Assay's on
example documents and edited copies of them. Exit 77: Python's jsonschema is missing."""
import argparse
import json
import pathlib
import subprocess
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("skipped: Python's jsonschema with draft 2020-12 is missing (Debian: python3-jsonschema)")
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--schemas", type=pathlib.Path, required=True)
    parser.add_argument("--examples", type=pathlib.Path, nargs="+", required=True)
    arguments = parser.parse_args()
    faults = 0

    validators = {}
    for path in sorted(arguments.schemas.glob("*.schema.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        validators[path.name.removesuffix(".schema.json")] = Draft202012Validator(schema)

    output = subprocess.run([arguments.program, *map(str, arguments.examples)], check=True,
                            capture_output=True).stdout
    verdicts = json.loads(output)
    kinds = set()
    counts = {True: 0, False: 0}
    for verdict in verdicts:
        kind, fits = verdict["kind"], verdict["fits"]
        kinds.add(kind)
        if not verdict["edited"] and not fits:
            print(f"an example of {kind} does not fit: {verdict['complaint']}")
            faults += 1
        counts[fits] += 1
        error = next(iter(validators[kind].iter_errors(verdict["document"])), None)
        if fits != (error is None):
            ours = verdict["complaint"] or "it fits"
            theirs = error.message[:200] if error else "it fits"
            print(f"{kind}: Assay says: {ours}; jsonschema says: {theirs}")
            faults += 1
    print(f"{len(validators)} schemas, {len(kinds)} kinds of documents, {counts[True]} that fit, "
          f"{counts[False]} that do not, {faults} faults")
    if min(counts.values()) < 20:
        print("too few of one verdict to mean anything")
        faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
