/// The rate card as a person reads it: Markdown, and a short form for a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "pricing/capital.h"
#include "pricing/money.h"
#include "pricing/rate_card.h"
#include "results/markdown_table.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

constexpr int kBarWidth = 28;

std::string stated(const Stated<std::string>& figure, const std::string& unit) {
  return figure.has_value() ? *figure.value + " " + unit : "none: " + figure.reason;
}

/// 0.7178 of 1 as "71.8 %", exactly rounded.
std::string percent(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : rounded_text(Rational(part) * 100 / whole, 1) + " %";
}

/// A bar as long as the part is large, at least one mark where it is not zero.
std::string bar(std::int64_t part, std::int64_t largest) {
  if (part == 0 || largest == 0) return {};
  const Rational length = Rational(std::abs(part)) * kBarWidth / largest;
  const auto marks = std::max<std::int64_t>(1, to_int64(round_half_even(length), "bar"));
  return std::string(static_cast<std::size_t>(marks), part < 0 ? '-' : '#');
}

std::string label(const WaterfallPart& part) {
  std::string kind = kind_name(part.kind);
  std::replace(kind.begin(), kind.end(), '_', ' ');
  if (kind == part.name) return kind;
  // Lines that the sheet names; the others name themselves.
  const bool named_by_sheet = part.kind == LineKind::capital ||
                              part.kind == LineKind::operation_and_maintenance ||
                              part.kind == LineKind::other_revenue;
  if (part.kind == LineKind::operation_and_maintenance) kind = "O&M";
  return named_by_sheet ? kind + ": " + part.name : part.name;
}

std::string rate_line(const RateCard& card) {
  const std::string rate = rate_text(card.waterfall.rate_micro) + " CNY/CU ex VAT";
  std::string remark;
  if (card.certificate.declared) {
    remark = " (ASSUMED K)";
  } else if (card.certificate.grade != "certified") {
    remark = " (INDICATIVE)";
  }
  return rate + remark + (card.certificate.test_key ? " (TEST KEY)" : "");
}

std::string interval_line(const RateCard& card) {
  const RateInterval& interval = card.interval;
  if (!interval.reason.empty()) return "none: " + interval.reason;
  return fmt::format("{} to {} CNY/CU (U = {}, {})", rate_text(interval.lower_micro),
                     rate_text(interval.upper_micro), rate_text(interval.expanded_micro),
                     interval.coverage_statement);
}

/// A Markdown table cell: a bar would end it, a line break the row.
std::string cell(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  for (std::size_t i = text.find('|'); i != std::string::npos; i = text.find('|', i + 2)) {
    text.insert(i, "\\");
  }
  return text;
}

/// A number without unit is printed without one.
std::string with_unit(const std::string& value, const std::string& unit) {
  return unit == "1" ? value : value + " " + unit;
}

/// 2/7 as "28.57 %".
std::string percent_text(const Rational& share) {
  return rounded_text(share * 100, 2) + " %";
}

