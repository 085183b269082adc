#!/usr/bin/env python3
"""Recomputes an audit of posted prices from its documents alone, with exact fractions.

usage: recompute_audit.py ASSAY SOURCE

Invents tariffs in every posted unit, for sellers with certificates and cost sheets of several kinds
(two filings of one site, a mixed fleet, an expired certificate, one of another basket), has them
audited, and derives each verdict, conversion, flag, yardstick and the order again from tariffs,
certificates, sheets, rules and the table of peaks. Nothing of the program is used. Each kind of
figure is then falsified in the audit's own document, and the recomputation must notice.
"""
import base64
import copy
import csv
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

from model_flops import flops_per_token
from rate_model import Model, fen, half_even, of_sku, shares_of

DATE = "2026-06-01T00:00:00Z"
ROWS = 1500
HOURS = {"card_hour": 1, "card_day": 24, "card_month": 730, "card_year": 8760, "node_hour": 1,
         "node_day": 24, "node_month": 730, "node_year": 8760, "p_day": 24, "p_year": 8760}
ORDER = ["above", "below_cost", "not_comparable", "within_band"]


def text(figure):
    units = half_even(figure * 10**6)
    digits = str(abs(units)).rjust(7, "0")
    return ("-" if units < 0 else "") + digits[:-6] + "." + digits[-6:]


def exact(number):
    """A figure as the document writes it."""
    return Fraction(repr(number))


def median(values):
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def load(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


# What is audited


def certificates(examples, folder):
    """Those of the examples, and copies of them for other customers; the contents by id."""
    contents = {}

    def write(name, source, change):
        envelope = load(examples / "certificates" / f"{source}.json")
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement["predicate"])
        envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        (folder / f"{name}.json").write_text(json.dumps(envelope), encoding="utf-8")
        contents[statement["predicate"]["certificate_id"]] = statement["predicate"]

    def of(customer, number, **fields):
        def change(content):
            content["customer"] = {"value": customer}
            content["certificate_id"] = f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
            content.update(fields)
        return change

    def doubtful(content):
        of("Synthetic Operator Two", 5)(content)
        assessment = content["assessment"]
        assessment["expanded_cu_per_h"] = {"value": 0.03}
        assessment["mfu"]["nominal"] = {"value": 1.01}

    def hungry(content):
        of("Synthetic Operator Two", 2)(content)
        content["assessment"]["power_w"] = {"value": 700.5}  # the sheet files 620 W

    write("a", "simulated-h800", of("none (example)", 1))
    write("b", "simulated-a800", hungry)
    write("c", "simulated-h800", of("expired", 3, valid_until_utc="2026-05-01T00:00:00Z"))
    write("d", "simulated-h800-lite", of("lite", 4))
    write("e", "simulated-h800", doubtful)
    write("f", "simulated-h800", of("no sheet", 6))
    write("g", "simulated-h800", of("revoked", 7))
    return contents


def sheets(examples, folder):
    worked = load(examples / "h800-node-worked.json")
    earlier = copy.deepcopy(worked)
    earlier["asset_classes"][0]["life"]["value"] = "6"
    earlier["utilisation"]["value"] = "0.35"
    earlier["test_year"].update(start="2025-01-01", end="2025-12-31")
    dear = copy.deepcopy(worked)
    dear["site"].update(name="dear", operator="Synthetic Operator Four")
    dear["asset_classes"][0]["price"]["value"] = "9000000"
    dear["energy"]["pue"]["figure"]["value"] = "1.02"
    found = [worked, earlier, dear, load(examples / "synthetic-b-mixed-fleet.json")]
    for i, sheet in enumerate(found):
        (folder / f"{i}.json").write_text(json.dumps(sheet), encoding="utf-8")
    return found


