"""assay quote as a small company meets it: every kind of job, offers of both kinds, figures derived
again from the documents with exact fractions, and every way to hand it something broken."""
import base64
import json
import math
import pathlib
import shutil
import sys
import tempfile
from fractions import Fraction

import support
from support import SOURCE, Case, assay

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "independent"))
from model_flops import flops_per_token  # noqa: E402

EXAMPLES = SOURCE / "pricing" / "data" / "examples"
KEY = SOURCE / "tests" / "support" / "test.key.pub"
DATE = "2026-06-01T00:00:00Z"
CU_FLOPS = 36 * 10**17


def half_even(figure, decimals):
    units = round(figure * 10**decimals)  # Python rounds a tie of a fraction to the even one
    digits = str(units).rjust(decimals + 1, "0")
    return digits[:-decimals] + "." + digits[-decimals:]


def exact(number):
    return Fraction(repr(number))


class QuoteCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        shutil.copytree(EXAMPLES / "certificates", cls.folder / "certificates")
        shutil.copy2(EXAMPLES / "tariffs-synthetic.csv", cls.folder / "tariffs.csv")
        (cls.folder / "cards").mkdir()
        shared = ("--date", DATE, "--draws", "0")
        cls.must("price", "--cost-sheet", EXAMPLES / "h800-node-worked.json", "--certificate",
                 "certificates/simulated-h800.json", "-o", "cards/worked.json", *shared)
        cls.must("price", "--cost-sheet", EXAMPLES / "synthetic-b-mixed-fleet.json",
                 "--certificate", "certificates/simulated-h800.json", "--certificate",
                 "certificates/simulated-a800.json", "-o", "cards/fleet", *shared)
        cls.must("price", "--cost-sheet", EXAMPLES / "china-h800-hub.json", "-o",
                 "cards/declared.json", *shared)
        cls.basket = json.loads((SOURCE / "results/edition/data/tb1.json").read_text())["items"]
        cls.contents = cls.read("certificates")

    @classmethod
    def read(cls, folder):
        """What certificates say, by their id."""
        contents = {}
        for path in (cls.folder / folder).glob("*.json"):
            content = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
            contents[content["predicate"]["certificate_id"]] = content["predicate"]
        return contents

    def command(self, *job, certificates="certificates"):
        return ["quote", *job, "--certificates", certificates, "--rate-cards", "cards", "--tariffs",
                "tariffs.csv", "--date", DATE]

    def quote(self, *job, code=0, certificates="certificates"):
        done = assay(*self.command(*job, "--json", certificates=certificates), cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)


