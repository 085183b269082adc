#pragma once
/// The links of a node: between a device and the host's memory (pinned), between two devices, and
/// between all devices through NCCL's collectives. They explain a gang's rate.
///
/// What one iteration moves is stated as nccl-tests does (doc/PERFORMANCE.md, at a0b82b2), so that
/// figures compare: S bytes, and the algorithm's bandwidth is S over the time. S is the size of a
/// rank's whole buffer: count·4 of an all-reduce; count·4·n of the others, where count is what each
/// rank gives to (all-gather) or gets from (reduce-scatter) the whole, or exchanges with each peer
/// (all-to-all). results/edition/links.h makes the bus bandwidth of it and holds that against the
/// link's rate.
///
/// Elements are floats with integer values, small enough that each sum is exact in any order, so
/// outputs are compared for equality.
///
/// The stream that an instance is given orders everything: other devices' streams begin after it
/// and it ends after them, by events, so that a time taken on that stream is the time of all.
#include <cstdint>
#include <vector>

#include "kernels/cuda/nccl.h"
#include "kernels/workload.h"

namespace assay::links {

enum class HostCopy { host_to_device, device_to_host, both_ways };
enum class Collective { all_reduce, all_gather, reduce_scatter, all_to_all };

/// `bytes` in each direction; both ways at once counts both.
[[nodiscard]] Workload host_copy_workload(HostCopy operation, std::int64_t bytes);

/// From one device to another, by their ordinals.
[[nodiscard]] Workload peer_copy_workload(int from, int to, std::int64_t bytes);

/// Over `devices` devices: the stream's, and those of the lowest other ordinals. S = `bytes`, a
/// multiple of 4 · devices. `table`: the library, or null for the machine's.
[[nodiscard]] Workload collective_workload(Collective operation, int devices, std::int64_t bytes,
                                           const cuda::nccl::Table* table = nullptr);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::links
