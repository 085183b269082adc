#include "kernels/workload.h"

#include <utility>

#include "kernels/cuda/images.h"

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

namespace {

std::optional<std::string> unavailable_on_cpu(const Workload& workload, const CpuDevice& device) {
  if (!workload.on_cpu) return "no CPU implementation";
  if (workload.precision == Precision::bf16 && !has_bf16(device.level)) {
    return "the CPU level " + std::string(name(device.level)) +
           " has no BF16 arithmetic; emulating it would measure the emulation";
  }
  return std::nullopt;
}

std::string needs_text(std::string_view what, int compute_capability) {
  return std::string(what) + " needs compute capability " +
         std::to_string(compute_capability / 10) + "." + std::to_string(compute_capability % 10);
}

/// The first compute capability whose units compute in that precision.
int least_compute_capability(Precision precision) {
  switch (precision) {
    case Precision::tf32:
    case Precision::bf16:
      return 80;
    case Precision::fp8_e4m3:
    case Precision::fp8_e5m2:
      return 89;
    default:
      return 75;
  }
}

std::optional<std::string> unavailable_on_cuda(const Workload& workload, const CudaTarget& target) {
  if (!workload.on_cuda) return "no CUDA implementation";
  // Where Assay's own kernels do the work, the build must carry them.
  if (workload.cuda_bytes_issued && cuda::images().empty()) {
    return "this build carries no CUDA kernels";
  }
  if (target.devices < workload.devices) {
    return "it needs " + std::to_string(workload.devices) + " devices; the driver offers " +
           std::to_string(target.devices);
  }
  const int least = least_compute_capability(workload.precision);
  if (target.compute_capability < least) {
    return needs_text(name(workload.precision), least);
  }
  if (target.compute_capability < workload.least_compute_capability) {
    return needs_text(workload.family + '/' + workload.operation,
                      workload.least_compute_capability);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unavailable_on(const Workload& workload, const Target& target) {
  const auto* const cpu = std::get_if<CpuDevice>(&target);
  return cpu != nullptr ? unavailable_on_cpu(workload, *cpu)
                        : unavailable_on_cuda(workload, std::get<CudaTarget>(target));
}

Instance make_instance(const Workload& workload, const Target& target, const InputKey& key) {
  const auto* const cpu = std::get_if<CpuDevice>(&target);
  return cpu != nullptr ? workload.on_cpu(*cpu, key)
                        : workload.on_cuda(*std::get<CudaTarget>(target).stream, key);
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