class Figures(QuoteCase):
    def recompute(self, document, flops, contents=None):
        """Every figure of every row again; how many rows had some."""
        contents = contents or self.contents
        self.assertEqual(document["job"]["model_flops"], str(flops))
        cards = {path.name: json.loads(path.read_text())
                 for path in (self.folder / "cards").rglob("*.json")}
        rates = {(card["name"], (card["certificate"] or {}).get("device")):
                 Fraction(card["rate"]["cny_per_cu"])
                 for card in cards.values() if card["schema"]["name"] == "assay.rate-card"}
        nearest, devices, followed = document["nearest"], document["devices"], 0
        if nearest:
            width = float(document["job"]["width"])
            kind = [item for item in self.basket
                    if (item["model"]["experts"] > 0) == document["job"]["experts"]]
            closest = min(kind, key=lambda item: abs(math.log(width / item["model"]["width"])))
            self.assertEqual(nearest["item"], closest["name"])
            self.assertAlmostEqual(float(nearest["distance"]),
                                   abs(math.log(width / closest["model"]["width"])), 2)
        for row in document["rows"]:
            figures = row["figures"]
            if figures is None:
                self.assertTrue(row["reason"])
                continue
            followed += 1
            assessment = contents[row["certificate"]]["assessment"]
            k_cert = exact(assessment["k_cert_cu_per_h"]["value"])
            throughput = exact(assessment["k_cu_per_h"]["value"])
            for item in assessment["items"] if nearest else []:
                if item["basket_item"] == nearest["item"]:
                    throughput = exact(item["pflops"])
            factor = Fraction(1)
            gang = assessment["k_gang_cu_per_h"]["value"]
            if devices > 1 and gang is not None:
                factor = exact(gang) / exact(assessment["k_sum_cu_per_h"]["value"])
            hours = Fraction(flops) / (CU_FLOPS * devices * throughput * factor)
            billed = devices * hours * k_cert
            self.assertEqual(figures["hours"], half_even(hours, 6))
            self.assertEqual(figures["billed_cu"], half_even(billed, 6))
            self.assertEqual(figures["gang"]["price_factor"], half_even(1 / factor, 6))
            if row["basis"] == "rate card":
                rate = rates[row["site"], row["sku"]]
                self.assertEqual(figures["price_cny"], dict.fromkeys(("low", "high"),
                                                                     half_even(billed * rate, 2)))
            for end in ("low", "high"):  # the printed price per CU, to its last decimal
                price, rate = (Fraction(row_part[end]) for row_part in
                               (figures["price_cny"], row["cny_per_cu"]))
                self.assertLessEqual(abs(price - billed * rate), billed / 10**6 + Fraction(1, 100))
            if document["programme"] is None:
                self.assertEqual(figures["pays_cny"], figures["price_cny"]["high"])
        pays = [Fraction(row["figures"]["pays_cny"]) for row in document["rows"]
                if row["figures"] and not row["figures"]["at_least"]]
        self.assertEqual(pays, sorted(pays))
        ranks = [2 if row["figures"] is None else int(row["figures"]["at_least"])
                 for row in document["rows"]]
        self.assertEqual(ranks, sorted(ranks))
        return followed

    def test_dense_by_parameters(self):
        document = self.quote("--parameters", "7B", "--tokens", "100B")
        self.assertEqual(document["nearest"]["item"], "llama-8b-slice")
        self.assertTrue(document["job"]["width_estimated"])
        self.assertGreater(self.recompute(document, 6 * 7 * 10**9 * 10**11), 10)
        self.assertTrue(document["test_key"])
        self.assertIn("none for attention", " ".join(document["assumptions"]))

    def test_experts_by_parameters(self):
        document = self.quote("--parameters", "16.4B", "--active-parameters", "2.8B", "--tokens", "2T")
        self.assertEqual(document["nearest"]["item"], "moe-slice")
        self.recompute(document, 6 * 28 * 10**8 * 2 * 10**12)

    def test_known_models_and_ones_own(self):
        data = json.loads((SOURCE / "pricing/data/model-families.json").read_text())
        families = [family["document"] for family in data["families"]]
        for family in families:
            document = self.quote("--model", family["name"], "--tokens", "1000000")
            self.recompute(document, flops_per_token(family["model"]) * 10**6)
            self.assertEqual(document["job"]["model"], family)
        own = {**families[0], "name": "mine", "source": None}
        (self.folder / "mine.json").write_text(json.dumps(own))
        document = self.quote("--model", "mine.json", "--tokens", "1B", "--sequence", "4096")
        longer = {**own["model"], "sequence": 4096}
        self.recompute(document, flops_per_token(longer) * 10**9)

    def test_compute_units(self):
        document = self.quote("--cu", "1234.5")
        self.assertIsNone(document["nearest"])
        self.recompute(document, Fraction("1234.5") * CU_FLOPS)

    def test_gangs(self):
        document = self.quote("--parameters", "7B", "--tokens", "1B", "--devices", "8")
        for row in document["rows"]:
            if row["figures"]:
                self.assertTrue(row["figures"]["at_least"])
                self.assertIn("no-gang-rate", row["flags"])
        self.recompute(document, 42 * 10**18)
        # A gang of eight, made up: K_sum 8·K, K_gang 0.9 of it.
        (self.folder / "gang").mkdir(exist_ok=True)
        envelope = json.loads((self.folder / "certificates/simulated-h800.json").read_text())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        content = statement["predicate"]
        k = content["assessment"]["k_cu_per_h"]["value"]
        content["item"]["device_count"] = 8
        content["assessment"].update(k_sum_cu_per_h={"value": 8 * k}, eta={"value": 0.93},
                                     k_gang_cu_per_h={"value": 7.2 * k})
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        (self.folder / "gang" / "h800.json").write_text(json.dumps(envelope))
        contents = self.read("gang")
        for devices, flags, at_least in ((8, set(), False), (4, {"gang-rate-of-more-devices"}, False),
                                         (16, {"beyond-measured-devices"}, True), (1, set(), False)):
            document = self.quote("--parameters", "7B", "--tokens", "1B", "--devices", str(devices),
                                  certificates="gang")
            self.assertGreater(self.recompute(document, 42 * 10**18, contents), 5)
            for row in document["rows"]:
                if row["figures"]:
                    self.assertEqual(set(row["flags"]) - {"price-unstated"}, flags)
                    self.assertEqual(row["figures"]["at_least"], at_least)

    def test_offers_without_a_figure_say_why(self):
        document = self.quote("--parameters", "7B", "--tokens", "1B")
        reasons = {row["reason"] for row in document["rows"]}
        for words in ("declared", "inference token", "core-hour", "another basket"):
            self.assertTrue(any(words in reason for reason in reasons), words)

    def test_table(self):
        done = assay(*self.command("--parameters", "7B", "--tokens", "1B"), cwd=self.folder)
        for words in ("TEST KEY", "llama-8b-slice", "distance 0.028", "assumed:", "price-unstated"):
            self.assertIn(words, done.stdout)

    def test_nothing_to_quote(self):
        command = self.command("--parameters", "7B", "--tokens", "1B", "--json")
        command[command.index(DATE)] = "2025-01-01T00:00:00Z"
        done = assay(*command, cwd=self.folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        rows = json.loads(done.stdout)["rows"]
        self.assertTrue(all(row["figures"] is None for row in rows))
        self.assertIn("not yet issued", done.stdout)

    def test_output_and_key(self):
        self.must(*self.command("--cu", "1", "--key", KEY, "-o", "quote.json"))
        self.assertEqual(json.loads((self.folder / "quote.json").read_text()),
                         self.quote("--cu", "1"))


class Vouchers(QuoteCase):
    CLAIM = EXAMPLES / "claims" / "nanning-worked-example.json"

    def applied(self, price):
        """What the programme itself says of the claim with this price in it, ex VAT."""
        claim = json.loads(self.CLAIM.read_text())
        item = claim["contract"]["items"][0]
        item["amount"] = half_even(price * (1 + Fraction(item["vat"]["rate"])), 2)
        (self.folder / "filled.json").write_text(json.dumps(claim))
        done = assay("programme", "apply", "filled.json", "--json", cwd=self.folder)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def test_each_offer_gets_what_its_claim_would(self):
        job = ("--parameters", "7B", "--tokens", "100B")
        document = self.quote(*job, "--claim", self.CLAIM)
        self.assertEqual(document["programme"]["id"], "nanning")
        plain = {row["source"]: row for row in self.quote(*job)["rows"]}
        followed = 0
        for row in document["rows"]:
            figures = row["figures"]
            if figures is None:
                continue
            assessment = self.contents[row["certificate"]]["assessment"]
            pflops = next(exact(item["pflops"]) for item in assessment["items"]
                          if item["basket_item"] == figures["item"])
            billed = (Fraction(42 * 10**20) / (CU_FLOPS * pflops)
                      * exact(assessment["k_cert_cu_per_h"]["value"]))
            price = Fraction(figures["price_cny"]["high"])
            if row["basis"] == "rate card":  # exactly, where the price per CU is a round figure
                price = billed * Fraction(row["cny_per_cu"]["high"])
            ruling, voucher = self.applied(price), figures["voucher"]
            self.assertEqual(voucher["kind"], ruling["kind"])
            amounts = sorted(Fraction(each["cumulative_cny"]) for each in ruling["readings"])
            for end, amount in (("low_cny", amounts[0]), ("high_cny", amounts[-1])):
                self.assertLessEqual(abs(Fraction(voucher[end]) - amount), 1)
            if row["basis"] == "rate card":
                self.assertEqual(Fraction(voucher["low_cny"]), amounts[0])
            self.assertEqual(figures["price_cny"],
                             plain[row["source"]]["figures"]["price_cny"])
            sure = Fraction(voucher["low_cny"]) if voucher["kind"] == "figure" else 0
            off = Fraction(figures["price_cny"]["high"]) - sure - Fraction(figures["pays_cny"])
            self.assertLessEqual(abs(off), Fraction(1, 100))
            followed += 1
        self.assertGreater(followed, 10)

    def test_table_names_the_programme(self):
        done = assay(*self.command("--cu", "100", "--claim", self.CLAIM), cwd=self.folder)
        self.assertIn("voucher: nanning", done.stdout)

    def test_claims_that_do_not_fit(self):
        claim = json.loads(self.CLAIM.read_text())
        two = {**claim, "contract": {**claim["contract"], "items": claim["contract"]["items"] * 2}}
        unknown = {**claim, "programme": {"id": "nannning", "version": None}}
        awarded = {**claim, "award": {"amount": "1.00", "date": "2025-01-20", "document": "x"}}
        for words, document in ((["claim.json", "one item"], two),
                                (["claim.json", "nannning"], unknown),
                                (["claim.json", "not decided yet"], awarded)):
            (self.folder / "claim.json").write_text(json.dumps(document))
            self.refused(2, words, *self.command("--cu", "1", "--claim", "claim.json"))
        self.refused(2, ["--programme belongs to --claim"],
                     *self.command("--cu", "1", "--programme", "x.json"))


class Broken(QuoteCase):
    def test_jobs(self):
        for words, job in (
                (["one of --parameters"], []),
                (["one of --parameters"], ["--parameters", "1B", "--cu", "3", "--tokens", "1B"]),
                (["--tokens", "2T"], ["--parameters", "1B"]),
                (["--tokens", "'1e9' is no count"], ["--parameters", "1B", "--tokens", "1e9"]),
                (["--parameters", "above 0"], ["--parameters", "0", "--tokens", "1B"]),
                (["--active-parameters", "more parameters are active"],
                 ["--parameters", "1B", "--active-parameters", "2B", "--tokens", "1B"]),
                (["--active-parameters belongs"],
                 ["--model", "llama-3-8b", "--active-parameters", "2B", "--tokens", "1B"]),
                (["--sequence belongs"], ["--parameters", "1B", "--sequence", "9", "--tokens", "1B"]),
                (["--sequence", "100,000,000"],
                 ["--model", "llama-3-8b", "--sequence", "-1", "--tokens", "1B"]),
                (["--sequence", "100,000,000"],
                 ["--model", "llama-3-8b", "--sequence", str(2**63 - 1), "--tokens", "1B"]),
                (["--tokens", "10^18"], ["--parameters", "1B", "--tokens", "1000001T"]),
                (["--cu", "10^18"], ["--cu", "1000000000000000001"]),
                (["did you mean 'llama-3-8b'"], ["--model", "llama-3-8", "--tokens", "1B"]),
                (["--cu", "above 0"], ["--cu", "0"]),
                (["--cu", "decimal"], ["--cu", "many"]),
                (["in CU has no tokens"], ["--cu", "1", "--tokens", "1B"]),
                (["--devices", "1,000,000"], ["--cu", "1", "--devices", "0"]),
                (["no basket", "tb1"], ["--cu", "1", "--basket", "tb7"])):
            self.refused(2, words, *self.command(*job, "-o", "never.json"))
            self.assertFalse((self.folder / "never.json").exists())

    def test_files(self):
        (self.folder / "bad.json").write_text('{"schema": {"name": "assay.model", "version": 1}}')
        self.refused(2, ["bad.json", "name"], *self.command("--model", "bad.json", "--tokens", "1B"))
        (self.folder / "tariffs.bad").write_text(
            (self.folder / "tariffs.csv").read_text() + 'a,"b\n')
        self.refused(2, ["tariffs.bad:", "never closed"], "quote", "--cu", "1", "--certificates",
                     "certificates", "--tariffs", "tariffs.bad", "--date", DATE)
        self.refused(2, ["nothing to quote from", "--rate-cards"], "quote", "--cu", "1",
                     "--certificates", "certificates", "--date", DATE)
        self.refused(2, ["no such folder", "nowhere"], "quote", "--cu", "1", "--certificates",
                     "nowhere", "--rate-cards", "cards", "--date", DATE)
        self.refused(2, ["certificates/simulated", "unknown field"], "quote", "--cu", "1",
                     "--certificates", "certificates", "--rate-cards", "certificates", "--date", DATE)
        self.refused(2, [".json"], *self.command("--cu", "1", "-o", "quote.txt"))
        command = self.command("--cu", "1")
        command[command.index(DATE)] = "yesterday"
        self.refused(2, ["--date", "no instant"], *command)

    def test_revoked_and_expired(self):
        command = self.command("--cu", "1", "--json")
        command[command.index(DATE)] = "2036-01-01T00:00:00Z"
        done = assay(*command, cwd=self.folder)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("expired", done.stdout)
        (self.folder / "revoked.csv").write_text(
            "certificate,effective_utc,reason\nurn:uuid:504938fc-9516-4784-8ba0-3d1f0bb94c18,"
            "2026-05-01T00:00:00Z,wrong device\n")
        document = self.quote("--cu", "1", "--revocations", "revoked.csv")
        self.assertIn("the certificate was revoked from 2026-05-01T00:00:00Z: wrong device",
                      {row["reason"] for row in document["rows"]})


if __name__ == "__main__":
    support.main()
