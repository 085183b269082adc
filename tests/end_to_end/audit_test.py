"""assay audit as a regulator meets it: every posted unit by hand, every verdict, flags, forms and
exit codes, and every way to hand it something broken."""
import base64
import csv
import io
import json
import pathlib
import shutil
import tempfile
from fractions import Fraction

import support
from support import SOURCE, Case, assay

EXAMPLES = SOURCE / "pricing" / "data" / "examples"
KEY = SOURCE / "tests" / "support" / "test.key.pub"
DATE = "2026-06-01T00:00:00Z"
SELLER = "none (example)"  # the operator of the worked example's sheet
H800 = "urn:uuid:504938fc-9516-4784-8ba0-3d1f0bb94c18"
COLUMNS = ["seller", "seller_code", "site", "affiliates", "sku", "unit", "price", "currency", "vat",
           "vat_rate", "date", "source", "quantity", "devices", "configuration",
           "cny_per_currency", "exchange_source", "precision", "sparsity", "accelerator",
           "certificate", "declared_pue"]


def six(figure):
    """Six decimals, a tie to the even one."""
    return f"{round(figure * 10**6) / 10**6:.6f}"


def content_of(path):
    return json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))["predicate"]


class AuditCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        shutil.copytree(EXAMPLES / "certificates", cls.folder / "certificates")
        (cls.folder / "sheets").mkdir()
        shutil.copy2(EXAMPLES / "h800-node-worked.json", cls.folder / "sheets")
        assessment = content_of(cls.folder / "certificates" / "simulated-h800.json")["assessment"]
        # The figures as the document writes them, exactly.
        cls.k = Fraction(str(assessment["k_cu_per_h"]["value"]))
        cls.k_cert = Fraction(str(assessment["k_cert_cu_per_h"]["value"]))
        cls.items = {each["basket_item"]: Fraction(str(each["pflops"]))
                     for each in assessment["items"]}
        cls.fair = Fraction("42.454161")  # docs/rate.md

    def tariffs(self, *rows, name="tariffs.csv"):
        """Rows of the worked example's seller; `rows` are dictionaries of what differs."""
        usual = {"seller": SELLER, "site": "worked example", "sku": "simulated H800",
                 "unit": "card_hour", "price": "17", "currency": "CNY", "vat": "excluded",
                 "date": "2026-05-01", "source": "test", "certificate": H800}
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({**usual, **row})
        (self.folder / name).write_text(text.getvalue(), encoding="utf-8")
        return name

    def command(self, *more, tariffs="tariffs.csv"):
        return ["audit", "--tariffs", tariffs, "--certificates", "certificates", "--cost-sheets",
                "sheets", "--date", DATE, *more]

    def audit(self, *rows, code=None, more=()):
        """The document of an audit of these rows; rows in the order they were filed."""
        self.tariffs(*rows)
        done = assay(*self.command("--json", *more), cwd=self.folder)
        self.assertIn(done.returncode, (0, 1) if code is None else (code,), done.stderr)
        document = json.loads(done.stdout)
        document["rows"].sort(key=lambda row: row["line"])
        return document

    def audited(self, **row):
        return self.audit(row)["rows"][0]


