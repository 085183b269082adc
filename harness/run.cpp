#include "harness/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "harness/basket_workloads.h"
#include "harness/child.h"
#include "harness/clock.h"
#include "harness/conditions.h"
#include "harness/interrupt.h"
#include "harness/measure_item.h"
#include "harness/run_progress.h"
#include "harness/tool.h"
#include "results/document.h"
#include "results/edition/grade.h"
#include "results/result_io.h"
#include "results/utc_time.h"

namespace assay::harness {
namespace {

namespace fs = std::filesystem;

/// A folder of its own for the papers between parent and children, removed at scope end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "assay-run-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw input_error("can't make a temporary folder", pattern, "set TMPDIR to a writable one");
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::function<void(const std::string&)> bar_writer(bool wanted) {
  if (!wanted || isatty(STDERR_FILENO) == 0) return {};
  return [](const std::string& text) {
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  };
}

Environment measuring_environment(const std::map<std::string, std::string>& settings) {
  Environment environment = allowed_environment();
  for (const auto& [name, value] : settings) environment[name] = value;
  return environment;
}

/// What a process left: its record as far as it came.
ProcessRecord record_left(const fs::path& output, const PlannedProcess& planned) {
  if (fs::exists(output)) {
    return process_from_json(parse_json(read_file(output), output.string()));
  }
  ProcessRecord record;
  record.index = planned.index;
  record.seed = planned.seed;
  record.started_utc = utc_now();
  for (const PlannedItem& item : planned.items) record.order.push_back(item.workload);
  return record;
}

/// Adds a record for each item that a process did not come to, on each of several devices.
void add_missing(ProcessRecord& record, const PlannedProcess& planned, const Catalogue& catalogue,
                 const std::vector<Device>& devices, const std::string& status,
                 const std::string& reason, const std::optional<std::string>& running) {
  for (const PlannedItem& item : planned.items) {
    const bool there =
        std::any_of(record.items.begin(), record.items.end(),
                    [&](const ItemRecord& done) { return done.workload == item.workload; });
    if (there) continue;
    const bool culprit = running && *running == item.workload;
    const std::string line = culprit ? reason : "not run: " + reason;
    const CatalogueEntry& entry = entry_of(catalogue, item.workload);
    for (const std::string& device : ids_of(devices, entry.workload)) {
      record.items.push_back(unmeasured(entry, status, line, device));
    }
  }
}

std::string names_of(const std::vector<Device>& devices) {
  std::string names;
  for (const Device& device : devices) names += (names.empty() ? "" : ",") + device.record.id;
  return names;
}

/// GPUs' conditions in place of those that a CPU leaves missing.
void add_gpu_conditions(const std::vector<Device>& devices, const HostFiles& files,
                        std::map<std::string, Stated<std::string>>& conditions) {
  std::vector<std::string> ids;
  std::vector<std::map<std::string, Stated<std::string>>> each;
  for (const Device& device : devices) {
    if (!device.gpu) continue;
    ids.push_back(device.record.id);
    each.push_back(gpu_conditions(*device.gpu, files));
  }
  if (each.empty()) return;
  for (auto& [name, condition] : joined_conditions(ids, each)) {
    conditions.insert_or_assign(name, condition);
  }
}

class Runner {
 public:
  Runner(const RunOptions& options, const Basket& basket, const std::vector<Device>& devices,
         const Plan& plan, const Catalogue& catalogue, ResultDocument& result)
      : options_(options),
        basket_(basket),
        devices_(devices),
        plan_(plan),
        catalogue_(catalogue),
        result_(result),
        settings_(thread_settings(devices.front())) {}

  void run() {
    const InterruptGuard guard;
    RunProgress progress(plan_, bar_writer(options_.show_progress), monotonic_ns);
    for (std::size_t i = 0; i < plan_.processes.size(); ++i) {
      if (interrupted()) {
        stop(fmt::format("interrupted before process {} of {}", i + 1, plan_.processes.size()));
        return;
      }
      progress.begin_process(i);
      if (!run_one(i, progress)) return;
    }
    result_.complete = true;
  }

