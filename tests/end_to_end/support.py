"""What the end-to-end tests share: running the program, and the measured documents."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
MEASURED = pathlib.Path(sys.argv[3])
SHEET = SOURCE / "pricing" / "data" / "examples" / "example-cpu-node.json"


def assay(*arguments, cwd=None, timeout=100, **more):
    """Runs the program; standard input is closed, output captured."""
    return subprocess.run([PROGRAM, *map(str, arguments)], cwd=cwd, text=True, timeout=timeout,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False, **more)


class Case(unittest.TestCase):
    """One folder a class, with copies of the measured documents and the key."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        for path in MEASURED.iterdir():
            shutil.copy2(path, cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def must(cls, *arguments):
        done = assay(*arguments, cwd=cls.folder)
        if done.returncode != 0:
            raise AssertionError(f"assay {arguments}: {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout

    def refused(self, code, words, *arguments, **more):
        """The command exits with `code`, one line on standard error that has all of `words`."""
        done = assay(*arguments, cwd=self.folder, **more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("assay: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]

    def edited(self, source, name, change):
        """A copy of a JSON document with `change` applied to it."""
        document = json.loads((self.folder / source).read_text())
        change(document)
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path


def main():
    unittest.main(argv=[sys.argv[0], "-v"])
