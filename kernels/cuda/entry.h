#pragma once
/// How a kernel's entry is declared in a header that device and host code share: for nvcc a kernel,
/// for the host compiler a type and a name (kernels/cuda/entry_name.h). Declarations stand inside
/// extern "C", so a definition or a launch with other parameters doesn't compile.
#ifdef __CUDACC__
#define ASSAY_KERNEL __global__ void
#else
#define ASSAY_KERNEL void
#endif