std::string method_words(CapitalMethod method) {
  std::string words = method_name(method);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string warning_block(const RateCard& card) {
  std::string text;
  if (card.certificate.test_key) {
    text += std::string("> **TEST KEY.** In this card ") + kTestKeyWarning + ".\n\n";
  }
  if (card.certificate.declared) {
    text +=
        "> **ASSUMED.** Nobody measured K: the cost sheet declares it. Ledger, audit and "
        "programmes "
        "do not take this rate.\n\n";
  } else if (card.certificate.grade != "certified") {
    text +=
        "> **INDICATIVE.** The certificate behind this rate is not of grade certified. Ledger, "
        "audit and programmes do not take it.\n\n";
  }
  if (card.sheet.example) {
    text += "> **EXAMPLE.** The cost sheet is an example: no site's accounts stand behind it.\n\n";
  }
  return text;
}

std::string how_to_read(const RateCard& card) {
  const std::string basket = card.certificate.basket.name + " " + card.certificate.basket.version;
  const std::string credit =
      card.device_hour_cny.has_value()
          ? "An hour of one such device is credited with K_cert = " +
                *card.certificate.k_cert_cu_per_h.value + " CU and earns " +
                *card.device_hour_cny.value + " CNY ex VAT."
          : "An hour of one such device earns nothing yet: " + card.device_hour_cny.reason + ".";
  return "One CU is one PFLOP/s of delivered training for one hour: 3.6e18 model FLOPs of the work "
         "of basket " +
         basket + ". Work of q CU costs q times the rate at this site. " + credit +
         " The credit is the lower end of the measurement, so the seller carries its doubt; the "
         "rate itself rests on K.\n";
}

std::string measured_table(const RateCard& card) {
  const CertificateFacts& facts = card.certificate;
  const CostSheet& sheet = card.sheet;
  std::string text = "| what | figure |\n|---|---|\n";
  const auto row = [&text](const std::string& name, const std::string& figure) {
    text += "| " + name + " | " + cell(figure) + " |\n";
  };
  row("device", facts.device);
  row("K, CU rate of one device", facts.k_cu_per_h + " CU/h");
  row("u_c(K)", stated(facts.u_c_cu_per_h, "CU/h"));
  row("K_cert, credited", stated(facts.k_cert_cu_per_h, "CU/h"));
  row("loaded power",
      card.loaded_power_w + " W " +
          (card.power_measured  ? "(measured by the device)"
           : sheet.energy.meter ? "(by the external meter " + sheet.energy.meter->instrument + ")"
                                : "(declared)"));
  row("idle power",
      sheet.energy.idle_power.value_text + " W (" + sheet.energy.power_boundary + " boundary)");
  row("PUE", sheet.energy.pue.value_text + " (category " + sheet.energy.pue_category + ", " +
                 sheet.energy.pue_period + ")");
  row("tariff", rounded_text(card.cost.tariff_cny_per_kwh, kRateDecimals) + " CNY/kWh ex VAT");
  for (const AssetClass& asset_class : sheet.asset_classes) {
    row("capital of " + cell(asset_class.name),
        method_words(asset_class.method) + " over " + asset_class.life.value_text +
            " years, return of " + asset_class.return_per_year.value_text + " a year, " +
            asset_class.return_basis + " and " +
            (asset_class.return_tax == "post_tax" ? "post-tax" : "pre-tax") + ", payments " +
            (asset_class.mid_year ? "in the middle" : "at the end") + " of each year");
  }
  row("margin", sheet.margin.share_of_operating_cost
                    ? sheet.margin.share_of_operating_cost->value_text + " of operating cost"
                    : "inside the return");
  for (const auto& plant : sheet.used_and_useful.excluded) {
    row("plant left out", plant.name + ": " + plant.reason);
  }
  row("test year", sheet.test_year_start + " to " + sheet.test_year_end + ", " +
                       std::to_string(sheet.test_year_hours) + " h");
  row("utilisation that counts",
      rounded_text(card.cost.utilisation * 100, 2) + " % (filed: " + sheet.utilisation.value_text +
          "; rule: " + (sheet.used_and_useful.exclusion ? "exclusion" : "floor") + ")");
  row("delivered in the test year", rounded_text(card.cost.delivered_cu, kRateDecimals) + " CU");
  return text;
}

std::string contributions_table(const RateCard& card) {
  if (!card.interval.reason.empty()) return {};
  std::string text =
      "\n| input | standard uncertainty | effect, CNY/CU | correlation with K |\n"
      "|---|--:|--:|--:|\n";
  for (const Contribution& part : card.interval.contributions) {
    text +=
        fmt::format("| {} | {} | {} | {} |\n", cell(part.input),
                    with_unit(part.standard_uncertainty, part.unit),
                    rounded_text(part.effect_cny_per_cu, kRateDecimals), part.correlation_with_k);
  }
  return text;
}

std::string inputs_table(const RateCard& card) {
  std::string text = "| figure | value | source | date | note |\n|---|--:|---|---|---|\n";
  for (const Figure* figure : all_figures(card.sheet)) {
    std::string value =
        figure->value ? with_unit(figure->value_text, figure->unit) : std::string("null");
    if (figure->vat) value += figure->vat->included ? " incl. VAT" : " ex VAT";
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", figure->pointer, value,
                        cell(figure->source.value_or("none")), figure->date.value_or("-"),
                        cell(figure->note));
  }
  return text;
}

/// At most one line of a terminal.
std::string shortened(const std::string& text) {
  constexpr std::size_t kLineMax = 120;
  return text.size() <= kLineMax ? text : text.substr(0, kLineMax) + " ...";
}

std::string flags_list(const RateCard& card) {
  std::string text;
  for (const RateFlag& flag : card.flags) text += "- **" + flag.name + "**: " + flag.text + "\n";
  return text;
}

}  // namespace

