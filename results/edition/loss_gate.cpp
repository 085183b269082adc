#include "results/edition/loss_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "base/error.h"
#include "base/token_law.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

/// Steps in the first and the last tenth: at least kLossGateTenthMin, since a mean of two or three
/// losses, of which the first fall steeply, has no interval worth the name.
std::size_t tenth(std::size_t size) {
  return std::min(size, std::max<std::size_t>(kLossGateTenthMin, size / 10));
}

/// Mean and its standard error, of losses whose noise is that of fresh tokens at each step.
struct MeanLoss {
  double mean = 0.0;
  Uncertainty error;
};

MeanLoss mean_loss(std::span<const double> losses) {
  const auto count = static_cast<double>(losses.size());
  return {mean(losses), {standard_deviation(losses) / std::sqrt(count), count - 1.0}};
}

bool agree(double one, double other) {
  return std::abs(one - other) <= kTokenLawTolerance * std::max(std::abs(one), std::abs(other));
}

void check_token_law(const TrainingRecord& record, std::vector<std::string>& failures) {
  if (record.vocabulary < 2 || record.vocabulary > std::numeric_limits<std::int32_t>::max()) {
    failures.push_back(fmt::format("a vocabulary of {} has no token law", record.vocabulary));
    return;
  }
  const double log_vocabulary = std::log(static_cast<double>(record.vocabulary));
  if (!agree(record.log_vocabulary, log_vocabulary)) {
    failures.push_back(fmt::format("ln V is recorded as {:.6f}; {} tokens make it {:.6f}",
                                   record.log_vocabulary, record.vocabulary, log_vocabulary));
  }
  const double entropy_rate = entropy_rate_nats(
      make_token_law(record.token_key, static_cast<std::int32_t>(record.vocabulary)));
  if (!agree(record.entropy_rate_nats, entropy_rate)) {
    failures.push_back(
        fmt::format("the entropy rate is recorded as {:.6f} nats; the token key makes it {:.6f}",
                    record.entropy_rate_nats, entropy_rate));
  }
}

bool check_finite(const TrainingRecord& record, std::vector<std::string>& failures) {
  const auto finite = [](double value) { return std::isfinite(value); };
  const auto loss = std::find_if_not(record.losses.begin(), record.losses.end(), finite);
  if (loss != record.losses.end()) {
    failures.push_back(fmt::format("the loss of step {} is not a finite number",
                                   loss - record.losses.begin() + 1));
    return false;
  }
  const auto norm =
      std::find_if_not(record.gradient_norms.begin(), record.gradient_norms.end(), finite);
  if (norm != record.gradient_norms.end()) {
    failures.push_back(fmt::format("the gradient norm of step {} is not a finite number",
                                   norm - record.gradient_norms.begin() + 1));
    return false;
  }
  return true;
}

void check_gradient_norms(const TrainingRecord& record, std::vector<std::string>& failures) {
  if (record.gradient_norms.size() != record.losses.size()) {
    failures.push_back(fmt::format("{} gradient norms for {} losses", record.gradient_norms.size(),
                                   record.losses.size()));
    return;
  }
  const double first = record.gradient_norms.front();
  for (std::size_t step = 0; step < record.gradient_norms.size(); ++step) {
    const double norm = record.gradient_norms[step];
    if (!(norm > 0.0) || norm < kGradientNormMin * first) {
      failures.push_back(
          fmt::format("the gradient vanished: norm {:.3g} at step {}, {:.3g} at the "
                      "first",
                      norm, step + 1, first));
      return;
    }
  }
}

void check_fall(const TrainingRecord& record, std::vector<std::string>& failures) {
  const std::span<const double> losses(record.losses);
  const MeanLoss first = mean_loss(losses.first(tenth(losses.size())));
  const MeanLoss last = mean_loss(losses.last(tenth(losses.size())));
  const Uncertainty both[] = {first.error, last.error};
  const double u = combined_uncertainty(both);
  const double interval = u > 0.0 ? student_t_quantile(0.975, effective_degrees(both)) * u : 0.0;
  const double fall = first.mean - last.mean;
  if (!(fall > interval)) {
    failures.push_back(
        fmt::format("the loss did not fall: {:.4f} in the first tenth, {:.4f} in the "
                    "last, interval {:.4f}",
                    first.mean, last.mean, interval));
  }
  const double under = record.entropy_rate_nats - last.mean;
  if (under > kEntropyStandardErrors * last.error.u) {
    failures.push_back(
        fmt::format("the loss is below what the tokens allow: {:.4f} in the last "
                    "tenth, entropy rate {:.4f}",
                    last.mean, record.entropy_rate_nats));
  }
}

}  // namespace

double final_loss(const TrainingRecord& record) {
  if (record.losses.empty()) throw input_error("no losses", "loss gate");
  const std::span<const double> losses(record.losses);
  return mean(losses.last(tenth(losses.size())));
}

std::vector<std::string> loss_gate_failures(const TrainingRecord& record) {
  std::vector<std::string> failures;
  check_token_law(record, failures);
  if (record.losses.size() < kLossGateStepsMin) {
    failures.push_back(fmt::format("{} steps, and the loss gate needs {}", record.losses.size(),
                                   kLossGateStepsMin));
    return failures;
  }
  if (!check_finite(record, failures)) return failures;
  const double first = record.losses.front();
  if (std::abs(first - record.log_vocabulary) > kFirstLossTolerance * record.log_vocabulary) {
    failures.push_back(fmt::format("the first loss is {:.4f}, not within {:.0f} % of ln V = {:.4f}",
                                   first, 100.0 * kFirstLossTolerance, record.log_vocabulary));
  }
  check_gradient_norms(record, failures);
  check_fall(record, failures);
  return failures;
}

}  // namespace assay
