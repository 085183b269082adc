/// The CUDA training step on two devices, with NCCL's host version, against the step of one that
/// has the rows of both.
#include <gtest/gtest.h>

#include <cmath>
#include <exception>
#include <memory>
#include <numeric>
#include <thread>

#include "kernels/transformer/cuda_training_step.h"
#include "ptx/host_blas.h"
#include "ptx/host_nccl.h"
#include "ptx/test_device.h"
#include "ptx_device/device.h"
#include "ptx_device/library.h"

namespace assay::transformer {
namespace {

constexpr InputKey kKey{17};
constexpr int kRanks = 2;

StepOptions small_llama() {
  StepOptions options;
  ModelConfig& model = options.model;
  model.name = "small Llama";
  model.layers = 3;
  model.heads = 2;
  model.kv_heads = 1;
  model.head_size = 64;
  model.width = 64;
  model.feed_forward = 96;
  model.sequence = 16;
  model.vocabulary = 60;
  model.norm = Norm::rmsnorm;
  model.activation = Activation::swiglu;
  model.positions = Positions::rotary;
  model.rotary_theta = 10000.0;
  model.initial_deviation = 0.1;
  options.batch = 1;
  options.sequence = 16;
  options.precision = Precision::bf16;
  return options;
}

/// What a step of three iterations leaves.
struct Outcome {
  double loss = 0.0;
  double gradient_norm = 0.0;
  std::uint64_t weights = 0;
  std::vector<float> gradients;
};

Outcome outcome_of(const cuda::DriverTable& driver, int ordinal, const StepOptions& options,
                   const Gang& gang) {
  cuda::Device device(driver, ordinal);
  cuda::Stream stream(device);
  CudaTrainingStep step(options, stream, kKey, host_blas::library(), gang);
  Outcome outcome;
  for (int i = 0; i < 3; ++i) {
    step.iterate();
    if (i == 0) outcome.gradients = step.gradients();
  }
  outcome.loss = step.observe().loss;
  outcome.gradient_norm = step.observe().gradient_norm;
  outcome.weights = step.weight_hash();
  return outcome;
}

class CudaGang : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    const auto architecture = cuda_test::first_architecture_from(80);
    if (!architecture) GTEST_SKIP() << "no code for BF16, which needs compute capability 8.0";
    ptx_device::Options options = cuda_test::without_checks();
    options.architecture = *architecture;
    options.device_count = kRanks;
    ptx_device::configure(options);
    driver_ = host_blas::with_clock(ptx_device::driver());
    host_blas::Options library;
    library.architecture = options.architecture;
    library.proposals = {{.seconds = 1e-3}};
    library.enqueue = ptx_device::enqueue;
    host_blas::configure(driver_, library);
    host_nccl::configure({});
  }

  std::vector<Outcome> gang(const StepOptions& options) {
    std::vector<Outcome> outcomes(kRanks);
    std::vector<std::exception_ptr> errors(kRanks);
    std::vector<int> ordinals(kRanks);
    std::iota(ordinals.begin(), ordinals.end(), 0);
    auto communicators = cuda::nccl::make_communicators(host_nccl::library(), ordinals);
    const auto run = [&](int rank) {
      const cuda::Device device(driver_, rank);
      cuda::nccl::Communicator communicator =
          std::move(communicators[static_cast<std::size_t>(rank)]);
      outcomes[static_cast<std::size_t>(rank)] =
          outcome_of(driver_, rank, options, {&communicator, GetParam()});
      communicator.check_async_error();
    };
    std::vector<std::thread> threads;
    for (int rank = 0; rank < kRanks; ++rank) {
      threads.emplace_back([&, rank] {
        try {
          run(rank);
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    return outcomes;
  }

  cuda::DriverTable driver_{};
};

/// Equal but for the order of FP32 sums, and BF16's rounding where that tips it.
TEST_P(CudaGang, TwoRanksAreOneWithTheDoubleBatch) {
  StepOptions options = small_llama();
  options.accumulation = 2;
  const std::vector<Outcome> ranks = gang(options);
  EXPECT_EQ(ranks[0].weights, ranks[1].weights);
  EXPECT_EQ(ranks[0].gradients, ranks[1].gradients);

  StepOptions whole = options;
  whole.accumulation = 4;
  const Outcome one = outcome_of(driver_, 0, whole, {});
  EXPECT_NEAR(ranks[0].loss, one.loss, 1e-4 * one.loss);
  EXPECT_NEAR(ranks[0].gradient_norm, one.gradient_norm, 1e-2 * one.gradient_norm);
  double squares = 0.0;
  double differences = 0.0;
  for (std::size_t i = 0; i < one.gradients.size(); ++i) {
    const auto exact = static_cast<double>(one.gradients[i]);
    const double difference = static_cast<double>(ranks[0].gradients[i]) - exact;
    squares += exact * exact;
    differences += difference * difference;
  }
  // Nothing but the order of FP32 sums differs in the first iteration.
  EXPECT_LE(std::sqrt(differences), 1e-6 * std::sqrt(squares));
  EXPECT_TRUE(host_nccl::leaks().empty());
  EXPECT_TRUE(host_blas::leaks().empty());
  EXPECT_TRUE(ptx_device::leaks().empty());
}

INSTANTIATE_TEST_SUITE_P(Buckets, CudaGang,
                         testing::Values(std::size_t{1}, std::size_t{150'000},
                                         std::size_t{1} << 30U));

}  // namespace
}  // namespace assay::transformer