std::string waterfall_text(const RateCard& card) {
  const Waterfall& waterfall = card.waterfall;
  std::size_t name_width = std::string_view("rate").size();
  std::int64_t largest = 0;
  for (const WaterfallPart& part : waterfall.parts) {
    name_width = std::max(name_width, fmt::formatted_size("{}", label(part)));
    largest = std::max(largest, std::abs(part.micro_cny_per_cu));
  }
  std::string text = fmt::format("{:<{}}  {:>16}  {:>16}  {:>7}\n", "part", name_width,
                                 "CNY a year", "CNY/CU", "share");
  for (std::size_t i = 0; i < waterfall.parts.size(); ++i) {
    const WaterfallPart& part = waterfall.parts[i];
    const std::string yearly = i < card.cost.fixed_lines.size()
                                   ? grouped_cny_text(to_fen(card.cost.fixed_lines[i].cny, "part"))
                                   : "by use";
    text += fmt::format("{:<{}}  {:>16}  {:>16}  {:>7}  {}\n", label(part), name_width, yearly,
                        rate_text(part.micro_cny_per_cu),
                        percent(part.micro_cny_per_cu, waterfall.rate_micro),
                        bar(part.micro_cny_per_cu, largest));
  }
  text += fmt::format("{:<{}}  {:>16}  {:>16}  {:>7}\n", "rate", name_width,
                      grouped_cny_text(to_fen(card.cost.fixed_cny, "fixed cost")),
                      rate_text(waterfall.rate_micro), "100.0 %");
  return text;
}

namespace {

std::string monte_carlo_line(const RateCard& card) {
  if (!card.monte_carlo) return "not drawn";
  const MonteCarlo& drawn = *card.monte_carlo;
  if (!drawn.reason.empty()) return "none: " + drawn.reason;
  return fmt::format("{} to {} CNY/CU, {} draws, seed {}: {}", rate_text(drawn.lower_micro),
                     rate_text(drawn.upper_micro), drawn.draws, drawn.seed, drawn.verdict);
}

std::string new_entrant_line(const RateCard& card) {
  return stated(card.new_entrant.cny_per_cu, "CNY/CU at today's prices, without grants");
}

/// A decimal with the digits that a reader looks at; the document has it whole. Digits before the
/// point all stay.
std::string six_digits(const std::string& decimal) {
  constexpr std::size_t kSignificant = 6;
  const std::size_t point = decimal.find('.');
  const std::size_t first = decimal.find_first_of("123456789");
  if (point == std::string::npos || first == std::string::npos) return decimal;
  const std::size_t before = first < point ? point - first : 0;
  const std::size_t zeros = first < point ? 0 : first - point - 1;
  const std::size_t decimals = zeros + kSignificant - std::min(before, kSignificant);
  if (decimal.size() - point - 1 <= decimals) return decimal;
  return rounded_text(parse_decimal(decimal, "figure"), static_cast<int>(decimals));
}

/// The longest bars of the tornado, each from the rate at one end to the rate at the other.
MarkdownTable tornado_table(const RateCard& card, std::size_t longest) {
  MarkdownTable table({"input", "from", "to", "CNY/CU from", "CNY/CU to", "swing"}, 1);
  for (std::size_t i = 0; i < std::min(longest, card.tornado->size()); ++i) {
    const Sensitivity& bar = (*card.tornado)[i];
    table.add({bar.input + (bar.filed ? " (filed range)" : ""),
               with_unit(six_digits(bar.low), bar.unit), with_unit(six_digits(bar.high), bar.unit),
               rate_text(bar.at_low_micro), rate_text(bar.at_high_micro),
               rate_text(bar.swing_micro())});
  }
  return table;
}

MarkdownTable path_table(const RateCard& card) {
  MarkdownTable table(
      {"year", "capital", "O&M", "power", "true-up", "before bound", "CNY/CU", "bound"}, 1);
  for (const PathYear& year : card.path) {
    table.add({std::to_string(year.year), grouped_cny_text({year.capital_fen}),
               grouped_cny_text({year.operation_and_maintenance_fen}),
               grouped_cny_text({year.power_fen}), grouped_cny_text({year.true_up_fen}),
               rate_text(year.unbounded_micro), rate_text(year.rate_micro), year.bound});
  }
  return table;
}

std::string certificate_lines(const RateCard& card) {
  const CertificateFacts& facts = card.certificate;
  if (facts.declared) {
    const Figure& k = card.sheet.declared_throughput->k;
    return "- certificate: none; K is declared, from " + k.source.value_or("no source") +
           (k.note.empty() ? "" : " (" + k.note + ")") + "\n";
  }
  return "- certificate: " + facts.id + ", grade " + facts.grade + ", valid until " +
         facts.valid_until_utc + ", `" + facts.digest + "`\n";
}

constexpr std::size_t kBarsOnPage = 20;
constexpr std::size_t kBarsOnTerminal = 5;

}  // namespace

