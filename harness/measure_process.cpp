#include "harness/measure_process.h"

#include <fmt/format.h>
#include <omp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "harness/bench_host.h"
#include "harness/clock.h"
#include "harness/interrupt.h"
#include "harness/measure_item.h"
#include "kernels/cuda/release.h"
#include "results/document.h"
#include "results/result_io.h"
#include "results/utc_time.h"

namespace assay::harness {
namespace {

/// After so many steps weights are hashed: what AdamW's moments and the token chain carry from step
/// to step is in them by then.
constexpr std::int64_t kHashSteps = 3;

/// One line to the parent, in one write so that it arrives whole. A parent that is gone is no
/// reason to stop: the death signal does that.
void tell(int file, const std::string& line) {
  if (file < 0) return;
  const ssize_t written = ::write(file, line.data(), line.size());
  static_cast<void>(written);
}

/// Devices opened for a process, in its main thread; or why that could not be.
class OpenDevices {
 public:
  OpenDevices(const std::vector<Device>& devices, cuda::ChoiceBook* book) : devices_(devices) {
    for (const Device& device : devices) {
      try {
        open_.push_back(std::make_unique<OpenDevice>(device, book));
        obstacles_.emplace_back();
      } catch (...) {
        open_.push_back(nullptr);
        obstacles_.push_back(current_exception_line());
      }
    }
  }

  /// One workload on one of them, in the thread that calls. `request.entry` says which.
  [[nodiscard]] MeasuredItem measure(
      std::size_t place, ItemRequest request,
      const std::function<void(const Progress&)>& on_progress) const {
    request.gpu = devices_[place].gpu;
    const auto failed = [&](const std::string& error) {
      if (request.barrier != nullptr) BarrierMember(*request.barrier, monotonic_ns);
      return MeasuredItem{unmeasured(request.entry, "failed", error, request.device), {}};
    };
    if (open_[place] == nullptr) return failed(obstacles_[place]);
    try {
      open_[place]->make_current();
    } catch (...) {
      return failed(current_exception_line());
    }
    return measure_item(
        request, open_[place]->target(), [] { return interrupted(); }, on_progress);
  }

