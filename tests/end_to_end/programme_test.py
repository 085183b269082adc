"""assay programme as an office meets it: every command, the page's own programme, broken input."""
import csv
import json
import pathlib
import re
import shutil
import tempfile
import time

import support
from support import SOURCE, Case, assay

CLAIMS = SOURCE / "pricing" / "data" / "examples" / "claims"
PAGE = SOURCE / "docs" / "programmes.md"
NANNING = CLAIMS / "nanning-worked-example.json"
SHENZHEN = ["--assume", "/eligibility/complete=true", "--assume", "/caps/0/per/value=year",
            "--assume", "/exceeding_claim/value=partial"]


class Programmes(Case):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        for path in CLAIMS.iterdir():
            shutil.copy2(path, cls.folder)
        snippet = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]
        (cls.folder / "own.json").write_text(snippet)

    def test_list_and_show(self):
        listed = json.loads(self.must("programme", "list", "--json"))
        self.assertEqual(len(listed), 19)
        text = self.must("programme", "list")
        for programme in listed:
            self.assertIn(programme["id"], text)
            shown = json.loads(self.must("programme", "show", programme["id"], "--json"))
            self.assertIn(programme["version"], [each["version"] for each in shown])
            page = self.must("programme", "show", programme["id"])
            for source in (source for version in shown for source in version["sources"]):
                self.assertIn(source["title"] + "; " + source["seen_at"], page)
        self.assertIn("2023-09-01", self.must("programme", "show", "beijing"))
        self.refused(2, ["did you mean 'beijing'"], "programme", "show", "bejing")
        self.refused(2, ["2023, 2025"], "programme", "show", "chengdu", "--version", "2024")

    def test_the_own_programme_of_the_page(self):
        snippet = (self.folder / "own.json").read_text().splitlines()
        self.assertEqual(len(snippet), 10)
        self.assertIn("0 open points", self.must("programme", "check", "own.json"))
        self.must("programme", "apply", "our-town.json", "--programme", "own.json", "-o", "r.json")
        ruling = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(ruling["kind"], "figure")
        # 636,000.00 / 1.06 = 600,000.00, 30 %; 45 x 11,000.5 x 30 % = 148,506.75, whole yuan.
        self.assertEqual(ruling["readings"][0]["part_cny"], "180000.00")
        self.assertEqual(ruling["readings"][0]["with_ceiling_cumulative_cny"], "148506.00")
        self.refused(2, ["our-town"], "programme", "apply", "our-town.json")

    def test_the_page_shows_what_the_program_says(self):
        page = PAGE.read_text(encoding="utf-8")
        own = self.must("programme", "apply", "our-town.json", "--programme", "own.json")
        self.assertIn(own.strip(), page)
        self.assertIn(self.must("programme", "apply", NANNING).strip(), page)

    def test_the_worked_example(self):
        text = self.must("programme", "apply", NANNING)
        self.assertIn("25,102.00 CNY", text)
        self.assertIn("305 of 729 days", text)

    def test_json_holds_every_step(self):
        ruling = json.loads(self.must("programme", "apply", NANNING, "--json"))
        steps = [row["step"] for row in ruling["readings"][0]["steps"]]
        self.assertEqual(steps, ["base", "exclusions", "proration", "percentage", "cap", "budget",
                                 "rounding"])

    def test_a_stop_names_the_field(self):
        def no_decisions(claim):
            claim["decisions"] = claim["decisions"][:1]

        self.edited("nanning-worked-example.json", "stop.json", no_decisions)
        self.refused(2, ["stop.json", "/eligibility/complete"], "programme", "apply", "stop.json",
                     "-o", "never.json")
        self.assertFalse((self.folder / "never.json").exists())

    def test_a_refusal_is_a_failed_check(self):
        def related(claim):
            claim["supplier"]["control_group"] = claim["applicant"]["control_group"]

        self.edited("nanning-worked-example.json", "related.json", related)
        done = assay("programme", "apply", "related.json", cwd=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/supplier/control_group", done.stdout)

    def test_broken_claims(self):
        def at(path, value):
            def change(claim):
                *parents, last = path
                for key in parents:
                    claim = claim[key]
                claim[last] = value
            return change

        line = ["invoices", 0, "lines", 0]
        vat = {"basis": "included", "rate": None}
        for change, words in (
                (at(["contract", "end"], "2026-02-30"), ["/contract/end"]),
                (at(["use", "to"], "2026-02-01"), ["/use/to"]),
                (at(["use", "to"], "2026-12-31"), ["/use", "contract"]),
                (at(line + ["amount"], "-1.00"), ["/invoices/0/lines/0/amount"]),
                (at(line + ["amount"], "1.001"), ["/invoices/0/lines/0/amount"]),
                (at(line + ["amount"], 636000), ["/invoices/0/lines/0/amount"]),
                (at(line + ["vat", "rate"], "6"), ["/invoices/0/lines/0/vat/rate", "0.13"]),
                (at(line + ["vat"], vat), ["/invoices/0/lines/0/vat/rate"]),
                (at(["invoices"], []), ["/invoices"]),
                (at(["applicant", "credit_code"], "123"), ["/applicant/credit_code"]),
                (at(["statements"], {"small": True}), ["small"]),
                (at(["programme", "version"], "2025"), ["2026"]),
                (at(["speed"], 1), ["speed"]),
                (at(["verified_cu", "cu"], "1e3"), ["/verified_cu/cu"])):
            self.edited("our-town.json", "broken.json", change)
            self.refused(2, ["broken.json", *words], "programme", "apply", "broken.json",
                         "--programme", "own.json", "-o", "never.json")
        self.assertFalse((self.folder / "never.json").exists())

    def test_broken_programmes(self):
        text = (self.folder / "own.json").read_text()
        for old, new, word in (
                ('"0.30"', '"30"', "/tiers/0/share"), ('"floor_yuan"', '"down"', "/rounding"),
                ('"2027-12-31"', '"2026-01-31"', "/span"), ('"2026-02-01"', '"2026-02-31"', "/span"),
                ('"1000000"', '"-1"', "/caps/0/amount"), ('"year": {"value": "calendar_year"},', "",
                                                          "/year"),
                ('{"value": "excluded"}', '{"value": null}', "/vat_basis"),
                ('"when": []', '"when": ["small"]', "/tiers/0/when"), ('"id"', '"ID"', "ID")):
            self.assertIn(old, text)
            (self.folder / "bad.json").write_text(text.replace(old, new, 1))
            self.refused(2, ["bad.json", word], "programme", "check", "bad.json")
        for cut in (1, 40, len(text) // 2):
            (self.folder / "bad.json").write_text(text[:cut])
            self.refused(2, ["bad.json"], "programme", "check", "bad.json")

    def test_simulation(self):
        self.must("programme", "simulate", "shenzhen", "--generate", "100000", "--seed", "7", "-o",
                  "list.csv")
        first = (self.folder / "list.csv").read_bytes()
        self.must("programme", "simulate", "shenzhen", "--generate", "100000", "--seed", "7", "-o",
                  "again.csv")
        self.assertEqual(first, (self.folder / "again.csv").read_bytes())
        arguments = ["programme", "simulate", "shenzhen", "--applications", "list.csv", "--ceiling",
                     "45", "--public-figure", "8241", *SHENZHEN]
        started = time.monotonic()
        simulation = json.loads(self.must(*arguments, "--json", "-o", "paid.csv"))
        print(f"100,000 applications in {time.monotonic() - started:.2f} s")
        budget = 50_000_000_000
        self.assertEqual([p["policy"] for p in simulation["policies"]],
                         ["first_come", "pro_rata", "lottery"])
        with open(self.folder / "paid.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 100000)
        for policy in simulation["policies"]:
            for rule in ("bill", "cu"):
                paid = [int(row[f"{policy['policy']}_{rule}_cny"].replace(".", ""))
                        for row in rows]
                self.assertLessEqual(sum(paid), budget)
                self.assertEqual(f"{sum(paid) / 100:.2f}", policy[rule]["paid_cny"])
            # A padded bill earns nothing by CU: the same budget goes with more verified CU.
            self.assertGreater(float(policy["cu"]["verified_cu"]),
                               float(policy["bill"]["verified_cu"]))
        groups = {}
        for row in rows:
            amount = int(row["first_come_bill_cny"].replace(".", ""))
            groups[row["control_group"]] = groups.get(row["control_group"], 0) + amount
        self.assertLessEqual(max(groups.values()), 1_000_000_000)
        self.assertEqual(simulation["policies"][1]["bill"]["paid_cny"], "500000000.00")

    def test_a_simulation_stops_by_name(self):
        self.must("programme", "simulate", "ningbo", "--generate", "10", "-o", "few.csv")
        self.refused(2, ["/eligibility/complete", "--assume"], "programme", "simulate", "ningbo",
                     "--applications", "few.csv")
        self.refused(2, ["which version"], "programme", "simulate", "chengdu", "--applications",
                     "few.csv")
        self.refused(2, ["is not open"], "programme", "simulate", "shenzhen", "--applications",
                     "few.csv", "--assume", "/tiers/0/share/value=0.9")

    def test_broken_applications(self):
        head = "id,control_group,application_date,amount,vat,vat_rate,verified_cu,statements\n"
        good = "a,g,2026-03-01,100.00,excluded,0.06,1,\n"
        for row, words in (
                ("b,g,2026-02-30,100.00,excluded,0.06,1,\n", ["list.csv:3", "application_date"]),
                ("b,g,2026-03-01,-1,excluded,0.06,1,\n", ["list.csv:3", "amount"]),
                ("b,g,2026-03-01,1,included,,1,\n", ["list.csv:3"]),
                ("b,g,2026-03-01,1,both,0.06,1,\n", ["list.csv:3", "vat"]),
                ("b,g,2026-03-01,1,excluded,6,1,\n", ["list.csv:3", "vat_rate"]),
                ("b,g,2026-03-01,1,excluded,0.06,-1,\n", ["list.csv:3", "verified_cu"]),
                ("b,g,2026-03-01,1,excluded,0.06,1,start-up\n", ["list.csv:3", "start_up"]),
                ("a,g,2026-03-01,1,excluded,0.06,1,\n", ["list.csv:3", "twice"]),
                ("b,g,2027-03-01,1,excluded,0.06,1,\n", ["one calendar year"]),
                ("b,\"g,2026-03-01,1,excluded,0.06,1,\n", ["list.csv"]),
                ("b,g\n", ["list.csv:3"])):
            (self.folder / "list.csv").write_text(head + good + row)
            self.refused(2, words, "programme", "simulate", "shenzhen", "--applications",
                         "list.csv", *SHENZHEN, "-o", "never.csv")
        self.assertFalse((self.folder / "never.csv").exists())


if __name__ == "__main__":
    support.main()
