#!/usr/bin/env python3
"""Recomputes rate cards from their documents alone, with exact fractions.

usage: recompute_rate.py FOLDER, where FOLDER/<case>/ holds cost-sheet.json and rate-card.json.

Nothing of the program is used. From the card it takes what a certificate measured (K, u_c, nu_eff,
K_cert, loaded power) and the coverage factor, which is a table's; all else is derived from the cost
sheet and compared with the card to the last decimal. Each figure of each card is then bumped by one
in its last decimal, and the recomputation must notice.
"""
import copy
import hashlib
import json
import math
import pathlib
import sys
from fractions import Fraction


def half_even(x):
    below = math.floor(x)
    rest = x - below
    if rest * 2 == 1:
        return below + below % 2
    return below + (1 if rest * 2 > 1 else 0)


def text(units, decimals):
    digits = str(abs(units)).rjust(decimals + 1, "0")
    body = digits[:-decimals] + "." + digits[-decimals:]
    return ("-" if units < 0 else "") + body


def rounded(x, decimals):
    return text(half_even(x * 10**decimals), decimals)


def root(x, decimals):
    """The square root of a fraction in units of the last decimal, to the nearest."""
    scaled = x * 100**decimals
    below = math.isqrt(math.floor(scaled))
    return below + (1 if scaled > (below + Fraction(1, 2)) ** 2 else 0)


def value(figure):
    amount = Fraction(figure["value"])
    vat = figure.get("vat")
    if vat and vat["basis"] == "included":
        amount /= 1 + Fraction(vat["rate"])
    return amount


def fen(x):
    return Fraction(half_even(x * 100), 100)


def schedule(asset):
    """(charge, return, depreciation, closing base) of each year."""
    price, grants = value(asset["price"]), value(asset["grants"])
    residual = value(asset["residual"])
    if asset["residual"]["unit"] == "1":
        residual *= price
    r, n = value(asset["return"]["rate"]), int(asset["life"]["value"])
    v = 1 / (1 + r)
    if asset["method"] == "declining_base":
        base, charges = price - grants, []
        for _ in range(n):
            charges.append((price - grants - residual) / n + r * base)
            base -= (price - grants - residual) / n
    else:
        # Charges that grow by 1 + g and whose present value, with the residual's, is I - G: the
        # definition, not the closed form. g = 0 is the annuity.
        tilted = asset["method"] == "tilted_annuity"
        g = value(asset["price_trend"]) if tilted else 0
        weight = sum((1 + g) ** (t - 1) * v**t for t in range(1, n + 1))
        first = (price - grants - residual * v**n) / weight
        charges = [first * (1 + g) ** t for t in range(n)]
    base, years = price - grants, []
    for charge in charges:
        depreciation = charge - r * base
        base -= depreciation
        years.append((charge, charge - depreciation, depreciation, base))
    assert base == residual, "the base does not end at the residual value"
    return years, price - grants, residual


def books(asset):
    """The schedule in fen; the last year's depreciation takes the remainder."""
    years, base, residual = schedule(asset)
    base, residual, rows = fen(base), fen(residual), []
    for number, (charge, _, depreciation, _) in enumerate(years, 1):
        charge = fen(charge)
        depreciation = base - residual if number == len(years) else fen(depreciation)
        base -= depreciation
        rows.append({"year": number, "charge": rounded(charge, 2),
                     "return": rounded(charge - depreciation, 2),
                     "depreciation": rounded(depreciation, 2), "closing_base": rounded(base, 2)})
    return rows


def model(sheet, k, loaded, money):
    """Fixed lines [(kind, name, CNY)], delivered CU, variable CNY per CU. money rounds a line."""
    energy, hours = sheet["energy"], sheet["test_year"]["hours"]
    devices, idle = value(sheet["devices"]["count"]), value(energy["idle_power"])
    tariff = sum(value(part["figure"]) for part in energy["price_parts"])
    kilowatt_hour = value(energy["pue"]["figure"]) * tariff
    lines = []
    for asset in sheet["asset_classes"]:
        year = int(asset["year_of_life"]["value"]) if asset["year_of_life"] else 1
        lines.append(("capital", asset["name"], money(schedule(asset)[0][year - 1][0])))
    operating = []
    for line in sheet["operation_and_maintenance"]:
        operating.append(("operation_and_maintenance", line["name"], money(value(line["figure"]))))
    operating.append(("standing_energy", "standing energy",
                      money(idle / 1000 * devices * hours * kilowatt_hour)))
    if energy["demand"]:
        charge, power = (value(energy["demand"][key]) for key in ("charge", "billed_power"))
        operating.append(("demand_charge", "demand charge", money(charge * power * 12)))
    lines += operating
    if sheet["margin"]["share"]:
        share = value(sheet["margin"]["share"])
        lines.append(("margin", "margin on operating cost",
                      money(share * sum(line[2] for line in operating))))
    for line in sheet["other_revenue"]:
        lines.append(("other_revenue", line["name"], money(-value(line["figure"]))))
    use = value(sheet["utilisation"])
    if sheet["used_and_useful"]["rule"] == "floor":
        use = max(use, value(sheet["used_and_useful"]["floor"]))
    delivered = hours * value(sheet["availability"]) * use * k * devices
    return lines, delivered, (loaded - idle) / 1000 * kilowatt_hour / k


def rate_of(sheet, k, loaded):
    lines, delivered, variable = model(sheet, k, loaded, lambda x: x)
    return sum(line[2] for line in lines) / delivered + variable


