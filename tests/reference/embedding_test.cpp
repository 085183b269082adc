/// Embedding: the definition against finite differences, every CPU level against the definition,
/// and the number of threads against the bits.
#include "kernels/embedding/embedding.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

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

struct Gradients {
  std::vector<float> dwte, dwpe;
};

template <class T>
Gradients run_backward(const Shape& shape, const std::vector<std::int32_t>& tokens,
                       const std::vector<T>& dx, CpuLevel level, bool positions = true) {
  Gradients g{normal_input<float>(4, 5, shape.vocabulary * shape.width),
              normal_input<float>(4, 6, shape.sequence * shape.width)};
  kernels_for<CpuKernels<T>>(level).backward(shape, tokens.data(), dx.data(), g.dwte.data(),
                                             positions ? g.dwpe.data() : nullptr);
  return g;
}

template <class T>
void expect_equals_definition(const Shape& shape, bool positions, CpuLevel level) {
  const std::int64_t count = shape.batch * shape.sequence;
  const auto tokens = integer_input(4, 1, count, static_cast<std::int32_t>(shape.vocabulary));
  const auto wte = normal_input<T>(4, 2, shape.vocabulary * shape.width);
  const auto wpe = normal_input<T>(4, 3, shape.sequence * shape.width);
  const auto dx = normal_input<T>(4, 4, count * shape.width);
  std::vector<T> x(dx.size());
  kernels_for<CpuKernels<T>>(level).forward(shape, tokens.data(), wte.data(),
                                            positions ? wpe.data() : nullptr, x.data());
  const Gradients g = run_backward(shape, tokens, dx, level, positions);

  const auto forward = [&](const auto& convert) {
    auto out = convert(x);
    const auto rows = convert(wte);
    const auto places = convert(wpe);
    forward_reference(shape, tokens.data(), rows.data(), positions ? places.data() : nullptr,
                      out.data());
    return out;
  };
  Check output = compare_with_control("x", to_double(x), stored_as<T>(forward(to_single<T>)),
                                      forward(to_double<T>));
  if (!positions) output.bound = 0.0;  // a copy is exact
  auto exact_dwte = to_double(normal_input<float>(4, 5, shape.vocabulary * shape.width));
  auto exact_dwpe = to_double(normal_input<float>(4, 6, shape.sequence * shape.width));
  auto control_dwte = normal_input<float>(4, 5, shape.vocabulary * shape.width);
  auto control_dwpe = normal_input<float>(4, 6, shape.sequence * shape.width);
  backward_reference(shape, tokens.data(), to_double(dx).data(), exact_dwte.data(),
                     positions ? exact_dwpe.data() : nullptr);
  backward_reference(shape, tokens.data(), to_single(dx).data(), control_dwte.data(),
                     positions ? control_dwpe.data() : nullptr);
  for (const Check& check :
       {output,
        compare_with_control("dwte", to_double(g.dwte), stored_as<float>(control_dwte), exact_dwte),
        compare_with_control("dwpe", to_double(g.dwpe), stored_as<float>(control_dwpe),
                             exact_dwpe)}) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
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
  const Shape shape{4, 64, 75, 5};  // five tokens, each many times over
  const auto tokens = integer_input(4, 1, 256, 5);
  const auto dx = normal_input<float>(4, 4, 256 * 75);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const Gradients one = run_backward(shape, tokens, dx, GetParam());
  omp_set_num_threads(2);
  const Gradients two = run_backward(shape, tokens, dx, GetParam());
  omp_set_num_threads(7);  // more than the width has cache lines
  const Gradients seven = run_backward(shape, tokens, dx, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one.dwte, two.dwte);
  EXPECT_EQ(one.dwpe, two.dwpe);
  EXPECT_EQ(one.dwte, seven.dwte);
  EXPECT_EQ(one.dwpe, seven.dwpe);
}

INSTANTIATE_TEST_SUITE_P(Levels, EmbeddingCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(EmbeddingWorkloads, OutputsVerifyEvenAfterManyIterations) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    // A table of GPT-2's vocabulary takes seconds to fill, which the forward pass would need.
    if (workload.precision != Precision::fp32 || workload.operation == "forward") continue;
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 3; ++i) instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::embedding
