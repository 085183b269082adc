"""Redemptions on claims: what the programme finds for a claim is what a voucher pays."""
import hashlib
import json
import subprocess
import sys

from ledger_case import (APPLICANT, SUPPLIER, LedgerCase, operation, redemption, setUpModule,
                         support)


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
        # An operation of one's own making is refused, and found where a program of one's own wrote it.
        before = (self.folder / "city.ledger").read_bytes()
        path = self.folder / "draft.json"
        name = "documents/t-4.json"
        self.write(name, claim(4, "69"))
        self.redeem(claimed(4, 8), "--claim", name, "--programme", "documents/town.json", "--draft",
                    path)
        true_draft = path.read_text()
        draft = json.loads(true_draft)
        draft["body"]["rule_amount_cny"] = "52.00"
        path.write_text(json.dumps(draft))
        post = ("ledger", "post", "--ledger", "city.ledger", path)
        filed = ("--documents", "documents", "--laboratory-key", "test.key.pub")
        count = self.count()
        self.refused(2, ["draft.json", "rests on a claim", "--documents"], *post)
        self.refused(2, ["--laboratory-key"], *post, *filed[:2])
        self.refused(1, ["documents", "gives 51.00 CNY, recorded are 52.00"], *post, *filed)
        self.refused(1, ["no claim with the digest"], *post, "--documents", "documents/town.json",
                     "--documents", "documents/certificate.json", *filed[2:])
        self.assertEqual(self.count(), count)
        subprocess.run([sys.argv[5], "city.ledger", path], cwd=self.folder, check=True)
        self.must("ledger", "check", "--ledger", "city.ledger")
        self.assertIn("gives 51.00 CNY, recorded are 52.00", self.held(1)["evaluations"]["detail"])
        (self.folder / "city.ledger").write_bytes(before)
        # The true draft is posted.
        path.write_text(true_draft)
        self.must(*post, *filed)
        self.held()
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


if __name__ == "__main__":
    support.main()
