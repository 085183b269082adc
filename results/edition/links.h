#pragma once
/// Rates of the links of a node (workloads of the family "links", kernels/links/links.h) and
/// whether the links can carry them.
///
/// The algorithm's bandwidth is S over the time, where S is the workload's bytes; the bus bandwidth
/// is that times a factor of the operation and the number of devices, which makes it comparable
/// with the rate of one device's link in one direction (nccl-tests doc/PERFORMANCE.md at a0b82b2):
/// all-reduce 2(n−1)/n; reduce-scatter, all-gather and all-to-all (n−1)/n; copies 1.
#include <cstdint>
#include <optional>
#include <string>

#include "results/edition/peaks.h"
#include "results/result.h"

namespace assay {

/// "all_reduce" of "links/all_reduce/devices8_bytes1048576/fp32"; nothing of another family.
[[nodiscard]] std::optional<std::string> link_operation(const ItemRecord& record);

/// Bus over algorithm's bandwidth. Errors: input_error for an operation that nobody knows.
[[nodiscard]] double bus_factor(const std::string& operation, std::int64_t devices);
/// The factor of a record of this family.
[[nodiscard]] double bus_factor(const ItemRecord& record);

/// One direction of a PCI Express link, in GB/s: transfers per second and lane, times lanes, times
/// the share that the line code leaves (8b/10b up to generation 2, 128b/130b up to 5, 242 of 256
/// bytes of a flit from 6; PCI Express Base Specification). Nothing for an unknown generation.
[[nodiscard]] std::optional<double> pcie_gb_per_s(int generation, int lanes);

/// Holds the bus bandwidth (of copies: the rate) against the link in one direction: copies with the
/// host, PCI Express as it was under load (twice that for both ways at once); between devices,
/// half of the NVLink figure of the table, which counts both directions, or else PCI Express. A
/// switch that reduces on the way sends each byte of an all-reduce once, so there a bus bandwidth
/// over the link's rate passes, with that reason, as long as the algorithm's does not exceed it.
/// Nothing where the link's rate isn't known.
[[nodiscard]] std::optional<Plausibility> judge_link(const ItemRecord& record,
                                                     double algorithm_gb_per_s,
                                                     const std::optional<Accelerator>& accelerator);

}  // namespace assay
