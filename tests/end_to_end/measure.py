"""Measures and certifies what the other end-to-end tests work on, with real samples.

Three processes: between two there is one degree of freedom, and on a busy machine a K of which too
much of the distribution lies below zero to have a rate."""
import pathlib
import shutil
import subprocess
import sys

program, _, folder = sys.argv[1:]
folder = pathlib.Path(folder)
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
for arguments in (["keygen", "-o", "lab.key"],
                  ["run", "--processes", "3", "--item-seconds", "2", "--seed", "7",
                   "-o", "result.json"],
                  ["certify", "result.json", "--key", "lab.key", "-o", "certificate.json"]):
    subprocess.run([program, *arguments], cwd=folder, check=True)
