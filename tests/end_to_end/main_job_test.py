"""measure -> result -> certificate -> verify -> rate, with real numbers from this machine."""
import base64
import json
import math
import re
from decimal import ROUND_HALF_EVEN, Decimal

import support
from support import SHEET, Case, assay


def student_t_below(t, degrees):
    """The t-distribution's probability below t, by Simpson's rule over its density."""
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(
        degrees * math.pi)
    steps = 20000
    weights = (1 if i in (0, steps) else 4 if i % 2 else 2 for i in range(steps + 1))
    density = (weight * (1 + (t * i / steps) ** 2 / degrees) ** (-(degrees + 1) / 2)
               for i, weight in enumerate(weights))
    return 0.5 + scale * t / steps / 3 * sum(density)


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

    def test_a_certificate_nobody_signed_for_is_not_verified(self):
        self.assertIn("CONSISTENT, but nobody's signature was checked",
                      self.must("verify", "certificate.json"))
        said = json.loads(self.must("verify", "certificate.json", "--json"))
        self.assertTrue(said["checks_passed"])
        self.assertFalse(said["verified"])
        self.assertFalse(said["signature_checked"])

    def test_figures_are_consistent(self):
        """The definitions of docs/figures.md, from the certificate's own figures; and the table on
        the terminal shows those figures."""
        path = self.folder / "again.json"
        printed = self.must("certify", self.folder / "result.json", "--key",
                            self.folder / "lab.key", "-o", path)
        figures = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))[
            "predicate"]["assessment"]
        value = lambda name: figures[name]["value"]
        shares = [item["share"] for item in figures["items"]]
        self.assertAlmostEqual(sum(shares), 1.0, places=12)
        processes = [1.0 / sum(item["share"] / item["process_pflops"][i]
                               for item in figures["items"])
                     for i in range(len(figures["process_cu_per_h"]))]
        for ours, theirs in zip(processes, figures["process_cu_per_h"], strict=True):
            self.assertAlmostEqual(ours / theirs, 1.0, places=12)
        k = sum(processes) / len(processes)
        self.assertAlmostEqual(k / value("k_cu_per_h"), 1.0, places=12)
        u_c = math.sqrt(sum(part["u_cu_per_h"] ** 2 for part in figures["budget"]))
        self.assertAlmostEqual(u_c / value("u_c_cu_per_h"), 1.0, places=12)
        nu_eff = u_c ** 4 / sum(part["u_cu_per_h"] ** 4 / part["degrees_of_freedom"]["value"]
                                for part in figures["budget"]
                                if part["degrees_of_freedom"]["value"] is not None)
        self.assertAlmostEqual(nu_eff / value("nu_eff"), 1.0, places=9)
        for name, probability, figure in (("coverage_factor", 0.975, value("coverage_factor")),
                                          ("K_cert", 0.95,
                                           (k - value("k_cert_cu_per_h")) / u_c)):
            self.assertAlmostEqual(student_t_below(figure, nu_eff), probability, places=6, msg=name)
        self.assertAlmostEqual(value("expanded_cu_per_h") / (value("coverage_factor") * u_c), 1.0,
                               places=12)

        rows = dict(re.split(r"  +", line, maxsplit=1) for line in printed.splitlines()
                    if "  " in line)
        for label, name in (("K, CU rate", "k_cu_per_h"), ("u_c(K)", "u_c_cu_per_h"),
                            ("U, coverage 95 %", "expanded_cu_per_h"),
                            ("K_cert, credited", "k_cert_cu_per_h")):
            number, unit = rows[label].split()
            scale = {"CU/h": 1.0, "\u00b5CU/h": 1e-6}[unit]
            self.assertLessEqual(abs(float(number) * scale / value(name) - 1.0), 5.1e-4, label)
        self.assertLessEqual(abs(float(rows["\u03bd_eff"]) / value("nu_eff") - 1.0), 5.1e-3)
        self.assertEqual(rows["grade"], figures["grade"])
        self.assertEqual(figures["grade"], "indicative")

    def test_price_prints_a_rate_that_its_waterfall_sums_to(self):
        printed = self.must("price", "--certificate", self.folder / "certificate.json", "--key",
                            self.folder / "lab.key.pub", "--cost-sheet", SHEET, "-o",
                            self.folder / "rate-card.json", "--report", self.folder / "report.md")
        card = json.loads((self.folder / "rate-card.json").read_text())
        rate = Decimal(card["rate"]["cny_per_cu"])
        self.assertEqual(rate.as_tuple().exponent, -6)
        self.assertGreater(rate, 0)
        parts = [Decimal(part["cny_per_cu"]) for part in card["waterfall"]]
        self.assertGreater(len(parts), 3)
        self.assertEqual(sum(parts), rate)
        self.assertEqual(Decimal(card["rate"]["fixed_cny_per_cu"]) +
                         Decimal(card["rate"]["variable_cny_per_cu"]), rate)
        yearly = [Decimal(part["cny_per_year"]) for part in card["waterfall"]
                  if part["cny_per_year"]]
        # A device-hour is credited with K_cert, and earns the rate for it.
        credit = Decimal(card["device_hour"]["credit_cu"]["value"])
        self.assertEqual((credit * rate).quantize(Decimal("0.000001"), ROUND_HALF_EVEN),
                         Decimal(card["device_hour"]["price_cny"]["value"]))
        report = (self.folder / "report.md").read_text()
        self.assertIn("**INDICATIVE.**", report)
        # Terminal and page print the same waterfall, and it sums as printed.
        for text in (printed, report.partition("```text")[2].partition("```")[0]):
            rows = re.findall(r"^(\S.*?)  +([\d,]+\.\d\d|by use)  +(-?\d+\.\d{6})  +(-?[\d.]+) %",
                              text, re.M)
            self.assertEqual([Decimal(row[2]) for row in rows], [*parts, rate])
            self.assertEqual([Decimal(row[1].replace(",", "")) for row in rows[:-1]
                              if row[1] != "by use"], yearly)
            self.assertEqual(rows[-1][0], "rate")
        self.assertNotIn("|", printed)  # tables of a terminal, not Markdown's


if __name__ == "__main__":
    support.main()
