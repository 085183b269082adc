#include "results/edition/arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/edition/edition.h"
#include "results/edition/rate.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

/// Keeps the first of its comparisons that fails.
class Comparisons {
 public:
  void equal(const std::string& name, double stated, double derived) {
    const double scale = std::max(std::abs(stated), std::abs(derived));
    // Not the other way round: NaN agrees with nothing.
    if (std::abs(stated - derived) <= kFigureTolerance * scale || !contradiction_.empty()) return;
    contradiction_ =
        fmt::format("{} is {:.9g}, the other figures give {:.9g}", name, stated, derived);
  }
  void equal(const std::string& name, const Stated<double>& stated, double derived) {
    if (stated.has_value()) equal(name, *stated.value, derived);
  }
  void fail(const std::string& what) {
    if (contradiction_.empty()) contradiction_ = what;
  }
  [[nodiscard]] const std::string& first() const { return contradiction_; }

 private:
  std::string contradiction_;
};

void compare_items(const Assessment& assessment, Comparisons& comparisons) {
  for (const auto* figures : {&assessment.items, &assessment.kernels}) {
    for (const ItemFigures& item : *figures) {
      if (item.process_pflops.empty()) continue;
      comparisons.equal(item.workload + ", pflops", item.pflops, mean(item.process_pflops));
    }
  }
}

/// Items are those of one device, so of several the mean device's rates don't follow from them.
void compare_processes(const Assessment& assessment, Comparisons& comparisons) {
  if (assessment.many_devices) return;
  for (std::size_t process = 0; process < assessment.process_cu_per_h.size(); ++process) {
    double time = 0.0;
    for (const ItemFigures& item : assessment.items) {
      if (process >= item.process_pflops.size()) {
        comparisons.fail(fmt::format("{} has no figure of process {}", item.workload, process));
        return;
      }
      time += item.share / item.process_pflops[process];
    }
    comparisons.equal(fmt::format("process_cu_per_h of process {}", process),
                      assessment.process_cu_per_h[process], 1.0 / time);
  }
}

void compare_uncertainty(const Assessment& assessment, Comparisons& comparisons) {
  if (!assessment.u_c_cu_per_h.has_value()) {
    if (assessment.k_cert_cu_per_h.has_value()) comparisons.fail("K_cert without an uncertainty");
    return;
  }
  const double combined = *assessment.u_c_cu_per_h.value;
  double squares = 0.0;
  for (const BudgetLine& line : assessment.budget) squares += line.u_cu_per_h * line.u_cu_per_h;
  comparisons.equal("u_c", combined, std::sqrt(squares));
  const double degrees = assessment.nu_eff.has_value() ? *assessment.nu_eff.value : kInfinity;
  const double coverage = student_t_quantile(0.975, degrees);
  comparisons.equal("the coverage factor", assessment.coverage_factor, coverage);
  comparisons.equal("U", assessment.expanded_cu_per_h, coverage * combined);
  if (!assessment.k_cu_per_h.has_value()) return;
  comparisons.equal("K_cert", assessment.k_cert_cu_per_h,
                    *assessment.k_cu_per_h.value - student_t_quantile(0.95, degrees) * combined);
}

}  // namespace

std::string arithmetic_contradiction(const Assessment& assessment) {
  Comparisons comparisons;
  compare_items(assessment, comparisons);
  compare_processes(assessment, comparisons);
  if (assessment.k_cu_per_h.has_value()) {
    if (assessment.process_cu_per_h.empty()) {
      comparisons.fail("K without a figure of any process");
    } else {
      comparisons.equal("K", assessment.k_cu_per_h, mean(assessment.process_cu_per_h));
    }
  } else if (assessment.k_cert_cu_per_h.has_value()) {
    comparisons.fail("K_cert without K");
  }
  compare_uncertainty(assessment, comparisons);
  return comparisons.first();
}

}  // namespace assay
