/// Simulation of a programme: each policy by hand, over a list that fits on a page.
#include <gmock/gmock.h>

#include <algorithm>
#include <ctime>

#include "pricing/programme/simulation.h"
#include "pricing/programme/simulation_text.h"
#include "results/document.h"
#include "support.h"
#include "support/thread_sanitizer.h"

namespace assay::pricing::programme {
namespace {

using nlohmann::json;
using test::pointer;
using test::refusal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Programme town(const json& changes = json::object()) {
  const auto rule = [](const json& value) { return json{{"value", value}}; };
  json document = {
      {"schema", {{"name", "assay.programme"}, {"version", 1}}},
      {"id", "town"},
      {"version", "1"},
      {"name", "Town"},
      {"time_zone", "Asia/Shanghai"},
      {"sources", {{{"key", "o"}, {"title", "Order"}, {"date", "2026-01-01"}}}},
      {"statements", {{"small", "the applicant is small"}}},
      {"span", rule({{"from", "2026-01-01"}, {"to", "2026-12-31"}})},
      {"governing_date", rule("application")},
      {"base", rule("invoices")},
      {"vat_basis", rule("excluded")},
      {"year", rule("calendar_year")},
      {"tiers",
       {{{"name", "small"}, {"when", {"small"}}, {"share", rule("0.60")}, {"share_is", "fixed"}},
        {{"name", "all"},
         {"when", json::array()},
         {"share", rule("0.50")},
         {"share_is", "fixed"}}}},
      {"caps", {{{"amount", rule("100.00")}, {"per", rule("year")}}}},
      {"budget", rule({{"cny", "150.00"}, {"per", "year"}})},
      {"exceeding_claim", rule("partial")},
      {"rate_ceiling",
       rule({{"cny_per_cu", "10"}, {"basket", "tb1"}, {"from", "2026-01-01"}, {"to", nullptr}})},
      {"rounding", rule("floor_fen")}};
  for (const auto& [at, value] : changes.items()) document[pointer(at)] = value;
  return programme_from_json(document, "town.json");
}

/// Due by bill: a 80.00, b 60.00 (0.60), c 20.00 (its group has 100.00 in all), d 20.00.
/// By CU of 10 CNY: a 0.50 * 100.00, b 0.60 * 100.00, c nothing, d 20.00.
constexpr const char* kList =
    "id,control_group,application_date,amount,vat,vat_rate,verified_cu,statements\n"
    "a,g,2026-02-01,160.00,excluded,0.06,10,\n"
    "d,i,2026-02-03,40.00,excluded,0.06,4,\n"
    "c,g,2026-02-02,106.00,included,0.06,,\n"
    "b,h,2026-02-01,100.00,excluded,0.06,25,small\n";

ApplicationList list(const Programme& programme) {
  return parse_applications(kList, "list.csv", programme);
}

std::vector<std::int64_t> paid(const PolicyResult& result, std::size_t rule) {
  std::vector<std::int64_t> fen;
  for (const Fen each : result.paid.at(rule)) fen.push_back(each.value);
  return fen;
}

TEST(ProgrammeSimulation, FirstComeInPart) {
  const Programme programme = town();
  const Simulation simulation = simulate(programme, list(programme), {});
  const PolicyResult& first = simulation.policies.at(0);
  EXPECT_THAT(paid(first, 0), ElementsAre(8000, 6000, 1000, 0));
  EXPECT_EQ(first.served[0].full, 2U);
  EXPECT_EQ(first.served[0].partly, 1U);
  EXPECT_EQ(first.served[0].nothing, 1U);
  EXPECT_EQ(first.served[0].groups, 2U);
  EXPECT_EQ(first.served[0].first_unserved, "c");
  EXPECT_EQ(first.served[0].asked, Fen{18000});
  EXPECT_THAT(paid(first, 1), ElementsAre(5000, 6000, 0, 2000));
  EXPECT_EQ(simulation.without_cu, 1U);
  validate(to_json(simulation, programme), "simulation", "simulation");
}

TEST(ProgrammeSimulation, FirstComeSkipsWhatExceeds) {
  const Programme programme = town({{"/exceeding_claim/value", "skipped"}});
  const Simulation simulation = simulate(programme, list(programme), {});
  EXPECT_THAT(paid(simulation.policies.at(0), 0), ElementsAre(8000, 6000, 0, 0));
}

TEST(ProgrammeSimulation, ProRataByLargestRemainder) {
  const Programme programme = town({{"/budget/value/cny", "100.00"}});
  const Simulation simulation = simulate(programme, list(programme), {});
  // 80, 60, 20, 20 of 180 down to 100: 44.44, 33.33, 11.11, 11.11 and remainders; the one fen that
  // is left goes to the largest of them, 8/18 of a fen.
  EXPECT_THAT(paid(simulation.policies.at(1), 0), ElementsAre(4445, 3333, 1111, 1111));
}

TEST(ProgrammeSimulation, LotteryCanBeDrawnAgain) {
  const Programme programme = town();
  const ApplicationList closed = list(programme);
  SimulationOptions options;
  options.public_figure = "8241";
  const Simulation simulation = simulate(programme, closed, options);
  const std::string seed = sha256_hex(sha256_hex(kList) + "8241");
  EXPECT_EQ(simulation.lottery_seed, seed);
  // Served in the order of the tickets until 150.00 are spent.
  std::vector<std::size_t> order = {0, 1, 2, 3};
  std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return sha256_hex(seed + closed.applications[x].id) <
           sha256_hex(seed + closed.applications[y].id);
  });
  const std::vector<std::int64_t> amounts = paid(simulation.policies.at(2), 0);
  std::int64_t left = 15000;
  std::int64_t of_group = 10000;  // a and c share a cap
  const std::vector<std::int64_t> due = {8000, 6000, 5000, 2000};
  for (const std::size_t i : order) {
    const bool capped = i == 0 || i == 2;
    const std::int64_t amount =
        std::min({due[i], left, capped ? of_group : std::int64_t{1'000'000}});
    EXPECT_EQ(amounts[i], amount) << closed.applications[i].id;
    left -= amount;
    if (capped) of_group -= amount;
  }
}