  /// The same on all at once, each in a thread of its own.
  [[nodiscard]] std::vector<MeasuredItem> measure_on_all(
      const ItemRequest& request, const std::function<void(const Progress&)>& on_progress) const {
    DeviceBarrier barrier(static_cast<int>(devices_.size()));
    std::vector<MeasuredItem> items(devices_.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      threads.emplace_back([&, i] {
        ItemRequest own = request;
        own.device = devices_[i].record.id;
        own.barrier = &barrier;
        omp_set_num_threads(devices_[i].cpu.threads);
        items[i] = measure(i, own, i == 0 ? on_progress : nullptr);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return items;
  }

 private:
  const std::vector<Device>& devices_;
  std::vector<std::unique_ptr<OpenDevice>> open_;
  std::vector<std::string> obstacles_;
};

/// What uses several devices from one stream runs once.
bool is_of_one(const std::vector<Device>& devices, const Workload& workload) {
  return devices.size() == 1 || workload.devices > 1;
}

}  // namespace

std::vector<std::string> ids_of(const std::vector<Device>& devices, const Workload& workload) {
  if (is_of_one(devices, workload)) return {""};
  std::vector<std::string> ids;
  ids.reserve(devices.size());
  for (const Device& device : devices) ids.push_back(device.record.id);
  return ids;
}

ProcessRecord measure_items(const ProcessSpec& spec, const std::vector<Device>& devices,
                            const Catalogue& catalogue,
                            const std::function<void(const ProcessRecord&)>& keep,
                            cuda::ChoiceBook* book) {
  const InterruptGuard guard;
  ProcessRecord record;
  record.index = spec.process.index;
  record.seed = spec.process.seed;
  record.started_utc = utc_now();
  std::vector<const CatalogueEntry*> entries;
  for (const PlannedItem& item : spec.process.items) {
    record.order.push_back(item.workload);
    entries.push_back(&entry_of(catalogue, item.workload));
  }
  keep(record);

  const cuda::ReleaseWatch closing;
  {
    const OpenDevices open(devices, book);
    const std::int64_t began_ns = monotonic_ns();
    const auto is_late = [&] {
      const double spent_s = static_cast<double>(monotonic_ns() - began_ns) * 1e-9;
      return spec.process.budget_s && spent_s > *spec.process.budget_s;
    };
    // What has not begun when the process's budget is used up is left out.
    const auto left_out = [&](const CatalogueEntry& entry) {
      const std::string reason =
          fmt::format("not run: the budget of {} s was used up", *spec.process.budget_s);
      std::vector<MeasuredItem> items;
      for (const std::string& device : ids_of(devices, entry.workload)) {
        items.push_back({unmeasured(entry, "interrupted", reason, device), {}});
      }
      return items;
    };
    const auto measured = [&](std::size_t place, const CatalogueEntry& entry) {
      const PlannedItem& item = spec.process.items[place];
      const auto on_progress = [&](const Progress& progress) {
        tell(spec.progress_file, fmt::format("phase {} {} {:.3f}\n", place, name(progress.phase),
                                             progress.phase_elapsed_s));
      };
      ItemRequest request{entry, item.options, {key_of_nonce(spec.nonce)}};
      if (devices.size() > 1 || item.options.fixed_time) request.hash_steps = kHashSteps;
      if (is_of_one(devices, entry.workload)) {
        return std::vector<MeasuredItem>{open.measure(0, request, on_progress)};
      }
      return open.measure_on_all(request, on_progress);
    };
    std::vector<HostedBody> bodies;
    for (std::size_t i = 0; i < spec.process.items.size(); ++i) {
      bodies.push_back({spec.process.items[i].workload, [&, i] {
                          const CatalogueEntry& entry = *entries[i];
                          const bool late = is_late();
                          if (!late) tell(spec.progress_file, fmt::format("begin {}\n", i));
                          const std::vector<MeasuredItem> items =
                              late ? left_out(entry) : measured(i, entry);
                          HostedFigure figure;
                          figure.iteration_s = items.front().judgement.estimate_ns * 1e-9 /
                                               static_cast<double>(items.front().record.batch);
                          for (const MeasuredItem& item : items) {
                            record.items.push_back(item.record);
                            if (item.record.status != "valid") figure.error = item.record.error;
                          }
                          keep(record);
                          if (!late) tell(spec.progress_file, fmt::format("end {}\n", i));
                          return figure;
                        }});
    }
    host_silently(bodies);
  }
  // The devices' last word may be about the last workload's work.
  if (!closing.failure().empty() && !record.items.empty()) {
    ItemRecord& last = record.items.back();
    if (last.status == "valid") fail(last, closing.failure());
    keep(record);
  }
  return record;
}

std::filesystem::path choices_path(const std::filesystem::path& output_path) {
  std::filesystem::path path = output_path;
  return path += ".choices";
}

void measure_process(const std::filesystem::path& spec_path,
                     const std::filesystem::path& output_path, const CatalogueSource& source,
                     const DeviceSource& find) {
  // A child whose parent is killed must not go on measuring alone.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGPIPE, SIG_IGN);
  const std::string where = spec_path.string();
  const ProcessSpec spec = spec_from_json(parse_json(read_file(spec_path), where), where);
  const std::vector<Device> devices = find(spec.devices, spec.cpu_isa);
  apply(devices.front());
  cuda::ChoiceBook book(spec.choices.value_or(std::map<std::string, std::string>{}));
  static_cast<void>(measure_items(
      spec, devices, source(load_basket(spec.basket), devices.front()),
      [&](const ProcessRecord& record) { write_document(output_path, to_json(record)); },
      spec.choices ? &book : nullptr));
  if (spec.choices) write_document(choices_path(output_path), book.all());
}

}  // namespace assay::harness
