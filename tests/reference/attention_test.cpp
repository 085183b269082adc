/// Attention: the definition against finite differences, every CPU level against the definition,
/// and the gate against planted faults.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::attention {
namespace {

/// Rows with a gap of `gap` elements after the value heads, so strides fit no vector.
Shape shape_of(std::int64_t batch, std::int64_t sequence, std::int64_t heads, std::int64_t kv_heads,
               std::int64_t head_size, std::int64_t gap = 0) {
  return {batch, sequence, heads, kv_heads, head_size, (heads + 2 * kv_heads) * head_size + gap};
}

template <class Real, class Statistic = Real>
struct Results {
  std::vector<Real> out, dqkv;
  std::vector<Statistic> log_sum;
};

/// What a forward kernel left, as operands of the definition's backward pass.
template <class Real>
struct Saved {
  std::vector<Real> out, log_sum;
};

template <class Real>
Results<Real> define(const Shape& shape, const std::vector<Real>& qkv,
                     const std::vector<Real>& dout, const Saved<Real>& saved = {},
                     Weights weights = Weights::as_computed) {
  const std::int64_t k = shape.heads * shape.head_size;
  const std::int64_t v = k + shape.kv_heads * shape.head_size;
  const auto statistics = static_cast<std::size_t>(shape.batch * shape.heads * shape.sequence);
  Results<Real> r{std::vector<Real>(dout.size()), std::vector<Real>(qkv.size()),
                  std::vector<Real>(statistics)};
  forward_reference(shape, qkv.data(), qkv.data() + k, qkv.data() + v, r.out.data(),
                    r.log_sum.data(), weights);
  const bool whole = saved.out.empty();
  backward_reference(shape, qkv.data(), qkv.data() + k, qkv.data() + v, dout.data(), r.dqkv.data(),
                     r.dqkv.data() + k, r.dqkv.data() + v, whole ? nullptr : saved.out.data(),
                     whole ? nullptr : saved.log_sum.data(), weights);
  return r;
}

template <class T>
Results<T, float> compute(CpuLevel level, const Shape& shape, const std::vector<T>& qkv,
                          const std::vector<T>& dout) {
  const std::int64_t k = shape.heads * shape.head_size;
  const std::int64_t v = k + shape.kv_heads * shape.head_size;
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

/// The heads [first, first + count) of each row.
template <class Real>
std::vector<Real> heads_of(const Shape& shape, const std::vector<Real>& rows, std::int64_t first,
                           std::int64_t count) {
  std::vector<Real> part;
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    const auto begin = rows.begin() + row * shape.row_stride + first * shape.head_size;
    part.insert(part.end(), begin, begin + count * shape.head_size);
  }
  return part;
}

TEST(AttentionReference, BackwardEqualsFiniteDifferences) {
  for (const Shape& shape : {shape_of(2, 5, 2, 2, 3), shape_of(1, 4, 4, 2, 2, 1)}) {
    const std::int64_t k = shape.heads * shape.head_size;
    const std::int64_t v = k + shape.kv_heads * shape.head_size;
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

TEST(AttentionContract, FlopsAreThoseOfTheCausalHalf) {
  const Shape shape = shape_of(2, 512, 12, 12, 64);
  EXPECT_EQ(forward_flops(shape), 2ULL * 2 * 12 * 512 * 512 * 64);
  EXPECT_EQ(backward_flops(shape), 2 * forward_flops(shape));
}

class AttentionCpu : public testing::TestWithParam<CpuLevel> {};

template <class T>
void expect_definition(CpuLevel level, const Shape& shape) {
  const std::int64_t tokens = shape.batch * shape.sequence;
  const auto qkv = normal_input<T>(5, 1, tokens * shape.row_stride);
  const auto dout = normal_input<T>(5, 2, tokens * shape.heads * shape.head_size);
  const auto kernel = compute(level, shape, qkv, dout);
  const auto control = define(shape, to_single(qkv), to_single(dout),
                              {to_single(kernel.out), to_single(kernel.log_sum)},
                              sizeof(T) == 2 ? Weights::bf16 : Weights::as_computed);
  const auto exact = define(shape, to_double(qkv), to_double(dout),
                            {to_double(kernel.out), to_double(kernel.log_sum)});
  std::vector<Check> all{
      compare_with_control("out", to_double(kernel.out), stored_as<T>(control.out), exact.out),
      compare_with_control("log_sum", to_double(kernel.log_sum), stored_as<float>(control.log_sum),
                           exact.log_sum)};
  const auto check = [&](const char* name, std::int64_t first, std::int64_t count) {
    all.push_back(compare_with_control(name, to_double(heads_of(shape, kernel.dqkv, first, count)),
                                       stored_as<T>(heads_of(shape, control.dqkv, first, count)),
                                       heads_of(shape, exact.dqkv, first, count)));
  };
  check("dq", 0, shape.heads);
  check("dk", shape.heads, shape.kv_heads);
  check("dv", shape.heads + shape.kv_heads, shape.kv_heads);
  for (const Check& c : all) {
    EXPECT_TRUE(c.passed()) << c.name << ' ' << c.error << " > " << c.bound << " at " << name(level)
                            << " B" << shape.batch << " T" << shape.sequence << " H" << shape.heads
                            << " G" << shape.kv_heads << " D" << shape.head_size << " bytes "
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

TEST(AttentionWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), omp_get_max_threads()};
    const bool small = workload.problem[0].value == 1 && workload.problem[4].value == 64;
    if (unavailable_on(workload, device) || !small) continue;
    const Instance instance = workload.on_cpu(device, {77});
    instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::attention
