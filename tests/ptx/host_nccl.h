#pragma once
/// A plain host version of the NCCL calls that Assay makes: a second filling of the table
/// (kernels/cuda/nccl.h). It really reduces, gathers and exchanges, over ranks on several
/// functional devices of one process, in the order of ranks, so results are the same each time.
///
/// As with the library, an operation happens when each rank has come to it: calls of several ranks
/// come from a thread each, or from one thread within a group. A call outside of a group comes back
/// when that is done. What would hang with the library is told here: a rank that waits for another
/// longer than `patience` gets an error that names who is missing, and so does one that is matched
/// with an operation of another kind, size or type. Aborting a rank frees those that wait for it.
///
/// It refuses what the library refuses: handles that are gone, streams and memory of another
/// device, a device twice, ranks out of range, ends of no group.
///
/// Outside of groups, operations on a stream that is being captured are recorded, and done at each
/// replay.
///
/// The ABI has no user pointer, so the library is one per process; configure() starts it anew.
#include <chrono>
#include <string>
#include <vector>

#include "kernels/cuda/nccl.h"

namespace assay::host_nccl {

struct Options {
  int version = 22803;
  std::chrono::milliseconds patience{10000};
  cuda::nccl::Result async_error = cuda::nccl::kSuccess;  ///< as each rank is told of it
};

void configure(const Options& options);
[[nodiscard]] const cuda::nccl::Table& library();

/// Ranks that were made and neither destroyed nor aborted, and what was done with ranks that are
/// not there, one line each.
[[nodiscard]] std::vector<std::string> leaks();

}  // namespace assay::host_nccl
