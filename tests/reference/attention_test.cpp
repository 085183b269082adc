/// Attention: the definition against finite differences, every CPU level against the definition,
/// and the gate against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cpu/kernels_at.h"
#include "reference/attention_case.h"

namespace assay::attention {
namespace {

template <class T>
Results<T, float> compute(CpuLevel level, const Shape& shape, const std::vector<T>& qkv,
                          const std::vector<T>& dout) {
  const std::int64_t k = keys_at(shape);
  const std::int64_t v = values_at(shape);
  Results<T, float> r{
      std::vector<T>(dout.size()), std::vector<T>(qkv.size()),
      std::vector<float>(static_cast<std::size_t>(shape.batch * shape.heads * shape.sequence))};
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  kernels.forward(shape,
                  {qkv.data(), qkv.data() + k, qkv.data() + v, r.out.data(), r.log_sum.data()});
  kernels.backward(shape,
                   {qkv.data(), qkv.data() + k, qkv.data() + v, r.out.data(), r.log_sum.data(),
                    dout.data(), r.dqkv.data(), r.dqkv.data() + k, r.dqkv.data() + v});
  return r;
}

TEST(AttentionReference, BackwardEqualsFiniteDifferences) {
  for (const Shape& shape : {shape_of(2, 5, 2, 2, 3), shape_of(1, 4, 4, 2, 2, 1)}) {
    const std::int64_t k = keys_at(shape);
    const std::int64_t v = values_at(shape);
    const std::int64_t tokens = shape.batch * shape.sequence;
    auto qkv = normal_input<double>(3, 1, tokens * shape.row_stride);
    const auto dout = normal_input<double>(3, 2, tokens * k);
    const auto loss = [&] {
      std::vector<double> out(dout.size());
      forward_reference(shape, qkv.data(), qkv.data() + k, qkv.data() + v, out.data());
      double total = 0.0;
      for (std::size_t i = 0; i < out.size(); ++i) total += out[i] * dout[i];
      return total;
    };
    const auto whole = define(shape, qkv, dout);
    const auto& gradients = whole.dqkv;
    constexpr double kStep = 1e-5;
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      const double kept = qkv[i];
      qkv[i] = kept + kStep;
      const double above = loss();
      qkv[i] = kept - kStep;
      const double below = loss();
      qkv[i] = kept;
      EXPECT_NEAR(gradients[i], (above - below) / (2.0 * kStep), 1e-8) << i;
    }
    const auto from_saved = define(shape, qkv, dout, {whole.out, whole.log_sum}).dqkv;
    for (std::size_t i = 0; i < qkv.size(); ++i) EXPECT_NEAR(gradients[i], from_saved[i], 1e-14);
  }
}

/// Chosen positions come out as they do among all.
TEST(AttentionReference, ComputesChosenPositions) {
  const Shape shape = shape_of(2, 9, 4, 2, 3, 1);
  const std::int64_t k = keys_at(shape);
  const std::int64_t v = values_at(shape);
  const Case<double> c(shape);
  const auto whole = define(shape, c.qkv, c.dout);
  const std::vector<std::int64_t> positions{0, 3, 8};
  std::vector<double> out(c.dout.size()), log_sum(whole.log_sum.size()), dqkv(c.qkv.size());
  forward_reference(shape, c.qkv.data(), c.qkv.data() + k, c.qkv.data() + v, out.data(),
                    log_sum.data(), Weights::as_computed, positions);
  backward_reference(shape, c.qkv.data(), c.qkv.data() + k, c.qkv.data() + v, c.dout.data(),
                     dqkv.data(), dqkv.data() + k, dqkv.data() + v, whole.out.data(),
                     whole.log_sum.data(), Weights::as_computed, positions);
  const auto saved = define(shape, c.qkv, c.dout, {whole.out, whole.log_sum}).dqkv;
  for (std::int64_t batch = 0; batch < shape.batch; ++batch) {
    for (const std::int64_t t : positions) {
      const std::int64_t token = batch * shape.sequence + t;
      for (std::int64_t i = token * k; i < (token + 1) * k; ++i) {
        EXPECT_EQ(out[static_cast<std::size_t>(i)], whole.out[static_cast<std::size_t>(i)]);
      }
      for (std::int64_t i = token * shape.row_stride; i < (token + 1) * shape.row_stride; ++i) {
        EXPECT_EQ(dqkv[static_cast<std::size_t>(i)], saved[static_cast<std::size_t>(i)]);
      }
      for (std::int64_t head = batch * shape.heads; head < (batch + 1) * shape.heads; ++head) {
        const auto at = static_cast<std::size_t>(head * shape.sequence + t);
        EXPECT_EQ(log_sum[at], whole.log_sum[at]);
      }
    }
  }
}

TEST(AttentionContract, FlopsAreThoseOfTheCausalHalf) {
  const Shape shape = shape_of(2, 512, 12, 12, 64);
  EXPECT_EQ(forward_flops(shape), 2ULL * 2 * 12 * 512 * 512 * 64);
  EXPECT_EQ(backward_flops(shape), 2 * forward_flops(shape));
}

class AttentionCpu : public testing::TestWithParam<CpuLevel> {};

template <class T>
void expect_definition(CpuLevel level, const Shape& shape) {
  const Case<T> c(shape);
  for (const Check& check : checks(c, compute(level, shape, c.qkv, c.dout))) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound
                                << " at " << name(level) << ' ' << text(shape) << " bytes "
                                << sizeof(T);
  }
}

