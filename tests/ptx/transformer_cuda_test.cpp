/// The CUDA training step against the double step: every gradient tensor, and what must hold from
/// one iteration to the next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "kernels/transformer/cuda_memory.h"
#include "kernels/transformer/cuda_training_step.h"
#include "ptx/blas_device.h"
#include "ptx/bytes.h"
#include "ptx/test_device.h"
#include "reference/expect_passed.h"

namespace assay::transformer {
namespace {

using cuda::Stream;
using cuda::blas::Table;

constexpr InputKey kKey{17};
constexpr int kLeastComputeCapability = 80;  ///< of BF16

/// GPT-2's family: learnt positions, biases, layer norms, GELU, the head tied to the embedding.
StepOptions small_gpt2() {
  StepOptions options;
  options.model = gpt2_124m();
  options.model.name = "small GPT-2";
  options.model.layers = 2;
  options.model.heads = options.model.kv_heads = 2;
  options.model.head_size = 64;
  options.model.width = 128;
  options.model.feed_forward = 192;
  options.model.sequence = 24;
  options.model.vocabulary = 113;
  options.model.initial_deviation = 0.1;
  options.batch = 2;
  options.sequence = 21;
  options.precision = Precision::bf16;
  return options;
}

/// Llama's: rotary positions, grouped heads, RMS norms, SwiGLU, a head of its own.
StepOptions small_llama() {
  StepOptions options = small_gpt2();
  ModelConfig& model = options.model;
  model.name = "small Llama";
  model.heads = 4;
  model.kv_heads = 2;
  model.width = 192;
  model.norm = Norm::rmsnorm;
  model.activation = Activation::swiglu;
  model.positions = Positions::rotary;
  model.rotary_theta = 10000.0;
  model.tied_head = false;
  model.biases = false;
  return options;
}

/// DeepSeekMoE's: Llama's with routed and shared experts in place of the feed-forward.
StepOptions small_moe() {
  StepOptions options = small_llama();
  ModelConfig& model = options.model;
  model.name = "small MoE";
  model.heads = model.kv_heads = 1;
  model.width = 64;
  model.feed_forward = 0;
  model.experts = 5;
  model.experts_per_token = 2;
  model.shared_experts = 2;
  model.expert_feed_forward = 40;
  return options;
}

void on_device(const std::function<void(Stream&, const Table&)>& body,
               const ptx_device::Options& device = cuda_test::without_checks()) {
  // One algorithm a product: choosing among several is gemm_cuda_test's subject.
  host_blas::Options options;
  options.proposals = {{.seconds = 1e-3}};
  cuda_test::on_each_library(options, body, device, kLeastComputeCapability);
}

/// On the first architecture only: what is asked there doesn't depend on it, and takes its time.
void on_one_device(const std::function<void(Stream&, const Table&)>& body) {
  bool done = false;
  on_device([&](Stream& stream, const Table& library) {
    if (!std::exchange(done, true)) body(stream, library);
  });
}

class CudaStepOf : public testing::TestWithParam<StepOptions> {};

TEST_P(CudaStepOf, LossesAndGradientsEqualTheDoubleStep) {
  on_device([](Stream& stream, const Table& library) {
    CudaTrainingStep step(GetParam(), stream, kKey, library);
    // The third iteration too: whatever should change from step to step has changed by then.
    for (int iteration = 0; iteration < 3; ++iteration) {
      SCOPED_TRACE(testing::Message() << "iteration " << iteration);
      const StepRecord record = record_iteration(step);
      expect_passed(compare_with_definition(GetParam(), record));
      double mean = 0.0;
      for (const float loss : record.losses) {
        mean += static_cast<double>(loss) / static_cast<double>(record.losses.size());
      }
      EXPECT_NEAR(step.observe().loss, mean, 1e-6);
      EXPECT_GT(step.observe().gradient_norm, 0.0);
    }
  });
}

TEST_P(CudaStepOf, AccumulatedMicroBatchesAreOneBatch) {
  on_one_device([](Stream& stream, const Table& library) {
    StepOptions whole = GetParam();
    StepOptions parts = whole;
    parts.batch = whole.batch / 2;
    parts.accumulation = 2;
    CudaTrainingStep one(whole, stream, kKey, library);
    CudaTrainingStep two(parts, stream, kKey, library);
    one.iterate();
    two.iterate();
    EXPECT_NEAR(one.observe().loss, two.observe().loss, 1e-6);
    // Equal but for the order of FP32 sums and the BF16 rounding of what is summed.
    EXPECT_NEAR(one.observe().gradient_norm, two.observe().gradient_norm,
                1e-3 * one.observe().gradient_norm);
  });
}

TEST(CudaStep, LaunchedOneByOneItIsTheSame) {
  on_one_device([](Stream& stream, const Table& library) {
    CudaTrainingStep replayed(small_moe(), stream, kKey, library);
    CudaTrainingStep launched(small_moe(), stream, kKey, library);
    std::map<std::string, int> families;
    int open = 0;
    const cuda::LaunchObserver observer{.before =
                                            [&](std::string_view name) {
                                              ++families[cuda::family_of(name)];
                                              ++open;
                                            },
                                        .after = [&] { --open; }};
    for (int iteration = 0; iteration < 2; ++iteration) {
      replayed.iterate();
      stream.observe(&observer);
      launched.iterate_by_launches();
      stream.observe(nullptr);
      EXPECT_EQ(replayed.weight_hash(), launched.weight_hash());
    }
    EXPECT_EQ(open, 0);
    for (const char* const family : {"gemm", "attention_forward", "attention_backward", "norm",
                                     "cross_entropy", "adamw", "moe_products", "token_chain"}) {
      EXPECT_GT(families[family], 0) << family;
    }
  });
}

TEST_P(CudaStepOf, EqualKeysGiveEqualWeights) {
  on_one_device([](Stream& stream, const Table& library) {
    std::vector<std::uint64_t> hashes;
    for (const std::uint64_t key : {17U, 17U, 18U}) {
      CudaTrainingStep step(GetParam(), stream, {key}, library);
      step.iterate();
      step.iterate();
      hashes.push_back(step.weight_hash());
    }
    EXPECT_EQ(hashes[0], hashes[1]);
    EXPECT_NE(hashes[0], hashes[2]);
  });
}

/// Of a layer whose activations are computed again each bit is the same.
TEST_P(CudaStepOf, RecomputedActivationsChangeNothing) {
  on_one_device([](Stream& stream, const Table& library) {
    StepOptions options = GetParam();
    std::vector<std::uint64_t> hashes;
    for (const bool recompute : {false, true}) {
      options.recompute = recompute;
      CudaTrainingStep step(options, stream, kKey, library);
      step.iterate();
      hashes.push_back(step.weight_hash());
    }
    EXPECT_EQ(hashes[0], hashes[1]);
  });
}

std::string family_name(const testing::TestParamInfo<StepOptions>& family) {
  return family.index == 0 ? "Gpt2" : family.index == 1 ? "Llama" : "Moe";
}
INSTANTIATE_TEST_SUITE_P(Families, CudaStepOf,
                         testing::Values(small_gpt2(), small_llama(), small_moe()), family_name);

TEST(CudaStep, TheLossFalls) {
  StepOptions options = small_gpt2();
  options.model.layers = 1;
  options.model.heads = options.model.kv_heads = 1;
  options.model.width = 64;
  options.model.feed_forward = 64;
  options.model.vocabulary = 32;
  options.batch = 4;
  options.sequence = 16;
  options.optimizer.learning_rate = 1e-2F;
  options.optimizer.weight_decay = 0.0F;
  options.model.initial_deviation = 0.02;
  on_one_device([&](Stream& stream, const Table& library) {
    CudaTrainingStep step(options, stream, kKey, library);
    std::vector<double> losses;
    for (int i = 0; i < 50; ++i) {
      step.iterate();
      losses.push_back(step.observe().loss);
    }
    EXPECT_NEAR(losses.front(), std::log(32.0), 0.05 * std::log(32.0));
    const auto mean_of_five = [&](std::size_t first) {
      double sum = 0.0;
      for (std::size_t i = first; i < first + 5; ++i) sum += losses[i] / 5.0;
      return sum;
    };
    // Of 3.5 nats at first, 2.3 are the law's entropy rate.
    EXPECT_LT(mean_of_five(45), mean_of_five(0) - 0.1);
  });
}

TEST(CudaStep, IsAWorkload) {
  on_one_device([](Stream& stream, const Table&) {
    StepOptions options = small_gpt2();
    options.model.layers = 1;
    const Workload workload = training_step_workload(options, cuda_test::tested_library());
    ASSERT_TRUE(workload.on_cuda);
    const Instance instance = workload.on_cuda(stream, kKey);
    instance.iterate();
    expect_passed(instance.verify());
    EXPECT_GT(instance.observe().loss, instance.loss_law->entropy_rate_nats);
    options.model.head_size = 32;
    EXPECT_FALSE(training_step_workload(options).on_cuda);
  });
}

constexpr int kHopper = 90;

/// The least free memory that holds that step and the margin, to 64 bytes.
std::size_t free_bytes_for(const StepOptions& fitting) {
  std::size_t free_bytes = 0;
  for (std::size_t step = std::size_t{1} << 30U; step >= 64; step /= 2) {
    const std::size_t tried = free_bytes + step;
    const std::size_t margin = memory_margin_bytes(tried);
    if (tried < margin + cuda_step_bytes(fitting, kHopper)) free_bytes = tried;
  }
  return free_bytes + 64;
}

/// "2", or "1 recomputed", or why nothing fits.
std::string micro_batch_of(const StepOptions& options, std::size_t free_bytes) {
  try {
    const StepOptions fitted = fitted_to_memory(options, free_bytes, kHopper);
    return std::to_string(fitted.batch) + (fitted.recompute ? " recomputed" : "");
  } catch (const Error& error) {
    return error.where();
  }
}

TEST(CudaStepMemory, TakesTheLargestMicroBatchThatFits) {
  StepOptions options = small_llama();
  options.batch = 6;
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(options)), "6");
  StepOptions fitting = options;
  fitting.batch = 3;
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(fitting)), "3");
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(fitting) - 128), "2");
  fitting.batch = 1;
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(fitting)), "1");
  fitting.recompute = true;
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(fitting)), "1 recomputed");
  EXPECT_EQ(micro_batch_of(options, free_bytes_for(fitting) - 128), "small Llama");
  EXPECT_EQ(micro_batch_of(options, 0), "small Llama");
}

