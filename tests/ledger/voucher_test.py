"""Vouchers and their ledger as a city would keep them: from the first administrator to the close of
the year, with every way to hand the program something it must refuse."""
import contextlib
import csv
import io
import json
import sqlite3
import subprocess
import threading

from ledger_case import LedgerCase, content_of, operation, redemption, setUpModule, support


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
        # Nothing is posted that could not be anchored then (tearDown counts).
        self.step_refused(2, ["nowhere/city.anchors"], "settle", "--redemption", "r-1", "--payment",
                          "p-1", "--anchors", "nowhere/city.anchors", "--sign", "sun.key",
                          actor="sun")
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
