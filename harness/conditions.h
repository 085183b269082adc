#pragma once
/// Conditions of the host under which a result was measured: a closed list, each a value or the
/// reason why there is none (results/schema/result.schema.json has the same list).
#include <map>
#include <string>

#include "harness/processors.h"
#include "results/stated.h"

namespace assay::harness {

using Conditions = std::map<std::string, Stated<std::string>>;
using Environment = std::map<std::string, std::string>;

/// All conditions of the list; those of a GPU are missing, since the processor is measured, until
/// gpu_conditions() (gpu.h) takes their place. `environment` is that of the measuring processes
/// (omp_*).
[[nodiscard]] Conditions read_conditions(const HostFiles& files, const HostCpu& cpu,
                                         const Environment& environment);

/// The environment variables of this process that may change a measurement, by allow-list. Only
/// these are recorded: the rest of an environment is nobody's business.
///   OMP_*, GOMP_*, KMP_*     threads and their places
///   DNNL_*, ONEDNN_*         choices of oneDNN
///   CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, CUDA_CACHE_DISABLE, NVIDIA_TF32_OVERRIDE, NCCL_*
///   MALLOC_ARENA_MAX, LD_PRELOAD, LD_LIBRARY_PATH, GLIBC_TUNABLES
///   SLURM_JOB_ID, SLURM_NTASKS, SLURM_CPUS_PER_TASK
[[nodiscard]] Environment allowed_environment();
[[nodiscard]] bool environment_allowed(const std::string& name);

}  // namespace assay::harness