class Units(AuditCase):
    def test_every_posted_unit_converts_as_by_hand(self):
        h = Fraction(17)  # CNY an hour of one device, ex VAT
        plate = Fraction("0.9894")  # PFLOP/s dense of the peak table's H800 SXM5
        tokens = {  # an hour's tokens of an item: T_i · 3.6e18 / FLOPs per token
            "gpt2-124m": self.items["gpt2-124m"] * 36 * 10**17 /
                         (6 * (12 * (4 * 768**2 + 2 * 768 * 3072) + 50257 * 768 +
                               12 * 768 * 1024))}
        stated = {"accelerator": "H800 SXM5", "precision": "fp16", "sparsity": "dense"}
        sparse = {**stated, "sparsity": "sparse"}
        node = {"devices": "8"}
        per_token = h / tokens["gpt2-124m"]
        # A price in decimals, and so h again from that price.
        million = six(per_token * 10**6)
        by_token = Fraction(million) / 10**6 * tokens["gpt2-124m"]
        cases = [
            ("card_hour", "17", {}, h), ("card_day", "408", {}, h),
            ("card_month", "12410", {}, h), ("card_year", "148920", {}, h),
            ("node_hour", "136", node, h), ("node_day", "3264", node, h),
            ("node_month", "99280", node, h), ("node_year", "1191360", node, h),
            ("p_day", "412", stated, 412 * plate / 24), ("p_day", "206", sparse, 412 * plate / 24),
            ("p_year", "150000", stated, 150000 * plate / 8760),
            ("cu", "43", {}, 43 * self.k_cert), ("cu", "4300", {"quantity": "100"}, 43 * self.k_cert),
            ("training_token", million, {"quantity": "1000000", "configuration": "gpt2-124m"},
             by_token),
            ("card_hour", "19.21", {"vat": "included", "vat_rate": "0.13"}, h),
            ("card_hour", "18.02", {"vat": "included", "vat_rate": "0.06"}, h),
            ("card_hour", "2.5", {"currency": "USD", "cny_per_currency": "6.8",
                                  "exchange_source": "test"}, h)]
        document = self.audit(*[{"unit": unit, "price": price, **more}
                                for unit, price, more, _ in cases])
        for row, (unit, price, more, hour) in zip(document["rows"], cases, strict=True):
            (reading,) = row["readings"]
            said = (row["unit"], row["price"], more)
            self.assertEqual(row["unit"], unit, said)
            self.assertEqual(reading["cny_per_cu_by_k_cert"], six(hour / self.k_cert), said)
            self.assertEqual(reading["cny_per_cu_by_k"], six(hour / self.k), said)
            self.assertTrue(reading["arithmetic"].endswith(six(hour / self.k_cert) + " CNY/CU"))

    def test_what_is_no_training_work_is_not_comparable(self):
        document = self.audit({"unit": "inference_token", "price": "2", "quantity": "1000000"},
                              {"unit": "core_hour", "price": "0.1"},
                              {"unit": "p_day", "price": "400"})
        for row, reason in zip(document["rows"], ("inference", "core-hour", "peak table"), strict=True):
            self.assertEqual(row["verdict"], "not_comparable")
            self.assertIn(reason, row["reason"])
            self.assertEqual(row["readings"], [])

    def test_what_is_not_stated_is_read_every_way(self):
        plain = self.audited(unit="p_day", price="1000", accelerator="H800 SXM5")
        self.assertEqual(len(plain["readings"]), 4)  # FP16 and FP8, dense and sparse
        self.assertEqual(plain["verdict"], "above")  # under each of them
        undecided = self.audited(unit="p_day", price="300", accelerator="H800 SXM5")
        self.assertEqual(undecided["verdict"], "not_comparable")
        self.assertIn("decides", undecided["reason"])
        vat = self.audited(price="17.5", vat="unstated")
        self.assertEqual([reading["cny_per_cu_by_k_cert"] for reading in vat["readings"]],
                         [six(Fraction("17.5") / rate / self.k_cert)
                          for rate in (1, Fraction("1.06"), Fraction("1.13"))])


class Verdicts(AuditCase):
    def test_both_sides_of_each_end(self):
        cent = Fraction(1, 10**6)
        low, high = self.fair * self.k, self.fair * Fraction("1.10") * self.k_cert
        floor = lambda value: Fraction(int(value / cent)) * cent
        cases = [(six(floor(low)), "below_cost", 1), (six(floor(low) + cent), "within_band", 0),
                 (six(floor(high)), "within_band", 0), (six(floor(high) + cent), "above", 1)]
        for price, verdict, code in cases:
            document = self.audit({"price": price}, code=code)
            self.assertEqual(document["rows"][0]["verdict"], verdict, price)
            self.assertEqual(document["passed"], code == 0)
            self.assertEqual(document["counts"][verdict], 1)

    def test_a_ceiling_takes_the_place_of_the_upper_end(self):
        row = self.audit({"price": "17"}, more=("--ceiling", "40"), code=1)["rows"][0]
        self.assertEqual(row["verdict"], "above")
        self.assertIn("> 40.000000, the rate ceiling", row["reason"])
        row = self.audit({"price": "17"}, more=("--ceiling", "43.153"), code=0)["rows"][0]
        self.assertEqual(row["verdict"], "within_band")

    def test_not_comparable_says_why(self):
        cases = [({"certificate": "", "seller": "nobody knows"}, "no certificate"),
                 ({"certificate": "urn:uuid:00000000-0000-4000-8000-000000000000"}, "not in the"),
                 ({"certificate": "urn:uuid:54d63966-0a95-4093-806d-86d63dcf2fd5"},
                  "another basket: tb1-lite"),
                 ({"sku": "simulated A800"}, "another device"),
                 ({"seller": "Other", "site": ""}, "no cost sheet")]
        document = self.audit(*[row for row, _ in cases], code=0)
        for row, (_, reason) in zip(document["rows"], cases, strict=True):
            self.assertEqual(row["verdict"], "not_comparable")
            self.assertIn(reason, row["reason"])

    def test_expired_early_and_revoked_certificates(self):
        self.tariffs({})
        for date, reason in (("2036-01-01T00:00:00Z", "expired"),
                             ("2025-01-01T00:00:00Z", "not yet issued")):
            command = self.command("--json")
            command[command.index(DATE)] = date
            row = json.loads(assay(*command, cwd=self.folder).stdout)["rows"][0]
            self.assertEqual(row["verdict"], "not_comparable")
            self.assertIn(reason, row["reason"])
        for effective, verdict in (("2026-05-01T00:00:00Z", "not_comparable"),
                                   ("2026-07-01T00:00:00Z", "within_band")):
            (self.folder / "revoked.csv").write_text(
                f"certificate,effective_utc,reason\n{H800},{effective},wrong device\n")
            row = self.audit({}, more=("--revocations", "revoked.csv"))["rows"][0]
            self.assertEqual(row["verdict"], verdict)
        self.assertEqual(self.audit({}, more=("--revocations", "revoked.csv"))["counts"],
                         {"above": 0, "below_cost": 0, "not_comparable": 0, "within_band": 1})


