"""Vouchers and their ledger as a city would keep them: from the first administrator to the close of
the year, with every way to hand the program something it must refuse."""
import base64
import contextlib
import csv
import hashlib
import io
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "end_to_end"))
import support  # noqa: E402

ACTORS = {"chen": "administrator", "zhao": "regulator", "zhou": "regulator", "li": "issuer",
          "lin": "issuer", "wang": "operator", "sun": "treasurer", "song": "treasurer"}
CERTIFICATES = tempfile.TemporaryDirectory()  # made once, copied by each class
APPLICANT = "91310000MA1FL00000"
SUPPLIER = "91310000MA1FL00001"


def operation(key, actor, kind, body, reason="a test"):
    return {"schema": {"name": "assay.ledger-operation", "version": 1}, "ledger": "city",
            "key": key, "actor": actor, "role": ACTORS[actor], "reason": reason, "kind": kind,
            "body": body}


def redemption(name, day, cu="2", amount="8.00", voucher="v-1"):
    start = f"2026-01-{day:02}T02:00:00Z"
    return {"redemption": name, "voucher": voucher, "quantity_cu": cu,
            "rule_version": "r1", "rate_version": "c1", "rule_amount_cny": amount,
            "evaluation_digest": "e" * 64, "allocation_digest": "f" * 64,
            "uses": [{"device": "gpu-0", "start": start, "end": f"2026-01-{day:02}T04:00:00Z",
                      "quantity_cu": cu}],
            "invoices": [{"line": {"issuer_tax_number": SUPPLIER, "invoice_number": f"i-{name}",
                                   "line": 1},
                          "digest": "d" * 64, "eligible_cny": "100.00", "counted_cny": "60.00"}],
            "days": [{"contract": "k-1", "from": f"2026-01-{day:02}",
                      "until": f"2026-01-{day + 1:02}"}]}


def content_of(path):
    """What a certificate says."""
    payload = json.loads(path.read_text())["payload"]
    return json.loads(base64.b64decode(payload))["predicate"]


def setUpModule():
    subprocess.run([sys.argv[4], CERTIFICATES.name, support.MEASURED / "test.key"], check=True)


