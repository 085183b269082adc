#pragma once
/// Copy and triad on CUDA. The math is in stream.h; this is how it is laid out on a GPU, as a
/// ladder:
///   1. An element a thread: loads of 8 bytes, of which each thread has one or two under way; a
///      million blocks and more, whose start shows.
///   2. A grid of as many blocks as fit, each thread in a loop: little to start, but the slowest
///      block ends alone, and an iteration's loads wait for the last one's stores to be issued.
///   3. One pass, kPacksPerThread packs of 16 bytes of each array a thread, all asked for before
///   the
///      first is stored: 64 bytes (triad 128) in flight for each thread, 128 KB for a full
///      multiprocessor, where 18 KB hide the latency of an H100's memory; and the scheduler evens
///      out the 32 thousand blocks of a workload.
///
/// Numbers of elements or addresses that are no multiple of 16 bytes are served one element at a
/// time, which no workload does.
///
/// bytes_issued: each array once, so the compulsory bytes.
#include <cstdint>

#include "kernels/cuda/entry.h"

namespace assay::stream {

inline constexpr int kThreads = 256;
inline constexpr int kPacksPerThread = 4;

/// Entries, named stream_<what>_<type>; "_any" serves any number and alignment. Operands as in
/// stream.h.
extern "C" {
ASSAY_KERNEL stream_copy_fp64(std::int64_t n, const double* b, double* a);
ASSAY_KERNEL stream_copy_fp64_any(std::int64_t n, const double* b, double* a);
ASSAY_KERNEL stream_triad_fp64(std::int64_t n, double scale, const double* b, const double* c,
                               double* a);
ASSAY_KERNEL stream_triad_fp64_any(std::int64_t n, double scale, const double* b, const double* c,
                                   double* a);
}

}  // namespace assay::stream

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::stream {

/// Launches on a stream; operands are device addresses.
void copy(const cuda::Stream& stream, std::int64_t n, const double* b, double* a);
void triad(const cuda::Stream& stream, std::int64_t n, double scale, const double* b,
           const double* c, double* a);

}  // namespace assay::stream
#endif