def waterfall(lines, delivered, variable, rate_units):
    exact = [(kind, name, cny, cny / delivered * 10**6) for kind, name, cny in lines]
    exact.append(("variable_energy", "variable energy", None, variable * 10**6))
    units = [math.floor(part[3]) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (units[i] - exact[i][3], i))
    for i in order[:rate_units - sum(units)]:
        units[i] += 1
    assert sum(units) == rate_units
    return [{"kind": kind, "name": name, "cny_per_year": None if cny is None else rounded(cny, 2),
             "cny_per_cu": text(unit, 6)} for (kind, name, cny, _), unit in zip(exact, units)]


def step(sheet, pointer, change):
    """The sheet with the figure at a JSON pointer changed."""
    moved = copy.deepcopy(sheet)
    figure = moved
    for key in pointer.split("/")[1:]:
        figure = figure[int(key) if isinstance(figure, list) else key]
    figure["value"] = Fraction(figure["value"]) + change
    return moved


def interval(sheet, card, k, loaded, rate_units):
    stated = card["throughput"]
    if stated["u_c_cu_per_h"]["value"] is None:
        return dict.fromkeys(("lower_cny_per_cu", "upper_cny_per_cu", "u_c_cny_per_cu",
                              "expanded_cny_per_cu", "coverage_factor"))
    u = Fraction(stated["u_c_cu_per_h"]["value"])
    z_k = (rate_of(sheet, k + u, loaded) - rate_of(sheet, k - u, loaded)) / 2
    effects, variance = [z_k], z_k**2
    for entry in sheet["uncertain_inputs"]:
        u, rho = Fraction(entry["standard_uncertainty"]), Fraction(entry["correlation_with_k"])
        if entry["figure"] == "/energy/loaded_power":
            ends = [rate_of(sheet, k, loaded + sign * u) for sign in (1, -1)]
        else:
            ends = [rate_of(step(sheet, entry["figure"], sign * u), k, loaded) for sign in (1, -1)]
        z = (ends[0] - ends[1]) / 2
        effects.append(z)
        variance += z**2 + 2 * rho * z_k * z
    factor = Fraction(card["interval"]["coverage_factor"])
    expanded = root(variance * factor**2, 6)
    nu = Fraction(stated["nu_eff"]["value"]) * max(1, variance / z_k**2) ** 2
    return {"u_c_cny_per_cu": text(root(variance, 6), 6), "expanded_cny_per_cu": text(expanded, 6),
            "lower_cny_per_cu": text(rate_units - expanded, 6),
            "upper_cny_per_cu": text(rate_units + expanded, 6),
            "nu_eff": {"value": rounded(nu, 2)}, "effects": [rounded(z, 6) for z in effects]}


def recompute(sheet, card):
    """What the card should say, in the card's own shape."""
    k = Fraction(card["throughput"]["k_cu_per_h"])
    loaded = Fraction(card["energy"]["loaded_power_w"])
    lines, delivered, variable = model(sheet, k, loaded, fen)
    fixed = sum(line[2] for line in lines)
    rate_units = half_even((fixed / delivered + variable) * 10**6)
    parts = waterfall(lines, delivered, variable, rate_units)
    variable_text = parts[-1]["cny_per_cu"]
    fixed_units = rate_units - int(variable_text.replace(".", ""))
    k_cert = card["throughput"]["k_cert_cu_per_h"]["value"]
    canonical = json.dumps(sheet, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {
        "rate": {"cny_per_cu": text(rate_units, 6), "fixed_cny_per_cu": text(fixed_units, 6),
                 "variable_cny_per_cu": variable_text},
        "fixed_cny_per_year": rounded(fixed, 2),
        "delivered": {"cu": rounded(delivered, 6)},
        "waterfall": parts,
        "capital": [{"name": asset["name"], "method": asset["method"], "years": books(asset)}
                    for asset in sheet["asset_classes"]],
        "interval": interval(sheet, card, k, loaded, rate_units),
        "device_hour": {"credit_cu": {"value": k_cert}, "price_cny": {"value": k_cert and rounded(
            Fraction(rate_units, 10**6) * Fraction(k_cert), 6)}},
        "cost_sheet": {"digest": hashlib.sha256(canonical.encode()).hexdigest()},
    }


def differences(should, says, path=""):
    """Lines for each figure of `should` that the card does not say."""
    if isinstance(should, dict):
        for key in should:
            if key == "effects":
                effects = [part["effect_cny_per_cu"] for part in says["contributions"]]
                yield from differences(should[key], effects, path + "/effects")
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
        place[path[-1]] = text(int(figure.replace(".", "")) + 1, places)
        yield "/".join(map(str, path)), wrong


def main(folder):
    faults = cards = bumps = 0
    for place in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        sheet = json.loads((place / "cost-sheet.json").read_text(encoding="utf-8"))
        card = json.loads((place / "rate-card.json").read_text(encoding="utf-8"))
        should = recompute(sheet, card)
        found = list(differences(should, card))
        cards += 1
        for line in found:
            print(f"{place.name}: {line}")
        faults += len(found)
        for path, wrong in bumped(card, should):
            bumps += 1
            if not list(differences(should, wrong)):
                print(f"{place.name}: a wrong {path} went unseen")
                faults += 1
        print(f"{place.name}: {card['rate']['cny_per_cu']} CNY/CU, {len(found)} differences")
    print(f"{cards} rate cards recomputed, {bumps} planted errors, {faults} faults")
    return 1 if faults or cards < 10 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
