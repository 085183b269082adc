#pragma once
/// Memory bandwidth: copy (a = b) and triad (a = b + s·c) over arrays far beyond the last-level
/// cache. Source: J. McCalpin's STREAM; bytes are counted as STREAM does (16 and 24 per element of
/// 8 bytes; the write-allocate read is not counted, and streaming stores avoid it where the level
/// has them).
#include <cstdint>
#include <vector>

#include "kernels/workload.h"

namespace assay::stream {

struct CpuKernels {
  void (*copy)(std::int64_t n, const double* b, double* a);
  void (*triad)(std::int64_t n, double scale, const double* b, const double* c, double* a);
};

void copy_reference(std::int64_t n, const double* b, double* a);
void triad_reference(std::int64_t n, double scale, const double* b, const double* c, double* a);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::stream
