/// The optimizer's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/adamw/adamw_cuda.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/adamw_case.h"

namespace assay::adamw {
namespace {

using cuda::Buffer;
using cuda::Stream;

Buffer<Progress> initial_progress(const Stream& stream) {
  const Factors factors{.gradient_scale = kGradientScale,
                        .learning_rate = Hyperparameters{}.learning_rate};
  return {stream, std::vector<Progress>{{.factors = factors}}};
}

/// kSteps steps of n parameters that begin `begin` elements into their arrays.
template <class T>
Outputs<T> run(std::int64_t n, const Stream& stream, std::size_t begin = 0,
               const RoundingDraw* draw = nullptr) {
  const auto placed = [&](auto values) {
    values.insert(values.begin(), begin, {});
    return values;
  };
  const auto read = [&](const auto& buffer) {
    auto values = buffer.to_host(stream);
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(begin));
    return values;
  };
  const auto before = initial_outputs<T>(n);
  const Buffer<float> master(stream, placed(before.master)), first(stream, placed(before.first)),
      second(stream, placed(before.second));
  const Buffer<T> weight(stream, placed(before.weight));
  const Buffer<Progress> progress = initial_progress(stream);
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    const Buffer<float> gradient(stream, placed(gradient_of(step, n)));
    const Parameters<T> parameters{gradient.data() + begin, master.data() + begin,
                                   first.data() + begin, second.data() + begin,
                                   weight.data() + begin};
    advance(stream, {}, progress.data());
    if constexpr (std::is_same_v<T, Bf16>) {
      if (draw != nullptr) {
        update_stochastic(stream, {}, progress.data(), n, parameters, *draw);
        continue;
      }
    }
    update(stream, {}, progress.data(), n, parameters);
  }
  EXPECT_EQ(progress.to_host(stream)[0].step, kSteps);
  return {read(master), read(first), read(second), read(weight)};
}

TEST(AdamwCuda, EqualsDefinitionOverSteps) {
  for (const std::int64_t n : {8195, 333, 3, 1}) {
    cuda_test::on_each_architecture([&](Stream& stream) {
      expect_right(run<Bf16>(n, stream));
      expect_right(run<float>(n, stream));
    });
  }
}

TEST(AdamwCuda, ParametersBeginAnywhere) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const std::size_t begin : {1, 2, 4}) {
      expect_right(run<Bf16>(4099, stream, begin));
      expect_right(run<float>(4099, stream, begin));
    }
  });
}

/// The rounding changes the weights alone, and each is the definition's draw; whether parameters
/// are taken in packs or singly.
TEST(AdamwCuda, RoundsWeightsAsDrawn) {
  constexpr std::int64_t kCount = 4103;
  for (const RoundingDraw draw :
       {RoundingDraw{77, 0}, RoundingDraw{77, 1000}, RoundingDraw{5, 3}}) {
    for (const std::size_t begin : {0, 1}) {
      cuda_test::on_each_architecture([&](Stream& stream) {
        const auto nearest = run<Bf16>(kCount, stream, begin);
        const auto drawn = run<Bf16>(kCount, stream, begin, &draw);
        EXPECT_EQ(drawn.master, nearest.master);
        std::size_t rounded_away = 0;
        for (std::uint64_t i = 0; i < kCount; ++i) {
          const Philox4 random =
              philox(draw.key, (draw.first + i) / 4, static_cast<std::uint64_t>(kSteps));
          const Bf16 wanted =
              rounded_stochastically(drawn.master[i], random.word[(draw.first + i) % 4]);
          ASSERT_EQ(drawn.weight[i].bits, wanted.bits) << i;
          rounded_away += drawn.weight[i].bits != nearest.weight[i].bits ? 1U : 0U;
        }
        // A quarter of them, where the cut-off part is uniform: half a unit's mean distance.
        EXPECT_NEAR(static_cast<double>(rounded_away) / kCount, 0.25, 0.05);
      });
    }
  }
}

