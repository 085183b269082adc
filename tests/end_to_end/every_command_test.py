"""What every command and subcommand does alike: help with an example, one JSON document with --json,
silence with --quiet, and a full disk on standard output noticed. The commands are those that the
program's own help names, so a new one fails here until it is tried as well."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import support
from support import MEASURED, PROGRAM, SOURCE, assay

sys.path.insert(0, str(SOURCE / "tests" / "ledger"))
import ledger_case  # noqa: E402
from ledger_case import LedgerCase, operation, redemption  # noqa: E402

EXAMPLES = SOURCE / "pricing" / "data" / "examples"
DATE = "2026-06-01T00:00:00Z"
KERNEL = "^norm/rmsnorm_backward.*fp32"
LEDGER = ("--ledger", "city.ledger")
CERTIFICATE = ("--certificate", "certificate.json", "--laboratory-key", "test.key.pub")
OFFERS = ("--certificates", EXAMPLES / "certificates", "--tariffs",
          EXAMPLES / "tariffs-synthetic.csv", "--date", DATE)


def who(name, *more):
    return (*LEDGER, "--actor", name, "--reason", "a test", *more)


# What succeeds in the folder that setUpClass makes.
ARGUMENTS = {
    "audit": ("--tariffs", EXAMPLES / "tariffs-china.csv", "--certificates",
              EXAMPLES / "certificates", "--cost-sheets", EXAMPLES / "h800-node-worked.json",
              "--date", DATE),
    "bench": ("--", f"--benchmark_filter={KERNEL}", "--benchmark_min_time=0.01",
              "--benchmark_min_warmup_time=0.01"),
    "certify": (MEASURED / "result.json", "--key", "lab.key", "-o", "new-certificate.json"),
    "compare": (MEASURED / "result.json", MEASURED / "result.json"),
    "devices": (),
    "keygen": ("-o", "new.key"),
    "ledger anchor": (*LEDGER, "--anchors", "new.anchors", "--sign", "sun.key"),
    "ledger certificate": ("again.json", "--laboratory-key", "test.key.pub",
                           *who("zhao", "--sign", "zhao.key", "--sign", "zhou.key")),
    "ledger check": LEDGER,
    "ledger close": who("sun", "--programme", "p", "--year", "2024", "--sign", "sun.key"),
    "ledger export": (*LEDGER, "--format", "hledger", "-o", "city.journal"),
    "ledger open": ("--ledger", "new.ledger", "--name", "new", "--actor", "chen", "--reason", "new",
                    "--sign", "chen.key"),
    "ledger post": (*LEDGER, "fund.json", "--sign", "sun.key"),
    "ledger reconcile": (*LEDGER, "--payments", "payments.csv"),
    "ledger sign": ("fund.json", "--sign", "sun.key"),
    "ledger statement": LEDGER,
    "list": ("--filter", "norm"),
    "price": ("--certificate", EXAMPLES / "certificates" / "simulated-h800.json", "--cost-sheet",
              EXAMPLES / "h800-node-worked.json", "--date", DATE, "--draws", "1000", "-o",
              "card.json"),
    "programme apply": (EXAMPLES / "claims" / "nanning-worked-example.json",),
    "programme check": (SOURCE / "pricing" / "data" / "programmes" / "ningbo.json",),
    "programme list": (),
    "programme show": ("beijing",),
    "programme simulate": ("ningbo", "--generate", "10", "-o", "applications.csv"),
    "quote": ("--cu", "1", *OFFERS),
    "run": ("--filter", KERNEL, "--processes", "1", "--item-seconds", "0.05", "-o", "new.json"),
    "verify": (MEASURED / "certificate.json", "--key", "lab.key.pub"),
    "voucher clawback": who("zhao", "--voucher", "v-1", "--cu", "1", "--sign", "zhao.key"),
    "voucher expire": who("wang", "--voucher", "v-1", "--draft", "draft.json"),
    "voucher issue": LedgerCase.issue_words("v-9")[1:],
    "voucher redeem": who("wang", "--redemption", "third.json", *CERTIFICATE),
    "voucher refund": who("wang", "--redemption", "r-2", "--cu", "0.5"),
    "voucher reserve": who("wang", "--voucher", "v-1", "--cu", "1"),
    "voucher settle": who("sun", "--redemption", "r-2", "--payment", "pay-2", "--anchors",
                          "city.anchors", "--sign", "sun.key"),
    "voucher show": LEDGER,
}


def setUpModule():
    subprocess.run([sys.argv[4], ledger_case.CERTIFICATES.name,
                    SOURCE / "tests" / "support" / "test.key"], check=True)
    shutil.copy2(SOURCE / "tests" / "support" / "test.key.pub", ledger_case.CERTIFICATES.name)


def help_of(command):
    done = assay(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def subcommands_of(command):
    """Those that the help lists; none for a command that does something itself."""
    _, _, listed = help_of(command).partition("Subcommands:")
    return re.findall(r"^  ([a-z-]+) ", listed, re.M)


def all_commands():
    for name in subcommands_of(""):
        below = subcommands_of(name)
        yield from (f"{name} {each}" for each in below) if below else (name,)


class EveryCommand(LedgerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.issue()
        cls.step("reserve", "--voucher", "v-1", "--cu", "20")
        cls.redeem(redemption("r-1", 5))
        cls.settle("r-1", "pay-1")
        cls.redeem(redemption("r-2", 6))
        (cls.folder / "third.json").write_text(json.dumps(redemption("r-3", 7)))
        (cls.folder / "fund.json").write_text(json.dumps(operation(
            "more", "sun", "fund-budget", {"programme": "p", "year": 2026, "amount_cny": "1.00"})))
        (cls.folder / "payments.csv").write_text("payment_reference,amount_cny\npay-1,8.00\n")

    def run_in_copy(self, command, *flags, standard_output=subprocess.PIPE):
        """In a folder of its own: what one run changes is not there for the next."""
        with tempfile.TemporaryDirectory() as parent:
            folder = pathlib.Path(parent) / "copy"
            shutil.copytree(self.folder, folder)
            words = [PROGRAM, *command.split(), *flags, *map(str, ARGUMENTS[command])]
            return subprocess.run(words, cwd=folder, text=True, timeout=100, check=False,
                                  stdin=subprocess.DEVNULL, stdout=standard_output,
                                  stderr=subprocess.PIPE)

    def test_all_are_tried(self):
        self.assertEqual(sorted(all_commands()), sorted(ARGUMENTS))

    def test_help_has_an_example_of_the_command(self):
        for command in [*ARGUMENTS, "ledger", "voucher", "programme"]:
            with self.subTest(command):
                _, _, example = help_of(command).partition("Example:")
                self.assertRegex(example.strip(), f"^assay {command}( |$)")

    def test_json_is_one_document(self):
        for command in ARGUMENTS:
            with self.subTest(command):
                done = self.run_in_copy(command, "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(json.loads(done.stdout))

    def test_quiet_is_silent(self):
        for command in ARGUMENTS:
            with self.subTest(command):
                done = self.run_in_copy(command, "--quiet")
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_full_disk_is_noticed(self):
        """No result may look delivered that standard output did not take."""
        for command in ARGUMENTS:
            for flags in ((), ("--json",), ("--help",)):
                with self.subTest(command, flags=flags), open("/dev/full", "w") as full:
                    done = self.run_in_copy(command, *flags, standard_output=full)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    lines = done.stderr.splitlines()
                    self.assertEqual(len(lines), 1, done.stderr)
                    self.assertIn("standard output: cannot write: No space left", lines[0])


class Exceptions(support.Case):
    def test_version_on_a_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "--version"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("standard output", done.stderr)

    def test_json_of_a_list_of_benchmarks(self):
        listed = json.loads(self.must("bench", "--json", "--", "--benchmark_list_tests",
                                      f"--benchmark_filter={KERNEL}"))
        self.assertEqual(listed["benchmarks"], self.must(
            "bench", "--", "--benchmark_list_tests", f"--benchmark_filter={KERNEL}").split())

    def test_quiet_does_not_withhold_the_document_that_was_asked_for(self):
        self.assertEqual(self.must("list", "--json", "--quiet"), self.must("list", "--json"))

    def test_a_page_is_no_document(self):
        self.refused(2, ["--markdown", "--json"], "list", "--markdown", "--json")

    def test_what_failed_is_said_with_quiet(self):
        """A verdict that is the exit code alone is no help: errors are not quieted."""
        self.must("keygen", "-q", "-o", "other.key")
        certificate = self.folder / "certificate.json"
        line = self.refused(1, [str(certificate), "not verified", "signature"], "verify", "--quiet",
                            certificate, "--key", "other.key.pub")
        self.assertNotIn("more", line)  # one check failed, and it is named
        self.refused(1, ["tariffs-synthetic.csv", "above the band", "below cost"], "audit",
                     "--quiet", "--tariffs", EXAMPLES / "tariffs-synthetic.csv", "--certificates",
                     EXAMPLES / "certificates", "--cost-sheets", EXAMPLES / "h800-node-worked.json",
                     "--date", DATE)
        self.refused(1, ["no offer can be quoted", "no certificate"], "quote", "--quiet", "--cu", "1",
                     "--certificates", EXAMPLES / "certificates", "--tariffs",
                     EXAMPLES / "tariffs-china.csv", "--date", DATE)


if __name__ == "__main__":
    support.main()
