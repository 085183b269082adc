#pragma once
/// The one list of workloads. Adding a kernel family means one new folder and one line in
/// registry.cpp.
#include <string_view>
#include <vector>

#include "kernels/workload.h"

namespace assay {

/// All workloads, in the order of the families. Names are unique.
[[nodiscard]] const std::vector<Workload>& workload_registry();

/// The workload of that name, or nullptr.
[[nodiscard]] const Workload* find_workload(std::string_view name);

}  // namespace assay
