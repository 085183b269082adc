"""assay price as a regulator meets it: every example, every way to hand it something broken."""
import csv
import json
import pathlib
import shutil
import tempfile

import support
from support import SOURCE, Case, assay

EXAMPLES = SOURCE / "pricing" / "data" / "examples"
CERTIFICATES = EXAMPLES / "certificates"
KEY = SOURCE / "tests" / "support" / "test.key.pub"
H800 = CERTIFICATES / "simulated-h800.json"
DATE = "2026-06-01T00:00:00Z"


class PriceCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        for path in EXAMPLES.iterdir():
            if path.is_file():
                shutil.copy2(path, cls.folder)

    def price(self, sheet, *more, output="card.json", draws="10000"):
        self.must("price", "--cost-sheet", sheet, "--date", DATE, "--draws", draws, "-o", output,
                  *more)
        path = self.folder / output
        return json.loads(path.read_text()) if path.is_file() else path


class Examples(PriceCase):
    def test_one_sku_with_the_whole_bill(self):
        card = self.price("synthetic-a-whole-bill.json", "--certificate", H800, "--key", KEY,
                          "--report", "a.md", "--filing", "filing-a")
        self.assertEqual(card["grade"], "certified")
        self.assertTrue(card["certificate"]["test_key"])
        parts = sum(int(part["cny_per_cu"].replace(".", "")) for part in card["waterfall"])
        self.assertEqual(parts, int(card["rate"]["cny_per_cu"].replace(".", "")))
        kinds = {part["kind"] for part in card["waterfall"]}
        self.assertLessEqual({"pue_surcharge", "demand_charge", "margin", "other_revenue"}, kinds)
        self.assertEqual(card["monte_carlo"]["draws"], 10000)
        self.assertEqual(len(card["path"]), 4)
        for text in ((self.folder / "a.md").read_text(),
                     (self.folder / "filing-a" / "filing.md").read_text()):
            self.assertIn("TEST KEY", text)

    def test_the_test_key_is_named_on_the_terminal(self):
        said = self.must("price", "--cost-sheet", "synthetic-a-whole-bill.json", "--certificate",
                         H800, "--date", DATE, "--draws", "0")
        self.assertIn("TEST KEY", said)

    def test_real_sites_are_never_certified(self):
        for name in ("china-h800-hub", "united-states-h100"):
            card = self.price(f"{name}.json", "--basket", "tb1")
            self.assertEqual(card["grade"], "assumed")
            self.assertNotIn('"certified"', json.dumps(card))
            self.assertTrue(card["declared_throughput"]["source"])

    def test_mixed_fleet(self):
        folder = self.price("synthetic-b-mixed-fleet.json", "--certificate", H800, "--certificate",
                            CERTIFICATES / "simulated-a800.json", "--filing", "filing-b",
                            output="cards")
        site = json.loads((folder / "site.json").read_text())
        self.assertEqual([sku["name"] for sku in site["skus"]], ["h800", "a800"])
        self.assertTrue((self.folder / "filing-b" / "a800" / "filing.md").exists())
        self.assertTrue((folder / "h800.md").exists())

    def test_assets_and_meter_complete_a_sheet(self):
        card = self.price("synthetic-c-post-tax.json", "--certificate", H800, "--assets",
                          "synthetic-c-assets.csv", "--meter", "synthetic-c-meter.csv",
                          "--completed-sheet", "c.json", output="c-card.json")
        self.assertEqual(card["energy"]["loaded_power_origin"], "metered")
        self.assertEqual(card["energy"]["grade"], "certified")
        # The completed sheet alone gives the same card.
        again = self.price("c.json", "--certificate", H800, output="c-again.json")
        self.assertEqual(card, again)

    def test_filing_totals_are_the_sums_of_their_lines(self):
        self.price("synthetic-a-whole-bill.json", "--certificate", H800, "--filing", "traced")
        rows, totals = {}, []
        for path in sorted((self.folder / "traced").glob("*.csv")):
            with open(path, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    columns = [c for c in row if c not in ("line", "description", "sum_of",
                                                           "share", "figure", "source",
                                                           "standing")]
                    self.assertEqual(row["standing"], "TEST KEY, EXAMPLE")
                    rows[row["line"]] = row
                    totals += [(row, c) for c in columns if row["sum_of"] and row[c]]
        cents = lambda text: int(text.replace(".", "")) if text else 0
        followed = 0
        for row, column in totals:
            references = [r.split(".") for r in row["sum_of"].split()]
            if any(len(r) == 2 for r in references) and column != "cny_per_year":
                continue
            if row["line"].startswith("F"):
                continue
            total = sum(cents(rows[r[0]][r[1] if len(r) == 2 else column]) for r in references)
            self.assertEqual(total, cents(row[column]), (row["line"], column))
            followed += 1
        self.assertGreater(followed, 40)

    def test_ceiling(self):
        cards = self.folder / "all-cards"
        cards.mkdir()
        self.price("synthetic-a-whole-bill.json", "--certificate", H800, output="all-cards/a.json")
        self.price("synthetic-b-mixed-fleet.json", "--certificate", H800, "--certificate",
                   CERTIFICATES / "simulated-a800.json", output="all-cards/b")
        self.price("china-h800-hub.json", output="all-cards/real.json")
        said = self.must("price", "--ceiling", "ceiling-rule.json", "--rate-cards", cards,
                         "--supplier", "Synthetic Reseller", "-o", "ceiling.json")
        self.assertIn("TEST KEY", said)
        proposal = json.loads((self.folder / "ceiling.json").read_text())
        used = [site for site in proposal["sites"] if site["left_out"] is None]
        self.assertEqual(len(used), 3)
        self.assertIn(proposal["cny_per_cu"]["value"], [site["cny_per_cu"] for site in used])
        self.assertIn("grade assumed", [site["left_out"] for site in proposal["sites"]])
        one = self.must("price", "--ceiling", "ceiling-rule.json", "--rate-cards", cards,
                        "--supplier", "Synthetic Operator Two", "-o", "other.json")
        self.assertIn("none: 1 comparable site(s)", one)


class BadSheets(PriceCase):
    def broken(self, words, change, sheet="synthetic-a-whole-bill.json", *more):
        path = self.edited(sheet, "broken.json", change)
        certificate = more or ("--certificate", H800)
        self.refused(2, ["broken.json", *words], "price", "--cost-sheet", path, "--date", DATE,
                     "-o", "never.json", "--filing", "never", "--report", "never.md", *certificate)
        for name in ("never.json", "never", "never.md"):
            self.assertFalse((self.folder / name).exists(), name)

    def test_numbers_out_of_their_bounds(self):
        def put(value, *path):
            def change(document):
                for key in path[:-1]:
                    document = document[key]
                document[path[-1]]["value"] = value
            return change

        asset = ("asset_classes", 0)
        for words, change in (
                (["price of -1.00", "zero or more"], put("-1.00", *asset, "price")),
                (["PUE of 0.9", "at least 1"], put("0.9", "energy", "pue", "figure")),
                (["utilisation of 1.2", "60 %"], put("1.2", "utilisation")),
                (["life of 0", "whole years"], put("0", *asset, "life")),
                (["return of 7", "0.07"], put("7", *asset, "return", "rate")),
                (["residual share of 1.5"], put("1.5", *asset, "residual")),
                (["availability of 0"], put("0", "availability")),
                (["device count of 1.5"], put("1.5", "devices", "count")),
                (["idle power of -3"], put("-3", "energy", "idle_power")),
                (["factor of time of use of -1"],
                 put("-1", "energy", "bill", "time_of_use", "bands", 0, "factor")),
                (["line loss of 0.9"], put("0.9", "energy", "bill", "line_loss", "share")),
                (["margin of 3"], put("3", "margin", "share")),
                (["figure is null", "/availability"], put(None, "availability"))):
            self.broken(words, change)

    def test_dates_units_currencies_and_vat(self):
        def date(document):
            document["energy"]["bill"]["pue_surcharge"]["limit"]["date"] = "2026-02-30"

        def unit(document):
            document["energy"]["price_parts"][0]["figure"]["unit"] = "CNY/MWh"

        def currency(document):
            document["asset_classes"][0]["price"]["unit"] = "USD"

        def vat(document):
            document["asset_classes"][0]["price"]["vat"] = {"basis": "included", "rate": None}

        def no_vat(document):
            del document["asset_classes"][0]["price"]["vat"]

        def surprise(document):
            document["energy"]["colour"] = "red"

        for words, change in ((["2026-02-30", "not a date"], date), (["CNY/MWh"], unit),
                              (["no exchange rate for USD", "exchange_rates"], currency),
                              (["VAT is included at an unknown rate"], vat), (["vat"], no_vat),
                              (["colour"], surprise)):
            self.broken(words, change)

    def test_truncated_sheet_names_its_line(self):
        text = (self.folder / "synthetic-a-whole-bill.json").read_text()
        (self.folder / "cut.json").write_text(text[:5000])
        self.refused(2, ["cut.json:"], "price", "--cost-sheet", "cut.json", "--certificate", H800,
                     "-o", "never.json")

    def test_certificates_that_do_not_fit(self):
        sheet = ("--cost-sheet", "synthetic-a-whole-bill.json", "-o", "never.json")
        self.refused(2, ["expired", "certify the device again"], "price", *sheet, "--certificate",
                     H800, "--date", "2037-01-01T00:00:00Z")
        self.refused(2, ["after the date"], "price", *sheet, "--certificate", H800, "--date",
                     "2025-01-01T00:00:00Z")
        (self.folder / "revoked.csv").write_text(
            "certificate,effective_utc,reason\nurn:uuid:504938fc-9516-4784-8ba0-3d1f0bb94c18,"
            "2026-05-01T00:00:00Z,wrong device\n")
        self.refused(2, ["revoked from 2026-05-01", "wrong device", "certify the device again"],
                     "price", *sheet, "--certificate", H800, "--date", DATE, "--revocations",
                     "revoked.csv")
        self.refused(2, ["not an instant"], "price", *sheet, "--certificate", H800, "--date",
                     "2026-02-30T00:00:00Z")
        self.refused(2, ["another basket", "tb1-lite"], "price", "--cost-sheet",
                     "synthetic-b-mixed-fleet.json", "-o", "never", "--date", DATE,
                     "--certificate", CERTIFICATES / "simulated-a800.json", "--certificate",
                     CERTIFICATES / "simulated-h800-lite.json")
        lite = ("--certificate", CERTIFICATES / "simulated-h800-lite.json", "--date", DATE)
        self.refused(2, ["simulated-h800-lite.json", "another basket: tb1-lite", "not tb1"], "price",
                     *sheet, *lite, "--basket", "tb1")
        self.refused(2, ["no basket", "tb7"], "price", *sheet, *lite, "--basket", "tb7")
        self.refused(2, ["china-h800-hub.json", "another basket: tb1 ", "not tb1-lite"], "price",
                     "--cost-sheet", "china-h800-hub.json", "-o", "never.json", "--date", DATE,
                     "--basket", "tb1-lite")
        self.refused(2, ["no certificate is of 'simulated A800'"], "price", "--cost-sheet",
                     "synthetic-b-mixed-fleet.json", "-o", "never", "--date", DATE,
                     "--certificate", H800)
        self.refused(2, ["one kind of device"], "price", *sheet, "--date", DATE, "--certificate",
                     H800, "--certificate", CERTIFICATES / "simulated-a800.json")
        self.refused(2, ["declares no throughput"], "price", *sheet, "--date", DATE)
        self.assertFalse((self.folder / "never.json").exists())
        self.assertFalse((self.folder / "never").exists())

    def test_csv(self):
        def completes(words, assets, meter=None):
            (self.folder / "assets.csv").write_text(assets)
            (self.folder / "meter.csv").write_text(
                meter or (self.folder / "synthetic-c-meter.csv").read_text())
            self.refused(2, words, "price", "--cost-sheet", "synthetic-c-post-tax.json",
                         "--certificate", H800, "--date", DATE, "--assets", "assets.csv", "--meter",
                         "meter.csv", "--completed-sheet", "never.json", "-o", "never-card.json")
            self.assertFalse((self.folder / "never.json").exists())
            self.assertFalse((self.folder / "never-card.json").exists())

        good = (self.folder / "synthetic-c-assets.csv").read_text()
        completes(["assets.csv:2", "closing quote"],
                  good.replace('first delivery"', "first delivery"))
        completes(["assets.csv:5", "never closed"], good.replace("optical module", '"optical module'))
        completes(["assets.csv:3", "mixed VAT bases"],
                  good.replace("1980000.00,CNY,excluded", "1980000.00,CNY,included"))
        completes(["assets.csv:3", "mixed currencies"], good.replace("1980000.00,CNY", "1980000.00,USD"))
        completes(["assets.csv:4", "no asset class 'netwrok'", "did you mean 'network'"],
                  good.replace("network,leaf", "netwrok,leaf"))
        completes(["assets.csv:5", "fields"], good.replace("96,1450.25", "96,1,450.25"))
        completes(["meter.csv", "is not after"], good,
                  (self.folder / "synthetic-c-meter.csv").read_text() +
                  "2027-11-01T08:00:00Z,1,loaded\n")

    def test_options_that_do_not_go_together(self):
        self.refused(2, ["--completed-sheet"], "price", "--cost-sheet", "synthetic-c-post-tax.json",
                     "--certificate", H800, "--assets", "synthetic-c-assets.csv", "-o", "n.json")
        self.refused(2, ["--rate-cards"], "price", "--ceiling", "ceiling-rule.json", "-o", "n.json")
        self.refused(2, ["prices nothing"], "price", "--ceiling", "ceiling-rule.json",
                     "--rate-cards", ".", "--basket", "tb1", "-o", "n.json")
        self.refused(2, ["--cost-sheet"], "price", "--certificate", H800, "-o", "n.json")
        self.refused(2, ["too few"], "price", "--cost-sheet", "synthetic-a-whole-bill.json",
                     "--certificate", H800, "--date", DATE, "--draws", "10", "-o", "n.json")
        self.refused(2, ["--draws", "too many", "at most 100000000"], "price", "--cost-sheet",
                     "synthetic-a-whole-bill.json", "--certificate", H800, "--date", DATE,
                     "--draws", "99999999999", "-o", "n.json")
        self.refused(2, ["nowhere"], "price", "--cost-sheet", "synthetic-a-whole-bill.json",
                     "--certificate", H800, "--date", DATE, "--draws", "0", "-o",
                     self.folder / "nowhere" / "n.json", "--filing", "n", "--report", "n.md")
        self.refused(2, ["nowhere"], "price", "--cost-sheet", "synthetic-a-whole-bill.json",
                     "--certificate", H800, "--date", DATE, "--draws", "0", "-o", "n.json",
                     "--filing", "n", "--report", self.folder / "nowhere" / "n.md")
        for name in ("n.json", "n", "n.md"):
            self.assertFalse((self.folder / name).exists(), name)

    def test_ceiling_rules(self):
        def percentile(document):
            document["percentile"] = "0"

        path = self.edited("ceiling-rule.json", "rule.json", percentile)
        self.refused(2, ["rule.json", "percentile of 0"], "price", "--ceiling", path,
                     "--rate-cards", self.folder, "--supplier", "x", "-o", "n.json")
        self.refused(2, ["not/there"], "price", "--ceiling", "ceiling-rule.json", "--rate-cards",
                     "not/there", "--supplier", "x", "-o", "n.json")


if __name__ == "__main__":
    support.main()
