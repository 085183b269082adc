/// Kernels on a GPU are timed by its events: held against a device whose time is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "harness/event_timer.h"
#include "harness/measure_item.h"
#include "kernels/cuda/iteration.h"
#include "results/result_io.h"
#include "simulated_driver.h"
#include "support/host_nvml.h"
#include "support/thread_sanitizer.h"

namespace assay::harness::test {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr const char* kUuid = "GPU-66756e63-7469-6f6e-616c-2d6465760001";

class GpuTiming : public ::testing::Test {
 protected:
  GpuTiming() : driver_(simulated_driver()) {
    simulated_gpu() = {};
    host_nvml::configure({.gpus = {{.uuid = kUuid}}});
    gpu_ = std::make_shared<const Gpu>(&host_nvml::library(), kUuid);
    device_ = std::make_unique<cuda::Device>(driver_, 0);
    stream_ = std::make_unique<cuda::Stream>(*device_);
  }

  /// Iterations of that many microseconds; each instance notes its number where it worked.
  Workload kernel(double iteration_us, std::int64_t bytes, double error = 0.0) {
    Workload w;
    w.family = "fake";
    w.operation = "kernel";
    w.problem = {{"n", 1}};
    w.inputs = "none";
    w.flops = 1000;
    w.bytes = static_cast<std::uint64_t>(bytes);
    w.on_cuda = [=, this](cuda::Stream& stream, const InputKey&) {
      const int number = made_++;
      Instance instance;
      cuda::set_iteration(instance, stream, [=, this] {
        simulated_gpu().work(iteration_us);
        worked_.push_back(number);
      });
      instance.verify = [=] {
        return std::vector<Check>{{"output", number == 2 ? error : 0.0, 0.5}};
      };
      return instance;
    };
    return named(std::move(w));
  }

  /// What is timed by the device ends when its figure is known, long before the host's time is
  /// over: a busy host takes longer to the same figure.
  MeasuredItem measure(const Workload& workload, double host_seconds_max = 60.0) {
    SamplerOptions options;
    options.rule.estimator = Estimator::median;
    options.item_seconds = host_seconds_max;
    options.warm_up_min_s = 0.0;
    options.warm_up_max_s = 0.01;
    return measure_item({{workload, ""}, options, {7}, gpu_}, CudaTarget{90, stream_.get(), 1},
                        [] { return false; }, {});
  }

