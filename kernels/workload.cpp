#include "kernels/workload.h"

#include <utility>

namespace assay {

std::string_view name(Precision precision) {
  switch (precision) {
    case Precision::fp64:
      return "fp64";
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
    case Precision::fp16:
      return "fp16";
    case Precision::fp8_e4m3:
      return "fp8_e4m3";
    case Precision::fp8_e5m2:
      return "fp8_e5m2";
    case Precision::int8:
      return "int8";
  }
  return "unknown";
}

std::string_view name(WorkloadKind kind) {
  return kind == WorkloadKind::training_step ? "training_step" : "kernel";
}

std::optional<std::string> unavailable_on(const Workload& workload, const CpuDevice& device) {
  if (!workload.on_cpu) return "no CPU implementation";
  if (workload.precision == Precision::bf16 && !has_bf16(device.level)) {
    return "the CPU level " + std::string(name(device.level)) +
           " has no BF16 arithmetic; emulating it would measure the emulation";
  }
  return std::nullopt;
}

std::string problem_text(const std::vector<Dimension>& problem) {
  std::string text;
  for (const Dimension& dimension : problem) {
    if (!text.empty()) text += '_';
    text += dimension.name + std::to_string(dimension.value);
  }
  return text;
}

Workload named(Workload workload) {
  workload.name = workload.family + '/' + workload.operation + '/' +
                  problem_text(workload.problem) + '/' + std::string(name(workload.precision));
  return workload;
}

}  // namespace assay
