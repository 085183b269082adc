"""measure -> result -> certificate -> verify -> rate, with real numbers from this machine."""
import json
import re

import support
from support import SHEET, Case, assay


class MainJob(Case):
    def verify(self, *arguments):
        return assay("verify", self.folder / "certificate.json", *arguments, cwd=self.folder)

    def test_result_has_every_sample_of_every_item(self):
        result = json.loads((self.folder / "result.json").read_text())
        self.assertTrue(result["complete"])
        self.assertEqual(len(result["processes"]), 3)
        for process in result["processes"]:
            items = [i for i in process["items"] if i["basket_item"]]
            self.assertEqual(len(items), 5)
            for item in items:
                self.assertEqual(item["status"], "valid", item["error"])
                self.assertGreater(len(item["sample_end_ns"]), 3)
                self.assertGreaterEqual(len(item["training"]["losses"]), len(item["sample_end_ns"]))

    def test_certificate_verifies_with_key_and_result(self):
        done = self.verify("--key", self.folder / "lab.key.pub", "--result",
                           self.folder / "result.json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("VERIFIED", done.stdout)

    def test_figures_are_consistent(self):
        predicate = json.loads(self.must(
            "certify", self.folder / "result.json", "--key", self.folder / "lab.key", "-o",
            self.folder / "again.json", "--json"))
        text = json.dumps(predicate)
        self.assertIn("indicative", text)

    def test_price_prints_a_rate_that_its_waterfall_sums_to(self):
        self.must("price", "--certificate", self.folder / "certificate.json", "--key",
                  self.folder / "lab.key.pub", "--cost-sheet", SHEET, "-o",
                  self.folder / "rate-card.json", "--report", self.folder / "report.md")
        card = json.loads((self.folder / "rate-card.json").read_text())
        self.assertRegex(json.dumps(card), r'"\d+\.\d{6}"')
        report = (self.folder / "report.md").read_text()
        self.assertIn("ndicative", report)
        self.assertTrue(re.search(r"CNY", report))

    def test_json_everywhere(self):
        for arguments in (("devices",), ("list",), ("verify", self.folder / "certificate.json")):
            json.loads(self.must(*arguments, "--json"))

    def test_every_command_has_help_with_an_example(self):
        commands = re.findall(r"^  ([a-z]+) ", assay("--help").stdout, re.M)
        self.assertGreaterEqual(len(commands), 8)
        for command in commands:
            done = assay(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("Example", done.stdout)


if __name__ == "__main__":
    support.main()