std::string rate_card_markdown(const RateCard& card) {
  const CertificateFacts& facts = card.certificate;
  std::string text = "# Rate card: " + card.sheet.name + "\n\n" + warning_block(card);
  text += "**" + rate_line(card) + "**\n\n";
  text += "- fixed " + rate_text(card.waterfall.fixed_micro) + " + variable " +
          rate_text(card.waterfall.variable_micro) + " CNY/CU\n";
  text += "- interval: " + interval_line(card) + "\n";
  text += "- site: " + card.sheet.site_name + ", " + card.sheet.site_location + " (" +
          card.sheet.site_operator + ")\n";
  text += "- basket: " + facts.basket.name + " " + facts.basket.version + ", `" +
          facts.basket.digest + "`\n";
  text += certificate_lines(card);
  if (card.sheet.allocation) {
    const Allocation& part = *card.sheet.allocation;
    text += "- SKU: " + part.sku + ", " + percent_text(part.shares.at(part.position)) +
            " of shared costs by " + part.key + "\n";
  }
  text += "- cost sheet: `" + card.sheet.digest + "`\n";
  text += "- priced at: " + card.date_utc + "\n\n";
  text += "## How to read it\n\n" + how_to_read(card) + "\n";
  text += "## What the rate is made of\n\n```text\n" + waterfall_text(card) + "```\n\n";
  text += "The parts sum exactly to the rate. Fixed cost F (" +
          grouped_cny_text(to_fen(card.cost.fixed_cny, "fixed cost")) +
          " CNY in the test year) is divided by the CU delivered, H = hours · availability · "
          "utilisation · K · devices; variable energy is e = (P_load - P_idle) · PUE · tariff / "
          "K.\n\n";
  text += "## What it rests on\n\n" + measured_table(card) + "\n";
  text += "## Interval\n\n" + interval_line(card) + ". Method: " + kIntervalMethod + ".\n" +
          contributions_table(card) + "\nBy Monte Carlo (JCGM 101): " + monte_carlo_line(card) +
          ".\n\n";
  text += "## A new entrant\n\n" + new_entrant_line(card) + ", beside " + rate_line(card) +
          " for this site.\n\n";
  if (card.tornado) {
    text += "## What moves the rate\n\nRanges are a tenth either way where none is filed.\n\n" +
            tornado_table(card, kBarsOnPage).text() + "\n";
  }
  if (!card.path.empty()) {
    text +=
        "## The years after\n\nOperation and maintenance goes by CPI - X, power is passed "
        "through, capital follows its schedule. CNY a year, ex VAT.\n\n" +
        path_table(card).text() + "\n";
  }
  text += "## Flags\n\n" + flags_list(card) + "\n";
  text += "## Figures of the cost sheet\n\n" + inputs_table(card);
  return text;
}

std::string rate_card_table(const RateCard& card) {
  std::string text = card.sheet.name + "\n";
  text += "rate         " + rate_line(card) + ", basket " + card.certificate.basket.name + " " +
          card.certificate.basket.version + "\n";
  text += "interval     " + interval_line(card) + "\n";
  text += "device-hour  " +
          (card.device_hour_cny.has_value()
               ? *card.certificate.k_cert_cu_per_h.value + " CU credited, " +
                     *card.device_hour_cny.value + " CNY ex VAT"
               : "none: " + card.device_hour_cny.reason) +
          "\n";
  if (card.monte_carlo) text += "Monte Carlo  " + monte_carlo_line(card) + "\n";
  text += "new entrant  " + new_entrant_line(card) + "\n\n" + waterfall_text(card) + "\n";
  if (card.tornado) text += tornado_table(card, kBarsOnTerminal).console_text() + "\n";
  if (!card.path.empty()) text += path_table(card).console_text() + "\n";
  // A terminal gets the seller's flags; those of the certificate stand on the page and in the card.
  std::size_t of_certificate = 0;
  for (const RateFlag& flag : card.flags) {
    if (flag.name == "certificate") {
      ++of_certificate;
    } else {
      text += "flag " + flag.name + ": " + shortened(flag.text) + "\n";
    }
  }
  if (of_certificate > 0) {
    text +=
        "flag certificate: " + std::to_string(of_certificate) + " audit flags, see the report\n";
  }
  return text;
}

}  // namespace assay::pricing