TEST(AdamwCuda, SameBitsInAllOrders) {
  cuda_test::expect_same_bits_in_all_orders([](Stream& stream) {
    const auto out = run<Bf16>(4099, stream);
    return cuda_test::bytes_of(out.master, out.first, out.second, out.weight);
  });
}

/// The norm and clip factor of the gradients that begin `begin` floats into their array.
Progress norm_of(const Stream& stream, const std::vector<float>& gradient, double max_norm,
                 std::size_t begin = 0) {
  std::vector<float> placed(begin);
  placed.insert(placed.end(), gradient.begin(), gradient.end());
  const auto n = static_cast<std::int64_t>(gradient.size());
  const Buffer<float> values(stream, placed);
  const Buffer<double> workspace(stream.device(), gradient_norm_workspace_doubles(n));
  const Buffer<Progress> progress = initial_progress(stream);
  gradient_norm(stream, n, values.data() + begin, max_norm, progress.data(), workspace.data());
  return progress.to_host(stream)[0];
}

TEST(AdamwCuda, NormEqualsDefinition) {
  for (const std::int64_t n : {100'000, 16'385, 16'384, 31, 3, 1, 0}) {
    const auto gradient = normal_input<float>(6, 3, n);
    const double exact = std::sqrt(sum_of_squares_reference(n, to_double(gradient).data()));
    cuda_test::on_each_architecture([&](Stream& stream) {
      for (const std::size_t begin : {0, 3}) {
        const Progress found = norm_of(stream, gradient, 1.0, begin);
        EXPECT_NEAR(found.gradient_norm, exact, 1e-6 * exact) << n;
        EXPECT_EQ(found.factors.gradient_scale, clip_factor(found.gradient_norm, 1.0)) << n;
      }
    });
  }
}

TEST(AdamwCuda, ClipsAsTheHostDoes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  cuda_test::on_each_architecture([](Stream& stream) {
    EXPECT_EQ(norm_of(stream, {0.3F, 0.4F}, 1.0).factors.gradient_scale, 1.0F);
    EXPECT_EQ(norm_of(stream, {3.0F, 4.0F}, 1.0).factors.gradient_scale, 0.2F);
    EXPECT_EQ(norm_of(stream, {0.0F}, 1.0).factors.gradient_scale, 1.0F);
    EXPECT_EQ(norm_of(stream, {kInfinity}, 1.0).factors.gradient_scale, 0.0F);
    EXPECT_EQ(norm_of(stream, {std::nanf("")}, 1.0).factors.gradient_scale, 1.0F);
  });
}

TEST(AdamwCuda, NormHasTheSameBitsInAllOrders) {
  const auto gradient = normal_input<float>(6, 3, 40'001);
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    return cuda_test::bytes_of(std::vector<double>{norm_of(stream, gradient, 1.0).gradient_norm});
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(AdamwCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  cuda_test::expect_workload(cuda_update_workload(131'072), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_update_stochastic_workload(65'536), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_gradient_norm_workload(262'144), {.most_issued = 1.2});
}

TEST(AdamwCudaSweep, Sizes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(2);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t n = sweep.extent(20'000);
    const auto begin = static_cast<std::size_t>(sweep.draw(8));
    SCOPED_TRACE(testing::Message() << n << " parameters from " << begin << " on");
    const auto gradient = normal_input<float>(6, 3, n);
    const double exact = std::sqrt(sum_of_squares_reference(n, to_double(gradient).data()));
    cuda_test::on_each_architecture([&](Stream& stream) {
      expect_right(run<Bf16>(n, stream, begin));
      expect_right(run<float>(n, stream, begin));
      EXPECT_NEAR(norm_of(stream, gradient, 1.0, begin).gradient_norm, exact, 1e-6 * exact);
    });
  }
}

TEST(AdamwCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  const RoundingDraw draw{77, 1000};
  for (const std::int64_t n : {1, 1023, 16'385}) {
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      const auto out = run<float>(n, stream, 1);
      const auto drawn = run<Bf16>(n, stream, 0, &draw);
      return cuda_test::bytes_of(out.master, out.first, out.second, out.weight, drawn.weight);
    });
  }
}

}  // namespace
}  // namespace assay::adamw