TEST_P(AttentionCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape :
       {shape_of(1, 128, 3, 3, 64), shape_of(1, 131, 8, 1, 64, 3), shape_of(2, 77, 4, 1, 40, 5),
        shape_of(1, 70, 6, 2, 128), shape_of(1, 193, 1, 1, 128), shape_of(1, 65, 3, 1, 64),
        shape_of(2, 1, 8, 2, 64), shape_of(4, 3, 4, 2, 5), shape_of(2, 66, 3, 3, 1),
        shape_of(2, 64, 9, 9, 16)}) {
    expect_definition<float>(GetParam(), shape);
    expect_definition<Bf16>(GetParam(), shape);
  }
}

/// Bits of two results are equal.
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST_P(AttentionCpu, BitsDoNotDependOnThreads) {
  const int threads = omp_get_max_threads();
  for (const Shape& shape : {shape_of(1, 300, 4, 1, 64), shape_of(2, 150, 9, 9, 40)}) {
    const auto qkv = normal_input<Bf16>(6, 1, shape.batch * shape.sequence * shape.row_stride);
    const auto dout =
        normal_input<Bf16>(6, 2, shape.batch * shape.sequence * shape.heads * shape.head_size);
    omp_set_num_threads(1);
    const auto one = compute(GetParam(), shape, qkv, dout);
    omp_set_num_threads(2);
    const auto two = compute(GetParam(), shape, qkv, dout);
    omp_set_num_threads(5);
    const auto five = compute(GetParam(), shape, qkv, dout);
    omp_set_num_threads(threads);
    EXPECT_TRUE(same_bits(one.out, two.out) && same_bits(one.out, five.out));
    EXPECT_TRUE(same_bits(one.log_sum, two.log_sum) && same_bits(one.log_sum, five.log_sum));
    EXPECT_TRUE(same_bits(one.dqkv, two.dqkv) && same_bits(one.dqkv, five.dqkv));
  }
}

/// A later token changes nothing before it, not even a bit; elements between rows stay untouched.
TEST_P(AttentionCpu, SeesNoFutureAndWritesNoGap) {
  const Shape shape = shape_of(1, 100, 2, 1, 40, 7);
  auto qkv = normal_input<Bf16>(8, 1, shape.sequence * shape.row_stride);
  const auto dout = normal_input<Bf16>(8, 2, shape.sequence * shape.heads * shape.head_size);
  const auto before = compute(GetParam(), shape, qkv, dout);
  constexpr std::int64_t kChanged = 70;
  for (std::int64_t i = kChanged * shape.row_stride; i < (kChanged + 1) * shape.row_stride; ++i) {
    qkv[static_cast<std::size_t>(i)] = to_bf16(1e30F);
  }
  const auto after = compute(GetParam(), shape, qkv, dout);
  const std::size_t kept =
      static_cast<std::size_t>(kChanged * shape.heads * shape.head_size) * sizeof(Bf16);
  EXPECT_EQ(std::memcmp(before.out.data(), after.out.data(), kept), 0);
  for (std::int64_t row = 0; row < shape.sequence; ++row) {
    for (std::int64_t i = shape.row_stride - 7; i < shape.row_stride; ++i) {
      EXPECT_EQ(before.dqkv[static_cast<std::size_t>(row * shape.row_stride + i)].bits, 0);
    }
  }
}

