/// assay compare: two results of one basket, and whether their rates differ.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/comparison.h"
#include "results/result_io.h"
#include "support/certificate_table.h"
#include "support/context.h"
#include "support/table.h"

namespace assay::cli {
namespace {

struct CompareOptions {
  std::filesystem::path first;
  std::filesystem::path second;
};

ResultDocument read_result_file(const std::filesystem::path& path) {
  return result_from_json(parse_json(read_file(path), path.string()), path.string());
}

void require_one_basket(const ResultDocument& first, const ResultDocument& second,
                        const CompareOptions& options) {
  if (!first.basket || !second.basket) {
    throw input_error("holds no basket, so there is no rate to compare",
                      (first.basket ? options.second : options.first).string());
  }
  if (first.basket->digest != second.basket->digest) {
    throw input_error(fmt::format("is of basket {} {}, not of {} {} as {}", second.basket->name,
                                  second.basket->version, first.basket->name, first.basket->version,
                                  options.first.string()),
                      options.second.string(), "rates of different baskets do not mix");
  }
}

void compare(const CompareOptions& options, const Context& context) {
  const ResultDocument first = read_result_file(options.first);
  const ResultDocument second = read_result_file(options.second);
  require_one_basket(first, second, options);
  const Assessment a = derive_figures(first);
  const Assessment b = derive_figures(second);
  const RateComparison comparison = compare_rates(a, b);
  const double false_alarms = false_alarm_rate(a, b);
  const double relative = comparison.difference_cu_per_h / *a.k_cu_per_h.value;
  Table table({{"figure"}, {"value"}});
  table.add({"K, first", cu_rate(a.k_cu_per_h)});
  table.add({"K, second", cu_rate(b.k_cu_per_h)});
  table.add({"second over first", fmt::format("{:+.2f} %", 100.0 * relative)});
  table.add({"U of it, coverage 95 %",
             fmt::format("{:.2f} % (ν {:.1f})",
                         100.0 * comparison.expanded_cu_per_h / *a.k_cu_per_h.value,
                         comparison.degrees)});
  table.add({"false alarms of this comparison",
             fmt::format("{:.1f} % of {} drawn pairs of the same thing", 100.0 * false_alarms,
                         kAaPairs)});
  say(context, table.text());
  say(context, comparison.differs() ? "DIFFERENT" : "no difference shown");
  say_json(context, {{"k_cu_per_h", {*a.k_cu_per_h.value, *b.k_cu_per_h.value}},
                     {"difference_cu_per_h", comparison.difference_cu_per_h},
                     {"expanded_cu_per_h", comparison.expanded_cu_per_h},
                     {"nu_eff", comparison.degrees},
                     {"false_alarm_rate", false_alarms},
                     {"aa_pairs", kAaPairs},
                     {"differs", comparison.differs()}});
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = add_command(
      app, context, "compare", "Say whether the rates of two results of one basket differ",
      "assay compare before.json after.json", [options, &context] { compare(*options, context); });
  command->add_option("first", options->first, "Result document of assay run")->required();
  command->add_option("second", options->second, "Another of the same basket")->required();
}

}  // namespace assay::cli