  cuda::DriverTable driver_;
  std::shared_ptr<const Gpu> gpu_;
  std::unique_ptr<cuda::Device> device_;
  std::unique_ptr<cuda::Stream> stream_;
  int made_ = 0;
  std::vector<int> worked_;
};

/// The median sample divided by its iterations, in microseconds.
double figure_us(const MeasuredItem& measured) {
  return measured.judgement.estimate_ns * 1e-3 / static_cast<double>(measured.record.batch);
}

TEST_F(GpuTiming, AFigureIsTheDevicesTimeWithinAThousandth) {
  if (kIsSlowedByThreadSanitizer) GTEST_SKIP() << "times say nothing under the thread sanitizer";
  // From far under the resolution of events to far over the length of a batch.
  for (const double us : {0.13, 3.7, 41.3, 977.0, 12'345.6}) {
    const MeasuredItem measured = measure(kernel(us, 200 * kMiB));
    ASSERT_EQ(measured.record.status, "valid") << measured.record.error;
    EXPECT_TRUE(measured.record.converged);
    // A batch of 5 ms, with the launch of an idle device (5 µs) and a step of its events (0.5 µs).
    // It idles 30 µs before each batch; the host's clock would have seen that.
    EXPECT_GE(static_cast<double>(measured.record.batch) * us, 0.99 * 5000.0);
    EXPECT_NEAR(figure_us(measured), us, 5.5 / static_cast<double>(measured.record.batch));
    ASSERT_TRUE(measured.record.device_timing);
    EXPECT_EQ(measured.record.device_timing->clock, "cuda_event");
    EXPECT_EQ(measured.record.device_timing->resolution_ns, 500.0);
  }
  EXPECT_EQ(simulated_gpu().live_events, 0);
}

TEST_F(GpuTiming, TheSmClockIsReadBesideEachSample) {
  host_nvml::gpu(0).sm_clock_mhz = 1410;
  const MeasuredItem measured = measure(kernel(50.0, 200 * kMiB));
  const auto& clocks = measured.record.device_timing->sm_clock_mhz;
  ASSERT_TRUE(clocks.has_value());
  EXPECT_EQ(clocks.value->size(), measured.record.sample_end_ns.size());
  EXPECT_THAT(*clocks.value, ::testing::Each(1410));
  gpu_ = nullptr;
  const MeasuredItem blind = measure(kernel(50.0, 200 * kMiB));
  EXPECT_FALSE(blind.record.device_timing->sm_clock_mhz.has_value());
  EXPECT_FALSE(blind.record.device_timing->sm_clock_mhz.reason.empty());
}

TEST_F(GpuTiming, WhatIsRecordedIsReadAgain) {
  ProcessRecord process;
  process.started_utc = "2026-01-01T00:00:00Z";
  process.items.push_back(measure(kernel(50.0, 200 * kMiB)).record);
  process.order = {process.items.front().workload};
  const ProcessRecord again = process_from_json(to_json(process));
  EXPECT_EQ(*again.items.front().device_timing->sm_clock_mhz.value,
            *process.items.front().device_timing->sm_clock_mhz.value);
  process.items.front().device_timing->sm_clock_mhz.value->pop_back();
  EXPECT_ANY_THROW(static_cast<void>(process_from_json(to_json(process))));
}

TEST_F(GpuTiming, SmallBuffersTakeTurnsOverThreeCaches) {
  const MeasuredItem measured = measure(kernel(50.0, 40 * kMiB));
  EXPECT_EQ(measured.record.regime, "rotating");
  EXPECT_EQ(measured.record.notes.at("buffer_sets"), "4");
  EXPECT_EQ(made_, 4);
  EXPECT_EQ(measured.record.checks.size(), 4U);
  for (std::size_t i = 0; i < worked_.size(); ++i) ASSERT_EQ(worked_[i], static_cast<int>(i % 4));
}

TEST_F(GpuTiming, AWrongSetOfBuffersIsFound) {
  const MeasuredItem measured = measure(kernel(50.0, 40 * kMiB, 1.0));
  EXPECT_EQ(measured.record.status, "invalid");
  EXPECT_EQ(measured.record.error, "output check failed: buffer set 3, output");
}

TEST_F(GpuTiming, RegimesAreNamed) {
  EXPECT_EQ(measure(kernel(50.0, 150 * kMiB)).record.regime, "cold");
  EXPECT_EQ(measure(kernel(50.0, 1 * kMiB)).record.regime, "hot");  // 150 sets are too many
  EXPECT_EQ(made_, 2);
  Workload link = kernel(50.0, 40 * kMiB);
  link.may_rotate = false;
  EXPECT_EQ(measure(link).record.regime, "hot");
  EXPECT_EQ(made_, 3);
}

TEST_F(GpuTiming, AnotherSetSharesWhatTheFirstChose) {
  Workload w = kernel(50.0, 100 * kMiB);
  int taken_over = 0;
  w.on_cuda = [&, make = w.on_cuda](cuda::Stream& stream, const InputKey& key) {
    Instance first = make(stream, key);
    first.another = [&, make, key] {
      ++taken_over;
      return make(stream, key);
    };
    return first;
  };
  EXPECT_EQ(measure(w).record.status, "valid");
  EXPECT_EQ(taken_over, 1);
}

TEST_F(GpuTiming, AStepIsTimedByTheWall) {
  Workload w = kernel(50.0, 40 * kMiB);
  w.on_cuda = [make = w.on_cuda](cuda::Stream& stream, const InputKey& key) {
    Instance instance = make(stream, key);
    instance.enqueue = nullptr;
    return instance;
  };
  const MeasuredItem measured = measure(w, 0.2);
  EXPECT_EQ(measured.record.status, "valid");
  EXPECT_FALSE(measured.record.device_timing);
  EXPECT_EQ(measured.record.regime, "hot");
}

}  // namespace
}  // namespace assay::harness::test