def tariffs(items):
    draw = random.Random(2027)
    sellers = [("none (example)", "", "simulated H800"),
               ("Synthetic Operator Two", "91310000SYNTH000B2", "simulated A800"),
               ("Synthetic Operator Two", "91310000SYNTH000B2", "simulated H800"),
               ("expired", "", "simulated H800"), ("lite", "", "simulated H800"),
               ("no sheet", "91310000SYNTH000C3", "simulated H800"),
               ("revoked", "", "simulated H800"), ("unknown", "", "simulated H800"),
               ("Synthetic Operator Four", "", "simulated H800")]
    rows = []
    for _ in range(ROWS):
        seller, code, sku = draw.choice(sellers)
        unit = draw.choice([*HOURS, "cu", "training_token", "inference_token", "core_hour"])
        hour = Fraction(draw.randint(200, 4000), 100)  # CNY an hour of a device, about
        price = hour * HOURS.get(unit, 1)
        row = {"seller": seller, "seller_code": code, "sku": sku, "unit": unit, "currency": "CNY",
               "vat": draw.choice(["excluded", "included", "unstated"]), "date": "",
               "source": "invented", "declared_pue": draw.choice(["", "", "1.25", "1.3"])}
        if row["vat"] == "included":
            row["vat_rate"] = draw.choice(["0.06", "0.13", "0"])
        if unit.startswith("node"):
            row["devices"] = draw.choice(["1", "4", "8"])
            price *= int(row["devices"])
        elif unit.startswith("p_"):
            row["accelerator"] = draw.choice(["H800 SXM5", "H800 SXM5", "A800 SXM4 80GB", ""])
            row["precision"] = draw.choice(["", "fp16", "fp8"])
            row["sparsity"] = draw.choice(["", "dense", "sparse"])
        elif unit == "cu":
            price *= 3
        elif unit == "training_token":
            row["configuration"], row["quantity"] = draw.choice(items + ["none"]), "1000000000"
            price *= 8
        if draw.random() < 0.1:
            row.update(currency="USD", cny_per_currency="7.1031", exchange_source="invented")
            price /= 7
        if draw.random() < 0.1:
            row["affiliates"] = draw.choice(["91310000SYNTH000B2", "91310000SYNTH000Z9",
                                             "91310000SYNTH000B2;91310000SYNTH000C3"])
        row["price"] = f"{float(price):.4f}"
        if seller == "Synthetic Operator Four":
            row["certificate"] = "urn:uuid:00000000-0000-4000-8000-000000000001"
        rows.append(row)
    return rows


# The audit, written down again


