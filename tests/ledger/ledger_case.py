"""What the tests of vouchers share: a city's ledger with its actors, programmes and budgets."""
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

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
