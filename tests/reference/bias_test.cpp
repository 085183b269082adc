/// Bias gradient: every CPU level against the definition, the number of threads against the bits,
/// and the gate against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>

#include "kernels/cpu/kernels_at.h"
#include "reference/bias_case.h"

namespace assay::bias {
namespace {

TEST(BiasReference, IsTheDerivativeOfABroadcastAddition) {
  // y = x + b, loss = Σ y·dy: dloss/db_i = Σ_rows dy, added to what was there.
  const std::vector<double> dy{1, 2, 3, 10, 20, 30};
  std::vector<double> dbias{100, 100, 100};
  backward_reference(2, 3, dy.data(), dbias.data());
  EXPECT_EQ(dbias, (std::vector<double>{111, 122, 133}));
}

template <class T>
std::vector<float> run(const Case<T>& c, CpuLevel level) {
  std::vector<float> dbias = c.dbias;
  kernels_for<CpuKernels<T>>(level).backward(c.rows, c.width, c.dy.data(), dbias.data());
  return dbias;
}

template <class T>
void expect_equals_definition(std::int64_t rows, std::int64_t width, CpuLevel level) {
  const Case<T> c(rows, width);
  const Check check = c.check(run(c, level));
  EXPECT_TRUE(check.passed()) << rows << 'x' << width << ": " << check.error << " > "
                              << check.bound;
}

class BiasCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(BiasCpu, EqualsDefinitionWithinControl) {
  for (const auto& [rows, width] :
       {std::pair{256, 768}, {67, 333}, {1, 300}, {1, 1}, {31, 3}, {33, 257}, {129, 17}}) {
    expect_equals_definition<float>(rows, width, GetParam());
    expect_equals_definition<Bf16>(rows, width, GetParam());
  }
}

TEST_P(BiasCpu, ThreadsDoNotChangeBits) {
  const Case<float> c(211, 301);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = run(c, GetParam());
  omp_set_num_threads(2);
  const auto two = run(c, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, BiasCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

template <class T>
void expect_faults_refused() {
  const Case<T> c(256, 96);
  const auto sum = [&](std::vector<float> start, std::int64_t rows) {
    const auto dy = to_single(c.dy);
    backward_reference(rows, c.width, dy.data(), start.data());
    return start;
  };
  const std::vector<float> right = sum(c.dbias, c.rows);
  EXPECT_TRUE(c.check(right).passed());
  EXPECT_FALSE(c.check(sum(c.dbias, c.rows - 1)).passed()) << "the last row dropped";
  EXPECT_FALSE(c.check(sum(std::vector<float>(right.size()), c.rows)).passed())
      << "written instead of added";
  auto shifted = right;
  std::rotate(shifted.begin(), shifted.begin() + 1, shifted.end());
  EXPECT_FALSE(c.check(shifted).passed()) << "a column off";
  // Sums kept in BF16 between blocks of rows.
  auto rounded = right;
  for (float& value : rounded) value = to_float(from_float<Bf16>(value));
  EXPECT_FALSE(c.check(rounded).passed()) << "a sum in BF16";
}

TEST(BiasGate, RefusesPlantedFaults) {
  expect_faults_refused<float>();
  expect_faults_refused<Bf16>();
}

}  // namespace
}  // namespace assay::bias
