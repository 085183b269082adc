#pragma once
/// The body of a fresh process: `assay measure-process --spec FILE --output FILE`, a command that
/// only `assay run` calls.
#include <filesystem>
#include <functional>

#include "harness/catalogue.h"
#include "harness/process_spec.h"

namespace assay::harness {

/// Where a catalogue comes from: make_catalogue, or a test's own.
using CatalogueSource = std::function<Catalogue(const Basket&, const Device&)>;

/// Measures all items of the specification, hosted by Google Benchmark. The output file holds the
/// process's record (results/result_io.h), whole after every item, so that a crash keeps what was
/// done before. Progress goes line by line to the specification's file:
///   begin <place of the item>      phase <place> <warm_up|timed> <seconds>      end <place>
/// An interrupt ends the running item after its sample and skips the later ones.
/// Returns the exit code. Errors: input_error for files, device or workloads that do not fit.
int measure_process(const std::filesystem::path& spec_path,
                    const std::filesystem::path& output_path,
                    const CatalogueSource& source = make_catalogue);

}  // namespace assay::harness
