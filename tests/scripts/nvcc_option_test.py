"""How ASSAY_NVCC leaves the CUDA kernels out, in a project of one line with a stand-in for nvcc."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

MODULE = pathlib.Path(sys.argv.pop(1))


class NvccOption(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.nvcc = self.folder / "bin" / "nvcc"
        self.nvcc.parent.mkdir()
        self.nvcc.write_text("#!/bin/sh\n")
        self.nvcc.chmod(0o755)
        (self.folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(one NONE)\n"
            f'include("{MODULE}")\nmessage(STATUS "found: ${{ASSAY_NVCC}}")\n')

    def found(self, *options):
        path = f"{self.nvcc.parent}:{os.environ['PATH']}"
        done = subprocess.run(["cmake", "-G", "Ninja", "-S", self.folder, "-B", self.folder / "build",
                               *options],
                              env={**os.environ, "PATH": path}, capture_output=True, text=True,
                              check=True)
        return done.stdout.partition("found: ")[2].splitlines()[0]

    def test_it_is_found_where_nothing_is_said(self):
        self.assertEqual(self.found(), str(self.nvcc))

    def test_what_is_asked_out_stays_out(self):
        for option in ("OFF", "ASSAY_NVCC-NOTFOUND"):
            self.assertEqual(self.found(f"-DASSAY_NVCC={option}"), "OFF", option)
            self.assertEqual(self.found(), "OFF", option)
            self.assertEqual(self.found(f"-DASSAY_NVCC={self.nvcc}"), str(self.nvcc))

    def test_what_was_not_found_is_looked_for_again(self):
        self.nvcc.chmod(0o644)
        first = self.found()
        self.nvcc.chmod(0o755)
        if first.endswith("NOTFOUND"):  # unless this machine has one in /usr/local/cuda
            self.assertEqual(self.found(), str(self.nvcc))


if __name__ == "__main__":
    unittest.main()
