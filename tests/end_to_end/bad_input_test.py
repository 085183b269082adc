"""Bad input: one clear line, the right exit code, nothing half-written."""
import json
import os
import random
import resource
import signal
import subprocess
import time

import support
from support import PROGRAM, SHEET, Case, assay


class BadInput(Case):
    def certify_arguments(self, result):
        return ("certify", result, "--key", self.folder / "lab.key", "-o", self.folder / "x.json")

    def test_usage(self):
        self.refused(2, ["--help"], "certify")
        self.refused(2, ["frobnicate", "no such command"], "frobnicate")
        self.refused(2, ["aply", "no such command", "assay programme --help"], "programme", "aply")
        self.refused(2, ["--key", "assay certify --help"], "certify", "result.json")
        self.refused(2, [], "run", "--suite", "quickest", "-o", "r.json")

    def test_unknown_workload_and_device(self):
        self.refused(2, ["nothing-like-this"], "run", "--filter", "nothing-like-this", "-o", "r.json")
        # No machine has that many; a host without a GPU refuses all.
        self.refused(2, ["cuda"], "run", "--device", "cuda:4095", "-o", "r.json")
        self.refused(2, ["gpu7"], "run", "--device", "gpu7", "-o", "r.json")
        self.assertFalse((self.folder / "r.json").exists())

    def test_unknown_names_are_answered_with_near_ones_only(self):
        line = self.refused(2, ["--filter nosuch", "`assay list` shows all"], "run", "--filter",
                            "nosuch", "-o", "r.json")
        self.assertNotIn("near", line)
        self.refused(2, ["near: attention/"], "run", "--filter", "atention", "-o", "r.json")
        self.refused(2, ["--benchmark_filter nosuch"], "bench", "--", "--benchmark_filter=nosuch")

    def test_counts_and_seeds_out_of_range_name_their_option(self):
        for command in (("run",), ("bench",), ("price",), ("programme", "simulate", "ningbo")):
            for seed in ("-1", str(2**53)):
                self.refused(2, ["--seed", seed], *command, "--seed", seed)
        for option, value in (("--processes", "0"), ("--processes", "1000000000"),
                              ("--processes", "99999999999999999999"), ("--item-seconds", "inf"),
                              ("--item-seconds", "nan"), ("--budget-seconds", "1e300"),
                              ("--budget-seconds", "-1")):
            self.refused(2, [option], "run", option, value, "-o", "r.json")
        self.refused(2, ["--draws", "100000000"], "price", "--certificate",
                     self.folder / "certificate.json", "--cost-sheet", SHEET, "--draws",
                     "99999999999", "-o", "card.json")
        for count in ("-5", "1000001", "99999999999999999999"):
            self.refused(2, ["--generate"], "programme", "simulate", "ningbo", "--generate", count,
                         "-o", "list.csv")
        self.refused(2, ["--rows"], "audit", "--rows", "-1")
        for name in ("r.json", "card.json", "list.csv"):
            self.assertFalse((self.folder / name).exists(), name)

    def test_truncated_result(self):
        text = (self.folder / "result.json").read_text()
        for cut in random.Random(3).sample(range(len(text) - 2), 12):
            path = self.folder / "cut.json"
            path.write_text(text[:cut])
            self.refused(2, ["cut.json"], *self.certify_arguments(path))
        self.assertFalse((self.folder / "x.json").exists())

    def test_edited_result(self):
        def zero_samples(document):
            document["processes"][0]["items"][0]["sample_end_ns"] = []

        def unknown_field(document):
            document["processes"][0]["speed"] = 1

        def wrong_type(document):
            document["processes"][0]["items"][0]["flops"] = "many"

        for change, word in ((zero_samples, "sample"), (unknown_field, "speed"),
                             (wrong_type, "flops")):
            path = self.edited("result.json", "edited.json", change)
            self.refused(2, ["edited.json", word], *self.certify_arguments(path))

    def test_not_a_number(self):
        text = (self.folder / "result.json").read_text()
        start = text.index('"losses"')
        first = text.index("[", start) + 1
        path = self.folder / "nan.json"
        path.write_text(text[:first] + "NaN," + text[first:])
        self.refused(2, ["nan.json"], *self.certify_arguments(path))

    def test_incomplete_result_is_refused(self):
        def incomplete(document):
            document["complete"] = False
            document["incomplete_reason"] = "interrupted"

        path = self.edited("result.json", "incomplete.json", incomplete)
        self.refused(1, ["incomplete"], *self.certify_arguments(path))

    def test_altered_samples_do_not_verify(self):
        def faster(document):
            item = document["processes"][0]["items"][0]
            item["sample_end_ns"] = [(9 * t) // 10 for t in item["sample_end_ns"]]

        path = self.edited("result.json", "faster.json", faster)
        done = assay("verify", self.folder / "certificate.json", "--key",
                     self.folder / "lab.key.pub", "--result", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL", done.stdout)

    def test_wrong_key(self):
        self.must("keygen", "-o", self.folder / "other.key")
        done = assay("verify", self.folder / "certificate.json", "--key",
                     self.folder / "other.key.pub")
        self.assertEqual(done.returncode, 1)
        self.refused(2, ["lab.key"], "keygen", "-o", self.folder / "lab.key")
        self.refused(2, [SHEET.name, "private key"], "certify",
                     self.folder / "result.json", "--key", SHEET, "-o", "y.json")
        self.refused(2, [SHEET.name, "public key"], "verify", self.folder / "certificate.json",
                     "--key", SHEET)
        self.refused(2, ["lab.key", "other half"], "price", "--cost-sheet", SHEET, "--certificate",
                     self.folder / "certificate.json", "--key", self.folder / "lab.key", "-o", "y.json")

    def test_flipped_payload(self):
        def flip(document):
            payload = document["payload"]
            middle = len(payload) // 2
            document["payload"] = payload[:middle] + ("A" if payload[middle] != "A" else "B") + \
                payload[middle + 1:]

        path = self.edited("certificate.json", "flipped.json", flip)
        done = assay("verify", path, "--key", self.folder / "lab.key.pub")
        self.assertNotEqual(done.returncode, 0)

    def test_cost_sheet_without_tariff(self):
        sheet = json.loads(SHEET.read_text())

        def without_price(node):
            if isinstance(node, dict):
                return {k: without_price(v) for k, v in node.items() if "price_per_kwh" not in k
                        and k != "energy"}
            return [without_price(v) for v in node] if isinstance(node, list) else node

        (self.folder / "sheet.json").write_text(json.dumps(without_price(sheet)))
        self.refused(2, ["sheet.json"], "price", "--certificate", self.folder / "certificate.json",
                     "--cost-sheet", self.folder / "sheet.json", "-o", self.folder / "card.json")
        self.assertFalse((self.folder / "card.json").exists())

    def test_full_disk(self):
        """A file-size limit stands for a full disk: the write fails, the old document stands."""
        target = self.folder / "kept.json"
        target.write_text("old")

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

        self.refused(2, ["kept.json"], "certify", self.folder / "result.json", "--key",
                     self.folder / "lab.key", "-o", target, preexec_fn=limit)
        self.assertEqual(target.read_text(), "old")
        self.assertEqual([p.name for p in self.folder.iterdir() if "kept" in p.name], ["kept.json"])

    def test_no_such_folder(self):
        self.refused(2, ["nowhere"], "certify", self.folder / "result.json", "--key",
                     self.folder / "lab.key", "-o", self.folder / "nowhere" / "c.json")
        # Of several documents none is written where one can't be.
        self.refused(2, ["nowhere/r.md"], "certify", self.folder / "result.json", "--key",
                     self.folder / "lab.key", "-o", "unwritten.json", "--report", "nowhere/r.md")
        self.refused(2, ["nowhere/r.json"], "run", "-o", "nowhere/r.json")
        self.refused(2, [str(self.folder)], "run", "-o", self.folder)
        self.refused(2, ["nowhere/b.json"], "bench", "--", "--benchmark_out=nowhere/b.json")
        (self.folder / "half.key.pub").mkdir()
        self.refused(2, ["half.key.pub"], "keygen", "-o", "half.key")
        for name in ("unwritten.json", "half.key"):
            self.assertFalse((self.folder / name).exists(), name)

    def test_interrupted_run_writes_a_partial_result_that_certify_refuses(self):
        path = self.folder / "partial.json"
        process = subprocess.Popen([PROGRAM, "run", "--processes", "2", "--item-seconds", "3",
                                    "-o", str(path)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        document = json.loads(path.read_text())
        self.assertFalse(document["complete"])
        self.assertIn("interrupt", document["incomplete_reason"])
        self.refused(1, ["incomplete"], *self.certify_arguments(path))


if __name__ == "__main__":
    support.main()