class Audit:
    def __init__(self, rows, contents, filed, revoked, rules, peaks, basket):
        self.rows, self.contents, self.filed = rows, contents, filed
        self.revoked, self.rules, self.peaks, self.basket = revoked, rules, peaks, basket

    def unfit(self, content):
        if content["method"]["basket"]["name"] != "tb1":
            return True
        if not content["issued_utc"] <= DATE <= content["valid_until_utc"]:
            return True
        if self.revoked.get(content["certificate_id"], "9") <= DATE:
            return True
        return content["assessment"]["grade"] != "certified"

    def certificate(self, row):
        if row.get("certificate"):
            return self.contents[row["certificate"]]
        fits = [one for one in self.contents.values() if one["customer"]["value"] == row["seller"]
                and one["item"]["device"]["name"] == row["sku"]]
        return max(fits, key=lambda one: (not self.unfit(one), one["issued_utc"]), default=None)

    def sheet(self, row):
        fits = [one for one in self.filed if one["site"]["operator"] == row["seller"]]
        return max(fits, key=lambda one: one["test_year"]["end"], default=None)

    def fair_rate(self, sheet, content, seller):
        k = exact(content["assessment"]["k_cu_per_h"]["value"])
        device = content["item"]["device"]["name"]
        if not sheet.get("skus"):
            model, loaded = Model(sheet), Fraction(sheet["energy"]["loaded_power"]["value"])
        else:
            ks = {}
            for sku in sheet["skus"]:
                one = content if sku["device"] == device else \
                    self.certificate({"seller": seller, "sku": sku["device"]})
                ks[sku["name"]] = exact(one["assessment"]["k_cu_per_h"]["value"])
            powers = {sku["name"]: Fraction(sku["loaded_power"]["value"]) for sku in sheet["skus"]}
            place = [sku["device"] for sku in sheet["skus"]].index(device)
            sku = sheet["skus"][place]
            model = Model(of_sku(sheet, sku), Fraction, shares_of(sheet, ks, powers), place)
            loaded = powers[sku["name"]]
        fixed = sum(line[2] for line in model.lines(fen))
        rate = fixed / model.delivered(k) + model.variable(k, loaded)
        return Fraction(half_even(rate * 10**6), 10**6)

    def hours(self, row, content, cny):
        """What an hour of one device costs, once for each way to read the nameplate."""
        unit = row["unit"]
        if unit.startswith("card"):
            return [cny / HOURS[unit]]
        if unit.startswith("node"):
            return [cny / HOURS[unit] / int(row["devices"])]
        if unit == "cu":
            return [cny * exact(content["assessment"]["k_cert_cu_per_h"]["value"])]
        if unit == "training_token":
            for item in content["assessment"]["items"]:
                if item["basket_item"] == row["configuration"]:
                    per_token = flops_per_token(self.basket[row["configuration"]])
                    return [cny * 36 * 10**17 * exact(item["pflops"]) / per_token]
        if unit.startswith("p_"):
            name = row.get("accelerator") or row["sku"]
            dense = {one["sku"]: one["dense_tflops"] for one in self.peaks["accelerators"]
                     if float(one["compute_capability"]) >= 8}.get(name, {})
            asked = [row["precision"]] if row.get("precision") else ["fp16", "fp8"]
            return [cny * exact(dense[precision]) / 1000 * times / HOURS[unit]
                    for precision in asked if dense.get(precision)
                    for kind, times in (("dense", 1), ("sparse", 2))
                    if row.get("sparsity", "") in ("", kind)]
        return []

    def readings(self, row, content):
        cny = Fraction(row["price"]) / Fraction(row.get("quantity") or 1)
        cny *= Fraction(row.get("cny_per_currency") or 1)
        rates = {"excluded": [Fraction(0)], "included": [Fraction(row.get("vat_rate") or 0)],
                 "unstated": [Fraction(rate) for rate in self.rules["vat_rates_unstated"]["rates"]]}
        return [hour / (1 + rate) for hour in self.hours(row, content, cny)
                for rate in rates[row["vat"]]]

    def verdict(self, by_k_cert, by_k, fair):
        band = self.rules["band"]
        if fair is None:
            return "not_comparable"
        if by_k_cert > fair * Fraction(band["above_factor"]):
            return "above"
        return "below_cost" if by_k < fair * Fraction(band["below_cost_factor"]) else "within_band"

    def quantities(self, row, content, sheet):
        assessment = content["assessment"]
        found = {"mfu_nominal": assessment["mfu"]["nominal"]["value"],
                 "relative_expanded_uncertainty":
                     exact(assessment["expanded_cu_per_h"]["value"])
                     / exact(assessment["k_cu_per_h"]["value"])}
        if found["mfu_nominal"] is not None:
            found["mfu_nominal"] = exact(found["mfu_nominal"])
        if sheet is None:
            return found
        pue = found["pue"] = Fraction(sheet["energy"]["pue"]["figure"]["value"])
        if row.get("declared_pue"):
            found["pue_over_declared"] = pue / Fraction(row["declared_pue"])
        latest = {}
        for one in self.filed:
            key = (one["site"]["operator"], one["site"]["name"])
            if key not in latest or latest[key]["test_year"]["end"] < one["test_year"]["end"]:
                latest[key] = one
        found["capital_per_device_over_median"] = \
            capital(sheet) / median([capital(one) for one in latest.values()])
        same = [one for one in self.filed if one["site"] == sheet["site"]]
        found["asset_lives_changed"] = sum(
            any(other["name"] == asset["name"] and other["life"]["value"] != asset["life"]["value"]
                for one in same for other in one["asset_classes"])
            for asset in sheet["asset_classes"])
        if assessment["power_w"]["value"] is not None:
            filed = [sku["loaded_power"] for sku in sheet.get("skus", [])
                     if sku["device"] == content["item"]["device"]["name"]]
            filed = (filed or [sheet["energy"]["loaded_power"]])[0]
            found["filed_over_measured_power"] = \
                Fraction(filed["value"]) / exact(assessment["power_w"]["value"])
        day = content["issued_utc"][:10]
        before = [one for one in same if one["test_year"]["end"] < day]
        after = [one for one in same if one["test_year"]["end"] >= day]
        if before and after:
            device = content["item"]["device"]["name"]
            found["utilisation_change_at_certification"] = \
                utilisation(min(after, key=lambda one: one["test_year"]["end"]), device) - \
                utilisation(max(before, key=lambda one: one["test_year"]["end"]), device)
        return found

    def run(self):
        results, prices = [], {}
        for row in self.rows:
            content = self.certificate(row)
            result = {"verdict": "not_comparable", "fair": None, "by": [], "quantities": {}}
            results.append(result)
            if content is None or self.unfit(content):
                continue
            sheet = self.sheet(row)
            if sheet is not None:
                result["fair"] = self.fair_rate(sheet, content, row["seller"])
            result["quantities"] = self.quantities(row, content, sheet)
            k, k_cert = (exact(content["assessment"][name]["value"])
                         for name in ("k_cu_per_h", "k_cert_cu_per_h"))
            result["by"] = [(hour / k_cert, hour / k) for hour in self.readings(row, content)]
            said = {self.verdict(*by, result["fair"]) for by in result["by"]}
            if len(said) == 1:
                result["verdict"] = said.pop()
            if len({by[0] for by in result["by"]}) == 1:
                prices.setdefault(row["sku"], {}).setdefault(row["seller"], []).append(
                    result["by"][0][0])
        yardsticks = {sku: median([median(each) for each in by_seller.values()])
                      if len(by_seller) >= self.rules["fewest_sellers"]["count"] else None
                      for sku, by_seller in prices.items()}
        for row, result in zip(self.rows, results, strict=True):
            result["flags"] = self.flags(row, result, yardsticks.get(row["sku"]))
        return results, yardsticks

    def flags(self, row, result, yardstick):
        found = dict(result["quantities"])
        codes = {one["seller_code"] for one in self.rows} - {""}
        found["related_sellers"] = len([code for code in row.get("affiliates", "").split(";")
                                        if code in codes and code != row["seller_code"]])
        found["vat_bases_of_seller"] = len({one["vat"] for one in self.rows
                                            if one["seller"] == row["seller"]})
        if row["unit"].startswith("p_"):
            found["nameplate_counted"] = 1
            found["sparse_or_unstated"] = 0 if row["sparsity"] == "dense" else 1
        raised = []
        for rule in self.rules["rules"]:
            limits = [Fraction(limit) for limit in rule["limits"]]

            def breaks(value, rule=rule, limits=limits):
                if value is None:
                    return False
                over, under = value > limits[-1], value < limits[0]
                return {"above": over, "below": under, "outside": over or under}[rule["test"]]

            divisor = {"price_over_fair_rate": result["fair"],
                       "price_over_yardstick": yardstick}.get(rule["quantity"], 0)
            if divisor:
                hit = bool(result["by"]) and all(breaks(by[0] / divisor) for by in result["by"])
            else:
                hit = divisor == 0 and breaks(found.get(rule["quantity"]))
            if hit:
                raised.append(rule["name"])
        return raised


