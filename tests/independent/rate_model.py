"""The cost of service of a cost sheet, written down again from docs/rate.md, on any kind of number.

A figure's value is a decimal string of the document, or whatever a caller put in its place: a
Fraction that was moved, or an array of draws. `number` turns the strings into what is computed with.
"""
import datetime
import math
from fractions import Fraction


def root(x, decimals):
    """The square root of a fraction in units of the last decimal, to the nearest."""
    scaled = x * 100**decimals
    below = math.isqrt(math.floor(scaled))
    return below + (1 if scaled > (below + Fraction(1, 2)) ** 2 else 0)


def lesser(a, b):
    """The smaller of two fractions, or of two arrays place by place."""
    return (a + b - abs(a - b)) / 2


def half_even(x):
    below = math.floor(x)
    rest = x - below
    if rest * 2 == 1:
        return below + below % 2
    return below + (1 if rest * 2 > 1 else 0)


def fen(x):
    return Fraction(half_even(x * 100), 100)


def largest_remainders(exact, total):
    units = [math.floor(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda i: (units[i] - exact[i], i))
    for i in order[:total - sum(units)]:
        units[i] += 1
    assert sum(units) == total
    return units


class Model:
    """One kind of device; `shares` and `position` where it is one SKU of a mixed fleet."""

    def __init__(self, sheet, number=Fraction, shares=None, position=0):
        self.sheet, self.number = sheet, number
        self.shares, self.position = shares, position

    def value(self, figure):
        raw = figure["value"]
        return self.number(Fraction(raw)) if isinstance(raw, str) else raw

    def amount(self, figure):
        """CNY ex VAT."""
        cny = self.value(figure)
        currency = figure["unit"][:3]
        if currency != "CNY":
            fits = [rate for rate in self.sheet["exchange_rates"] if rate["currency"] == currency
                    and figure.get("exchange", rate["name"]) == rate["name"]]
            assert len(fits) == 1, "not one exchange rate"
            cny = cny * self.value(fits[0]["rate"])
        if figure["vat"]["basis"] == "included":
            cny = cny / (1 + self.number(Fraction(figure["vat"]["rate"])))
        return cny

    # Capital

    def growth_root(self, r):
        if isinstance(r, Fraction):
            return Fraction(root(1 + r, 18), 10**18)
        return (1 + r) ** 0.5

    def schedule(self, asset):
        """(charge, return, depreciation, closing base) of each year, I - G and RV."""
        price, grants = self.amount(asset["price"]), self.amount(asset["grants"])
        if asset["residual"]["unit"] == "1":
            residual = price * self.value(asset["residual"])
        else:
            residual = self.amount(asset["residual"])
        r, n = self.value(asset["return"]["rate"]), int(asset["life"]["value"])
        v = 1 / (1 + r)
        if asset["method"] == "declining_base":
            base, charges = price - grants, []
            for _ in range(n):
                charges.append((price - grants - residual) / n + r * base)
                base = base - (price - grants - residual) / n
        else:
            # Charges that grow by 1 + g and whose present value, with the residual's, is I - G: the
            # definition, not the closed form. g = 0 is the annuity.
            tilted = asset["method"] == "tilted_annuity"
            g = self.value(asset["price_trend"]) if tilted else 0
            weight = sum((1 + g) ** (t - 1) * v**t for t in range(1, n + 1))
            first = (price - grants - residual * v**n) / weight
            charges = [first * (1 + g) ** t for t in range(n)]
        late = 1
        if asset["payment_timing"] == "mid_year":
            late = self.growth_root(r)
        base, years = price - grants, []
        for charge in charges:
            depreciation = charge - r * base
            base = base - depreciation
            years.append((charge / late, charge / late - depreciation, depreciation, base))
        if self.number is Fraction:
            assert base == residual, "the base does not end at the residual value"
        return years, price - grants, residual

    def income_tax(self, asset, return_part):
        tax = self.sheet["income_tax"]
        r, rate = self.value(asset["return"]["rate"]), self.value(tax["rate"])
        equity = self.value(tax["equity_share"]) * self.value(tax["return_on_equity"])
        return return_part * equity / r * rate / (1 - rate)

    # Power

    def band_hours(self, band):
        start, end = (datetime.date.fromisoformat(self.sheet["test_year"][key])
                      for key in ("start", "end"))
        days = sum(1 for i in range((end - start).days + 1)
                   if (start + datetime.timedelta(i)).month in band["months"])
        return days * len(band["hours"])

    def tariff_parts(self):
        """[(name, standing, variable)] in CNY/kWh."""
        energy = self.sheet["energy"]
        bill = energy.get("bill") or {}
        use, loss = bill.get("time_of_use"), bill.get("line_loss")
        standing = variable = 1
        if use:
            hours = [self.band_hours(band) for band in use["bands"]]
            assert sum(hours) == self.sheet["test_year"]["hours"]
            shares = [self.number(Fraction(h, sum(hours))) for h in hours]
            factors = [self.value(band["factor"]) for band in use["bands"]]
            standing = sum(share * factor for share, factor in zip(shares, factors))
            used = [self.value(band["use_share"]) if "use_share" in band else share
                    for band, share in zip(use["bands"], shares)]
            variable = sum(share * factor for share, factor in zip(used, factors))

        def timed(name, price):
            applies = use and name in use["parts"]
            return (name, price * standing, price * variable) if applies else (name, price, price)

        parts = [timed(part["name"], self.amount(part["figure"])) for part in energy["price_parts"]]
        if loss:
            lossy = sum(self.amount(part["figure"]) for part in energy["price_parts"]
                        if part["name"] in loss["parts"])
            share = self.value(loss["share"])
            parts.append(timed("line loss", lossy * share / (1 - share)))
        return parts

    def surcharge(self):
        """CNY for each kWh of IT energy, or None."""
        terms = (self.sheet["energy"].get("bill") or {}).get("pue_surcharge")
        if not terms:
            return None
        pue, limit = self.value(self.sheet["energy"]["pue"]["figure"]), self.value(terms["limit"])
        total = 0
        for i, tier in enumerate(terms["tiers"]):
            low, high = limit * (1 + self.value(tier["above"])), pue
            if i + 1 < len(terms["tiers"]):
                high = lesser(high, limit * (1 + self.value(terms["tiers"][i + 1]["above"])))
            within = high - lesser(high, low)
            total = total + within * self.amount(tier["price"])
        return total

    # The year

    def share_of(self, cny, line, money):
        """What of a line counts: all of it, or its share where all SKUs bear it."""
        if self.shares is None or line.get("sku"):
            return money(cny)
        if money is not fen:
            return cny * self.number(self.shares[self.position])
        total = half_even(cny * 100)
        return Fraction(largest_remainders([s * total for s in self.shares], total)
                        [self.position], 100)

    def lines(self, money):
        """[(kind, name, CNY)] of F, in the order of the card."""
        sheet, energy = self.sheet, self.sheet["energy"]
        hours, own = sheet["test_year"]["hours"], {"sku": "own"}
        devices, idle = self.value(sheet["devices"]["count"]), self.value(energy["idle_power"])
        lines = []
        for asset in sheet["asset_classes"]:
            year = int(asset["year_of_life"]["value"]) if asset["year_of_life"] else 1
            charge, returned, _, _ = self.schedule(asset)[0][year - 1]
            lines.append(("capital", asset["name"], self.share_of(charge, asset, money)))
            if asset["return"]["tax"] == "post_tax":
                lines.append(("income_tax", "income tax: " + asset["name"],
                              self.share_of(self.income_tax(asset, returned), asset, money)))
        operating = []
        for line in sheet["operation_and_maintenance"]:
            operating.append(("operation_and_maintenance", line["name"],
                              self.share_of(self.amount(line["figure"]), line, money)))
        standing_kwh = idle / 1000 * devices * hours
        tariff = sum(part[1] for part in self.tariff_parts())
        pue = self.value(energy["pue"]["figure"])
        operating.append(("standing_energy", "standing energy",
                          self.share_of(standing_kwh * pue * tariff, own, money)))
        if self.surcharge() is not None:
            operating.append(("pue_surcharge", "surcharge on PUE",
                              self.share_of(standing_kwh * self.surcharge(), own, money)))
        if energy["demand"]:
            charge = self.amount(energy["demand"]["charge"])
            power = self.value(energy["demand"]["billed_power"])
            operating.append(("demand_charge", "demand charge",
                              self.share_of(charge * power * 12, {}, money)))
        lines += operating
        if sheet["margin"]["share"]:
            share = self.value(sheet["margin"]["share"])
            lines.append(("margin", "margin on operating cost",
                          money(share * sum(line[2] for line in operating))))
        for line in sheet["other_revenue"]:
            lines.append(("other_revenue", line["name"],
                          self.share_of(-self.amount(line["figure"]), line, money)))
        return lines

    def utilisation(self):
        use = self.value(self.sheet["utilisation"])
        if self.sheet["used_and_useful"]["rule"] == "floor":
            use = max(use, self.value(self.sheet["used_and_useful"]["floor"]))
        return use

    def delivered(self, k):
        return (self.sheet["test_year"]["hours"] * self.value(self.sheet["availability"])
                * self.utilisation() * k * self.value(self.sheet["devices"]["count"]))

    def variable(self, k, loaded):
        energy = self.sheet["energy"]
        tariff = sum(part[2] for part in self.tariff_parts())
        per_it_kwh = self.value(energy["pue"]["figure"]) * tariff
        if self.surcharge() is not None:
            per_it_kwh = per_it_kwh + self.surcharge()
        return (loaded - self.value(energy["idle_power"])) / 1000 * per_it_kwh / k

    def rate(self, k, loaded):
        """Not rounded anywhere."""
        fixed = sum(line[2] for line in self.lines(lambda x: x))
        return fixed / self.delivered(k) + self.variable(k, loaded)

    # The years after

    def path(self, k, loaded, rate_units):
        terms = self.sheet.get("path")
        if not terms:
            return []
        lines = self.lines(fen)
        total = lambda *kinds: sum(line[2] for line in lines if line[0] in kinds)
        upkeep = total("operation_and_maintenance")
        power = total("standing_energy", "pue_surcharge", "demand_charge")
        revenue, variable = total("other_revenue"), self.variable(k, loaded)
        delivered = self.delivered(k)
        first = {"year": int(self.sheet["test_year"]["start"][:4]),
                 "capital": total("capital", "income_tax"), "o_and_m": upkeep, "power": power,
                 "margin": total("margin"), "revenue": revenue, "true_up": Fraction(0),
                 "variable": half_even(variable * 10**6), "unbounded": rate_units,
                 "rate": rate_units, "bound": "none"}
        years, index = [first], Fraction(1)
        for later, filed in enumerate(terms["years"], 1):
            cpi, factor = self.value(filed["cpi"]), self.value(filed["power_price_factor"])
            index *= 1 + cpi
            before, upkeep = upkeep, upkeep * (1 + cpi - self.value(terms["x"]))
            capital = Fraction(0)
            for asset in self.sheet["asset_classes"]:
                filed_year = int(asset["year_of_life"]["value"]) if asset["year_of_life"] else 1
                schedule = self.schedule(asset)[0]
                if filed_year + later > len(schedule):
                    continue
                charge, returned, _, _ = schedule[filed_year + later - 1]
                if asset["return"]["tax"] == "post_tax":
                    charge += self.income_tax(asset, returned)
                if asset["return"]["basis"] == "real":
                    charge *= index
                capital += self.share_of(charge, asset, lambda x: x)
            year = {"year": filed["year"], "capital": fen(capital), "o_and_m": fen(upkeep),
                    "power": fen(power * factor), "margin": Fraction(0), "revenue": fen(revenue),
                    "true_up": Fraction(0)}
            if self.sheet["margin"]["share"]:
                year["margin"] = fen(self.value(self.sheet["margin"]["share"])
                                     * (year["o_and_m"] + year["power"]))
            if later == 1 and terms["true_up"]:
                up = terms["true_up"]
                year["true_up"] = fen(
                    self.amount(up["power_outturn"]) - self.amount(up["power_forecast"])
                    + before * (self.value(up["index_outturn"]) - self.value(up["index_forecast"])))
            fixed = sum(year[key] for key in ("capital", "o_and_m", "power", "margin", "revenue",
                                              "true_up"))
            year["variable"] = half_even(variable * factor * 10**6)
            year["unbounded"] = half_even((fixed / delivered + variable * factor) * 10**6)
            year["rate"], year["bound"] = year["unbounded"], "none"
            if terms["bound"]:
                z, last = self.value(terms["bound"]), years[-1]["rate"]
                if year["rate"] > math.floor(last * (1 + z)):
                    year["rate"], year["bound"] = math.floor(last * (1 + z)), "upper"
                elif year["rate"] < math.ceil(last * (1 - z)):
                    year["rate"], year["bound"] = math.ceil(last * (1 - z)), "lower"
            years.append(year)
        return years


def of_sku(sheet, sku):
    """The sheet of one SKU of a mixed fleet."""
    own = dict(sheet)
    own["devices"] = {"count": sku["count"], "per_node": sku["per_node"]}
    own["availability"], own["utilisation"] = sku["availability"], sku["utilisation"]
    own["energy"] = dict(sheet["energy"], idle_power=sku["idle_power"],
                         loaded_power=sku["loaded_power"])
    for lines in ("asset_classes", "operation_and_maintenance", "other_revenue"):
        own[lines] = [line for line in sheet[lines] if line.get("sku", sku["name"]) == sku["name"]]
    return own


def shares_of(sheet, k_by_sku, loaded_by_sku):
    weights = []
    for sku in sheet["skus"]:
        model = Model(of_sku(sheet, sku))
        if sheet["shared_cost_key"] == "devices":
            weights.append(model.value(sku["count"]))
        elif sheet["shared_cost_key"] == "loaded_power":
            weights.append(model.value(sku["count"]) * loaded_by_sku[sku["name"]])
        elif sheet["shared_cost_key"] == "capital":
            weights.append(sum((model.amount(asset["price"]) for asset in sheet["asset_classes"]
                                if asset.get("sku") == sku["name"]), Fraction(0)))
        else:
            weights.append(model.delivered(k_by_sku[sku["name"]]))
    return [weight / sum(weights) for weight in weights]
