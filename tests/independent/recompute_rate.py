#!/usr/bin/env python3
"""Recomputes rate cards from their documents alone, with exact fractions.

usage: recompute_rate.py FOLDER, where FOLDER/<case>/ holds cost-sheet.json and rate-card.json, or,
of a mixed fleet, cost-sheet.json, site.json and one card for each SKU.

Nothing of the program is used. From the card it takes what a certificate measured (K, u_c, nu_eff,
K_cert, loaded power) and the coverage factor, which is a table's; all else is derived from the cost
sheet and compared with the card to the last decimal, the Monte Carlo by drawing it again. Each
figure of each card is then bumped by one in its last decimal, and the recomputation must notice.
"""
import copy
import hashlib
import json
import math
import pathlib
import sys
from fractions import Fraction

import draws
from rate_model import Model, fen, half_even, largest_remainders, of_sku, root, shares_of

# Ends of the drawn interval lie between neighbouring draws, which libraries of mathematics put
# apart by their last bits: they may differ by this many millionths.
DRAWN_UNITS = 1


def text(units, decimals):
    digits = str(abs(units)).rjust(decimals + 1, "0")
    body = digits[:-decimals] + "." + digits[-decimals:]
    return ("-" if units < 0 else "") + body


def rounded(x, decimals):
    return text(half_even(x * 10**decimals), decimals)


def units_of(decimal):
    return int(decimal.replace(".", ""))


def books(model, asset):
    """The schedule in fen; the last year's depreciation takes the remainder."""
    years, base, residual = model.schedule(asset)
    base, residual, rows = fen(base), fen(residual), []
    for number, (charge, _, depreciation, _) in enumerate(years, 1):
        charge = fen(charge)
        depreciation = base - residual if number == len(years) else fen(depreciation)
        base -= depreciation
        rows.append({"year": number, "charge": rounded(charge, 2),
                     "return": rounded(charge - depreciation, 2),
                     "depreciation": rounded(depreciation, 2), "closing_base": rounded(base, 2)})
    return rows


def waterfall(lines, delivered, variable, rate_units):
    exact = [cny / delivered * 10**6 for _, _, cny in lines] + [variable * 10**6]
    units = largest_remainders(exact, rate_units)
    named = lines + [("variable_energy", "variable energy", None)]
    return [{"kind": kind, "name": name, "cny_per_year": None if cny is None else rounded(cny, 2),
             "cny_per_cu": text(unit, 6)} for (kind, name, cny), unit in zip(named, units)]


def figure_at(sheet, pointer):
    for key in pointer.split("/")[1:]:
        sheet = sheet[int(key) if isinstance(sheet, list) else key]
    return sheet


