#include "kernels/links/links.h"

namespace assay::links {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
/// Long enough that latencies are under a hundredth on any link.
constexpr std::int64_t kCopyBytes = 256 * kMiB;
/// From where latency rules to where bandwidth does.
constexpr std::int64_t kCollectiveBytes[] = {kMiB, 32 * kMiB, 512 * kMiB};
constexpr int kDeviceCounts[] = {2, 4, 8};
/// Devices of the matrix of copies between two.
constexpr int kMatrixDevices = 8;

}  // namespace

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const HostCopy operation :
       {HostCopy::host_to_device, HostCopy::device_to_host, HostCopy::both_ways}) {
    all.push_back(host_copy_workload(operation, kCopyBytes));
  }
  for (int from = 0; from < kMatrixDevices; ++from) {
    for (int to = 0; to < kMatrixDevices; ++to) {
      if (from != to) all.push_back(peer_copy_workload(from, to, kCopyBytes));
    }
  }
  for (const Collective operation : {Collective::all_reduce, Collective::all_gather,
                                     Collective::reduce_scatter, Collective::all_to_all}) {
    for (const int devices : kDeviceCounts) {
      for (const std::int64_t bytes : kCollectiveBytes) {
        all.push_back(collective_workload(operation, devices, bytes));
      }
    }
  }
  return all;
}

}  // namespace assay::links