TEST(CudaStepMemory, IsWhatTheWorkloadFindsFree) {
  StepOptions options = small_gpt2();
  options.batch = 4;
  StepOptions half = options;
  half.batch = 2;
  ptx_device::Options small_device = cuda_test::without_checks();
  small_device.memory_bytes = free_bytes_for(half);
  const auto body = [&](Stream& stream, const Table&) {
    const cuda::Device& device = stream.device();
    const int compute_capability = device.facts().compute_capability;
    const StepOptions fitted =
        fitted_to_memory(options, cuda::free_memory_bytes(device), compute_capability);
    if (cuda_test::is_own_device() && compute_capability == kHopper) {
      EXPECT_EQ(fitted.batch, 2);
    }
    const Workload workload = training_step_workload(options, cuda_test::tested_library());
    const Instance instance = workload.on_cuda(stream, kKey);
    const std::pair<std::string, std::string> note{"micro_batch_rows",
                                                   std::to_string(fitted.batch)};
    EXPECT_THAT(instance.notes, testing::Contains(note));
    instance.iterate();
    EXPECT_GT(instance.observe().loss, 0.0);
  };
  on_device(body, small_device);
}

TEST(CudaStep, RefusesWhatIsNotOffered) {
  on_device([](Stream& stream, const Table& library) {
    const auto refused = [&](const auto& change) {
      StepOptions options = small_gpt2();
      change(options);
      EXPECT_THROW(CudaTrainingStep(options, stream, kKey, library), Error);
    };
    refused([](StepOptions& o) { o.precision = Precision::fp32; });
    refused([](StepOptions& o) { o.model.head_size = 32; });
    refused([](StepOptions& o) { o.sequence = 25; });
  });
}

}  // namespace
}  // namespace assay::transformer