class Flags(AuditCase):
    def flags(self, *rows, more=()):
        return [set(row["flags"]) for row in self.audit(*rows, more=more)["rows"]]

    def test_of_the_tariffs(self):
        dense = {"unit": "p_day", "price": "412", "accelerator": "H800 SXM5", "precision": "fp16",
                 "sparsity": "dense"}
        (plain, nameplate, sparse, declared) = self.flags(
            {}, dense, {**dense, "sparsity": "sparse", "price": "206"}, {"declared_pue": "1.2"})
        self.assertEqual(plain, set())
        self.assertEqual(nameplate, {"nameplate-count"})
        self.assertEqual(sparse, {"nameplate-count", "sparsity-count"})
        self.assertEqual(declared, {"pue-over-declared"})
        for found in self.flags({}, {"vat": "included", "vat_rate": "0.13", "price": "19.21"}):
            self.assertEqual(found, {"mixed-vat-bases"})
        related = self.flags({"seller_code": "91310000AAAAAAAAA1"},
                             {"seller_code": "91310000BBBBBBBBB2",
                              "affiliates": "91310000AAAAAAAAA1"})
        self.assertEqual(related, [set(), {"related-party"}])
        self.assertEqual(self.flags({"price": "30"}), [{"rate-outside-band"}])

    def test_of_the_sheets(self):
        def pue(document):
            document["energy"]["pue"]["figure"]["value"] = "1.02"

        def life(document):
            document["asset_classes"][0]["life"]["value"] = "4"
            document["test_year"].update(start="2025-01-01", end="2025-12-31")

        try:
            self.edited("sheets/h800-node-worked.json", "sheets/earlier.json", life)
            document = self.audit({}, code=1)
            self.assertEqual(document["rows"][0]["flags"], ["asset-life-changed"])  # a hard rule
            self.assertFalse(document["passed"])
            (self.folder / "sheets" / "earlier.json").unlink()
            self.edited("sheets/h800-node-worked.json", "sheets/h800-node-worked.json", pue)
            self.assertIn("pue-too-good", self.audited(price="17")["flags"])
        finally:
            (self.folder / "sheets" / "earlier.json").unlink(missing_ok=True)
            shutil.copy2(EXAMPLES / "h800-node-worked.json", self.folder / "sheets")

    def test_limits_are_data(self):
        def stricter(document):
            for rule in document["rules"]:
                if rule["name"] == "pue-too-good":
                    rule.update(limits=["1.31"], severity="hard")

        shutil.copy2(SOURCE / "pricing" / "data" / "audit-rules.json", self.folder / "rules.json")
        path = self.edited("rules.json", "strict.json", stricter)
        document = self.audit({}, more=("--rules", path), code=1)
        self.assertEqual(document["rows"][0]["flags"], ["pue-too-good"])
        self.assertNotEqual(document["rules"]["digest"], self.audit({})["rules"]["digest"])
        for rule in document["rule_table"]:
            self.assertTrue(rule["reason"])


