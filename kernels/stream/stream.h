#pragma once
/// Memory bandwidth: copy (a = b) and triad (a = b + s·c) over arrays far beyond the last-level
/// cache. Source: J. McCalpin, Memory Bandwidth and Machine Balance in Current High Performance
/// Computers, 1995 (STREAM).
///
/// FLOPs: copy none, triad 2 an element. Bytes are counted as STREAM does: 16 and 24 per element of
/// 8 bytes. The read that an ordinary store would first make of its line is not counted, and the
/// kernels avoid it by streaming stores, which every x86-64 level has.
///
/// On CUDA: kernels/stream/stream_cuda.h.
/// Decomposition on a CPU: one contiguous stretch of whole cache lines a thread. Each array is at
/// least four times all last-level caches of the machine together, and 64 MiB, so the problem's
/// size is a property of the machine.
#include <cstdint>
#include <vector>

#include "kernels/workload.h"

namespace assay::stream {

/// a, b and c are aligned to 64 bytes and don't overlap.
struct CpuKernels {
  void (*copy)(std::int64_t n, const double* b, double* a);
  void (*triad)(std::int64_t n, double scale, const double* b, const double* c, double* a);
};

/// Elements of one array on this machine.
[[nodiscard]] std::int64_t array_elements();

void copy_reference(std::int64_t n, const double* b, double* a);
void triad_reference(std::int64_t n, double scale, const double* b, const double* c, double* a);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::stream
