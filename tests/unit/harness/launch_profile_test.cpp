/// Kernels told apart in one iteration, on a device whose time is known.
#include "harness/launch_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "harness/nvtx.h"
#include "simulated_driver.h"

namespace assay::harness::test {
namespace {

class LaunchProfile : public ::testing::Test {
 protected:
  LaunchProfile() : driver_(simulated_driver()) {
    simulated_gpu() = {.idle_us = 0.0, .launch_us = 0.0};
    device_ = std::make_unique<cuda::Device>(driver_, 0);
    stream_ = std::make_unique<cuda::Stream>(*device_);
  }
  void launch(const std::string& name, double us) {
    const cuda::LaunchSpan span(*stream_, name);
    simulated_gpu().work(us);
    span.end();
  }

  cuda::DriverTable driver_;
  std::unique_ptr<cuda::Device> device_;
  std::unique_ptr<cuda::Stream> stream_;
};

TEST_F(LaunchProfile, TimeIsSummedByFamily) {
  const auto seconds = seconds_by_family(*stream_, [&] {
    launch("gemm m8_n8_k8", 100.0);
    simulated_gpu().work(50.0);  // a copy is nobody's kernel
    launch("other kernel", 20.0);
    launch("gemm m9_n9_k9", 200.0);
  });
  ASSERT_EQ(seconds.size(), 2U);
  EXPECT_NEAR(seconds.at("gemm"), 300e-6, 2e-6);
  EXPECT_NEAR(seconds.at("other"), 20e-6, 2e-6);
  EXPECT_EQ(stream_->observer(), nullptr);
  EXPECT_EQ(simulated_gpu().live_events, 0);
}

TEST_F(LaunchProfile, AFailureLeavesNoObserver) {
  EXPECT_THROW(
      static_cast<void>(seconds_by_family(*stream_, [] { throw check_error("broken", "here"); })),
      Error);
  EXPECT_EQ(stream_->observer(), nullptr);
  EXPECT_EQ(simulated_gpu().live_events, 0);
}

TEST_F(LaunchProfile, OneWarmIterationIsProfiledKernelByKernel) {
  int graphs = 0;
  int launches = 0;
  Workload w;
  w.on_cuda = [&](cuda::Stream&, const InputKey&) {
    Instance instance;
    instance.iterate = [&] { ++graphs; };
    instance.enqueue_launches = [&] {
      launch("gemm m8_n8_k8", 1.0);
      ++launches;
    };
    return instance;
  };
  const Target target = CudaTarget{90, stream_.get(), 1};
  if (!nvtx::is_available()) {
    EXPECT_THROW(profile_iteration(w, target, {1}), Error);
    return;
  }
  profile_iteration(w, target, {1});
  EXPECT_EQ(graphs, 3);
  EXPECT_EQ(launches, 1);
  EXPECT_THROW(profile_iteration(w, CpuDevice{}, {1}), Error);
}

}  // namespace
}  // namespace assay::harness::test
