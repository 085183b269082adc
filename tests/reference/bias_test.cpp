/// Bias gradient: every CPU level against the definition, and the number of threads against the
/// bits.
#include "kernels/bias/bias.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

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
std::vector<float> run(std::int64_t rows, std::int64_t width, const std::vector<T>& dy,
                       CpuLevel level) {
  auto dbias = normal_input<float>(9, 2, width);
  kernels_for<CpuKernels<T>>(level).backward(rows, width, dy.data(), dbias.data());
  return dbias;
}

template <class T>
void expect_equals_definition(std::int64_t rows, std::int64_t width, CpuLevel level) {
  const auto dy = normal_input<T>(9, 1, rows * width, 0.1);
  auto exact = to_double(normal_input<float>(9, 2, width));
  auto control = normal_input<float>(9, 2, width);
  backward_reference(rows, width, to_double(dy).data(), exact.data());
  backward_reference(rows, width, to_single(dy).data(), control.data());
  const Check check = compare_with_control("dbias", to_double(run(rows, width, dy, level)),
                                           stored_as<float>(control), exact);
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
  const auto dy = normal_input<float>(9, 1, 211 * 301);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = run(211, 301, dy, GetParam());
  omp_set_num_threads(2);
  const auto two = run(211, 301, dy, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, BiasCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(BiasWorkloads, OutputsVerifyEvenAfterManyIterations) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    if (unavailable_on(workload, device)) continue;
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 5; ++i) instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.error << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::bias