class Case:
    """A card, the sheet it is of, and what of a fleet's shared costs it bears."""

    def __init__(self, sheet, card, shares=None, position=0):
        self.filed, self.card, self.shares, self.position = sheet, card, shares, position
        self.sku = sheet["skus"][position]["name"] if shares else None
        self.k = Fraction(card["throughput"]["k_cu_per_h"])
        self.loaded = Fraction(card["energy"]["loaded_power_w"])
        self.model = self.model_of(sheet)

    def own(self, sheet):
        return of_sku(sheet, sheet["skus"][self.position]) if self.shares else sheet

    def model_of(self, filed, number=Fraction):
        return Model(self.own(filed), number, self.shares, self.position)

    def is_loaded_power(self, pointer):
        own = self.own(self.filed)["energy"]["loaded_power"]
        return figure_at(self.filed, pointer) is own

    def uncertain(self):
        """Those of the sheet's uncertain inputs that this SKU's sheet still has."""
        def stays(pointer):
            parts = pointer.split("/")
            if not self.shares:
                return True
            if parts[1] == "skus":
                return int(parts[2]) == self.position
            line = figure_at(self.filed, "/".join(parts[:3])) if len(parts) > 2 else {}
            return not isinstance(line, dict) or line.get("sku", self.sku) == self.sku
        return [entry for entry in self.filed["uncertain_inputs"] if stays(entry["figure"])]

    def moved_rate(self, pointer, new_value, loaded):
        """The rate with one figure's value replaced."""
        moved = copy.deepcopy(self.filed)
        figure_at(moved, pointer)["value"] = new_value
        return self.model_of(moved).rate(self.k, loaded)

    def interval(self, rate_units):
        stated = self.card["throughput"]
        if stated["u_c_cu_per_h"]["value"] is None:
            return dict.fromkeys(("lower_cny_per_cu", "upper_cny_per_cu", "u_c_cny_per_cu",
                                  "expanded_cny_per_cu", "coverage_factor"))
        u = Fraction(stated["u_c_cu_per_h"]["value"])
        rate = self.model.rate
        z_k = (rate(self.k + u, self.loaded) - rate(self.k - u, self.loaded)) / 2
        effects, variance = [z_k], z_k**2
        for entry in self.uncertain():
            u, rho = Fraction(entry["standard_uncertainty"]), Fraction(entry["correlation_with_k"])
            if self.is_loaded_power(entry["figure"]):
                ends = [rate(self.k, self.loaded + sign * u) for sign in (1, -1)]
            else:
                at = Fraction(figure_at(self.filed, entry["figure"])["value"])
                ends = [self.moved_rate(entry["figure"], at + sign * u, self.loaded)
                        for sign in (1, -1)]
            z = (ends[0] - ends[1]) / 2
            effects.append(z)
            variance += z**2 + 2 * rho * z_k * z
        factor = Fraction(self.card["interval"]["coverage_factor"])
        expanded = root(variance * factor**2, 6)
        result = {"u_c_cny_per_cu": text(root(variance, 6), 6),
                  "expanded_cny_per_cu": text(expanded, 6),
                  "lower_cny_per_cu": text(rate_units - expanded, 6),
                  "upper_cny_per_cu": text(rate_units + expanded, 6),
                  "effects": [rounded(z, 6) for z in effects]}
        if stated["nu_eff"]["value"] is not None:
            nu = Fraction(stated["nu_eff"]["value"]) * max(1, variance / z_k**2) ** 2
            result["nu_eff"] = {"value": rounded(nu, 2)}
        return result

    def monte_carlo(self, interval):
        says = self.card.get("monte_carlo")
        if not says or says["reason"]:
            return {}
        stated, entries, count = self.card["throughput"], self.uncertain(), says["draws"]
        z = draws.draw(says["seed"], count, len(entries) + 1)
        rho = [float(entry["correlation_with_k"]) for entry in entries]
        zeta = math.sqrt(1 - sum(r * r for r in rho)) * z[0]
        sheet, loaded = copy.deepcopy(self.filed), float(self.loaded)
        for entry, r, deviate in zip(entries, rho, z[1:]):
            zeta = zeta + r * deviate
            moved = draws.deviation(entry["distribution"], float(entry["standard_uncertainty"]),
                                    deviate)
            if self.is_loaded_power(entry["figure"]):
                loaded = loaded + moved
            else:
                figure = figure_at(sheet, entry["figure"])
                figure["value"] = float(figure["value"]) + moved
        if stated["nu_eff"]["value"] is not None:
            zeta = draws.student(zeta, float(stated["nu_eff"]["value"]))
        k = float(self.k) + float(stated["u_c_cu_per_h"]["value"]) * zeta
        rates = sorted(self.model_of(sheet, float).rate(k, loaded))
        ends = [rates[math.floor(p * count + 0.5) - 1] for p in (0.025, 0.975)]
        low, high = (half_even(Fraction(float(end)) * 10**6) for end in ends)
        u = units_of(interval["u_c_cny_per_cu"])
        # Two digits of u, then half of the place of the second.
        place = 0
        while half_even(Fraction(u, 10**place)) >= 100:
            place += 1
        tolerance = Fraction(10**place, 2)
        off = [abs(units_of(interval[end]) - units_of(says[end]))
               for end in ("lower_cny_per_cu", "upper_cny_per_cu")]
        return {"drawn": {"lower_cny_per_cu": low, "upper_cny_per_cu": high},
                "tolerance_cny_per_cu": rounded(tolerance / 10**6, 7),
                "low_difference_cny_per_cu": text(off[0], 6),
                "high_difference_cny_per_cu": text(off[1], 6),
                "agrees": max(off) <= tolerance}

    def new_entrant(self):
        today = copy.deepcopy(self.own(self.filed))
        for asset in today["asset_classes"]:
            if not asset.get("price_today"):
                return {"cny_per_cu": {"value": None}}
            if asset["residual"]["unit"] != "1":
                share = self.model.amount(asset["residual"]) / self.model.amount(asset["price"])
                asset["residual"] = {"value": share, "unit": "1"}
            asset["price"] = asset["price_today"]
            asset["grants"]["value"] = "0"
            if asset["year_of_life"]:
                asset["year_of_life"]["value"] = "1"
        model = Model(today, Fraction, self.shares, self.position)
        lines = model.lines(fen)
        rate = sum(line[2] for line in lines) / model.delivered(self.k) + \
            model.variable(self.k, self.loaded)
        return {"cny_per_cu": {"value": rounded(rate, 6)},
                "capital": [{"name": name, "cny_per_year": rounded(cny, 2)}
                            for kind, name, cny in lines if kind == "capital"]}

    def tornado(self):
        """Both rates of each bar that is of a figure, from the bar's own ends."""
        bars = []
        for bar in self.card.get("tornado") or []:
            ends = []
            for end in ("low", "high"):
                at = Fraction(bar[end])
                if bar["input"] == "K":
                    rate = self.model.rate(at, self.loaded)
                elif self.is_loaded_power(bar["input"]):
                    rate = self.model.rate(self.k, at)
                else:
                    rate = self.moved_rate(bar["input"], at, self.loaded)
                ends.append(rounded(rate, 6))
            bars.append({"at_low_cny_per_cu": ends[0], "at_high_cny_per_cu": ends[1]})
        return bars

    def path(self, rate_units):
        rows = []
        for year in self.model.path(self.k, self.loaded, rate_units):
            rows.append({"year": year["year"], "capital_cny": rounded(year["capital"], 2),
                         "operation_and_maintenance_cny": rounded(year["o_and_m"], 2),
                         "power_cny": rounded(year["power"], 2),
                         "margin_cny": rounded(year["margin"], 2),
                         "other_revenue_cny": rounded(year["revenue"], 2),
                         "true_up_cny": rounded(year["true_up"], 2),
                         "variable_cny_per_cu": text(year["variable"], 6),
                         "unbounded_cny_per_cu": text(year["unbounded"], 6),
                         "cny_per_cu": text(year["rate"], 6), "bound": year["bound"]})
        return rows

    def recompute(self):
        """What the card should say, in the card's own shape."""
        lines = self.model.lines(fen)
        delivered = self.model.delivered(self.k)
        variable = self.model.variable(self.k, self.loaded)
        fixed = sum(line[2] for line in lines)
        rate_units = half_even((fixed / delivered + variable) * 10**6)
        parts = waterfall(lines, delivered, variable, rate_units)
        variable_text = parts[-1]["cny_per_cu"]
        k_cert = self.card["throughput"]["k_cert_cu_per_h"]["value"]
        canonical = json.dumps(self.filed, sort_keys=True, separators=(",", ":"),
                               ensure_ascii=False)
        interval = self.interval(rate_units)
        should = {
            "rate": {"cny_per_cu": text(rate_units, 6),
                     "fixed_cny_per_cu": text(rate_units - units_of(variable_text), 6),
                     "variable_cny_per_cu": variable_text},
            "fixed_cny_per_year": rounded(fixed, 2),
            "delivered": {"cu": rounded(delivered, 6)},
            "waterfall": parts,
            "capital": [{"name": asset["name"], "method": asset["method"],
                         "years": books(self.model, asset)}
                        for asset in self.own(self.filed)["asset_classes"]],
            "energy": {"tariff_parts": [
                {"name": name, "standing_cny_per_kwh": rounded(standing, 6),
                 "variable_cny_per_kwh": rounded(used, 6)}
                for name, standing, used in self.model.tariff_parts()]},
            "interval": interval,
            "new_entrant": self.new_entrant(),
            "path": self.path(rate_units),
            "device_hour": {
                "credit_cu": {"value": k_cert},
                "price_cny": {"value": k_cert and rounded(
                    Fraction(rate_units, 10**6) * Fraction(k_cert), 6)}},
            "cost_sheet": {"digest": hashlib.sha256(canonical.encode()).hexdigest()},
        }
        drawn = self.monte_carlo(interval)
        if drawn:
            should["monte_carlo"] = drawn
        if self.card.get("tornado"):
            should["tornado"] = self.tornado()
        if self.shares:
            should["sku"] = {"share": rounded(self.shares[self.position], 12)}
        return should, fixed, delivered, variable


