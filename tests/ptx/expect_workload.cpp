#include "ptx/expect_workload.h"

#include <gtest/gtest.h>

#include "ptx/test_device.h"
#include "ptx/workload_record.h"

namespace assay::cuda_test {

void expect_workload_on(cuda::Stream& stream, const Workload& workload,
                        const Expectation& expectation) {
  SCOPED_TRACE(workload.name);
  const cuda::DeviceFacts& facts = stream.device().facts();
  const auto issued = static_cast<double>(workload.cuda_bytes_issued(facts));
  if (expectation.most_issued > 0.0) {
    EXPECT_LE(issued, expectation.most_issued * static_cast<double>(workload.bytes));
  }
  const Instance instance = workload.on_cuda(stream, {42});
  instance.iterate();
  static_cast<void>(take_counted());
  static_cast<void>(take_launches());
  instance.enqueue();
  stream.synchronize();
  const ptx_device::Counters counted = take_counted();
  if (is_functional()) {
    record_workload(workload, facts, counted, take_launches());
    const auto moved = static_cast<double>(counted.global_bytes());
    EXPECT_GE(moved, 0.98 * issued);
    // ptxrun counts the zeros that a cp.async fills in as read (compare_executors.py takes them
    // into account), so its count holds from below only.
    if (is_own_device()) {
      EXPECT_LE(moved, 1.02 * issued);
    }
  }
  for (const Check& check : instance.verify()) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
}

void expect_workload(const Workload& workload, const Expectation& expectation) {
  on_each_architecture(
      [&](cuda::Stream& stream) { expect_workload_on(stream, workload, expectation); }, {},
      workload.least_compute_capability);
}

}  // namespace assay::cuda_test
