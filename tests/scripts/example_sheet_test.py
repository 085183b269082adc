"""scripts/example_sheet.sh: a processor is not priced as a GPU, nor a GPU as a processor."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(sys.argv[1])
EXAMPLES = SOURCE / "pricing" / "data" / "examples"


class ExampleSheet(unittest.TestCase):
    def sheet_of(self, backend, name):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "result.json"
            # Names stand in other records too: only the device's counts.
            path.write_text(json.dumps({
                "conditions": {"name": "H800"}, "device": {"backend": backend, "name": name},
                "tool": {"name": "H100"}}, indent=2, sort_keys=True))
            done = subprocess.run([SOURCE / "scripts" / "example_sheet.sh", path], text=True,
                                  capture_output=True, check=True)
        sheet = pathlib.Path(done.stdout.strip())
        self.assertEqual(sheet.parent, EXAMPLES)
        self.assertTrue(json.loads(sheet.read_text())["example"])
        return sheet.name, done.stderr

    def test_fits_the_device(self):
        self.assertEqual(self.sheet_of("cpu", "AMD EPYC"), ("example-cpu-node.json", ""))
        self.assertEqual(self.sheet_of("cuda", "NVIDIA H800"), ("h800-node-worked.json", ""))
        self.assertEqual(self.sheet_of("cuda", "NVIDIA H100 80GB HBM3"),
                         ("united-states-h100.json", ""))

    def test_says_where_none_fits(self):
        sheet, said = self.sheet_of("cuda", "NVIDIA H200")
        self.assertNotEqual(sheet, "example-cpu-node.json")
        self.assertIn("No example cost sheet is of this device (NVIDIA H200)", said)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