class LedgerCase(support.Case):
    """One city's ledger a class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for path in pathlib.Path(CERTIFICATES.name).iterdir():
            shutil.copy2(path, cls.folder)
        for actor in ACTORS:
            cls.must("keygen", "-o", f"{actor}.key")
        cls.must("ledger", "open", "--ledger", "city.ledger", "--name", "city", "--actor", "chen",
                 "--reason", "decision 12", "--second-signature-above", "5000", "--sign",
                 "chen.key")
        setup = [operation(f"actor-{name}", "chen", "register-actor",
                           {"name": name, "roles": [role],
                            "public_key": (cls.folder / f"{name}.key.pub").read_text()})
                 for name, role in ACTORS.items() if name != "chen"]
        cls.post(setup, "chen")
        cls.post([operation(f"programme-{name}", "zhao", "open-programme",
                            {"programme": name, "commits_at": "issue", "at_close": "lapse",
                             "pays": pays, "needs_award": False, "utc_offset_minutes": 480,
                             "stack_group": f"g-{name}", "stacks_beside": []})
                  for name, pays in (("p", "supplier"), ("q", "applicant"))] +
                 [operation(f"rule-{name}", "zhao", "set-rule",
                            {"programme": name, "version": "r1", "digest": "a" * 64,
                             "from": "2025-12-31T16:00:00Z", "until": "2036-12-31T16:00:00Z",
                             "share_of_ceiling": "0.5", "cap_cny": "2000.00", "unresolved": []})
                  for name in "pq"] +
                 [operation(f"ceiling-{name}", "zhao", "set-ceiling",
                            {"programme": name, "version": "c1", "digest": "b" * 64,
                             "from": "2025-12-31T16:00:00Z", "until": "2036-12-31T16:00:00Z",
                             "ceiling_cny_per_cu": "10"}) for name in "pq"], "zhao", "zhou")
        cls.certificate = cls.certify("certificate.json")
        cls.post([operation(f"fund-{name}-{year}", "sun", "fund-budget",
                            {"programme": name, "year": year, "amount_cny": "10000.00"})
                  for name in "pq" for year in (2024, 2026)], "sun", "song")

    @classmethod
    def post(cls, operations, *signers):
        path = cls.folder / "batch.jsonl"
        path.write_text("".join(json.dumps(o) + "\n" for o in operations))
        signs = [word for name in signers for word in ("--sign", f"{name}.key")]
        return cls.must("ledger", "post", "--ledger", "city.ledger", path, *signs)

    @classmethod
    def certify(cls, name, *more):
        return json.loads(cls.must(
            "ledger", "certificate", "--json", name, "--laboratory-key", "test.key.pub", "--ledger",
            "city.ledger", "--actor", "zhao", "--reason", "a test", "--sign", "zhao.key", "--sign",
            "zhou.key", *more))["certificate"]

    @classmethod
    def issue(cls, voucher="v-1", programme="p", cu="100", *more):
        return cls.must("voucher", *cls.issue_words(voucher, programme, cu), *more)

    @staticmethod
    def issue_words(voucher="v-1", programme="p", cu="100"):
        return ("issue", "--ledger", "city.ledger", "--voucher", voucher, "--programme", programme,
                "--year", "2026", "--applicant", APPLICANT, "--cu", cu, "--rule-version", "r1",
                "--rate-version", "c1", "--expires", "2036-06-30T16:00:00Z", "--actor", "li",
                "--reason", "round 1", "--sign", "li.key")

    @classmethod
    def step(cls, name, *words, actor="wang"):
        return cls.must("voucher", name, "--ledger", "city.ledger", "--actor", actor, "--reason",
                        "a test; with a semicolon", *words)

    @classmethod
    def redeem(cls, document, *more):
        path = cls.folder / "redemption.json"
        path.write_text(json.dumps(document))
        return cls.step("redeem", "--redemption", path, "--certificate", "certificate.json",
                        "--laboratory-key", "test.key.pub", *more)

    @classmethod
    def settle(cls, name, payment):
        return cls.step("settle", "--redemption", name, "--payment", payment, "--anchors",
                        "city.anchors", "--sign", "sun.key", actor="sun")

    @classmethod
    def show(cls, voucher="v-1"):
        return json.loads(cls.must("voucher", "show", "--json", "--ledger", "city.ledger", voucher))

    def balance(self, place, voucher="v-1"):
        return self.show(voucher)["balances"][place]

    def check(self):
        return json.loads(self.must("ledger", "check", "--json", "--ledger", "city.ledger",
                                    "--anchors", "city.anchors", "--anchor-key", "sun.key.pub"))


class TheWholeWay(LedgerCase):
    def test_from_issue_to_the_close(self):
        self.issue()
        self.assertEqual(self.balance("covered"), "100.000000")
        self.assertEqual(self.balance("committed"), "500.00")
        self.step("reserve", "--voucher", "v-1", "--cu", "20")
        self.step("reserve", "--voucher", "v-1", "--cu", "2", "--release")
        self.redeem(redemption("r-1", 5))
        self.redeem(redemption("r-2", 6, amount="1000.00"))
        self.redeem(redemption("r-3", 7))
        self.assertEqual(self.balance("payable"), "26.00")
        self.settle("r-1", "pay-1")
        self.settle("r-2", "pay-1")
        self.step("refund", "--redemption", "r-3", "--cu", "0.5")
        self.step("clawback", "--redemption", "r-1", "--cu", "1", "--sign", "zhao.key",
                  actor="zhao")
        self.step("clawback", "--voucher", "v-1", "--cu", "10", "--sign", "zhao.key", actor="zhao")
        self.post([operation("bank-1", "sun", "receive", {"voucher": "v-1", "amount_cny": "4.00",
                                                          "bank_reference": "b-1"})], "sun")
        self.issue("v-2", "q", "10")
        self.step("reserve", "--voucher", "v-2", "--cu", "5")
        other = redemption("r-4", 8, voucher="v-2")
        self.redeem(other)
        self.settle("r-4", "pay-2")

        report = self.check()
        self.assertTrue(report["sound"])
        self.assertGreaterEqual(len(report["checks"]), 21)
        statement = json.loads(self.must("ledger", "statement", "--json", "--ledger", "city.ledger",
                                         "--programme", "p"))
        year = [y for y in statement["years"] if y["year"] == 2026][0]
        money = lambda name: int(year[name + "_cny"].replace(".", ""))
        self.assertEqual(money("budget"), money("free") + money("committed") + money("payable") +
                         money("paid") + money("lapsed") - money("recovered"))
        self.assertEqual(year["paid_cny"], "18.00")
        # 3 CU stayed settled for 14 yuan.
        self.assertEqual(year["settled_cu_per_cny"], "0.214286")

        self.hledger()
        self.focus()
        self.reconcile()
        self.must("ledger", "close", "--ledger", "city.ledger", "--programme", "p", "--year", "2024",
                  "--actor", "sun", "--reason", "year end", "--sign", "sun.key")
        self.refused(1, ["year-closed"], "ledger", "close", "--ledger", "city.ledger",
                     "--programme", "p", "--year", "2024", "--actor", "sun", "--reason", "again",
                     "--sign", "sun.key")
        self.assertTrue(self.check()["sound"])

    def hledger(self):
        journal = self.folder / "city.journal"
        self.must("ledger", "export", "--ledger", "city.ledger", "--format", "hledger", "-o",
                  journal)

        def judge(path):
            return subprocess.run(["hledger", "-f", path, "check", "-s"], capture_output=True,
                                  text=True, check=False)
        done = judge(journal)
        self.assertEqual(done.returncode, 0, done.stderr)
        # A planted wrong figure, a CU paid for with fen, and an account that nobody declared.
        text = journal.read_text()
        for old, new in ((":payable  8.00 CNY", ":payable  8.01 CNY"),
                         (":redeemed  2.000000 CU", ":redeemed  2.000000 CNY"),
                         (":payable  8.00 CNY", ":payables  8.00 CNY")):
            self.assertIn(old, text)
            planted = self.folder / "planted.journal"
            planted.write_text(text.replace(old, new, 1))
            self.assertNotEqual(judge(planted).returncode, 0, new)
        # Every account's balance, as hledger adds it up and as SQLite keeps it.
        said = subprocess.run(["hledger", "-f", journal, "balance", "--flat", "-E", "-N", "-O",
                               "csv"], capture_output=True, text=True, check=True).stdout
        theirs = {}
        for row in csv.DictReader(io.StringIO(said)):
            amount, _, unit = row["balance"].partition(" ")
            digits = 6 if row["account"].startswith("cu:") else 2
            whole, _, part = amount.partition(".")
            value = int(whole + part.ljust(digits, "0")) if unit else 0
            theirs[row["account"]] = value
        with contextlib.closing(sqlite3.connect(self.folder / "city.ledger")) as store:
            ours = dict(store.execute(
                "SELECT account, sum(amount) FROM postings GROUP BY account"))
        self.assertEqual(theirs, ours)
        self.assertGreater(len(ours), 20)

    def focus(self):
        rows = {}
        for version in ("1.2", "1.4"):
            path = self.folder / f"focus-{version}.csv"
            said = self.must("ledger", "export", "--ledger", "city.ledger", "--format",
                             f"focus-{version}", "-o", path)
            self.assertEqual("unverified" in said, version == "1.4")
            with open(path, newline="", encoding="utf-8") as file:
                rows[version] = list(csv.DictReader(file))
        usage = [r for r in rows["1.2"] if r["ChargeCategory"] == "Usage"]
        credit = [r for r in rows["1.2"] if r["ChargeCategory"] == "Credit"]
        self.assertEqual(sorted(r["x_AssayRedemption"] for r in usage), ["r-1", "r-2", "r-4"])
        # The supplier is paid: a credit on its invoice. The applicant is paid: a figure beside.
        self.assertEqual({r["x_AssayRedemption"]: r["BilledCost"] for r in credit},
                         {"r-1": "-4.00", "r-2": "-10.00"})
        self.assertEqual({r["x_AssayRedemption"]: r["x_AssaySubsidyCny"] for r in usage},
                         {"r-1": "", "r-2": "", "r-4": "8.00"})
        for row in rows["1.2"]:
            self.assertEqual((row["BillingCurrency"], row["PricingCurrency"]), ("CNY", "CU"))
            for name in ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart",
                         "ChargePeriodEnd"):
                self.assertRegex(row[name], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertEqual(row["BillingPeriodStart"], "2026-01-01T00:00:00Z")
            self.assertEqual(row["BillingPeriodEnd"], "2026-02-01T00:00:00Z")
        mandatory = (
            "BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd "
            "BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd "
            "ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost "
            "PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory "
            "ServiceName").split()
        nullable = {"BillingAccountName", "ChargeClass", "ChargeDescription", "PricingQuantity",
                    "PricingUnit"}
        columns = list(rows["1.2"][0])
        self.assertEqual(columns[:21], mandatory)
        first_own = next(i for i, name in enumerate(columns) if name.startswith("x_"))
        self.assertTrue(all(name.startswith("x_") for name in columns[first_own:]))
        for row in rows["1.2"]:
            for name in mandatory:
                self.assertTrue(row[name] or name in nullable, name)
        self.assertIn("ServiceProviderName", rows["1.4"][0])
        self.assertNotIn("ProviderName", rows["1.4"][0])
        self.assertTrue(all(r["x_AssayConformance"].startswith("unverified") for r in rows["1.4"]))

    def reconcile(self):
        payments = self.folder / "payments.csv"
        bank = self.folder / "bank.csv"
        payments.write_text("payment_reference,amount_cny,date\npay-1,18.00,2026-03-01\n"
                            "pay-2,8.00,2026-03-02\n")
        bank.write_text("reference,direction,amount_cny\npay-1,out,18.00\npay-2,out,8.00\n"
                        "b-1,in,4.00\n")
        words = ("ledger", "reconcile", "--ledger", "city.ledger", "--payments", payments, "--bank",
                 bank)
        self.assertIn("0 difference(s)", self.must(*words))
        bank.write_text("reference,direction,amount_cny\npay-1,out,18.01\nb-1,in,4.00\nb-2,in,1.00\n")
        done = support.assay(*words, "--json", cwd=self.folder)
        self.assertEqual(done.returncode, 1)
        found = {(d["kind"], d["reference"]): (d["ledger_cny"], d["document_cny"])
                 for d in json.loads(done.stdout)["differences"]}
        self.assertEqual(found, {("bank out", "pay-1"): ("18.00", "18.01"),
                                 ("bank out", "pay-2"): ("8.00", "0.00"),
                                 ("bank in", "b-2"): ("0.00", "1.00")})
        for words_expected, text in ((["bank.csv:2", "no direction"],
                                      "reference,direction,amount_cny\nx,up,1.00\n"),
                                     (["bank.csv:2", "amount_cny"],
                                      "reference,direction,amount_cny\nx,in,1.001\n"),
                                     (["bank.csv:2", "above zero"],
                                      "reference,direction,amount_cny\nx,in,-1.00\n"),
                                     (["bank.csv:2", "quote"],
                                      "reference,direction,amount_cny\n\"x,in,1.00\n"),
                                     (["bank.csv", "direction"], "reference,amount_cny\nx,1.00\n"),
                                     (["bank.csv:2", "2026-02-30"],
                                      "reference,direction,amount_cny,date\nx,in,1,2026-02-30\n")):
            bank.write_text(text)
            self.refused(2, words_expected, *words)


class Refusals(LedgerCase):
    """One line, the exit code, and nothing written."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.issue()
        cls.step("reserve", "--voucher", "v-1", "--cu", "20")
        cls.redeem(redemption("r-1", 5))

    def setUp(self):
        self.before = self.count()

    def tearDown(self):
        self.assertEqual(self.count(), self.before)

    def count(self):
        return json.loads(self.must("ledger", "statement", "--json", "--ledger",
                                    "city.ledger"))["count"]

    def step_refused(self, code, words, name, *more, actor="wang"):
        return self.refused(code, words, "voucher", name, "--ledger", "city.ledger", "--actor",
                            actor, "--reason", "x", *more)

    def test_quantities(self):
        for text, words in (("-1", ["operation", "quantity_cu"]), ("1.0000001", ["--cu", "decimals"]),
                            ("a", ["--cu", "decimal number"]), ("1e3", ["--cu"]), ("", ["--cu"]),
                            ("01", ["--cu"]), ("99999999999999999999", ["--cu", "too large"])):
            self.step_refused(2, words, "reserve", "--voucher", "v-1", f"--cu={text}")
        self.step_refused(1, ["amount"], "reserve", "--voucher", "v-1", "--cu", "0")
        self.step_refused(1, ["not-enough-available"], "reserve", "--voucher", "v-1", "--cu", "81")
        self.step_refused(1, ["not-enough-reserved"], "reserve", "--voucher", "v-1", "--cu", "19",
                          "--release")
        self.step_refused(1, ["unknown-voucher", "assay voucher show"], "reserve", "--voucher", "v",
                          "--cu", "1")
        self.step_refused(1, ["not-expired"], "expire", "--voucher", "v-1")
        self.step_refused(1, ["unknown-redemption"], "refund", "--redemption", "r", "--cu", "1")
        self.step_refused(1, ["not-enough-redeemed"], "refund", "--redemption", "r-1", "--cu", "3")

    def test_who_asks(self):
        self.step_refused(1, ["unknown-actor"], "reserve", "--voucher", "v-1", "--cu", "1",
                          actor="nobody")
        self.step_refused(1, ["wrong-role"], "reserve", "--voucher", "v-1", "--cu", "1", actor="li")
        self.step_refused(1, ["not-signed"], "clawback", "--voucher", "v-1", "--cu", "1",
                          actor="zhao")
        self.step_refused(2, ["no actor", "--sign"], "clawback", "--voucher", "v-1", "--cu", "1",
                          "--sign", "test.key", actor="zhao")
        self.step_refused(2, ["signed the operation already"], "clawback", "--voucher", "v-1",
                          "--cu", "1", "--sign", "zhao.key", "--sign", "zhao.key", actor="zhao")
        self.step_refused(2, ["--anchors"], "settle", "--redemption", "r-1", "--payment", "p-1",
                          actor="sun")
        self.refused(1, ["cap"], "voucher", *self.issue_words("v-9", "p", "301"))
        # Above the limit one signature is not enough; the other is added where the draft is read.
        path = self.folder / "big.json"
        path.write_text(json.dumps(operation("big", "sun", "fund-budget", {
            "programme": "p", "year": 2026, "amount_cny": "5000.01"})))
        self.refused(1, ["second-signature"], "ledger", "post", "--ledger", "city.ledger", path,
                     "--sign", "sun.key")
        self.must("ledger", "sign", path, "--sign", "sun.key")
        self.must("ledger", "sign", path, "--sign", "song.key")
        signed = json.loads(path.read_text())
        signed["body"]["amount_cny"] = "5000.02"
        path.write_text(json.dumps(signed))
        self.refused(1, ["does not hold"], "ledger", "post", "--ledger", "city.ledger", path)

    def test_redemptions(self):
        def broken(code, words, change):
            document = redemption("r-9", 9)
            change(document)
            path = self.folder / "broken.json"
            path.write_text(json.dumps(document))
            self.step_refused(code, words, "redeem", "--redemption", path, "--certificate",
                              "certificate.json", "--laboratory-key", "test.key.pub")

        use = lambda d: d["uses"][0]
        broken(2, ["broken.json", "colour"], lambda d: d.update(colour="red"))
        broken(2, ["broken.json", "uses"], lambda d: d.update(uses=[]))
        broken(2, ["broken.json", "quantity_cu"], lambda d: d.update(quantity_cu=2))
        broken(2, ["broken.json", "certificate"], lambda d: d.update(certificate="x"))
        broken(2, ["broken.json", "2026-02-30"],
               lambda d: use(d).update(start="2026-02-30T00:00:00Z"))
        broken(2, ["broken.json", "from"], lambda d: d["days"][0].update({"from": "2026-13-01"}))
        broken(2, ["broken.json", "rule_amount_cny"], lambda d: d.update(rule_amount_cny="-1.00"))
        broken(2, ["broken.json", "rule_amount_cny"], lambda d: d.update(rule_amount_cny="1.001"))
        broken(2, ["another certificate"], lambda d: d.update(certificate="9" * 64))
        broken(2, ["not of device 'gpu-9'"], lambda d: use(d).update(device="gpu-9"))
        broken(1, ["device-capacity"], lambda d: use(d).update(end="2026-01-09T03:00:00Z"))
        broken(2, ["evaluation", "--claim"], lambda d: d.update(evaluation={
            "programme": "p", "version": "1", "programme_digest": "a" * 64, "claim": "x",
            "claim_digest": "b" * 64, "paid_before_cny": "0"}))
        broken(1, ["rule-version"], lambda d: d.update(rule_version="r9"))
        broken(1, ["rate-version"], lambda d: d.update(rate_version="c9"))
        broken(1, ["contract-days"], lambda d: d.update(days=redemption("x", 5)["days"]))
        broken(1, ["invoice-line"], lambda d: d.update(invoices=redemption("r-1", 5)["invoices"]))
        broken(1, ["device-seconds"], lambda d: d.update(
            uses=redemption("x", 5)["uses"], days=[{"contract": "k-2", "from": "2026-01-05",
                                                    "until": "2026-01-06"}]))
        broken(1, ["redemption-exists"], lambda d: d.update(redemption="r-1"))
        broken(1, ["not-enough-reserved"], lambda d: d.update(quantity_cu="30"))

    def test_certificates(self):
        """By its document: who signed it, when it is valid, revocation, basket, registration."""
        path = self.folder / "good.json"
        path.write_text(json.dumps(redemption("r-9", 9)))

        def broken(code, words, certificate, *more, key="test.key.pub"):
            self.step_refused(code, [f"{certificate}", *words], "redeem", "--redemption", path,
                              "--certificate", certificate, "--laboratory-key", key, *more)

        broken(2, ["expired: 2026-01-01T00:00:00Z"], "expired.json")
        broken(2, ["revoked: a false statement"], "revoked.json")
        broken(2, ["uncertified", "indicative"], "indicative.json")
        broken(2, ["not registered", "assay ledger certificate"], "again.json")
        broken(1, ["key"], "stranger.json")
        broken(2, [], "nowhere.json")
        broken(1, ["key"], "certificate.json", key="wang.key.pub")
        revocations = self.folder / "revocations.csv"
        certificate_id = content_of(self.folder / "certificate.json")["certificate_id"]
        revocations.write_text("certificate,effective_utc,reason\n"
                               f"{certificate_id},2026-01-09T03:59:59Z,a false statement\n")
        broken(2, ["revoked from 2026-01-09T03:59:59Z"], "certificate.json", "--revocations",
               revocations)
        revocations.write_text("certificate,effective_utc,reason\nx,2026-02-30T00:00:00Z,x\n")
        self.step_refused(2, ["revocations.csv:2"], "redeem", "--redemption", path,
                          "--certificate", "certificate.json", "--laboratory-key", "test.key.pub",
                          "--revocations", revocations)

    def test_registration(self):
        words = ("--laboratory-key", "test.key.pub", "--ledger", "city.ledger", "--actor", "zhao",
                 "--reason", "x", "--sign", "zhao.key", "--sign", "zhou.key")
        for name, code, expected in (("indicative.json", 2, "indicative"),
                                     ("revoked.json", 2, "revoked"),
                                     ("nameless.json", 2, "--device"),
                                     ("stranger.json", 1, "key"),
                                     ("certificate.json", 1, "certificate-exists")):
            self.refused(code, [expected], "ledger", "certificate", name, *words)
        self.refused(2, ["--device"], "ledger", "certificate", "again.json", *words, "--device",
                     "gpu-1")
        self.refused(1, ["second-signature"], "ledger", "certificate", "again.json", *words[:-2])

    def test_documents(self):
        path = self.folder / "op.json"
        words = ("ledger", "post", "--ledger", "city.ledger", path, "--sign", "sun.key")
        good = operation("k-1", "sun", "fund-budget",
                         {"programme": "p", "year": 2026, "amount_cny": "1.00"})

        def broken(expected, **changes):
            path.write_text(json.dumps({**good, **changes}))
            self.refused(2, ["op.json", *expected], *words)

        broken(["kind"], kind="print-money")
        broken(["body", "year"], body={"programme": "p", "year": "2026", "amount_cny": "1.00"})
        broken(["role"], role="king")
        broken(["key"], key="two words")
        broken(["reason"], reason="")
        broken(["schema"], schema={"name": "assay.ledger-operation", "version": 2})
        path.write_text(json.dumps(good)[:50])
        self.refused(2, ["op.json:1"], *words)
        path.write_text(json.dumps({**good, "ledger": "village"}))
        self.refused(1, ["other-ledger"], *words)
        path.write_text("")
        self.refused(2, ["op.json"], *words)

    def test_files(self):
        self.refused(2, ["no ledger", "assay ledger open"], "voucher", "show", "--ledger",
                     "nowhere.ledger")
        self.refused(2, ["test.key"], "voucher", "show", "--ledger", "test.key")
        self.refused(2, ["file already"], "ledger", "open", "--ledger", "city.ledger", "--name",
                     "x", "--actor", "chen", "--reason", "x", "--sign", "chen.key")
        self.refused(2, ["--format"], "ledger", "export", "--ledger", "city.ledger", "--format",
                     "xml", "-o", "x.xml")
        self.refused(2, ["nowhere"], "ledger", "export", "--ledger", "city.ledger", "--format",
                     "hledger", "-o", "nowhere/x.journal")
        self.refused(2, ["--anchor-key"], "ledger", "check", "--ledger", "city.ledger", "--anchors",
                     "x")
        self.refused(2, ["--payments"], "ledger", "reconcile", "--ledger", "city.ledger")
        self.refused(2, ["no voucher"], "voucher", "show", "--ledger", "city.ledger", "v-77")
        self.refused(2, ["no programme"], "ledger", "statement", "--ledger", "city.ledger",
                     "--programme", "z")