def capital(sheet):
    counts = [sku["count"] for sku in sheet.get("skus", [])] or [sheet["devices"]["count"]]
    model = Model(sheet)
    return (sum(model.amount(asset["price"]) for asset in sheet["asset_classes"])
            / sum(Fraction(count["value"]) for count in counts))


def utilisation(sheet, device):
    for sku in sheet.get("skus", []):
        if sku["device"] == device:
            return Fraction(sku["utilisation"]["value"])
    return Fraction(sheet["utilisation"]["value"])


def differences(results, yardsticks, rules, document):
    by_line = {row["line"]: row for row in document["rows"]}
    for line, result in enumerate(results, 2):
        says = by_line[line]
        should = {"verdict": result["verdict"], "flags": result["flags"],
                  "fair_rate_cny_per_cu": None if result["fair"] is None else text(result["fair"])}
        for key, value in should.items():
            if says[key] != value:
                yield f"line {line}: {key}: the audit says {says[key]}, recomputed {value}"
        for side, key in enumerate(("cny_per_cu_by_k_cert", "cny_per_cu_by_k")):
            figures = sorted(reading[key] for reading in says["readings"])
            again = sorted(text(by[side]) for by in result["by"])
            if figures != again:
                yield f"line {line}: {key}: the audit says {figures}, recomputed {again}"
    for yardstick in document["yardsticks"]:
        should = yardsticks[yardstick["sku"]]
        if yardstick["cny_per_cu"] != (None if should is None else text(should)):
            yield f"yardstick {yardstick['sku']}: {yardstick['cny_per_cu']}, recomputed {should}"
    for verdict in ORDER:
        count = sum(result["verdict"] == verdict for result in results)
        if document["counts"][verdict] != count:
            yield f"{verdict}: the audit counts {document['counts'][verdict]}, recomputed {count}"
    hard = {rule["name"] for rule in rules["rules"] if rule["severity"] == "hard"}

    def first_things(row):
        result = results[row["line"] - 2]
        return (-len(hard & set(result["flags"])), ORDER.index(result["verdict"]),
                -len(result["flags"]))

    ranks = [first_things(row) for row in document["rows"]]
    if ranks != sorted(ranks):
        yield "the rows are not in order"


