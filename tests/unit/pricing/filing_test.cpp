/// The schedules of a filing: every total is the sum of its lines, and they agree with the card.
#include "pricing/filing/filing.h"

#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "pricing/money.h"
#include "pricing/site_rate.h"
#include "results/csv.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

RateCard filed_card(const std::string& example) {
  return price(test::worked_certificate(), test::sheet_of(test::example_document(example)),
               test::kMidYear);
}

using Amounts = std::map<std::string, std::map<std::string, std::string>>;  // line, column

Amounts amounts_of(const std::vector<FilingSchedule>& schedules) {
  Amounts amounts;
  for (const FilingSchedule& schedule : schedules) {
    for (const FilingRow& row : schedule.rows) {
      for (std::size_t i = 0; i < row.amounts.size(); ++i) {
        amounts[row.line][schedule.amount_columns[i]] = row.amounts[i];
      }
    }
  }
  return amounts;
}

/// Number of totals followed down to their lines; a difference is a failure.
int follow(const std::vector<FilingSchedule>& schedules) {
  const Amounts amounts = amounts_of(schedules);
  int followed = 0;
  for (const FilingSchedule& schedule : schedules) {
    for (const FilingRow& row : schedule.rows) {
      if (row.sum_of.empty()) continue;
      for (std::size_t i = 0; i < row.amounts.size(); ++i) {
        if (row.amounts[i].empty()) continue;
        Rational sum = 0;
        bool any = false;
        std::istringstream references(row.sum_of);
        for (std::string reference; references >> reference;) {
          const std::size_t point = reference.find('.');
          const std::string line = reference.substr(0, point);
          if (point != std::string::npos && i > 0) continue;  // of the first column alone
          const std::string column =
              point == std::string::npos ? schedule.amount_columns[i] : reference.substr(point + 1);
          const std::string& text = amounts.at(line).at(column);
          if (!text.empty()) sum += parse_decimal(text, line);
          any = true;
        }
        if (!any) continue;
        if (!row.share.empty()) {
          const Rational part = sum * parse_decimal(row.share, "share");
          EXPECT_LE(abs(part - parse_decimal(row.amounts[i], row.line)), Rational(1, 100));
        } else {
          EXPECT_EQ(sum, parse_decimal(row.amounts[i], row.line)) << row.line << " " << row.sum_of;
        }
        ++followed;
      }
    }
  }
  return followed;
}

TEST(Filing, EveryTotalIsTheSumOfItsLines) {
  for (const char* example : {"h800-node-worked", "synthetic-a-whole-bill", "china-h800-hub"}) {
    EXPECT_GT(follow(filing_schedules(filed_card(example))), 8) << example;
  }
}

TEST(Filing, TheReturnIsThatOfTheBooks) {
  const Amounts amounts = amounts_of(filing_schedules(filed_card("synthetic-a-whole-bill")));
  for (const auto& [g, c] : {std::pair("G1", "C1"), {"G2", "C8"}, {"G3", "C14"}}) {
    EXPECT_EQ(amounts.at(g).at("return_cny"), amounts.at(c).at("return_cny")) << c;
  }
}

TEST(Filing, AWrongLineIsFound) {
  std::vector<FilingSchedule> schedules = filing_schedules(filed_card("h800-node-worked"));
  const Amounts before = amounts_of(schedules);
  schedules[0].rows[0].amounts[0] = "493911.95";
  const Amounts after = amounts_of(schedules);
  EXPECT_NE(before.at("A1").at("cny_per_year"), after.at("A1").at("cny_per_year"));
  EXPECT_EQ(before.at("C1").at("charge_cny"), before.at("A1").at("cny_per_year"));
}

TEST(Filing, TheSummaryIsTheCards) {
  const RateCard card = filed_card("synthetic-a-whole-bill");
  const std::vector<FilingSchedule> schedules = filing_schedules(card);
  EXPECT_EQ(schedules.size(), 8U);
  const Amounts amounts = amounts_of(schedules);
  std::string fair;
  for (const FilingRow& row : schedules[0].rows) {
    if (row.description.starts_with("fair rate")) fair = row.amounts[1];
  }
  EXPECT_EQ(fair, decimal_text(card.waterfall.rate_micro, 6));
  for (const CostLine& line : card.cost.fixed_lines) {
    bool found = false;
    for (const FilingRow& row : schedules[0].rows) {
      found = found || row.amounts[0] == cny_text(to_fen(line.cny, "x"));
    }
    EXPECT_TRUE(found) << line.name;
  }
}

TEST(Filing, EachLineHasItsFigureAndSource) {
  int sourced = 0;
  for (const FilingSchedule& schedule : filing_schedules(filed_card("synthetic-a-whole-bill"))) {
    for (const FilingRow& row : schedule.rows) {
      EXPECT_EQ(row.figure.empty(), row.source.empty()) << row.line;
      sourced += row.figure.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(sourced, 30);
}

TEST(Filing, ExcludedPlantIsShownAndInNoTotal) {
  json document = test::worked_document();
  document["used_and_useful"] = {
      {"rule", "exclusion"},
      {"floor", nullptr},
      {"excluded", json::array({{{"name", "node 7"},
                                 {"reason", "never sold"},
                                 {"price", test::figure("2000000.00", "CNY")}}})}};
  const RateCard card = price(test::worked_certificate(), test::sheet_of(document), test::kMidYear);
  const std::vector<FilingSchedule> schedules = filing_schedules(card);
  EXPECT_GT(follow(schedules), 8);
  const std::string page = filing_markdown(card, schedules);
  EXPECT_THAT(page, HasSubstr("excluded, not used and useful: node 7 (never sold)"));
  const Amounts amounts = amounts_of(schedules);
  EXPECT_EQ(amounts.at("B2").at("price_cny"), "2100000.00");
  EXPECT_EQ(amounts.at("B4").at("price_cny"), "2000000.00");
}

TEST(Filing, AFleetsSharesAreFollowedToo) {
  const CostSheet sheet = test::sheet_of(test::example_document("synthetic-b-mixed-fleet"));
  Certificate h800 = test::worked_certificate();
  h800.device.name = "simulated H800";
  Certificate a800 = test::worked_certificate();
  a800.device.name = "simulated A800";
  const SiteRate site = price_site({h800, a800}, sheet, test::kMidYear);
  for (const RateCard& card : site.cards) EXPECT_GT(follow(filing_schedules(card)), 8);
}

TEST(Filing, TheCsvReadsBack) {
  RateCard card = filed_card("synthetic-a-whole-bill");
  card.certificate.test_key = true;
  for (const FilingSchedule& schedule : filing_schedules(card)) {
    std::vector<std::string> columns = {"line",   "description", "sum_of",  "share",
                                        "figure", "source",      "standing"};
    columns.insert(columns.end(), schedule.amount_columns.begin(), schedule.amount_columns.end());
    const CsvTable table = parse_csv(schedule_csv(card, schedule), "schedule.csv", columns);
    EXPECT_EQ(table.rows.size(), schedule.rows.size());
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      EXPECT_EQ(table.at(row, "standing"), "TEST KEY, EXAMPLE");
    }
  }
}

}  // namespace
}  // namespace assay::pricing