def programme(**changes):
    """The town's: 30 % of the invoices ex VAT, whole yuan, 45 CNY/CU."""
    rule = {"schema": {"name": "assay.programme", "version": 1}, "id": "town", "version": "2026",
            "name": "Vouchers of the town", "time_zone": "Asia/Shanghai",
            "sources": [{"key": "order", "title": "Order 7", "date": "2025-12-01"}],
            "span": {"value": {"from": "2025-12-01", "to": "2027-12-31"}},
            "governing_date": {"value": "application"}, "base": {"value": "invoices"},
            "vat_basis": {"value": "excluded"}, "year": {"value": "calendar_year"},
            "tiers": [{"name": "all", "when": [], "share": {"value": "0.30"},
                       "share_is": "fixed"}],
            "caps": [{"amount": {"value": "1000000"}, "per": {"value": "year"}}],
            "budget": {"value": {"cny": "20000000", "per": "year"}},
            "exceeding_claim": {"value": "partial"},
            "rate_ceiling": {"value": {"cny_per_cu": "45", "basket": "tb1", "from": "2025-12-01",
                                       "to": None}},
            "rounding": {"value": "floor_yuan"}, "pays": {"value": "applicant"}}
    return {**rule, **changes}


def claim(invoices=1, paid="0", cu="8"):
    """Of January: each invoice is one line of 100 CNY and 6 % VAT."""
    party = {"name": "x", "control_group": None}
    vat = {"basis": "included", "rate": "0.06"}
    return {"schema": {"name": "assay.claim", "version": 1}, "id": "claim-1",
            "programme": {"id": "town", "version": None},
            "applicant": {**party, "credit_code": APPLICANT},
            "supplier": {**party, "credit_code": SUPPLIER, "listed": None},
            "contract": {"id": "k-1", "signed": "2025-12-20", "start": "2026-01-01",
                         "end": "2026-01-31", "items": [
                             {"name": "GPU", "kinds": ["gpu"], "amount": "1000.00", "vat": vat}]},
            "use": {"from": "2026-01-01", "to": "2026-01-31"}, "application_date": "2026-02-02",
            "invoices": [{"issuer": SUPPLIER, "number": f"i-{n + 1}", "date": "2026-02-01",
                          "lines": [{"line": 1, "name": "GPU", "kinds": ["gpu"],
                                     "amount": "106.00", "vat": vat}]}
                         for n in range(invoices)],
            "verified_cu": {"cu": cu, "basket": "tb1", "from": "2026-01-01", "to": "2026-01-31",
                            "certificates": ["urn:uuid:00000000-0000-4000-8000-000000000001"],
                            "allocation_log_sha256": "f" * 64},
            "earlier_awards": [], "other_subsidies": [],
            "earlier_payments": [{"date": "2026-02-03", "amount": paid,
                                  "document": "order 8"}] if paid != "0" else [],
            "budget_left": "12000000.00"}


