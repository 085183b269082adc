/// Embedding: the definition against finite differences, every CPU level against the definition,
/// and the number of threads against the bits.
#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/cpu/kernels_at.h"
#include "reference/embedding_case.h"
#include "reference/expect_passed.h"

namespace assay::embedding {
namespace {

TEST(EmbeddingReference, BackwardEqualsFiniteDifferences) {
  const Shape shape{2, 3, 4, 5};
  const std::vector<std::int32_t> tokens{1, 4, 1, 0, 1, 4};
  auto wte = normal_input<double>(2, 1, 20);
  auto wpe = normal_input<double>(2, 2, 12);
  const auto dx = normal_input<double>(2, 3, 24);
  std::vector<double> x(24), dwte(20), dwpe(12);
  const auto loss = [&] {
    forward_reference(shape, tokens.data(), wte.data(), wpe.data(), x.data());
    double total = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) total += x[i] * dx[i];
    return total;
  };
  backward_reference(shape, tokens.data(), dx.data(), dwte.data(), dwpe.data());
  const auto expect_derivatives = [&](std::vector<double>& table,
                                      const std::vector<double>& gradient) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      constexpr double kStep = 1e-5;
      const double kept = table[i];
      table[i] = kept + kStep;
      const double above = loss();
      table[i] = kept - kStep;
      const double below = loss();
      table[i] = kept;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << i;
    }
  };
  expect_derivatives(wte, dwte);
  expect_derivatives(wpe, dwpe);
}

/// Runs one CPU level on a case.
template <class T>
Outputs<T> run(const Case<T>& c, CpuLevel level) {
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  Outputs<T> out{std::vector<T>(c.dx.size()), c.start};
  kernels.forward(c.shape, c.tokens.data(), c.wte.data(), c.positions ? c.wpe.data() : nullptr,
                  out.x.data());
  kernels.backward(c.shape, c.tokens.data(), c.dx.data(), out.gradients.dwte.data(),
                   c.positions ? out.gradients.dwpe.data() : nullptr);
  return out;
}

template <class T>
void expect_equals_definition(const Shape& shape, bool positions, CpuLevel level) {
  const Case<T> c(shape, positions);
  expect_passed(checks(c, run(c, level)));
}

class EmbeddingCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(EmbeddingCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape :
       {Shape{2, 16, 96, 40}, Shape{3, 5, 37, 7}, Shape{1, 1, 1, 2}, Shape{1, 9, 300, 3}}) {
    for (const bool positions : {true, false}) {
      expect_equals_definition<float>(shape, positions, GetParam());
      expect_equals_definition<Bf16>(shape, positions, GetParam());
    }
  }
}

TEST_P(EmbeddingCpu, ThreadsDoNotChangeBits) {
  const Case<float> c({4, 64, 75, 5}, true);  // five tokens, each many times over
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Gradients<float> one = run(c, GetParam()).gradients;
  for (const int count : {2, 7}) {  // 7 is more than the width has cache lines
    omp_set_num_threads(count);
    const Gradients<float> many = run(c, GetParam()).gradients;
    EXPECT_EQ(one.dwte, many.dwte) << count;
    EXPECT_EQ(one.dwpe, many.dwpe) << count;
  }
  omp_set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(Levels, EmbeddingCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(EmbeddingWorkloads, OutputsVerifyEvenAfterManyIterations) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    // A table of GPT-2's vocabulary takes seconds to fill, which the forward pass would need.
    if (!workload.on_cpu) continue;
    if (workload.precision != Precision::fp32 || workload.operation == "forward") continue;
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 3; ++i) instance.iterate();
    SCOPED_TRACE(workload.name);
    expect_passed(instance.verify());
  }
}

}  // namespace
}  // namespace assay::embedding