def falsified(document):
    """The document with one figure of each kind wrong."""
    def change(pick, edit):
        wrong = copy.deepcopy(document)
        row = next(row for row in wrong["rows"] if pick(row))
        edit(row)
        return wrong

    def bump(key):
        def edit(row):
            units = int(row["readings"][0][key].replace(".", "")) + 1
            row["readings"][0][key] = text(Fraction(units, 10**6))
        return edit

    for verdict in ORDER:
        yield f"verdict {verdict}", change(lambda row, v=verdict: row["verdict"] == v,
                                           lambda row: row.update(verdict="?"))
    for key in ("cny_per_cu_by_k_cert", "cny_per_cu_by_k"):
        yield key, change(lambda row: row["readings"], bump(key))
    yield "flag", change(lambda row: row["flags"], lambda row: row["flags"].pop())
    yield "fair rate", change(lambda row: row["fair_rate_cny_per_cu"],
                              lambda row: row.update(fair_rate_cny_per_cu="1.000000"))
    wrong = copy.deepcopy(document)
    wrong["rows"].insert(0, wrong["rows"].pop())
    yield "order", wrong
    wrong = copy.deepcopy(document)
    wrong["yardsticks"][-1]["cny_per_cu"] = "1.000000"
    yield "yardstick", wrong
    wrong = copy.deepcopy(document)
    wrong["counts"]["above"] += 1
    yield "count", wrong


def main(program, source):
    source = pathlib.Path(source)
    examples = source / "pricing" / "data" / "examples"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for part in ("certificates", "sheets"):
            (folder / part).mkdir()
        contents = certificates(examples, folder / "certificates")
        filed = sheets(examples, folder / "sheets")
        basket = {item["name"]: item["model"]
                  for item in load(source / "results" / "edition" / "data" / "tb1.json")["items"]}
        rows = tariffs(sorted(basket))
        columns = sorted({key for row in rows for key in row})
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        (folder / "tariffs.csv").write_text(out.getvalue(), encoding="utf-8")
        revoked = {"urn:uuid:00000000-0000-4000-8000-000000000007": "2026-03-01T00:00:00Z"}
        (folder / "revoked.csv").write_text(
            "certificate,effective_utc,reason\n" +
            "".join(f"{one},{at},invented\n" for one, at in revoked.items()))
        done = subprocess.run(
            [program, "audit", "--tariffs", "tariffs.csv", "--certificates", "certificates",
             "--cost-sheets", "sheets", "--revocations", "revoked.csv", "--date", DATE, "--json"],
            cwd=folder, text=True, capture_output=True, check=False)
    if done.returncode != 1:
        sys.exit(f"assay audit: exit code {done.returncode}: {done.stderr}")
    document = json.loads(done.stdout)
    rules = load(source / "pricing" / "data" / "audit-rules.json")
    peaks = load(source / "results" / "edition" / "data" / "peaks-2026.1.json")
    results, yardsticks = Audit(rows, contents, filed, revoked, rules, peaks, basket).run()
    found = list(differences(results, yardsticks, rules, document))
    for line in found[:20]:
        print(line)
    raised = {flag for result in results for flag in result["flags"]}
    unraised = {rule["name"] for rule in rules["rules"]} - raised
    if unraised:
        found.append(f"no row raised {unraised}")
        print(found[-1])
    verdicts = {result["verdict"] for result in results}
    if verdicts != set(ORDER):
        found.append(f"only these verdicts came up: {verdicts}")
        print(found[-1])
    planted = 0
    for what, wrong in falsified(document):
        planted += 1
        if not list(differences(results, yardsticks, rules, wrong)):
            print(f"a wrong {what} went unseen")
            found.append(what)
    print(f"{len(rows)} verdicts recomputed, {len(raised)} of {len(rules['rules'])} rules raised "
          f"({', '.join(sorted(raised))}), {planted} planted errors, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
