#pragma once
/// What every CUDA workload promises, checked at a problem small enough for the functional device.
#include "kernels/workload.h"

namespace assay::cuda_test {

struct Expectation {
  /// The bytes issued are at most this many times the compulsory ones; 0: not held.
  double most_issued = 0.0;
};

/// On each architecture that the workload's kernels are made for: an instance iterates twice, the
/// second time as batches are timed, and verifies, and an iteration asks global memory for that
/// device's cuda_bytes_issued within 2 %. What was counted is recorded (workload_record.h).
void expect_workload(const Workload& workload, const Expectation& expectation);

/// The same on the stream's device.
void expect_workload_on(cuda::Stream& stream, const Workload& workload,
                        const Expectation& expectation);

}  // namespace assay::cuda_test
