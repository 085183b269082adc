#include "pricing/programme/ruling_text.h"

#include <nlohmann/json.hpp>

#include "results/markdown_table.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

/// A figure on its way: fen exactly where it is whole, else to a ten-thousandth of a yuan.
std::string figure_text(const Fraction& fen) {
  const Rational cny = to_rational(fen) / 100;
  const std::string exact = rounded_text(cny, 2);
  if (parse_decimal(exact, "figure") == cny) {
    return grouped_cny_text(to_fen(cny, "figure"));
  }
  // Grouped as whole fen are, with two decimals more.
  const std::string four = rounded_text(cny, 4);
  return grouped_cny_text(parse_cny(four.substr(0, four.size() - 2), "figure")) +
         four.substr(four.size() - 2);
}

std::string fraction_text(const Fraction& x) {
  const Rational lowest = to_rational(x) / 100;
  const Integer below = boost::multiprecision::denominator(lowest);
  const std::string above = boost::multiprecision::numerator(lowest).str();
  return below == 1 ? above : above + "/" + below.str();
}

json steps_json(const ReadingResult& reading) {
  json rows = json::array();
  for (const StepRow& row : reading.rows) {
    rows.push_back(
        {{"step", names_of(row.row)[static_cast<std::size_t>(row.row)]},
         {"cny", fraction_text(row.own)},
         {"with_ceiling_cny", row.ceiling ? json(fraction_text(*row.ceiling)) : json(nullptr)},
         {"how", row.how}});
  }
  return rows;
}

json reading_json(const ReadingResult& reading) {
  json choices = json::object();
  for (const Choice& choice : reading.choices) choices[choice.field] = choice.value;
  json payers = json::array();
  for (const PayerShare& payer : reading.payers) {
    payers.push_back({{"name", payer.name},
                      {"cumulative_cny", cny_text(payer.cumulative)},
                      {"part_cny", cny_text(payer.part)}});
  }
  return {
      {"open_rules", std::move(choices)},
      {"cumulative_cny", cny_text(reading.cumulative)},
      {"part_cny", cny_text(reading.part)},
      {"with_ceiling_cumulative_cny",
       reading.ceiling_cumulative ? json(cny_text(*reading.ceiling_cumulative)) : json(nullptr)},
      {"award_over_bound", reading.award_over_bound},
      {"payers", std::move(payers)},
      {"steps", steps_json(reading)}};
}

std::string choices_text(const ReadingResult& reading) {
  std::string text;
  for (const Choice& choice : reading.choices) {
    text += (text.empty() ? "" : "; ") + choice.field + " = " + choice.value;
  }
  return text;
}

std::string table_text(const ReadingResult& reading, bool with_ceiling) {
  MarkdownTable table({"step", "how", "programme CNY", "with ceiling CNY"}, 2);
  for (const StepRow& row : reading.rows) {
    table.add({std::string(names_of(row.row)[static_cast<std::size_t>(row.row)]), row.how,
               figure_text(row.own),
               row.ceiling    ? figure_text(*row.ceiling)
               : with_ceiling ? ""
                              : "-"});
  }
  return table.text();
}

std::string result_text(const Ruling& ruling) {
  if (ruling.kind == RulingKind::set) {
    std::string text = "open       ";
    for (const std::string& rule : ruling.open_rules) {
      text += (&rule == &ruling.open_rules.front() ? "" : ", ") + rule;
    }
    text += ": nothing can be settled until a signed local rule fills it\n";
    for (const ReadingResult& reading : ruling.readings) {
      text += std::string(ruling.is_bound ? "at most    " : "either     ") +
              grouped_cny_text(reading.part) + " CNY if " + choices_text(reading) +
              (reading.award_over_bound ? " (the award is over the bound)" : "") + "\n";
    }
    return text;
  }
  const ReadingResult& reading = ruling.reading();
  if (ruling.kind == RulingKind::at_most) {
    return "result     at most " + grouped_cny_text(reading.part) +
           " CNY; the award is the programme's decision\n";
  }
  return "result     " + grouped_cny_text(reading.part) + " CNY\n";
}

}  // namespace

std::string ruling_text(const Ruling& ruling, const Programme& programme, const Claim& claim) {
  std::string text = "programme  " + title_of(programme) + ": " + programme.name + "\n";
  text += "claim      " + claim.id + " of " + claim.applicant.name + "\n";
  if (ruling.kind == RulingKind::refused || ruling.kind == RulingKind::stopped) {
    return text + std::string(names_of(ruling.kind)[static_cast<std::size_t>(ruling.kind)]) +
           "    " + findings_line(ruling, programme) + "\n";
  }
  if (!ruling.governing_day.empty()) {
    text += "day        " + ruling.governing_day + ", by " + ruling.governing_date + "\n";
  }
  text += "\n" + table_text(ruling.reading(), ruling.ceiling_gap.empty()) + "\n";
  text += result_text(ruling);
  for (const PayerShare& payer : ruling.reading().payers) {
    text += "payer      " + payer.name + ": " + grouped_cny_text(payer.part) + " CNY\n";
  }
  text += "ceiling    ";
  if (!ruling.ceiling_gap.empty()) {
    text += "no column: " + ruling.ceiling_gap;
  } else {
    text += "the same rule on the eligible cost with the rate ceiling: " +
            grouped_cny_text(*ruling.reading().ceiling_cumulative) + " CNY in all";
  }
  text += "\n";
  for (const std::string& note : ruling.notes) text += "note       " + note + "\n";
  return text;
}

json to_json(const Ruling& ruling, const Programme& programme, const Claim& claim) {
  json readings = json::array();
  for (const ReadingResult& reading : ruling.readings) readings.push_back(reading_json(reading));
  json findings = json::array();
  for (const Finding& finding : ruling.findings) {
    findings.push_back({{"document", finding.in_claim ? "claim" : "programme"},
                        {"field", finding.field},
                        {"text", finding.text}});
  }
  return {{"schema", {{"name", "assay.ruling"}, {"version", 1}}},
          {"programme",
           {{"id", programme.id}, {"version", programme.version}, {"digest", programme.digest}}},
          {"claim", {{"id", claim.id}, {"digest", claim.digest}}},
          {"kind", names_of(ruling.kind)[static_cast<std::size_t>(ruling.kind)]},
          {"is_bound", ruling.is_bound},
          {"tier", ruling.tier},
          {"governing_day", ruling.governing_day},
          {"governing_date", ruling.governing_date},
          {"open_rules", ruling.open_rules},
          {"readings", std::move(readings)},
          {"findings", std::move(findings)},
          {"ceiling_gap", ruling.ceiling_gap},
          {"notes", ruling.notes}};
}

}  // namespace assay::pricing::programme
