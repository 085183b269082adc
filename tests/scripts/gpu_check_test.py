"""scripts/gpu_check.sh with stand-ins for nvcc, CMake, the GPU's tools and the built programs: what it
does when there is no driver, when a part fails, when time runs out and when it is stopped."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SCRIPT = pathlib.Path(sys.argv.pop(1))

ASSAY = """#!/usr/bin/python3
import os, signal, sys, time
arguments = sys.argv[1:]
if arguments[0] == "devices":
    sys.exit(print("{}"))
if os.environ.get("NO_DRIVER"):
    sys.exit(print("assay: --device cuda: no CUDA driver on this machine", file=sys.stderr) or 2)
output = arguments[arguments.index("-o") + 1]
def write(text):
    with open(output, "w") as file:
        file.write(text)
def interrupted(*_):
    write("partial")
    sys.exit(1)
if "^llama-1b$" in arguments:
    signal.signal(signal.SIGINT, interrupted)
    open(output + ".begun", "w").close()
    time.sleep(60)
write(" ".join(arguments))
"""

# A build like ninja's: compilers are children of a child.
CMAKE = """#!/bin/sh
[ -n "$COMPILER" ] && [ "$1" = --build ] || exit 0
sh -c 'echo $$ >"$COMPILER.made" && mv "$COMPILER.made" "$COMPILER" && exec sleep 300'
exit 1
"""

STAND_INS = {
    "bin/cmake": CMAKE,
    "bin/nvcc": "#!/bin/sh\necho 'release 13.0, V13.0.88'\n",
    "bin/nvidia-smi": "#!/bin/sh\necho 9.0\n",
    "bin/compute-sanitizer": "#!/bin/sh\nshift 4\nexec \"$@\"\n",
    "build/bin/assay": ASSAY,
    "build/tests/ptx/attention_cuda_test": "#!/bin/sh\necho $ASSAY_TEST_DRIVER; exit 1\n",
    "build/tests/ptx/norm_cuda_test": "#!/bin/sh\necho $ASSAY_TEST_DRIVER\n",
}


class GpuCheck(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        for name, text in STAND_INS.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        self.output = self.folder / "output"

    def start(self, seconds, **more):
        environment = dict(os.environ, ASSAY_SECONDS=str(seconds), ASSAY_BUILD=str(self.folder / "build"),
                           PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}", **more)
        environment.pop("ASSAY_NVCC", None)
        return subprocess.Popen([SCRIPT, self.output], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self, name):
        return (self.output / name).read_text()

    def wait_for(self, path):
        for _ in range(300):
            if path.exists():
                return
            time.sleep(0.1)
        self.fail(f"{path} does not come")

    def is_running(self, process):
        try:
            status = pathlib.Path(f"/proc/{process}/stat").read_text()
        except FileNotFoundError:
            return False
        return status.rsplit(")", 1)[1].split()[0] != "Z"  # ended, and nobody has asked for its code

    def test_no_driver_is_one_line(self):
        process = self.start(590, NO_DRIVER="1")
        _, error = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 2)
        self.assertEqual(error, "gpu_check: --device cuda: no CUDA driver on this machine\n")

    def test_each_part_ends_within_its_seconds_and_keeps_what_it_has(self):
        began = time.monotonic()
        process = self.start(118)
        process.communicate(timeout=80)
        self.assertLess(time.monotonic() - began, 60)
        self.assertEqual(process.returncode, 1)
        summary = self.read("summary.txt")
        self.assertIn("test attention_cuda: exit 1", summary)
        self.assertIn("test norm_cuda: passed", summary)
        self.assertIn("step gpt2-124m: passed", summary)
        self.assertIn("step llama-1b: cut off at 8 s (steps/llama-1b.txt)", summary)
        self.assertIn("step moe-slice: passed", summary)
        self.assertIn("kernels: passed", summary)
        self.assertIn("memcheck norm_cuda: passed", summary)
        self.assertEqual(self.read("tests/norm_cuda.txt"), "native\n")
        self.assertEqual(self.read("steps/llama-1b.json"), "partial")
        self.assertIn("--suite gpu-check", self.read("kernels.json"))

    def test_a_signal_leaves_what_was_done(self):
        process = self.start(590)
        begun = self.output / "steps/llama-1b.json.begun"
        self.wait_for(begun)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1)
        self.assertIn("cut off by a signal", self.read("summary.txt"))
        self.assertEqual(self.read("steps/llama-1b.json"), "partial")

    def test_compilers_end_with_the_build_that_started_them(self):
        compiler = self.folder / "compiler"
        for how, seconds in (("stopped by a signal", 590), ("cut off", 6)):
            with self.subTest(how):
                compiler.unlink(missing_ok=True)
                process = self.start(seconds, COMPILER=str(compiler))
                self.wait_for(compiler)
                number = int(compiler.read_text())
                self.assertTrue(self.is_running(number))
                if seconds == 590:
                    process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)
                self.assertEqual(process.returncode, 1)
                self.assertIn("cut off", self.read("summary.txt"))
                self.assertFalse(self.is_running(number))


if __name__ == "__main__":
    unittest.main()
