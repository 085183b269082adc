#!/usr/bin/env python3
"""Holds docs/workloads.md against the registry: `assay list --markdown` must print it exactly."""
import pathlib
import subprocess
import sys

program, page = sys.argv[1:]
made = subprocess.run([program, "list", "--markdown"], capture_output=True, text=True, check=True)
if made.stdout != pathlib.Path(page).read_text(encoding="utf-8"):
    print("docs/workloads.md is not current: build/release/bin/assay list --markdown > "
          "docs/workloads.md")
    sys.exit(1)