TEST_P(AttentionCpu, PassesNaNsOn) {
  const Shape shape = shape_of(1, 20, 1, 1, 64);
  auto qkv = normal_input<float>(8, 1, shape.sequence * shape.row_stride);
  const auto dout = normal_input<float>(8, 2, shape.sequence * shape.head_size);
  for (const std::int64_t part : {0, 1, 2}) {
    auto broken = qkv;
    broken[static_cast<std::size_t>(part * shape.head_size + 9)] =
        std::numeric_limits<float>::quiet_NaN();
    const auto results = compute(GetParam(), shape, broken, dout);
    const std::size_t seen_by = part == 0 ? 0 : results.out.size() - shape.head_size;
    EXPECT_TRUE(std::isnan(results.out[seen_by + 9])) << part;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, AttentionCpu, testing::ValuesIn(supported_cpu_levels()));

/// Attention with faults to plant: a mask that is one key off and a wrong scale.
std::vector<double> faulty(const Shape& shape, const std::vector<double>& qkv, std::int64_t shift,
                           double factor) {
  std::vector<double> out(static_cast<std::size_t>(shape.sequence * shape.heads * shape.head_size));
  const auto at = [&](std::int64_t part, std::int64_t t, std::int64_t d) {
    return qkv[static_cast<std::size_t>(t * shape.row_stride + part * shape.head_size + d)];
  };
  for (std::int64_t t = 0; t < shape.sequence; ++t) {
    const std::int64_t last = std::min(std::max<std::int64_t>(t + shift, 0), shape.sequence - 1);
    double sum = 0.0;
    for (std::int64_t u = 0; u <= last; ++u) {
      double score = 0.0;
      for (std::int64_t d = 0; d < shape.head_size; ++d) score += at(0, t, d) * at(1, u, d);
      const double weight =
          std::exp(factor * score / std::sqrt(static_cast<double>(shape.head_size)));
      sum += weight;
      for (std::int64_t d = 0; d < shape.head_size; ++d) {
        out[static_cast<std::size_t>(t * shape.head_size + d)] += weight * at(2, u, d);
      }
    }
    for (std::int64_t d = 0; d < shape.head_size; ++d) {
      out[static_cast<std::size_t>(t * shape.head_size + d)] /= sum;
    }
  }
  return out;
}

TEST(AttentionGate, FailsOnPlantedFaults) {
  const Shape shape = shape_of(1, 128, 1, 1, 64);
  const auto stored = normal_input<Bf16>(12, 1, shape.sequence * shape.row_stride);
  const auto dout = normal_input<Bf16>(12, 2, shape.sequence * shape.head_size);
  const auto qkv = to_double(stored);
  const auto exact = define(shape, qkv, to_double(dout)).out;
  const auto control =
      stored_as<Bf16>(define(shape, to_single(stored), to_single(dout), {}, Weights::bf16).out);
  const auto passes = [&](std::int64_t shift, double factor) {
    return compare_with_control("out", faulty(shape, qkv, shift, factor), control, exact).passed();
  };
  EXPECT_TRUE(passes(0, 1.0));
  EXPECT_FALSE(passes(-1, 1.0)) << "a mask that hides the token itself";
  EXPECT_FALSE(passes(1, 1.0)) << "a mask that shows the next token";
  EXPECT_FALSE(passes(0, 1.02)) << "a scale of 1/sqrt(D - 2)";
  auto dropped = exact;
  for (std::size_t i = 64 * 64; i < 65 * 64; ++i) dropped[i] = exact[i - 64];
  EXPECT_FALSE(compare_with_control("out", dropped, control, exact).passed()) << "a row twice";
}

}  // namespace
}  // namespace assay::attention
