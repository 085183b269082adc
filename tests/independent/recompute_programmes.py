#!/usr/bin/env python3
"""Recomputes every hand case of the voucher programmes from the documents alone.

usage: recompute_programmes.py PROGRAMMES CASES, where PROGRAMMES holds the programmes' files and
CASES holds claim.json and, for each version, its cases with what was computed by hand.

Nothing of the program is used; money is exact fractions of a yuan. Where a rule is unknown, all
that it can be is tried. Each hand figure is then bumped by a fen, and the recomputation must notice.
"""
import copy
import datetime
import itertools
import json
import math
import pathlib
import sys
from fractions import Fraction

DEFAULT_ORDER = ["exclusions", "proration", "ceiling", "percentage", "cap", "budget"]
CAP_BEFORE_DAYS = ["exclusions", "ceiling", "percentage", "cap", "proration", "budget"]
TECHNICAL = {"rounding", "odd_fen", "day_count", "order", "governing_date"}
DATES = ["contract", "use", "application"]


class Stop(Exception):
    pass


class Refusal(Exception):
    pass


def put(document, pointer, value):
    *path, last = pointer.split("/")[1:]
    for key in path:
        document = document[int(key) if isinstance(document, list) else key]
    document[int(last) if isinstance(document, list) else last] = value


def day(text):
    return datetime.date.fromisoformat(text)


def months_later(date, months):
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = (datetime.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
            - datetime.timedelta(1)).day
    return datetime.date(year, month + 1, min(date.day, last))