def claimed(number, day, cu="2", invoice=None, hours=2):
    """A redemption on the claim's invoice of that number."""
    document = redemption(f"t-{number}", day, cu, voucher="v-t")
    document.update(rule_version="2026", rate_version="45")
    del document["rule_amount_cny"], document["evaluation_digest"]
    document["uses"][0]["end"] = f"2026-01-{day:02}T{2 + hours:02}:00:00Z"
    document["invoices"][0]["line"]["invoice_number"] = f"i-{invoice or number}"
    document["invoices"][0]["counted_cny"] = "100.00"
    return document


class Claims(LedgerCase):
    """The amount is what the programme finds for a claim, and is found again by the check."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.write("documents/town.json", programme())
        (cls.folder / "documents" / "certificate.json").write_bytes(
            (cls.folder / "certificate.json").read_bytes())
        checked = json.loads(cls.must("programme", "check", "--json", "documents/town.json"))
        span = {"from": "2025-12-31T16:00:00Z", "until": "2036-12-31T16:00:00Z"}
        cls.post([operation("town", "zhao", "open-programme",
                            {"programme": "town", "commits_at": "issue", "at_close": "lapse",
                             "pays": "applicant", "needs_award": False, "utc_offset_minutes": 480,
                             "stack_group": "town", "stacks_beside": []}),
                  operation("town-rule", "zhao", "set-rule",
                            {"programme": "town", "version": "2026", "digest": checked["digest"],
                             **span, "share_of_ceiling": "0.3", "cap_cny": "2000.00",
                             "unresolved": [], "evaluated": True}),
                  operation("town-rate", "zhao", "set-ceiling",
                            {"programme": "town", "version": "45", "digest": "b" * 64, **span,
                             "ceiling_cny_per_cu": "45", "basket": "tb1"})], "zhao", "zhou")
        cls.post([operation("fund-town", "sun", "fund-budget",
                            {"programme": "town", "year": 2026, "amount_cny": "5000.00"})], "sun")
        cls.must("voucher", "issue", "--ledger", "city.ledger", "--voucher", "v-t", "--programme",
                 "town", "--year", "2026", "--applicant", APPLICANT, "--cu", "100",
                 "--rule-version", "2026", "--rate-version", "45", "--expires",
                 "2036-06-30T16:00:00Z", "--actor", "li", "--reason", "x", "--sign", "li.key")
        cls.step("reserve", "--voucher", "v-t", "--cu", "50")

    @classmethod
    def write(cls, name, document):
        path = cls.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        return path

    def attempt(self, code, words, document, redeemed, rule="documents/town.json",
                certificate="certificate.json"):
        """Refused by the command, with nothing written."""
        count = self.count()
        self.write("tried.json", document)
        self.refused(code, words, "voucher", "redeem", "--ledger", "city.ledger", "--redemption",
                     self.write("redemption.json", redeemed), "--claim", "tried.json",
                     "--programme", rule, "--certificate", certificate, "--laboratory-key",
                     "test.key.pub", "--actor", "wang", "--reason", "x")
        self.assertEqual(self.count(), count)

    def count(self):
        return json.loads(self.must("ledger", "statement", "--json", "--ledger",
                                    "city.ledger"))["count"]

    def pay(self, document, redeemed):
        """Asked twice under one key: done once."""
        name = f"documents/{redeemed['redemption']}.json"
        self.write(name, document)
        said, again = (json.loads(self.redeem(
            redeemed, "--claim", name, "--programme", "documents/town.json", "--json", "--key",
            f"key-{redeemed['redemption']}")) for _ in range(2))
        self.assertFalse(said["posted_before"])
        self.assertTrue(again["posted_before"])
        self.assertEqual(again["entry"], said["entry"])
        return said

    def held(self, code=0):
        done = support.assay("ledger", "check", "--json", "--ledger", "city.ledger", "--documents",
                             "documents", "--laboratory-key", "test.key.pub", cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return {line["name"]: line for line in json.loads(done.stdout)["checks"]}

    def test_parts_of_a_claim(self):
        self.refusals()
        # 30 % of 100 CNY, under 4 CU of 13.50.
        said = self.pay(claim(), claimed(1, 5, "4", hours=4))
        self.assertEqual(said["rule_amount_cny"], "30.00")
        self.assertTrue(said["test_key"])
        self.assertEqual(self.balance("payable", "v-t"), "30.00")
        # Two invoices so far are worth 60, of which 30 were redeemed; 2 CU are worth 27.
        self.attempt(2, ["/earlier_payments", "0.00", "30.00"], claim(2), claimed(2, 6))
        said = self.pay(claim(2, "30"), claimed(2, 6))
        self.assertEqual(said["rule_amount_cny"], "30.00")
        self.assertEqual(self.balance("payable", "v-t"), "57.00")
        # Half of the first part was given back: the claim may say no more than what stands.
        self.step("refund", "--redemption", "t-1", "--cu", "2")
        self.attempt(2, ["/earlier_payments", "42.00"], claim(3, "57"), claimed(3, 7))
        said = self.pay(claim(3, "42"), claimed(3, 7))
        self.assertEqual(said["rule_amount_cny"], "48.00")
        checks = self.held()
        self.assertIn("3 amounts", checks["evaluations"]["detail"])
        self.assertIn("1 read again", checks["certificates"]["detail"])
        self.derived_again()

    def refusals(self):
        broken = self.attempt

        def other(**changes):
            return {**claim(), **changes}

        first = claimed(1, 5)
        broken(2, ["/applicant/credit_code", APPLICANT],
               other(applicant={"name": "x", "credit_code": SUPPLIER, "control_group": None}), first)
        broken(2, ["nowhere"], other(programme={"id": "nowhere", "version": None}), first)
        broken(2, ["/programme/id", "village", "town"],
               other(programme={"id": "village", "version": None}), first,
               rule=self.write("village.json", programme(id="village")))
        broken(2, ["/use", "period"], other(use={"from": "2026-01-06", "to": "2026-01-31"}), first)
        broken(2, ["/invoices", "i-2", "not in the claim"], claim(), claimed(1, 5, invoice=2))
        dear = claimed(1, 5)
        dear["invoices"][0]["eligible_cny"] = "106.00"
        broken(2, ["/invoices", "106.00", "ex VAT"], claim(), dear)
        broken(2, ["/verified_cu/cu", "1.500000", "2.000000"], claim(cu="1.5"), first)
        broken(2, ["certificate.json", "another basket"], other(
            verified_cu={**claim()["verified_cu"], "basket": "tb1-lite"}), first)
        broken(2, ["lite.json", "another basket: tb1-lite"], claim(), first,
               certificate="lite.json")
        broken(2, ["expired.json", "expired"], claim(), first, certificate="expired.json")
        # Two regulators signed another K_cert than the certificate has.
        text = json.dumps(json.loads((self.folder / "again.json").read_text()), sort_keys=True,
                          separators=(",", ":"))
        self.post([operation("generous", "zhao", "register-certificate", {
            "certificate": hashlib.sha256(text.encode()).hexdigest(), "basket": "tb1",
            "k_cert_cu_per_hour": "2.4", "from": "2025-12-31T16:00:00Z",
            "until": "2035-12-29T16:00:01Z", "devices": ["gpu-0"]})], "zhao", "zhou")
        broken(2, ["again.json", "K_cert", "2.400000"], claim(), first, certificate="again.json")
        broken(2, ["/rule_amount_cny", "leave it out"], claim(),
               {**first, "rule_amount_cny": "30.00"})
        broken(2, ["tried.json", "application_date"], other(application_date="2026-13-01"), first)
        broken(2, ["rule version '2027'"], claim(), {**first, "rule_version": "2027"})
        broken(2, ["no voucher 'v-9'"], claim(), {**first, "voucher": "v-9"})
        # The programme's file must be the one that the rule version names.
        tier = {"name": "all", "when": [], "share": {"value": "0.90"}, "share_is": "fixed"}
        broken(2, ["/programme", "document", "--programme"], claim(), first,
               rule=self.write("other.json", programme(tiers=[tier])))
        # Results that are no figure, by programmes of their own.
        results = ((2, ["at most 30.00", "award"], {"tiers": [{**tier, "share_is": "at_most",
                                                               "share": {"value": "0.30"}}]}),
                   (2, ["/rounding/value"], {"rounding": {"value": None, "needs": "an answer"}}),
                   (2, ["stopped", "/tiers/0/share/value"],
                    {"tiers": [{**tier, "share": {"value": None, "needs": "an answer"}}]}),
                   (1, ["refused", "listed"], {"supplier_listed": {"value": True}}))
        for number, (code, words, changes) in enumerate(results):
            path = self.write(f"rule-{number}.json", programme(**changes))
            digest = json.loads(self.must("programme", "check", "--json", path))["digest"]
            self.post([operation(f"rule-{number}", "zhao", "set-rule", {
                "programme": "town", "version": f"odd-{number}", "digest": digest,
                "from": "2025-12-31T16:00:00Z", "until": "2036-12-31T16:00:00Z",
                "share_of_ceiling": "0.3", "cap_cny": None, "unresolved": [],
                "evaluated": True})], "zhao", "zhou")
            odd = claim()
            odd["supplier"]["listed"] = False
            odd["invoices"][0]["lines"][0]["amount"] = "105.99"
            small = {**first, "rule_version": f"odd-{number}"}
            small["invoices"] = [{**small["invoices"][0], "eligible_cny": "99.99",
                                  "counted_cny": "99.99"}]
            words = [word.replace("30.00", "29.00") for word in words]
            broken(code, words, odd, small, rule=path)
        # Without a claim the rule pays nothing.
        stated = {**first, "rule_amount_cny": "8.00", "evaluation_digest": "e" * 64}
        count = self.count()
        self.refused(1, ["evaluation", "--claim"], "voucher", "redeem", "--ledger", "city.ledger",
                     "--redemption", self.write("redemption.json", stated), "--certificate",
                     "certificate.json", "--laboratory-key", "test.key.pub", "--actor", "wang",
                     "--reason", "x")
        self.assertEqual(self.count(), count)

    def derived_again(self):
        # Whoever posts an operation of his own making is found by the documents.
        before = (self.folder / "city.ledger").read_bytes()
        path = self.folder / "draft.json"
        name = "documents/t-4.json"
        self.write(name, claim(4, "69"))
        self.redeem(claimed(4, 8), "--claim", name, "--programme", "documents/town.json", "--draft",
                    path)
        draft = json.loads(path.read_text())
        draft["body"]["rule_amount_cny"] = "52.00"
        path.write_text(json.dumps(draft))
        self.must("ledger", "post", "--ledger", "city.ledger", path)
        self.must("ledger", "check", "--ledger", "city.ledger")
        self.assertIn("gives 51.00 CNY, recorded are 52.00", self.held(1)["evaluations"]["detail"])
        (self.folder / "city.ledger").write_bytes(before)
        # A document that was changed or lost is missed.
        for name, check in (("t-2.json", "evaluations"), ("certificate.json", "certificates"),
                            ("town.json", "evaluations")):
            path = self.folder / "documents" / name
            kept = path.read_bytes()
            path.unlink()
            line = self.held(1)[check]
            self.assertFalse(line["passed"])
            self.assertIn("is among the documents", line["detail"])
            path.write_bytes(kept)
        changed = claim(2, "30")
        changed["contract"]["id"] = "k-9"
        path = self.write("documents/t-2.json", changed)
        self.assertFalse(self.held(1)["evaluations"]["passed"])
        self.write("documents/t-2.json", claim(2, "30"))
        self.held()
        self.refused(2, ["--laboratory-key"], "ledger", "check", "--ledger", "city.ledger",
                     "--documents", "documents")


class Processes(LedgerCase):
    def test_concurrent_processes_and_retries(self):
        """60 asked for 40 CU, each one twice under its key: 40 are served, once."""
        self.issue("v-1", "p", "40")

        def reserve(number):
            done = support.assay("voucher", "reserve", "--ledger", "city.ledger", "--voucher", "v-1",
                                 "--cu", "1", "--actor", "wang", "--reason", "x", "--key",
                                 f"order-{number}", cwd=self.folder)
            results.append((number, done.returncode))

        results = []
        for _ in range(2):
            threads = [threading.Thread(target=reserve, args=(n,)) for n in range(60)]
            for start in range(0, 60, 6):
                for thread in threads[start:start + 6]:
                    thread.start()
                for thread in threads[start:start + 6]:
                    thread.join()
        served = {number for number, code in results if code == 0}
        self.assertEqual(len(served), 40)
        self.assertEqual(self.balance("reserved"), "40.000000")
        self.must("ledger", "anchor", "--ledger", "city.ledger", "--anchors", "city.anchors",
                  "--sign", "sun.key")
        self.assertTrue(self.check()["sound"])
        # Cut back to an older copy, the file is sound in itself, and found by its anchor.
        self.must("ledger", "check", "--ledger", "city.ledger")


if __name__ == "__main__":
    support.main()
