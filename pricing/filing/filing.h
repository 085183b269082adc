#pragma once
/// What a regulator expects of a rate case: schedules, each a CSV file, and one Markdown page of
/// all of them. Every total names the lines it is the sum of (`sum_of`), and every line the figure
/// of the cost sheet that it is from, so that each number can be followed down to a source.
///
/// The set follows the schedules that rate-case rules name (New Mexico 17.9.530 NMAC, Ohio OAC
/// 4901-7 appendix A): summary of the cost of service, rate base with the plant that is excluded as
/// not used and useful, depreciation, operating costs, rate of return, billing determinants, and
/// the test year beside a forecast year; power has one of its own.
#include <filesystem>
#include <string>
#include <vector>

#include "pricing/rate_card.h"

namespace assay::pricing {

/// One line of a schedule.
struct FilingRow {
  std::string line;  ///< "C3"; unique over all schedules
  std::string description;
  std::vector<std::string> amounts;  ///< one for each amount column; empty where there is none
  /// References "C1 C2" (same column) or "C3.charge_cny" (that column): the row is their sum.
  std::string sum_of;
  std::string share;   ///< of that sum, where a mixed fleet shares the line; empty: all of it
  std::string figure;  ///< JSON pointer in the cost sheet
  std::string source;
};

struct FilingSchedule {
  std::string letter;
  std::string title;
  std::string note;
  std::vector<std::string> amount_columns;  ///< with their unit: "charge_cny"
  std::vector<FilingRow> rows;
};

/// Schedules A to H of a rate card.
[[nodiscard]] std::vector<FilingSchedule> filing_schedules(const RateCard& card);

/// "schedule-c-depreciation.csv".
[[nodiscard]] std::string schedule_file_name(const FilingSchedule& schedule);
/// Each line ends with how the card stands: TEST KEY, ASSUMED, INDICATIVE, EXAMPLE; empty:
/// certified.
[[nodiscard]] std::string schedule_csv(const RateCard& card, const FilingSchedule& schedule);
[[nodiscard]] std::string filing_markdown(const RateCard& card,
                                          const std::vector<FilingSchedule>& schedules);

/// Writes all of them into `folder`, which is made where it is not there. Errors: input_error
/// naming the path.
void write_filing(const std::filesystem::path& folder, const RateCard& card);

}  // namespace assay::pricing