def rounded(cny, rule):
    unit = Fraction(1) if rule.endswith("yuan") else Fraction(1, 100)
    scaled = cny / unit
    below = math.floor(scaled)
    rest = scaled - below
    up = {"floor": False, "half_up": rest >= Fraction(1, 2),
          "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1)}
    return (below + up[rule.rpartition("_")[0]]) * unit


class Case:
    def __init__(self, programme, claim):
        self.rules, self.claim = copy.deepcopy(programme), claim
        for decision in claim["decisions"]:
            put(self.rules, decision["field"], decision["value"])
        self.open = {}

    def value(self, name, fallback=None):
        """A rule's value; an unknown one as the reading at hand has it."""
        rule = self.rules.get(name)
        if rule is None:
            return fallback
        return self.open.get(name, rule["value"])

    def unknown(self, name):
        return name in self.rules and self.rules[name]["value"] is None

    def date(self, kind):
        return day({"contract": self.claim["contract"]["signed"], "use": self.claim["use"]["from"],
                    "application": self.claim["application_date"]}[kind])

    def states(self, statements):
        """True, False, or the name of a statement that decides and is not stated."""
        values = [self.claim["statements"].get(name) for name in statements]
        if False in values:
            return False
        return statements[values.index(None)] if None in values else True

    def check_span(self):
        def holds(kind):
            first = self.date(kind)
            last = day(self.claim["use"]["to"]) if kind == "use" else first
            span = self.rules["span"]["value"]
            if span is None:
                source = self.rules["sources"][0]["date"]
                return True if source == str(first) == str(last) else None
            return all(day(span["from"]) <= d and (span["to"] is None or d <= day(span["to"]))
                       for d in (first, last))

        governing = self.value("governing_date")
        found = {holds(kind) for kind in ([governing] if governing else DATES)}
        if found == {True}:
            return
        raise Stop("/span/value" if found == {None} else "/governing_date/value")

    def refusals(self):
        claim = self.claim
        for name in self.rules["eligibility"]["value"]:
            if self.states([name]) is False:
                yield "/statements/" + name
        if self.value("supplier_listed") and claim["supplier"]["listed"] is False:
            yield "/supplier/listed"
        if self.value("supplier_unrelated") and \
                claim["supplier"]["control_group"] == claim["applicant"]["control_group"]:
            yield "/supplier/control_group"
        first = self.value("contract_signed_from")
        if first and day(claim["contract"]["signed"]) < day(first):
            yield "/contract/signed"
        months = self.value("contract_months_at_most")
        if months and day(claim["contract"]["end"]) > \
                months_later(day(claim["contract"]["start"]), months):
            yield "/contract/end"
        mine = [a for a in claim["earlier_awards"] if a["programme"] == self.rules["id"]]
        most = self.value("claims_per_contract")
        if most and len({a["claim"] for a in mine
                         if a["contract"] == claim["contract"]["id"]}) >= most:
            yield "/earlier_awards"
        if self.years_of_support(mine) == {False}:
            yield "/earlier_awards"
        for index, other in enumerate(claim["other_subsidies"]):
            stacking = self.value("stacking")
            overlap = day(other["from"]) <= day(claim["use"]["to"]) and \
                day(claim["use"]["from"]) <= day(other["to"])
            if (other["claimant"] == "supplier" and self.value("one_of_supplier_and_user")) or \
                    (stacking and ((other["group"] == stacking["group"] and overlap)
                                   or other["group"] in (stacking["excludes"] or []))):
                yield f"/other_subsidies/{index}"

    def years_of_support(self, mine):
        most = self.value("years_of_support")
        if most is None:
            return {True}
        now = self.date(self.value("governing_date") or "application")
        years = {day(a["date"]).year for a in mine} | {now.year}
        first = min([day(a["date"]) for a in mine] + [now])
        by = {"calendar_year": len(years) <= most,
              "twelve_months": now < months_later(first, 12 * most)}
        kind = self.value("year")
        return {by[kind]} if kind else set(by.values())

    def stops(self):
        claim = self.claim
        for name in self.rules["eligibility"]["value"]:
            if self.states([name]) not in (True, False):
                yield "/statements/" + name
        if self.rules["eligibility"]["complete"] is None and not claim.get("award"):
            yield "/eligibility/complete"
        if not claim["supplier"]["listed"]:
            if self.unknown("supplier_listed"):
                yield "/supplier_listed/value"
            elif self.value("supplier_listed"):
                yield "/supplier/listed"
        if self.value("supplier_unrelated") and claim["supplier"]["control_group"] is None:
            yield "/supplier/control_group"
        months = self.value("contract_months_at_most")
        if months and self.unknown("day_count") and day(claim["contract"]["end"]) == \
                months_later(day(claim["contract"]["start"]), months):
            yield "/day_count/value"
        mine = [a for a in claim["earlier_awards"] if a["programme"] == self.rules["id"]]
        if len(self.years_of_support(mine)) == 2:
            yield "/year/value"
        have = {e["kind"] for e in claim["evidence"]}
        for asked in self.value("evidence") or []:
            if asked["kind"] not in have and (asked["with"] == "application" or claim["invoices"]):
                yield "/evidence"
        for other in claim["other_subsidies"]:
            if self.unknown("stacking"):
                yield "/stacking/value"
            elif self.value("stacking") and self.value("stacking")["excludes"] is None \
                    and other["group"] != self.value("stacking")["group"]:
                yield "/stacking/value/excludes"
            elif self.value("stacking") and self.value("stacking")["excludes"] is None:
                yield "/stacking/value/excludes"

    def choices(self):
        """Every rule that is open and what it can be: (name, field, values)."""
        def unknown(name, values):
            if self.unknown(name):
                yield name, f"/{name}/value", self.rules[name].get("one_of", values)

        tiers, sure = [], False
        for index, tier in enumerate(self.rules["tiers"]):
            state = self.states(tier["when"])
            if state is not False:
                tiers.append((index, state))
            if state is True:
                sure = True
                break
        names = [state for _, state in tiers if state is not True]
        field = "/statements/" + names[0] if names else ""
        yield "tier", field, [index for index, _ in tiers] + ([] if sure else [None])
        yield from unknown("base", ["contract", "invoices", "invoiced_contract"])
        if (self.claim["use"]["from"], self.claim["use"]["to"]) != \
                (self.claim["contract"]["start"], self.claim["contract"]["end"]):
            yield from unknown("proration", ["none", "days"])
            yield from unknown("day_count", ["end_excluded", "end_included"])
            yield from unknown("order", [DEFAULT_ORDER, CAP_BEFORE_DAYS])
        yield from unknown("governing_date", DATES)
        yield from unknown("year", ["calendar_year", "twelve_months"])
        yield from unknown("exceeding_claim", ["partial", "skipped"])
        for index, cap in enumerate(self.rules["caps"]):
            if cap["per"]["value"] is None:
                yield f"per {index}", f"/caps/{index}/per/value", ["claim", "year", "total"]
        stacking = self.rules["stacking"]["value"]
        if stacking and stacking["second_base"] is None:
            yield "second_base", "/stacking/value/second_base", ["gross", "net"]
        yield from unknown("rounding", [a + "_" + b for a in ("floor", "half_up", "half_even")
                                        for b in ("fen", "yuan")])
        if self.value("payers") and self.unknown("odd_fen"):
            yield "odd_fen", "/odd_fen/value", [p["name"] for p in self.value("payers")]

    def paid_kinds(self, lines):
        only, excluded = self.value("only_kinds"), self.value("excluded_kinds") or []
        total = Fraction(0)
        for line in lines:
            kinds = set(line["kinds"])
            if kinds & set(excluded) or (only is not None and kinds - set(only)):
                continue
            total += Fraction(line["amount"])
        return total

    def amount(self):
        """Of one reading: (cumulative, shares of payers, stops)."""
        claim, stops = self.claim, []
        if self.open["tier"] is None:
            raise Refusal("/statements")
        tier = self.rules["tiers"][self.open["tier"]]
        contract = self.paid_kinds(claim["contract"]["items"])
        invoiced = self.paid_kinds([line for i in claim["invoices"] for line in i["lines"]])
        base = self.value("base")
        cost = invoiced if base == "invoices" else contract
        start, end = day(claim["contract"]["start"]), day(claim["contract"]["end"])
        first, last = day(claim["use"]["from"]), day(claim["use"]["to"])
        share_of_days = Fraction(1)
        if self.value("proration") == "days" and base != "invoices" and \
                (start, end) != (first, last):
            more = 1 if self.value("day_count") == "end_included" else 0
            share_of_days = Fraction((last - first).days + more, (end - start).days + more)
        limited = base == "invoiced_contract" and claim["invoices"]
        share = tier["share"]["value"]
        if share is None:
            stops.append(f"/tiers/{self.open['tier']}/share/value")
        share = Fraction(share or 1)
        months = tier.get("months_at_most", {}).get("value")
        if months and months_later(start, months) <= last:
            raise Refusal("/use/to")
        order = self.value("order") or DEFAULT_ORDER
        days_first = order.index("proration") < order.index("percentage")
        if days_first:
            cost *= share_of_days
        if limited:
            cost = min(cost, invoiced)
        others = sum(Fraction(o["amount"]) for o in claim["other_subsidies"])
        taken = cost - others if others and self.second_base() == "net" else cost
        result = max(taken, Fraction(0)) * share
        bound, wanted = None, result
        for index, cap in enumerate(self.rules["caps"]):
            if self.states(cap.get("when", [])) is False:
                continue
            if cap["amount"]["value"] is None:
                stops.append(f"/caps/{index}/amount/value")
            elif cap["amount"]["value"] != "none":
                left = max(Fraction(cap["amount"]["value"]) - self.used(index, cap), Fraction(0))
                relaxed = self.states(cap.get("relaxed_when", [])) if "relaxed_when" in cap \
                    and cap["relaxed_when"] else False
                if left < wanted and relaxed is True:
                    stops.append(f"/caps/{index}/relaxed_when")
                result, bound = min(result, left), left if bound is None else min(bound, left)
        if others and self.value("stacking"):
            joint = self.value("stacking")["joint_ceiling"]
            if joint is None:
                stops.append("/stacking/value/joint_ceiling")
            joint = Fraction(1) if joint in (None, "none") else Fraction(joint)
            result = min(result, max(cost * joint - others, Fraction(0)))
        if not days_first:
            result *= share_of_days
        budget = self.value("budget")
        left = claim.get("budget_left") or (budget and budget["cny"])
        if left is not None:
            if self.value("exceeding_claim") == "skipped" and Fraction(left) < result:
                result = Fraction(0)
            result = min(result, Fraction(left))
            bound = Fraction(left) if bound is None else min(bound, Fraction(left))
        paid = rounded(result, self.value("rounding"))
        if bound is not None:
            paid = min(paid, bound)
        if claim.get("award"):
            if Fraction(claim["award"]["amount"]) > paid:
                raise Refusal("/award/amount")
            paid = Fraction(claim["award"]["amount"])
        return paid, self.split(paid), stops

    def second_base(self):
        stacking = self.value("stacking")
        return self.open.get("second_base") or (stacking and stacking["second_base"])

    def used(self, index, cap):
        per = cap["per"]["value"] or self.open[f"per {index}"]
        now, total = self.date(self.value("governing_date")), Fraction(0)
        for award in self.claim["earlier_awards"]:
            date = day(award["date"])
            in_year = date.year == now.year if self.value("year") == "calendar_year" \
                else months_later(now, -12) < date <= now
            if award["programme"] == self.rules["id"] and \
                    (per == "total" or (per == "year" and in_year)):
                total += Fraction(award["amount"])
        return total

    def split(self, amount):
        payers = self.value("payers") or []
        shares = [math.floor(amount * Fraction(p["share"]) * 100) * Fraction(1, 100)
                  for p in payers]
        if payers:
            odd = [p["name"] for p in payers].index(self.value("odd_fen"))
            shares[odd] += amount - sum(shares)
        return shares

    def rule(self):
        """(kind, amounts now due, payers' shares now due, fields)."""
        try:
            self.check_span()
        except Stop as stop:
            return "stopped", [], [], [str(stop)]
        refusals = list(self.refusals())
        if refusals:
            return "refused", [], [], refusals
        stops, choices = list(self.stops()), list(self.choices())
        results = {}
        for values in itertools.product(*(range(len(c[2])) for c in choices)):
            self.open = {c[0]: c[2][i] for c, i in zip(choices, values)}
            try:
                paid, shares, more = self.amount()
                stops += more
                results[values] = (paid, tuple(shares))
            except Refusal as refusal:
                results[values] = str(refusal)
        distinct = set(results.values())
        if all(isinstance(r, str) for r in distinct):
            return "refused", [], [], sorted(distinct)
        nought = all(not isinstance(r, str) and r[0] == 0 for r in distinct)
        if stops and not nought:
            return "stopped", [], [], stops
        deciding = []
        for position, (name, field, _) in enumerate(choices):
            for values, result in results.items():
                other = values[:position] + (values[position] + 1,) + values[position + 1:]
                if other in results and results[other] != result:
                    deciding.append((name, field))
                    break
        material = [field for name, field in deciding if name not in TECHNICAL]
        if material:
            return "stopped", [], [], material
        before = sum((Fraction(p["amount"]) for p in self.claim.get("earlier_payments", [])),
                     Fraction(0))
        self.open = {c[0]: c[2][0] for c in choices}
        paid_before = self.split(before)
        parts = sorted(paid - before for paid, _ in distinct)
        shares = [paid - was for paid, was in zip(next(iter(distinct))[1], paid_before)]
        if deciding:
            return "set", parts, [], [field for _, field in deciding]
        at_most = self.rules["tiers"][self.open["tier"]]["share_is"] == "at_most"
        bound = at_most and not self.claim.get("award")
        return "at_most" if bound else "figure", parts, shares, []


def agrees(hand, found):
    kind, parts, shares, fields = found
    if kind != hand["kind"] or ("field" in hand and hand["field"] not in fields):
        return False
    if "cny" in hand and [Fraction(a) for a in hand["cny"]] != parts:
        return False
    return "payers" not in hand or [Fraction(a) for a in hand["payers"]] == shares


def main():
    programmes, cases = map(pathlib.Path, sys.argv[1:3])
    versions = {}
    for path in programmes.glob("*.json"):
        document = json.loads(path.read_text())
        versions[document["id"], document["version"]] = document
    base = json.loads((cases / "claim.json").read_text())
    count = faults = bumped = noticed = 0
    seen = set()
    for path in sorted(cases.glob("*.json")):
        if path.name == "claim.json":
            continue
        hands = json.loads(path.read_text())
        key = hands["programme"], hands["version"]
        seen.add(key)
        for hand in hands["cases"]:
            if hand["kind"] == "error":  # a broken document has no result to compute
                continue
            claim = copy.deepcopy(base)
            claim["decisions"] = hands["decisions"]
            for pointer, value in {**hands["set"], **hand["set"]}.items():
                put(claim, pointer, copy.deepcopy(value))
            found = Case(versions[key], claim).rule()
            count += 1
            if not agrees(hand, found):
                faults += 1
                print(f"{path.name}: {hand['name']}: by hand {hand}, found {found}")
            for position in range(len(hand.get("cny", []))):
                wrong = copy.deepcopy(hand)
                wrong["cny"][position] = str(Fraction(wrong["cny"][position]) + Fraction(1, 100))
                bumped += 1
                noticed += not agrees(wrong, found)
    missing = set(versions) - seen
    print(f"{count} cases of {len(seen)} versions, {faults} faults; {noticed} of {bumped} bumped "
          f"figures noticed; without a case: {sorted(missing) or 'none'}")
    return 1 if faults or missing or noticed != bumped or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
