#pragma once
/// What can be measured on a device: the basket's items and their kernels, and the registry's.
/// Names are looked up here by `assay run`, `assay bench` and `assay list` alike.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/devices.h"
#include "kernels/workload.h"
#include "results/edition/basket.h"

namespace assay::harness {

struct CatalogueEntry {
  Workload workload;
  std::string basket_item;     ///< the basket's item it is, or empty
  std::string gang_item = {};  ///< the one that several devices train together by it, or empty
  bool basket_kernel = false;  ///< a kernel of the basket's steps, in their shape and precision
};

using Catalogue = std::vector<CatalogueEntry>;

/// The basket's items in its order, then, where the run is of several CUDA devices and NCCL is
/// there, the same for all of them together, then the registry's workloads in its own order, and on
/// a CPU the kernels of the basket's steps (kernels/transformer/training_kernels.h).
[[nodiscard]] Catalogue make_catalogue(const Basket& basket, const Device& device);

/// Entries whose name or basket item the regular expression (ECMAScript) finds; all for an empty
/// one. A leading '-' takes those it does not find, as in Google Benchmark. `option` is where the
/// user wrote it.
/// Errors: input_error for a malformed expression, and where nothing matches, naming near names.
[[nodiscard]] Catalogue filtered(const Catalogue& catalogue, const std::string& filter,
                                 const std::string& option = "--filter");

/// The entry of that workload name. Errors: input_error naming near names.
[[nodiscard]] const CatalogueEntry& entry_of(const Catalogue& catalogue, std::string_view name);

/// Up to `count` names with a part that the text may be a misspelling of, best first.
[[nodiscard]] std::vector<std::string> near_names(const Catalogue& catalogue, std::string_view text,
                                                  std::size_t count = 3);

/// One line of `assay list`.
struct ListedWorkload {
  std::string name;
  std::string kind;
  std::string basket_item;
  std::string family;
  std::string operation;
  std::vector<Dimension> problem;
  std::string precision;
  std::uint64_t flops = 0;
  std::uint64_t bytes = 0;
  double flops_per_byte = 0.0;    ///< arithmetic intensity; 0 where there are no bytes
  bool sized_by_machine = false;  ///< the sizes above differ from machine to machine
  std::vector<std::string> back_ends;
  std::optional<std::string> unavailable;  ///< why it can't run on the device
};

[[nodiscard]] std::vector<ListedWorkload> list_workloads(const Catalogue& catalogue,
                                                         const Target& target);

}  // namespace assay::harness