 private:
  /// Whether the run goes on.
  bool run_one(std::size_t place, RunProgress& progress) {
    const PlannedProcess& planned = plan_.processes[place];
    const fs::path spec = folder_.path() / fmt::format("spec-{}.json", place);
    const fs::path output = folder_.path() / fmt::format("process-{}.json", place);
    const bool shares = devices_.size() > 1 || plan_.record.fixed_time;
    write_document(
        spec, to_json(ProcessSpec{basket_.name, names_of(devices_), options_.cpu_isa, result_.nonce,
                                  kChildLines, shares ? std::optional(choices_) : std::nullopt,
                                  planned}));
    ChildRequest request;
    request.arguments = {"measure-process", "--spec", spec.string(), "--output", output.string()};
    request.environment = settings_;
    request.on_line = [&](const std::string& line) { progress.line(line); };
    request.on_idle = [&] { progress.draw(); };
    const ChildOutcome outcome = run_child(request);
    ProcessRecord record = record_left(output, planned);
    // Algorithms are those of the first process, so that the others differ by nothing else.
    if (place == 0 && plan_.record.fixed_time && fs::exists(choices_path(output))) {
      choices_ = parse_json(read_file(choices_path(output)), "choices")
                     .get<std::map<std::string, std::string>>();
    }
    const std::string which = fmt::format("process {} of {}", place + 1, plan_.processes.size());
    const std::optional<std::string> running = progress.running();
    if (interrupted()) {
      add_missing(record, planned, catalogue_, devices_, "interrupted", "the run was interrupted",
                  running);
      stop("interrupted in " + which);
    } else if (!outcome.succeeded()) {
      const std::string reason = which + " ended with " + outcome.text();
      add_missing(record, planned, catalogue_, devices_, "failed", reason, running);
      stop(running ? reason + " in " + *running : reason);
    }
    if (result_.incomplete_reason.empty()) note_left_out(record, which);
    result_.processes.push_back(std::move(record));
    return result_.incomplete_reason.empty();
  }

  /// What a process did not come to within its budget.
  void note_left_out(const ProcessRecord& record, const std::string& which) {
    const auto left_out =
        std::count_if(record.items.begin(), record.items.end(),
                      [](const ItemRecord& item) { return item.status == "interrupted"; });
    if (left_out == 0) return;
    stop(fmt::format("{} did not come to {} of its {} workloads", which, left_out,
                     record.items.size()));
  }

  void stop(std::string reason) {
    result_.complete = false;
    result_.incomplete_reason = std::move(reason);
  }

  const RunOptions& options_;
  const Basket& basket_;
  const std::vector<Device>& devices_;
  const Plan& plan_;
  const Catalogue& catalogue_;
  ResultDocument& result_;
  std::map<std::string, std::string> settings_;
  std::map<std::string, std::string> choices_;  ///< of algorithms
  TemporaryFolder folder_;
};

}  // namespace

std::map<std::string, std::string> thread_settings(const Device& device) {
  std::map<std::string, std::string> settings = {
      {"OMP_NUM_THREADS", std::to_string(device.cpu.threads)},
      {"OMP_PROC_BIND", "close"},
      {"OMP_PLACES", "cores"}};
  std::erase_if(settings,
                [](const auto& setting) { return std::getenv(setting.first.c_str()) != nullptr; });
  return settings;
}

std::optional<Error> verdict(const ResultDocument& result) {
  if (!result.complete) {
    return check_error("the run is incomplete: " + result.incomplete_reason, "",
                       "certify refuses it; run it again");
  }
  std::int64_t troubled = 0;
  const ItemRecord* first = nullptr;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (item.status == "valid") continue;
      ++troubled;
      if (first == nullptr) first = &item;
    }
  }
  if (first == nullptr) return std::nullopt;
  return check_error(fmt::format("{}: {}{}", first->status, first->error,
                                 troubled > 1 ? fmt::format("; {} more", troubled - 1) : ""),
                     first->workload, "the other workloads' results are in the document");
}

std::vector<std::string> foreseen_shortfalls(const RunOptions& options) {
  if (options.suite != "certify") return {};
  TimerRecord timer;
  const ReferenceReading first = read_reference();
  timer.rate_error_relative = rate_error(first, read_reference());
  return provenance_shortfalls(tool_record(), timer);
}

ResultDocument run_suite(const RunOptions& options, const CatalogueSource& source,
                         const DeviceSource& find) {
  const Suite& suite = suite_named(options.suite);
  const std::vector<Device> devices = find(options.device, options.cpu_isa);
  const Device& device = devices.front();
  const Basket basket = basket_for(options.basket, device);
  const Catalogue catalogue = source(basket, device);
  if (options.seed && (*options.seed < 0 || *options.seed >= (std::int64_t{1} << 53))) {
    throw input_error("must lie between 0 and 2^53 - 1", "--seed");
  }
  ResultDocument result;
  result.created_utc = utc_now();
  result.edition = kEdition;
  result.nonce = make_nonce(options.seed);
  result.seed = options.seed.value_or(seed_of_nonce(result.nonce));
  result.timer = measure_timer();
  const ReferenceReading before = read_reference();
  const Plan plan =
      make_plan(suite, options.choices, catalogue, device.target(), result.seed, result.timer);
  result.suite = plan.record;
  if (plan.has_basket) result.basket = BasketRecord{basket.name, basket.version, basket.digest};
  result.tool = tool_record();
  result.device = device.record;
  result.device_count = static_cast<std::int64_t>(devices.size());
  if (devices.size() > 1) {
    for (const Device& each : devices) result.devices.push_back(each.record);
  }
  result.environment = measuring_environment(thread_settings(device));
  const HostFiles files;
  result.conditions =
      read_conditions(files, read_host_cpu(files, allowed_processors()), result.environment);
  add_gpu_conditions(devices, files, result.conditions);
  Runner(options, basket, devices, plan, catalogue, result).run();
  result.timer.rate_error_relative = rate_error(before, read_reference());
  return result;
}

}  // namespace assay::harness
