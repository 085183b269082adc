#!/usr/bin/env python3
"""Holds what nvcc emitted against what the sources meant (expectations.json).

Usage: check_compiled.py IMAGES_FOLDER [NVCC]    prints one line a finding; exit 1 if there is one,
77 (skipped) if with NVCC there is no cuobjdump

- no spills, no stack frame, no local memory in a hot entry, but for the few bytes that an old nvcc is
  forgiven by name; an entry is hot unless its name ends in _any (it serves widths that no workload
  uses) or it is listed as not hot, with the reason
- each entry is expected, and its PTX holds the instructions that its expectation names; nvcc has
  not split 16-byte accesses into narrower ones
- with NVCC the same of the machine code, where cuobjdump is at hand: on the PATH or beside NVCC (it
  takes a minute and a half of one core)
"""
import json
import pathlib
import re
import shutil
import sys

import compiled

SKIPPED = 77
LOCAL_MEMORY = "local memory"  # the pattern that no hot entry may hold


class Expectations:
    """expectations.json, read: which patterns an entry's code must hold."""

    def __init__(self, document):
        self.patterns = document["patterns"]
        self.not_hot = document["not_hot"]
        self.small_spills = document.get("small_spills")
        self.groups = document["expectations"]

    def is_hot(self, entry):
        return not entry.endswith("_any") and entry not in self.not_hot

    def forgiven_bytes(self, entry, compiler):
        """Of spills and of a stack frame, for a compiler like "nvcc 11.8.89 for 80, 90"."""
        small = self.small_spills
        version = re.match(r"nvcc (\d+)", compiler)
        old = small and version and int(version[1]) < small["before_nvcc"]
        return small["bytes"] if old and re.fullmatch(small["entries"], entry) else 0

    def groups_of(self, entry):
        return [group for group in self.groups if re.fullmatch(group["entries"], entry)]

    def needed_by(self, entry, architecture):
        """Names of the patterns that must occur, in order."""
        return sorted({pattern for group in self.groups_of(entry)
                       if architecture >= group.get("from_architecture", 0)
                       for pattern in group["holds"]})


def resource_findings(expectations, resources, compiler):
    for r in resources:
        if not expectations.is_hot(r.name):
            continue
        forgiven = expectations.forgiven_bytes(r.name, compiler)
        if r.spill_bytes > forgiven:
            yield f"{r.name} sm_{r.architecture}: {r.spill_bytes} bytes of spills"
        if r.stack_frame_bytes > forgiven:
            yield f"{r.name} sm_{r.architecture}: a stack frame of {r.stack_frame_bytes} bytes"


def report_findings(resources, ptx):
    """Entries of the PTX that ptxas' report says nothing of, so that nothing is overlooked."""
    reported = {(r.architecture, r.name) for r in resources if r.registers > 0}
    for architecture, entries in sorted(ptx.items()):
        for entry in sorted(entries):
            if (architecture, entry) not in reported:
                yield f"{entry} sm_{architecture}: ptxas reports no registers of it"


def code_findings(expectations, language, code, compiler):
    """language: "ptx" or "sass"; code: {architecture: {entry: text}}."""
    for architecture, entries in sorted(code.items()):
        for entry, text in sorted(entries.items()):
            where = f"{entry} sm_{architecture}: its {language.upper()}"
            for pattern in expectations.needed_by(entry, architecture):
                if not re.search(expectations.patterns[pattern][language], text):
                    yield f"{where} has no {pattern}"
                kind = expectations.patterns[pattern].get("never_split")
                split = [pack for pack in compiled.split_packs(text) if pack[0] == kind]
                if split:
                    yield f"{where} splits {len(split)} of its {pattern}, as at {split[0][1]}"
            if expectations.is_hot(entry) and not expectations.forgiven_bytes(entry, compiler):
                if re.search(expectations.patterns[LOCAL_MEMORY][language], text):
                    yield f"{where} uses local memory"


def listing_findings(expectations, entries):
    """Entries nobody expects, and expectations of entries that are gone."""
    for entry in sorted(entries):
        if not expectations.groups_of(entry):
            yield f"{entry}: no expectation names it"
    for entry in expectations.not_hot:
        if entry not in entries:
            yield f"{entry}: is listed as not hot, but no image has it"
    for group in expectations.groups:
        if not any(re.fullmatch(group["entries"], entry) for entry in entries):
            yield f"{group['entries']}: is expected, but no entry is named so"


def find_cuobjdump(nvcc):
    beside = pathlib.Path(nvcc).with_name("cuobjdump")
    return shutil.which("cuobjdump") or (str(beside) if beside.exists() else None)


def findings_of(folder, cuobjdump, expectations):
    """Every finding of a folder of images."""
    folder = pathlib.Path(folder)
    entries, findings = set(), []
    compiler, families = compiled.read_images(folder)
    for family in families:
        fatbin = folder / f"{family}.fatbin"
        ptx = {architecture: compiled.read_ptx(text) for architecture, text
               in compiled.ptx_of_fatbin(fatbin.read_bytes()).items()}
        resources = compiled.read_ptxas((folder / f"{family}.ptxas").read_text(encoding="utf-8"))
        entries.update(*ptx.values())
        findings += report_findings(resources, ptx)
        findings += resource_findings(expectations, resources, compiler)
        findings += code_findings(expectations, "ptx", ptx, compiler)
        if cuobjdump is not None:
            findings += code_findings(expectations, "sass",
                                      compiled.dump_sass(cuobjdump, str(fatbin)), compiler)
    return findings + list(listing_findings(expectations, entries)), len(entries)


def main(folder, nvcc=None):
    with open(pathlib.Path(__file__).with_name("expectations.json"), encoding="utf-8") as file:
        expectations = Expectations(json.load(file))
    cuobjdump = find_cuobjdump(nvcc) if nvcc else None
    findings, entries = findings_of(folder, cuobjdump, expectations)
    for finding in findings:
        print(finding)
    print(f"{entries} entries, {len(findings)} findings")
    if findings or entries == 0:
        return 1
    if nvcc and cuobjdump is None:
        print("skipped: machine code was not looked at: no cuobjdump on the PATH or beside nvcc")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
