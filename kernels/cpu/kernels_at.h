#pragma once
/// Choosing one build of a family's CPU kernels. A family declares a struct `CpuKernels` of
/// function pointers; its `*_cpu.cpp`, compiled once per level, defines
///
///   template <> const norm::CpuKernels<float>& kernels_at<norm::CpuKernels<float>,
///                                                         kBuildLevel>() { ... }
///
/// and callers ask kernels_for<norm::CpuKernels<float>>(level).
#include <cstdlib>

#include "kernels/cpu/cpu_level.h"

namespace assay {

#ifdef ASSAY_CPU_LEVEL
inline constexpr CpuLevel kBuildLevel = CpuLevel::ASSAY_CPU_LEVEL;
#endif

template <class Kernels, CpuLevel Level>
const Kernels& kernels_at();

template <class Kernels>
const Kernels& kernels_for(CpuLevel level) {
  switch (level) {  // no default: the compiler names a level that has no case
    case CpuLevel::v2:
      return kernels_at<Kernels, CpuLevel::v2>();
    case CpuLevel::v3:
      return kernels_at<Kernels, CpuLevel::v3>();
    case CpuLevel::avx512:
      return kernels_at<Kernels, CpuLevel::avx512>();
    case CpuLevel::avx512_bf16:
    case CpuLevel::amx:  // what it adds only oneDNN's products use
      return kernels_at<Kernels, CpuLevel::avx512_bf16>();
  }
  std::abort();  // no enumerator
}

}  // namespace assay
