/// Writes the contract of each workload that has CUDA kernels, one JSON line each. Those whose size
/// the machine's caches decide are left out: a page must read the same wherever it is made; so are
/// those of links, which no kernel of ours runs and no device's memory bounds.
#include <iostream>

#include "kernels/registry.h"
#include "ptx/workload_record.h"

int main() {
  for (const assay::Workload& workload : assay::workload_registry()) {
    if (workload.on_cuda && !workload.sized_by_machine && workload.family != "links") {
      std::cout << assay::cuda_test::contract_json(workload).dump() << '\n';
    }
  }
}
