"""Measures and certifies what the other end-to-end tests work on, with real samples."""
import pathlib
import shutil
import subprocess
import sys

program, _, folder = sys.argv[1:]
folder = pathlib.Path(folder)
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
for arguments in (["keygen", "-o", "lab.key"],
                  ["run", "--processes", "2", "--item-seconds", "3", "--seed", "7",
                   "-o", "result.json"],
                  ["certify", "result.json", "--key", "lab.key", "-o", "certificate.json"]):
    subprocess.run([program, *arguments], cwd=folder, check=True)
