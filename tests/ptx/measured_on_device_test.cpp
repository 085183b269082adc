/// The measuring path itself on the functional device, or on a GPU: what a result says of a kernel
/// and of a training step that ran there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/measure_item.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/norm/norm_workload.h"
#include "kernels/transformer/step.h"
#include "ptx/blas_device.h"
#include "ptx/test_device.h"
#include "results/result_io.h"

namespace assay::harness {
namespace {

ItemRecord measured(const Workload& workload, cuda::Stream& stream, bool is_step) {
  SamplerOptions options;
  options.rule.estimator = is_step ? Estimator::ratio_of_sums : Estimator::median;
  options.item_seconds = 0.02;
  options.warm_up_min_s = 0.0;
  options.warm_up_max_s = 0.01;
  const Target target = CudaTarget{stream.device().facts().compute_capability, &stream, 1};
  return measure_item({{workload, ""}, options, {7}}, target, [] { return false; }, {}).record;
}

/// The record can be written and read.
void expect_sound(const ItemRecord& item) {
  ProcessRecord process;
  process.started_utc = "2026-01-01T00:00:00Z";
  process.order = {item.workload};
  process.items = {item};
  const auto json = to_json(process);
  EXPECT_EQ(to_json(process_from_json(json)), json);
}

TEST(MeasuredOnADevice, AKernelIsTimedByEventsOnBuffersThatTakeTurns) {
  const Workload workload =
      norm::cuda_workload(norm::Kind::rmsnorm, norm::Pass::forward, {64, 256});
  cuda_test::on_each_architecture(
      [&](cuda::Stream& stream) {
        const ItemRecord item = measured(workload, stream, false);
        EXPECT_EQ(item.status, "valid") << item.error;
        ASSERT_TRUE(item.device_timing);
        EXPECT_EQ(item.device_timing->clock, "cuda_event");
        EXPECT_FALSE(item.device_timing->sm_clock_mhz.has_value());  // nobody asked NVML
        EXPECT_FALSE(item.sample_end_ns.empty());
        EXPECT_THAT(item.regime, testing::AnyOf("hot", "rotating"));
        const std::size_t sets =
            item.regime == "rotating" ? std::stoul(item.notes.at("buffer_sets")) : 1;
        EXPECT_EQ(item.checks.size() % sets, 0U);
        expect_sound(item);
      },
      {}, 80);  // of BF16
}

TEST(MeasuredOnADevice, AStepIsTimedByTheWallAndItsKernelsToldApart) {
  transformer::StepOptions options;
  options.model = transformer::gpt2_124m();
  options.model.layers = 1;
  options.model.heads = options.model.kv_heads = 1;
  options.model.head_size = 64;
  options.model.width = 64;
  options.model.feed_forward = 64;
  options.model.vocabulary = 64;
  options.model.sequence = 16;
  options.batch = 2;
  options.sequence = 16;
  options.precision = Precision::bf16;
  host_blas::Options library;
  library.proposals = {{.seconds = 1e-3}};
  cuda_test::on_each_library(
      library,
      [&](cuda::Stream& stream, const cuda::blas::Table&) {
        const Workload workload =
            transformer::training_step_workload(options, cuda_test::tested_library());
        const ItemRecord item = measured(workload, stream, true);
        EXPECT_EQ(item.status, "valid") << item.error;
        EXPECT_FALSE(item.device_timing);
        ASSERT_TRUE(item.seconds_by_family);
        for (const char* const family :
             {"gemm", "attention_forward", "attention_backward", "norm", "adamw"}) {
          EXPECT_GT(item.seconds_by_family->count(family), 0U) << family;
        }
        ASSERT_TRUE(item.training);
        // The iteration that was told apart is none of the window's.
        EXPECT_EQ(static_cast<std::int64_t>(item.training->losses.size()),
                  item.warm_up_iterations +
                      item.batch * static_cast<std::int64_t>(item.sample_end_ns.size()));
        expect_sound(item);
      },
      cuda_test::without_checks(), 80);
}

}  // namespace
}  // namespace assay::harness
