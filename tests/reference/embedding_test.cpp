/// Embedding: the definition against finite differences, every CPU level against the definition,
/// the number of threads against the bits, and the gate against planted faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <set>
#include <string>

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

constexpr Shape kGateShape{2, 16, 48, 20};  // 32 tokens of 20: some occur often, some never

template <class T>
void expect_forward_faults_refused() {
  const Inputs<T> in(Pass::forward, kGateShape, 42);
  const auto run = [&](const std::vector<std::int32_t>& tokens, std::vector<T> wpe) {
    std::vector<double> x(tokens.size() * static_cast<std::size_t>(kGateShape.width));
    const auto table = to_double(in.wte);
    const auto places = to_double(wpe);
    forward_reference(kGateShape, tokens.data(), table.data(), places.data(), x.data());
    std::vector<T> stored;
    for (const double value : x) stored.push_back(from_float<T>(static_cast<float>(value)));
    return verify_forward(kGateShape, in, stored).front().passed();
  };
  EXPECT_TRUE(run(in.tokens, in.wpe));
  auto one_wrong = in.tokens;
  one_wrong.back() = (one_wrong.back() + 1) % 20;
  EXPECT_FALSE(run(one_wrong, in.wpe)) << "the last token's neighbour";
  auto later = in.wpe;
  std::rotate(later.begin(), later.begin() + kGateShape.width, later.end());
  EXPECT_FALSE(run(in.tokens, later)) << "positions counted from one";
  EXPECT_FALSE(run(in.tokens, std::vector<T>(in.wpe.size()))) << "positions left out";
}

template <class T>
std::vector<std::string> refused_gradients(const Inputs<T>& in, const Gradients<float>& g) {
  std::vector<std::string> names;
  for (const Check& check : verify_backward(kGateShape, in, g)) {
    if (!check.passed()) names.push_back(check.name);
  }
  return names;
}

template <class T>
void expect_backward_faults_refused() {
  using ::testing::ElementsAre;
  const Inputs<T> in(Pass::backward, kGateShape, 42);
  const auto width = static_cast<std::size_t>(kGateShape.width);
  const auto run = [&](const std::vector<T>& dx) {
    Gradients<float> g = zero_gradients(kGateShape);
    const auto widened = to_single(dx);
    backward_reference(kGateShape, in.tokens.data(), widened.data(), g.dwte.data(), g.dwpe.data());
    return g;
  };
  const Gradients<float> right = run(in.dx);
  EXPECT_THAT(refused_gradients(in, right), ElementsAre());
  auto dropped = in.dx;
  std::fill(dropped.end() - kGateShape.width, dropped.end(), T{});
  EXPECT_THAT(refused_gradients(in, run(dropped)), ElementsAre("dwte", "dwpe"));
  // Written instead of added: of a token that occurs twice the last one stays.
  Gradients<float> last = right;
  for (std::size_t token = 0; token < in.tokens.size(); ++token) {
    for (std::size_t i = 0; i < width; ++i) {
      last.dwte[static_cast<std::size_t>(in.tokens[token]) * width + i] =
          to_float(in.dx[token * width + i]);
    }
  }
  EXPECT_THAT(refused_gradients(in, last), ElementsAre("dwte"));
  // A row of a token that does not occur, touched.
  const std::set<std::int32_t> named(in.tokens.begin(), in.tokens.end());
  std::size_t absent = 0;
  while (named.contains(static_cast<std::int32_t>(absent))) ++absent;
  ASSERT_LT(absent, 20U);
  Gradients<float> touched = right;
  touched.dwte[absent * width] = 1e-30F;
  EXPECT_THAT(refused_gradients(in, touched), ElementsAre("dwte of tokens that do not occur"));
}

TEST(EmbeddingGate, RefusesPlantedFaults) {
  expect_forward_faults_refused<float>();
  expect_forward_faults_refused<Bf16>();
  expect_backward_faults_refused<float>();
  expect_backward_faults_refused<Bf16>();
}

}  // namespace
}  // namespace assay::embedding
