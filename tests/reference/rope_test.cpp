/// RoPE: the definition's backward against finite differences, every CPU level against the
/// definition, and the gate against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "kernels/cpu/kernels_at.h"
#include "reference/expect_passed.h"
#include "reference/rope_case.h"

namespace assay::rope {
namespace {

std::int64_t elements(const Shape& shape) {
  return shape.batch * shape.sequence * shape.row_stride;
}

TEST(RopeReference, BackwardEqualsFiniteDifferences) {
  const Shape shape{2, 3, 2, 6, 15};
  auto x = normal_input<double>(3, 1, elements(shape));
  const auto dy = normal_input<double>(3, 2, elements(shape));
  const auto loss = [&] {
    auto y = x;
    forward_reference(shape, kTheta, y.data());
    double total = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * dy[i];
    return total;
  };
  auto dx = dy;
  backward_reference(shape, kTheta, dx.data());
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + kStep;
    const double above = loss();
    x[i] = kept - kStep;
    const double below = loss();
    x[i] = kept;
    EXPECT_NEAR(dx[i], (above - below) / (2.0 * kStep), 1e-8) << i;
  }
}

/// The property that the paper derives it from: q·k depends on the distance of positions alone.
TEST(RopeReference, ProductsDependOnDistanceAlone) {
  constexpr std::int64_t kWidth = 8;
  const Shape shape{1, 9, 1, kWidth, kWidth};
  const auto q = normal_input<double>(4, 1, kWidth);
  const auto k = normal_input<double>(4, 2, kWidth);
  const auto everywhere = [&](const std::vector<double>& v) {
    std::vector<double> rows;
    for (std::int64_t t = 0; t < shape.sequence; ++t) rows.insert(rows.end(), v.begin(), v.end());
    forward_reference(shape, kTheta, rows.data());
    return rows;
  };
  const auto qs = everywhere(q);
  const auto ks = everywhere(k);
  const auto product = [&](std::int64_t t, std::int64_t u) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < kWidth; ++i) {
      sum += qs[static_cast<std::size_t>(t * kWidth + i)] *
             ks[static_cast<std::size_t>(u * kWidth + i)];
    }
    return sum;
  };
  EXPECT_NEAR(product(3, 1), product(8, 6), 1e-12);
  EXPECT_GT(std::abs(product(3, 1) - product(8, 5)), 1e-3);
}

class RopeCpu : public testing::TestWithParam<CpuLevel> {};

template <class T>
void expect_definition(CpuLevel level, const Shape& shape) {
  const Buffers<T> b(shape, kCaseKey);
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    SCOPED_TRACE(testing::Message() << "T " << shape.sequence << ", D " << shape.head_size
                                    << ", forward " << (pass == Pass::forward));
    auto output = b.input;
    (pass == Pass::forward ? kernels.forward : kernels.backward)(shape, b.table.data(),
                                                                 output.data());
    expect_passed(checks(pass, shape, b.input, output));
  }
}

TEST_P(RopeCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape : case_shapes()) {
    expect_definition<float>(GetParam(), shape);
    expect_definition<Bf16>(GetParam(), shape);
  }
}

TEST_P(RopeCpu, BitsDoNotDependOnThreads) {
  const Shape shape{2, 31, 3, 40, 130};
  const int threads = omp_get_max_threads();
  const auto table = make_table(shape.sequence, shape.head_size, kTheta);
  const auto run = [&](int count) {
    auto x = normal_input<float>(6, 1, elements(shape));
    omp_set_num_threads(count);
    kernels_for<CpuKernels<float>>(GetParam()).forward(shape, table.data(), x.data());
    omp_set_num_threads(threads);
    return x;
  };
  EXPECT_EQ(run(1), run(2));
}

INSTANTIATE_TEST_SUITE_P(Levels, RopeCpu, testing::ValuesIn(supported_cpu_levels()));

TEST(RopeGate, FailsOnPlantedFaults) {
  const Shape shape{1, 16, 2, 64, 128};
  const auto stored = normal_input<Bf16>(7, 1, elements(shape));
  const auto rotated = [&](auto x, double theta) {
    forward_reference(shape, theta, x.data());
    return x;
  };
  const auto exact = rotated(to_double(stored), kTheta);
  const auto control = stored_as<Bf16>(rotated(to_single(stored), kTheta));
  const auto passes = [&](const std::vector<double>& output) {
    return compare_with_control("x", output, control, exact).passed();
  };
  EXPECT_TRUE(passes(exact));
  EXPECT_FALSE(passes(rotated(to_double(stored), 9000.0))) << "a wrong base";
  auto backward = to_double(stored);
  backward_reference(shape, kTheta, backward.data());
  EXPECT_FALSE(passes(backward)) << "a wrong sign of the angle";
  // Positions one too large: row t of the fault is row t + 1 of a longer sequence.
  const Shape longer{1, 17, 2, 64, 128};
  auto shifted = to_double(stored);
  shifted.insert(shifted.begin(), 128, 0.0);
  forward_reference(longer, kTheta, shifted.data());
  shifted.erase(shifted.begin(), shifted.begin() + 128);
  EXPECT_FALSE(passes(shifted)) << "positions counted from one";
}

}  // namespace
}  // namespace assay::rope
