#pragma once
/// How much of a rate is the hardware's and how much the implementation's: kernels against the roof
/// of the same run, and for each item what share of its time is in Assay's own kernels and how far
/// those are from their roof (docs/figures.md).
///
/// The roof of a kernel is max(F/P, B/W): F FLOPs at P, the best product of the same precision in
/// the run, and B compulsory bytes at W, the best copy or triad (Williams, Waterman and Patterson,
/// CACM 52(4), 2009). Nothing here is priced.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results/edition/assessment.h"
#include "results/result.h"
#include "results/stated.h"

namespace assay {

struct Roofs {
  std::map<std::string, double> flops_per_s;  ///< by precision: the best product of the run
  std::optional<double> bytes_per_s;          ///< the best of the stream family
};
[[nodiscard]] Roofs measured_roofs(const std::vector<ItemFigures>& kernels);

/// The roof's time over the kernel's; above 1 where a cache serves what the roof reads from memory.
/// Missing where the run has no roof for it; but with no more than one FLOP a byte, which any
/// device has arithmetic enough for, the memory's is enough.
[[nodiscard]] Stated<double> roof_share(const ItemFigures& kernel, const Roofs& roofs);

/// Whether it is the workload that one of the roofs was taken from: it is measured against itself.
[[nodiscard]] bool is_measured_roof(const ItemFigures& kernel, const Roofs& roofs);

struct Headroom {
  std::string workload;
  std::string basket_item;
  double own_share = 0.0;  ///< of the item's kernel time, in Assay's own kernels
  /// Of the time in them, the share that would remain at their roofs.
  Stated<double> own_roof_share;
  /// Of the item's kernel time, the share that would be gone if they reached their roofs.
  Stated<double> headroom;
};

/// One for each training step whose time by family is known, from the first process that has it. A
/// family's share of its roof is the mean over its kernels in the run, no kernel counted above 1.
/// Missing, naming them, where families with more than 1 % of the time were not measured; smaller
/// ones then count as being at their roof.
[[nodiscard]] std::vector<Headroom> implementation_headroom(
    const ResultDocument& result, const std::vector<ItemFigures>& kernels);

}  // namespace assay