def differences(should, says, path=""):
    """Lines for each figure of `should` that the card does not say."""
    if isinstance(should, dict):
        for key in should:
            if key == "effects":
                effects = [part["effect_cny_per_cu"] for part in says["contributions"]]
                yield from differences(should[key], effects, path + "/effects")
            elif key == "drawn":
                for end, units in should[key].items():
                    if abs(units_of(says[end]) - units) > DRAWN_UNITS:
                        yield f"{path}/{end}: the card says {says[end]}, drawn again {units}e-6"
            else:
                yield from differences(should[key], says[key], f"{path}/{key}")
    elif isinstance(should, list):
        if len(should) != len(says):
            yield f"{path}: the card has {len(says)} entries, not {len(should)}"
        for i, (one, other) in enumerate(zip(should, says)):
            yield from differences(one, other, f"{path}/{i}")
    elif should != says:
        yield f"{path}: the card says {says}, recomputed {should}"


def bumped(card, should):
    """The card once for each recomputed decimal, with that decimal wrong by one in its last place."""
    def decimals(part, path):
        if isinstance(part, dict):
            for key, inner in part.items():
                if key == "effects":
                    for i, figure in enumerate(inner):
                        yield path + ["contributions", i, "effect_cny_per_cu"], figure
                else:
                    yield from decimals(inner, path + [key])
        elif isinstance(part, list):
            for i, inner in enumerate(part):
                yield from decimals(inner, path + [i])
        elif isinstance(part, str) and "." in part and part.strip("-").replace(".", "").isdigit():
            yield path, part

    for path, figure in decimals(should, []):
        if path[0] == "device_hour" and path[1] == "credit_cu":
            continue  # taken from the card, not recomputed
        wrong = copy.deepcopy(card)
        place = wrong
        for key in path[:-1]:
            place = place[key]
        places = len(figure.split(".")[1])
        place[path[-1]] = text(units_of(figure) + 1, places)
        yield "/".join(map(str, path)), wrong


