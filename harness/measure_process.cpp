#include "harness/measure_process.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "harness/bench_host.h"
#include "harness/clock.h"
#include "harness/interrupt.h"
#include "harness/measure_item.h"
#include "results/document.h"
#include "results/result_io.h"
#include "results/utc_time.h"

namespace assay::harness {
namespace {

/// One line to the parent, in one write so that it arrives whole. A parent that is gone is no
/// reason to stop: the death signal does that.
void tell(int file, const std::string& line) {
  if (file < 0) return;
  const ssize_t written = ::write(file, line.data(), line.size());
  static_cast<void>(written);
}

}  // namespace

int measure_process(const std::filesystem::path& spec_path,
                    const std::filesystem::path& output_path, const CatalogueSource& source) {
  // A child whose parent is killed must not go on measuring alone.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGPIPE, SIG_IGN);
  const std::string where = spec_path.string();
  const ProcessSpec spec = spec_from_json(parse_json(read_file(spec_path), where), where);
  const Device device = select_device(spec.device, spec.cpu_isa);
  apply(device);
  const OpenDevice open(device);
  const Catalogue catalogue = source(load_basket(spec.basket), device);

  const InterruptGuard guard;
  ProcessRecord record;
  record.index = spec.process.index;
  record.seed = spec.process.seed;
  record.started_utc = utc_now();
  for (const PlannedItem& item : spec.process.items) record.order.push_back(item.workload);

  const std::int64_t began_ns = monotonic_ns();
  // What has not begun when the process's budget is used up is left out.
  const auto left_out = [&](const CatalogueEntry& entry) -> std::optional<HostedFigure> {
    const double spent_s = static_cast<double>(monotonic_ns() - began_ns) * 1e-9;
    if (!spec.process.budget_s || spent_s <= *spec.process.budget_s) return std::nullopt;
    const std::string reason =
        fmt::format("not run: the budget of {} s was used up", *spec.process.budget_s);
    record.items.push_back(unmeasured(entry, "interrupted", reason));
    write_document(output_path, to_json(record));
    HostedFigure none;
    none.error = reason;
    return none;
  };

  std::vector<HostedBody> bodies;
  for (std::size_t i = 0; i < spec.process.items.size(); ++i) {
    const PlannedItem& item = spec.process.items[i];
    const CatalogueEntry& entry = entry_of(catalogue, item.workload);
    bodies.push_back({item.workload, [&, i] {
                        if (const auto none = left_out(entry)) return *none;
                        tell(spec.progress_file, fmt::format("begin {}\n", i));
                        const auto on_progress = [&](const Progress& progress) {
                          tell(spec.progress_file,
                               fmt::format("phase {} {} {:.3f}\n", i, name(progress.phase),
                                           progress.phase_elapsed_s));
                        };
                        const MeasuredItem measured = measure_item(
                            {entry, item.options, {key_of_nonce(spec.nonce)}, device.gpu},
                            open.target(), [] { return interrupted(); }, on_progress);
                        record.items.push_back(measured.record);
                        write_document(output_path, to_json(record));
                        tell(spec.progress_file, fmt::format("end {}\n", i));
                        HostedFigure figure;
                        figure.iteration_s = measured.judgement.estimate_ns * 1e-9 /
                                             static_cast<double>(measured.record.batch);
                        if (measured.record.status != "valid") figure.error = measured.record.error;
                        return figure;
                      }});
  }
  write_document(output_path, to_json(record));
  host_silently(bodies);
  return static_cast<int>(ExitCode::success);
}

}  // namespace assay::harness