TEST(ProgrammeSimulation, SharesAndCapsAreVaried) {
  const Programme programme = town({{"/budget/value/cny", "1000.00"}});
  SimulationOptions options;
  options.shares = {parse_fraction("0.30", "test")};
  options.caps = {Fen{50000}};
  const Simulation simulation = simulate(programme, list(programme), options);
  ASSERT_EQ(simulation.variations.size(), 2U);
  // Half of each share: 0.30 for the small one, 0.25 for the others: 40 + 30 + 25 + 10.
  EXPECT_EQ(simulation.variations[0].served[0].paid, Fen{10500});
  // A cap of 500.00 holds nobody: 80 + 60 + 50 + 20.
  EXPECT_EQ(simulation.variations[1].served[0].paid, Fen{21000});
}

TEST(ProgrammeSimulation, MaterialUnknownsStopByName) {
  const json unknown = {{"value", nullptr}, {"needs", "ask"}};
  const auto complaint = [&](const std::string& field) {
    return refusal([&] {
      const Programme programme = town({{field, unknown}});
      (void)simulate(programme, list(programme), {});
    });
  };
  EXPECT_THAT(complaint("/exceeding_claim"), HasSubstr("/exceeding_claim/value"));
  EXPECT_THAT(complaint("/caps/0/amount"), HasSubstr("/caps/0/amount/value"));
  EXPECT_THAT(complaint("/tiers/1/share"), HasSubstr("/tiers/1/share/value"));
  EXPECT_THAT(complaint("/budget"), HasSubstr("--budget"));
}

TEST(ProgrammeSimulation, AHundredThousandApplicationsInSeconds) {
  if (kIsSlowedByThreadSanitizer) GTEST_SKIP() << "times say nothing under the thread sanitizer";
  const Programme programme = town({{"/budget/value/cny", "1000000000.00"}});
  const std::string text = generate_applications(programme, 100'000, 7);
  EXPECT_EQ(text, generate_applications(programme, 100'000, 7));
  const std::clock_t start = std::clock();  // of this process: other work does not count
  SimulationOptions options;
  options.public_figure = "8241";
  const Simulation simulation =
      simulate(programme, parse_applications(text, "list.csv", programme), options);
  const double taken_s = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_EQ(simulation.applications, 100'000U);
  EXPECT_LT(taken_s, 5.0);
}

}  // namespace
}  // namespace assay::pricing::programme