class Forms(AuditCase):
    ROWS = ({"price": "17"}, {"price": "1"}, {"price": "99"}, {"unit": "core_hour", "price": "1"},
            {"price": "98"})

    def test_json_csv_and_table_say_the_same_in_the_same_order(self):
        self.tariffs(*self.ROWS)
        assay(*self.command("-o", "audit.json"), cwd=self.folder)
        assay(*self.command("-o", "audit.csv"), cwd=self.folder)
        table = assay(*self.command(), cwd=self.folder).stdout
        document = json.loads((self.folder / "audit.json").read_text())
        with open(self.folder / "audit.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        # The dearest first, then below cost, then what can't be compared, then what is well.
        self.assertEqual([row["line"] for row in document["rows"]], [4, 6, 3, 5, 2])
        lines = [line.split("|")[1:] for line in table.splitlines() if line.startswith("|")][2:]
        for one, other, printed in zip(document["rows"], rows, lines, strict=True):
            for column in ("seller", "sku", "unit", "price", "verdict", "reason", "certificate"):
                self.assertEqual(one[column], other[column], column)
            self.assertEqual(str(one["line"]), other["line"])
            self.assertEqual(str(one["line"]), printed[0].strip())
            self.assertEqual(one["verdict"], printed[4].strip())
            self.assertEqual(" ".join(one["flags"]), other["flags"])
            if one["readings"]:
                self.assertEqual(one["readings"][0]["cny_per_cu_by_k_cert"],
                                 other["cny_per_cu_by_k_cert"])
                self.assertEqual(one["readings"][0]["arithmetic"], other["arithmetic"])
        self.assertIn("2 above, 1 below cost, 1 within band, 1 not comparable", table)

    def test_the_test_key_is_named_everywhere(self):
        self.tariffs({})
        assay(*self.command("-o", "audit.csv"), cwd=self.folder)
        self.assertIn("TEST KEY", (self.folder / "audit.csv").read_text())
        self.assertIn("TEST KEY", assay(*self.command(), cwd=self.folder).stdout)
        self.assertTrue(self.audit({})["test_key"])

    def test_signatures_are_checked_where_a_key_is_given(self):
        self.assertEqual(self.audit({}, more=("--key", KEY), code=0)["counts"]["within_band"], 1)
        path = self.folder / "certificates" / "simulated-h800.json"
        kept = path.read_text()
        envelope = json.loads(kept)
        statement = json.loads(base64.b64decode(envelope["payload"]))
        statement["predicate"]["customer"] = {"value": "somebody else"}
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        path.write_text(json.dumps(envelope))
        try:
            done = assay(*self.command("--key", KEY), cwd=self.folder)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn("simulated-h800.json", done.stderr)
        finally:
            path.write_text(kept)

    def test_files_stand_for_folders(self):
        self.tariffs({})
        done = assay("audit", "--tariffs", "tariffs.csv", "--certificates",
                     "certificates/simulated-h800.json", "--cost-sheets",
                     "sheets/h800-node-worked.json", "--date", DATE, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_published_examples(self):
        done = assay("audit", "--tariffs", EXAMPLES / "tariffs-synthetic.csv", "--certificates",
                     EXAMPLES / "certificates", "--cost-sheets",
                     EXAMPLES / "h800-node-worked.json", EXAMPLES / "synthetic-b-mixed-fleet.json",
                     "--date", DATE, "--json", cwd=self.folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        counts = json.loads(done.stdout)["counts"]
        self.assertTrue(all(counts.values()), counts)  # each verdict is there
        done = assay("audit", "--tariffs", EXAMPLES / "tariffs-china.csv", "--certificates",
                     "certificates", "--cost-sheets", "sheets", cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)


class Broken(AuditCase):
    def broken(self, words, *more, rows=({},), change=lambda text: text):
        self.tariffs(*rows)
        path = self.folder / "tariffs.csv"
        path.write_text(change(path.read_text()), encoding="utf-8")
        self.refused(2, words, *self.command("-o", "never.csv", *more))
        self.assertFalse((self.folder / "never.csv").exists())

    def test_fields(self):
        for words, row in (
                (["tariffs.csv:2: price", "-3 is not above 0"], {"price": "-3"}),
                (["tariffs.csv:2: price", "decimal"], {"price": "1e3"}),
                (["tariffs.csv:2: unit", "'card_hours'", "did you mean 'card_hour'"],
                 {"unit": "card_hours"}),
                (["tariffs.csv:2: vat", "excluded, included, unstated"], {"vat": "net"}),
                (["tariffs.csv:2: vat", "write unstated"], {"vat": "included"}),
                (["tariffs.csv:2: vat_rate", "0.13"], {"vat": "included", "vat_rate": "13"}),
                (["tariffs.csv:2: currency", "exchange rate", "cny_per_currency"],
                 {"currency": "USD"}),
                (["tariffs.csv:2: exchange_source", "fill it in"],
                 {"currency": "USD", "cny_per_currency": "7"}),
                (["tariffs.csv:2: date", "2026-02-30", "2026-01-31"], {"date": "2026-02-30"}),
                (["tariffs.csv:2: devices", "whole number"], {"unit": "node_hour", "devices": "8.5"}),
                (["tariffs.csv:2: devices", "fill it in"], {"unit": "node_hour"}),
                (["tariffs.csv:2: configuration"], {"unit": "training_token"}),
                (["tariffs.csv:2: declared_pue", "at least 1"], {"declared_pue": "0.9"}),
                (["tariffs.csv:2: seller_code", "18 digits"], {"seller_code": "9131"}),
                (["tariffs.csv:2: sparsity", "dense, sparse"], {"sparsity": "half"}),
                (["tariffs.csv:2: source", "fill it in"], {"source": ""})):
            self.broken(words, rows=[row])
        # Of many, the first bad line is named, whichever core read it.
        rows = [{}] * 1500 + [{"price": "0"}] + [{}] * 1500 + [{"price": "x"}]
        self.broken(["tariffs.csv:1502: price", "0 is not above 0"], rows=rows)

    def test_forms(self):
        self.broken(["tariffs.csv:3", "never closed"],
                    change=lambda text: text + '"none,,,\n', rows=[{}])
        self.broken(["tariffs.csv:3", "fields"], change=lambda text: text + "a,b\n")
        self.broken(["tariffs.csv:1", "'price' is missing"],
                    change=lambda text: text.replace(",price,", ",prize,", 0).replace(
                        "price,", "", 1).replace(",17,", ",", 1))
        self.broken(["tariffs.csv:1", "unknown column 'prise'", "did you mean 'price'"],
                    change=lambda text: text.replace(",price,", ",prise,", 1))
        self.broken(["tariffs.csv", "no row"], rows=[])
        self.broken(["tariffs.csv", "byte order mark"], change=lambda text: "\ufeff" + text)
        self.tariffs({"site": "\u7b97\u529b"})
        path = self.folder / "tariffs.csv"
        path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
        self.refused(2, ["tariffs.csv:2", "not UTF-8"], *self.command("--json"))

    def test_options(self):
        self.broken(["--ceiling", "above 0"], "--ceiling", "0")
        self.broken(["--ceiling", "decimal"], "--ceiling", "forty")
        self.broken(["no such folder", "nowhere"], "--cost-sheets", "nowhere")
        self.broken(["missing.json"], "--rules", "missing.json")
        self.broken(["no basket \"tb7\"", "tb1"], "--basket", "tb7")
        self.tariffs({})
        self.refused(2, ["audit.txt", ".csv"], *self.command("-o", "audit.txt"))
        command = self.command()
        command[command.index(DATE)] = "2026-06-31T00:00:00Z"
        self.refused(2, ["--date", "2026-06-31"], *command)

    def test_revocations(self):
        for words, text in (
                (["revoked.csv:2: effective_utc", "2026-13-01"],
                 f"certificate,effective_utc,reason\n{H800},2026-13-01T00:00:00Z,x\n"),
                (["revoked.csv:2: reason", "fill it in"],
                 f"certificate,effective_utc,reason\n{H800},2026-01-01T00:00:00Z,\n"),
                (["revoked.csv:3: certificate", "twice"], "certificate,effective_utc,reason\n" +
                 f"{H800},2026-01-01T00:00:00Z,x\n" * 2)):
            (self.folder / "revoked.csv").write_text(text)
            self.broken(words, "--revocations", "revoked.csv")

    def test_certificates_and_sheets(self):
        copy = self.folder / "certificates" / "copy.json"
        shutil.copy2(self.folder / "certificates" / "simulated-h800.json", copy)
        try:
            self.broken(["same certificate", "remove one"])
        finally:
            copy.unlink()

        def price(document):
            document["asset_classes"][0]["price"]["value"] = "-1"

        self.edited("sheets/h800-node-worked.json", "sheets/z.json", price)
        try:
            self.broken(["z.json", "price of -1", "zero or more"])
        finally:
            (self.folder / "sheets" / "z.json").unlink()

    def test_rules(self):
        shutil.copy2(SOURCE / "pricing" / "data" / "audit-rules.json", self.folder / "rules.json")

        def unreasoned(document):
            del document["rules"][0]["reason"]

        def code(document):
            document["rules"][0]["quantity"] = "system('ls')"

        for words, change in ((["bad.json", "/rules/0", "reason"], unreasoned),
                              (["bad.json", "/rules/0/quantity"], code)):
            self.edited("rules.json", "bad.json", change)
            self.broken(words, "--rules", "bad.json")


if __name__ == "__main__":
    support.main()
