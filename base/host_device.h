#pragma once
/// ASSAY_HOST_DEVICE marks a small function that host and device code share. It is always inlined:
/// sources built for several instruction-set levels may use it without the linker merging a copy
/// made for a newer processor into code for an older one.
#ifdef __CUDACC__
#define ASSAY_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define ASSAY_HOST_DEVICE [[gnu::always_inline]] inline
#endif