def cases_of(place):
    """Each card of a folder with its sheet, and the site's document where there is one."""
    def load(name):
        return json.loads((place / name).read_text(encoding="utf-8"))

    sheet = load("cost-sheet.json")
    if not (place / "site.json").exists():
        return [Case(sheet, load("rate-card.json"))], None
    names = [sku["name"] for sku in sheet["skus"]]
    cards = [load(name.lower().replace(" ", "-") + ".json") for name in names]
    shares = shares_of(sheet,
                       {n: Fraction(c["throughput"]["k_cu_per_h"]) for n, c in zip(names, cards)},
                       {n: Fraction(c["energy"]["loaded_power_w"]) for n, c in zip(names, cards)})
    return [Case(sheet, card, shares, i) for i, card in enumerate(cards)], load("site.json")


def site_of(results):
    fixed = sum(result[1] for result in results)
    delivered = sum(result[2] for result in results)
    variable = sum(result[3] * result[2] for result in results)
    return {"rate": {"cny_per_cu": rounded((fixed + variable) / delivered, 6),
                     "variable_cny_per_cu": rounded(variable / delivered, 6)},
            "fixed_cny_per_year": rounded(fixed, 2), "delivered_cu": rounded(delivered, 6)}


def main(folder):
    faults = cards = bumps = 0
    for place in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        cases, site = cases_of(place)
        results = []
        for case in cases:
            results.append(case.recompute())
            should = results[-1][0]
            found = list(differences(should, case.card))
            cards += 1
            for line in found:
                print(f"{place.name}: {line}")
            faults += len(found)
            for path, wrong in bumped(case.card, should):
                bumps += 1
                if not list(differences(should, wrong)):
                    print(f"{place.name}: a wrong {path} went unseen")
                    faults += 1
            print(f"{place.name}: {case.card['rate']['cny_per_cu']} CNY/CU, {len(found)} differences")
        if site:
            for line in differences(site_of(results), site):
                print(f"{place.name}: site: {line}")
                faults += 1
    print(f"{cards} rate cards recomputed, {bumps} planted errors, {faults} faults")
    return 1 if faults or cards < 10 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
