#include "harness/measure_item.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "base/error.h"
#include "harness/clock.h"
#include "harness/telemetry.h"

namespace assay::harness {
namespace {

/// Steps whose losses are recorded without the vector growing while time is taken.
constexpr std::size_t kStepsExpected = 1 << 16;

TelemetryRecord no_telemetry(const std::string& reason) {
  const Stated<double> none = Stated<double>::missing(reason);
  return {none, none, none, none, none, none, none, none};
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void sample_into(ItemRecord& record, Judgement& judgement, const ItemRequest& request,
                 Instance& instance, const std::function<bool()>& interrupted,
                 const std::function<void(const Progress&)>& on_progress) {
  Telemetry telemetry({}, request.gpu);
  Subject subject;
  subject.now_ns = monotonic_ns;
  subject.iterate = instance.iterate;
  subject.interrupted = interrupted;
  subject.on_progress = on_progress;
  subject.window_begins = [&] { telemetry.begin(); };
  subject.window_ended = [&] { record.telemetry = telemetry.end(); };
  if (instance.observe) {
    TrainingRecord& training = record.training.emplace();
    training.losses.reserve(kStepsExpected);
    training.gradient_norms.reserve(kStepsExpected);
    if (instance.loss_law) {
      training.log_vocabulary = instance.loss_law->log_vocabulary;
      training.entropy_rate_nats = instance.loss_law->entropy_rate_nats;
      training.token_key = instance.loss_law->token_key;
      training.vocabulary = instance.loss_law->vocabulary;
    }
    subject.iterate = [&instance, &training] {
      instance.iterate();
      const Observation observation = instance.observe();
      training.losses.push_back(observation.loss);
      training.gradient_norms.push_back(observation.gradient_norm);
    };
  }
  Sampling sampling = sample(subject, request.options);
  record.warm_up_iterations = sampling.warm_up_iterations;
  record.warm_up_ns = sampling.warm_up_ns;
  record.steady = sampling.steady;
  record.batch = sampling.batch;
  record.sample_end_ns = std::move(sampling.sample_end_ns);
  record.sample_end_ns.shrink_to_fit();
  record.looks = sampling.looks;
  record.converged = sampling.converged;
  record.stop_reason = std::move(sampling.stop_reason);
  judgement = sampling.judgement;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

void verify_into(ItemRecord& record, const Instance& instance) {
  if (record.stop_reason == "interrupted") {
    record.status = "interrupted";
    record.error = "interrupted before its output was checked";
    return;
  }
  if (!instance.verify) {
    record.status = "invalid";
    record.error = "the workload has no check of its output";
    return;
  }
  record.status = "valid";
  for (const Check& check : instance.verify()) {
    record.checks.push_back({check.name, check.error, check.bound, check.passed()});
    if (!check.passed() && record.status == "valid") {
      record.status = "invalid";
      record.error = one_line("output check failed: " + check.name);
    }
  }
  if (record.checks.empty()) {
    record.status = "invalid";
    record.error = "the workload's check compared nothing";
  }
  if (record.training && record.status == "valid" &&
      !(all_finite(record.training->losses) && all_finite(record.training->gradient_norms))) {
    record.status = "invalid";
    record.error = "a loss or gradient norm was not a finite number";
  }
}

}  // namespace

std::string current_exception_line() {
  try {
    throw;
  } catch (const Error& error) {
    return one_line(error.line());
  } catch (const std::bad_alloc&) {
    return "not enough memory";
  } catch (const std::exception& error) {
    return one_line(error.what());
  } catch (...) {
    return "an unknown exception";
  }
}

ItemRecord unmeasured(const CatalogueEntry& entry, const std::string& status,
                      const std::string& error) {
  const Workload& workload = entry.workload;
  ItemRecord record;
  record.workload = workload.name;
  record.kind = name(workload.kind);
  record.basket_item = entry.basket_item;
  record.family = workload.family;
  for (const Dimension& dimension : workload.problem) {
    record.problem[dimension.name] = dimension.value;
  }
  record.precision = name(workload.precision);
  record.inputs = workload.inputs;
  record.regime = "hot";
  record.flops = static_cast<std::int64_t>(workload.flops);
  record.bytes = static_cast<std::int64_t>(workload.bytes);
  record.tokens = static_cast<std::int64_t>(workload.tokens);
  record.stop_reason = status == "interrupted" ? "interrupted" : "failed";
  record.status = status;
  record.error = one_line(error);
  record.telemetry = no_telemetry("no window was timed");
  return record;
}

MeasuredItem measure_item(const ItemRequest& request, const Target& target,
                          const std::function<bool()>& interrupted,
                          const std::function<void(const Progress&)>& on_progress) {
  const CatalogueEntry& entry = request.entry;
  MeasuredItem measured;
  if (interrupted && interrupted()) {
    measured.record = unmeasured(entry, "interrupted", "interrupted before it began");
    return measured;
  }
  if (const auto reason = unavailable_on(entry.workload, target)) {
    measured.record = unmeasured(entry, "failed", *reason);
    return measured;
  }
  ItemRecord& record = measured.record;
  record = unmeasured(entry, "failed", "");
  try {
    Instance instance = make_instance(entry.workload, target, request.key);
    for (const auto& [key, value] : instance.notes) record.notes[key] = value;
    if (const auto regime = record.notes.find("regime"); regime != record.notes.end()) {
      record.regime = regime->second;
      record.notes.erase(regime);
    }
    sample_into(record, measured.judgement, request, instance, interrupted, on_progress);
    verify_into(record, instance);
  } catch (...) {
    record.status = "failed";
    record.stop_reason = "failed";
    record.converged = false;
    record.error = current_exception_line();
  }
  return measured;
}

}  // namespace assay::harness
