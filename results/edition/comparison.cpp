#include "results/edition/comparison.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/philox.h"
#include "results/edition/rate.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

Uncertainty uncertainty_of(const Assessment& of, const char* which) {
  if (!of.k_cu_per_h.has_value()) {
    throw input_error("has no rate: " + of.k_cu_per_h.reason, which);
  }
  if (!of.u_c_cu_per_h.has_value()) {
    throw input_error("has a rate without an uncertainty: " + of.u_c_cu_per_h.reason, which);
  }
  return {*of.u_c_cu_per_h.value, of.nu_eff.has_value() ? *of.nu_eff.value : kInfinity};
}

/// The terms of a budget but the spread between processes, which each drawn run has its own of.
std::vector<Uncertainty> terms_within(const Assessment& of) {
  std::vector<Uncertainty> terms;
  for (const BudgetLine& line : of.budget) {
    if (line.name == kBetweenProcesses) continue;
    const bool finite = line.degrees_of_freedom.has_value();
    terms.push_back({line.u_cu_per_h, finite ? *line.degrees_of_freedom.value : kInfinity});
  }
  return terms;
}

double half_width(const Uncertainty& a, const Uncertainty& b, double& degrees) {
  const std::vector<Uncertainty> both{a, b};
  degrees = effective_degrees(both);
  return student_t_quantile(0.975, degrees) * combined_uncertainty(both);
}

/// Normal draws by the inverse of their law, one after another.
class Draws {
 public:
  double normal() {
    const Philox4 words = philox(kKey, next_++, 0);
    return normal_quantile(philox_uniform(words.word[0]));
  }

 private:
  static constexpr std::uint64_t kKey = 0xA0A;
  std::uint64_t next_ = 0;
};

/// One run of a thing whose rate is 0 and whose processes spread by `spread`.
struct DrawnRun {
  double rate = 0.0;
  Uncertainty uncertainty;
};

DrawnRun draw_run(std::size_t processes, double spread, std::vector<Uncertainty> terms,
                  Draws& draws) {
  std::vector<double> values(processes);
  for (double& value : values) value = spread * draws.normal();
  terms.push_back({standard_deviation(values) / std::sqrt(static_cast<double>(processes)),
                   static_cast<double>(processes) - 1.0});
  return {mean(values), {combined_uncertainty(terms), effective_degrees(terms)}};
}

/// Of both runs together: Σ(K_p − K)² over the degrees of freedom.
double pooled_spread(const Assessment& a, const Assessment& b) {
  double squares = 0.0;
  double degrees = 0.0;
  for (const Assessment* of : {&a, &b}) {
    const double s = standard_deviation(of->process_cu_per_h);
    const double own = static_cast<double>(of->process_cu_per_h.size()) - 1.0;
    squares += own * s * s;
    degrees += own;
  }
  return std::sqrt(squares / degrees);
}

}  // namespace

bool RateComparison::differs() const {
  return std::abs(difference_cu_per_h) > expanded_cu_per_h;
}

RateComparison compare_rates(const Assessment& a, const Assessment& b) {
  const Uncertainty u_a = uncertainty_of(a, "the first result");
  const Uncertainty u_b = uncertainty_of(b, "the second result");
  RateComparison comparison;
  comparison.difference_cu_per_h = *b.k_cu_per_h.value - *a.k_cu_per_h.value;
  comparison.expanded_cu_per_h = half_width(u_a, u_b, comparison.degrees);
  return comparison;
}

double false_alarm_rate(const Assessment& a, const Assessment& b) {
  const double spread = pooled_spread(a, b);
  const std::vector<Uncertainty> terms_a = terms_within(a);
  const std::vector<Uncertainty> terms_b = terms_within(b);
  Draws draws;
  std::int64_t alarms = 0;
  for (std::int64_t pair = 0; pair < kAaPairs; ++pair) {
    const DrawnRun one = draw_run(a.process_cu_per_h.size(), spread, terms_a, draws);
    const DrawnRun two = draw_run(b.process_cu_per_h.size(), spread, terms_b, draws);
    double degrees = 0.0;
    const double limit = half_width(one.uncertainty, two.uncertainty, degrees);
    alarms += std::abs(two.rate - one.rate) > limit ? 1 : 0;
  }
  return static_cast<double>(alarms) / static_cast<double>(kAaPairs);
}

}  // namespace assay
