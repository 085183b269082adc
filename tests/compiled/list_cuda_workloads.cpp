/// Writes the contract of each workload that has CUDA kernels, one JSON line each, with the bytes
/// that it issues on each architecture of the page's accelerators ("bytes_issued": {"80": …}; empty
/// where a library's kernels do the work). Those whose size the machine's caches decide are left
/// out: a page must read the same wherever it is made; so are those of links, which no kernel of
/// ours runs and no device's memory bounds.
#include <iostream>
#include <map>

#include "kernels/registry.h"
#include "ptx/workload_record.h"
#include "ptx_device/device.h"

int main() {
  using namespace assay;
  std::map<int, cuda::DeviceFacts> facts;
  for (const int architecture : {80, 89, 90}) {
    ptx_device::configure({.architecture = architecture});
    facts[architecture] = cuda::read_device_facts(ptx_device::driver(), 0);
  }
  for (const Workload& workload : workload_registry()) {
    if (!workload.on_cuda || workload.sized_by_machine || workload.family == "links") continue;
    auto contract = cuda_test::contract_json(workload);
    auto& issued = contract["bytes_issued"] = nlohmann::ordered_json::object();
    if (workload.cuda_bytes_issued) {
      for (const auto& [architecture, of_device] : facts) {
        issued[std::to_string(architecture)] = workload.cuda_bytes_issued(of_device);
      }
    }
    std::cout << contract.dump() << '\n';
  }
}
