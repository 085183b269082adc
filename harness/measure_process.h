#pragma once
/// The body of a fresh process: `assay measure-process --spec FILE --output FILE`, a command that
/// only `assay run` calls.
#include <filesystem>
#include <functional>

#include "harness/catalogue.h"
#include "harness/process_spec.h"
#include "kernels/cuda/choice_book.h"

namespace assay::harness {

/// Where a catalogue comes from: make_catalogue, or a test's own.
using CatalogueSource = std::function<Catalogue(const Basket&, const Device&)>;

/// Where devices come from, by their names: select_devices, or a test's own.
using DeviceSource = std::function<std::vector<Device>(const std::string& names,
                                                       const std::optional<std::string>& cpu_isa)>;
[[nodiscard]] inline std::vector<Device> machine_devices(
    const std::string& names, const std::optional<std::string>& cpu_isa) {
  return select_devices(names, cpu_isa);
}

/// Measures all items of the specification on those devices, hosted by Google Benchmark, and
/// returns the process's record, which `keep` is given before the first item and after each.
/// Several devices run each item at once, each in a thread of its own: they begin its window
/// together, when all are warm, and keep working until the last has done; what needs several
/// devices by itself runs once. Nothing that a device does is thrown: one that can't be opened
/// failed in each item with that line, and the others go on. `book`: the choices that devices share
/// and leave; null: they share none. Errors: input_error for workloads that the catalogue doesn't
/// have.
[[nodiscard]] ProcessRecord measure_items(const ProcessSpec& spec,
                                          const std::vector<Device>& devices,
                                          const Catalogue& catalogue,
                                          const std::function<void(const ProcessRecord&)>& keep,
                                          cuda::ChoiceBook* book = nullptr);

/// The devices that a workload's records name in a run on those: each of several, or "" once where
/// there is one, and for what needs several by itself.
[[nodiscard]] std::vector<std::string> ids_of(const std::vector<Device>& devices,
                                              const Workload& workload);

/// Where a process leaves the choices that it made, beside its record.
[[nodiscard]] std::filesystem::path choices_path(const std::filesystem::path& output_path);

/// measure_items() on the devices that the specification names. The output file holds the
/// process's record (results/result_io.h), whole after every item, so that a crash keeps what was
/// done before. Progress goes line by line to the specification's file:
///   begin <place of the item>      phase <place> <warm_up|timed> <seconds>      end <place>
/// An interrupt ends the running item after its sample and skips the later ones.
/// Errors: input_error for files, device or workloads that do not fit.
void measure_process(const std::filesystem::path& spec_path,
                     const std::filesystem::path& output_path,
                     const CatalogueSource& source = make_catalogue,
                     const DeviceSource& find = machine_devices);

}  // namespace assay::harness
