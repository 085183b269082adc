/// Routing, dispatch and combine: the definition against finite differences, every CPU level
/// against the definition, ties, and the round trip.
#include "kernels/moe/moe.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "base/error.h"
#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::moe {
namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

/// Holds each gradient[i] against the central difference of `loss` over v[i].
void expect_derivatives(Vector& v, const Vector& gradient, const std::function<double()>& loss) {
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double kept = v[i];
    v[i] = kept + kStep;
    const double above = loss();
    v[i] = kept - kStep;
    const double below = loss();
    v[i] = kept;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << i;
  }
}

const Shape kSmall{5, 4, 2, 3};

Plan small_plan() {
  const auto logits = normal_input<double>(8, 1, kSmall.tokens * kSmall.experts);
  Vector probability(logits.size()), weight(10);
  Plan plan;
  plan.expert.resize(10);
  route_forward_reference(kSmall, logits.data(), probability.data(), plan.expert.data(),
                          weight.data());
  make_plan(kSmall, plan);
  return plan;
}

TEST(MoeReference, RouteBackwardEqualsFiniteDifferences) {
  auto logits = normal_input<double>(8, 1, 20);
  const auto dweight = normal_input<double>(8, 2, 10);
  Vector probability(20), weight(10), dlogits(20);
  std::vector<std::int32_t> expert(10);
  const auto loss = [&] {
    route_forward_reference(kSmall, logits.data(), probability.data(), expert.data(),
                            weight.data());
    return dot(weight, dweight);
  };
  loss();
  route_backward_reference(kSmall, probability.data(), expert.data(), dweight.data(),
                           dlogits.data());
  expect_derivatives(logits, dlogits, loss);
}

TEST(MoeReference, DispatchBackwardEqualsFiniteDifferences) {
  const Plan plan = small_plan();
  auto x = normal_input<double>(8, 3, 15);
  const auto dxs = normal_input<double>(8, 4, 30);
  const auto through = normal_input<double>(8, 5, 15);
  Vector xs(30), dx(15);
  dispatch_backward_reference(kSmall, plan, dxs.data(), through.data(), dx.data());
  expect_derivatives(x, dx, [&] {
    dispatch_forward_reference(kSmall, plan, x.data(), xs.data());
    return dot(xs, dxs) + dot(x, through);
  });
}

TEST(MoeReference, CombineBackwardEqualsFiniteDifferences) {
  const Plan plan = small_plan();
  auto ys = normal_input<double>(8, 6, 30);
  auto weight = normal_input<double>(8, 7, 10);
  const auto addend = normal_input<double>(8, 8, 15);
  const auto dy = normal_input<double>(8, 9, 15);
  Vector y(15), dys(30), dweight(10);
  const auto loss = [&] {
    combine_forward_reference(kSmall, plan, weight.data(), ys.data(), addend.data(), y.data());
    return dot(y, dy);
  };
  combine_backward_reference(kSmall, plan, weight.data(), ys.data(), dy.data(), dys.data(),
                             dweight.data());
  expect_derivatives(ys, dys, loss);
  expect_derivatives(weight, dweight, loss);
}

TEST(MoePlan, GroupsByExpertThenToken) {
  Plan plan;
  plan.expert = {2, 0, 0, 2, 1, 2};
  make_plan({3, 4, 2, 1}, plan);
  EXPECT_EQ(plan.offset, (std::vector<std::int64_t>{0, 2, 3, 6, 6}));
  EXPECT_EQ(plan.slot, (std::vector<std::int32_t>{3, 0, 1, 4, 2, 5}));
  EXPECT_EQ(plan.token_of_slot, (std::vector<std::int32_t>{0, 1, 2, 0, 1, 2}));
}

TEST(MoePlan, RefusesExpertsThatDoNotExist) {
  Plan plan;
  plan.expert = {0, 4};
  EXPECT_THROW(make_plan({1, 4, 2, 1}, plan), Error);
  plan.expert = {0, -1};
  EXPECT_THROW(make_plan({1, 4, 2, 1}, plan), Error);
  plan.expert = {0};
  EXPECT_THROW(make_plan({1, 4, 2, 1}, plan), Error);
}

/// All inputs and, after run(), outputs of one shape in storage type T.
template <class T>
struct Case {
  Shape shape;
  std::vector<T> logits, x, ys, dy, through;
  std::vector<float> dweight;
  Plan plan;
  std::vector<float> probability, weight, dweight_out;
  std::vector<T> dlogits, xs, dx, y, dys;

  explicit Case(const Shape& s) : shape(s) {
    const std::int64_t choices = s.tokens * s.top_k;
    logits = normal_input<T>(12, 1, s.tokens * s.experts);
    x = normal_input<T>(12, 2, s.tokens * s.width);
    ys = normal_input<T>(12, 3, choices * s.width);
    dy = normal_input<T>(12, 4, s.tokens * s.width);
    through = normal_input<T>(12, 5, s.tokens * s.width);
    dweight = normal_input<float>(12, 6, choices);
    probability.resize(logits.size());
    weight.resize(dweight.size());
    dweight_out.resize(dweight.size());
    dlogits.resize(logits.size());
    xs.resize(ys.size());
    dys.resize(ys.size());
    dx.resize(x.size());
    y.resize(x.size());
    plan.expert.resize(dweight.size());
  }

  void run(CpuLevel level) {
    const auto& k = kernels_for<CpuKernels<T>>(level);
    k.route_forward(shape, logits.data(), probability.data(), plan.expert.data(), weight.data());
    make_plan(shape, plan);
    k.route_backward(shape, probability.data(), plan.expert.data(), dweight.data(), dlogits.data());
    k.dispatch_forward(shape, plan, x.data(), xs.data());
    k.dispatch_backward(shape, plan, ys.data(), through.data(), dx.data());
    k.combine_forward(shape, plan, weight.data(), ys.data(), through.data(), y.data());
    k.combine_backward(shape, plan, weight.data(), ys.data(), dy.data(), dys.data(),
                       dweight_out.data());
  }
};

template <class Real>
struct Defined {
  std::vector<std::int32_t> expert;
  std::vector<Real> probability, weight, dlogits, xs, dx, y, dys, dweight;
};

/// The definition on the operands that the kernels had.
template <class Real, class T>
Defined<Real> define(const Case<T>& c, const auto& convert, const auto& convert_float) {
  const auto vector = [](const auto& like) { return std::vector<Real>(like.size()); };
  Defined<Real> d{c.plan.expert, vector(c.logits), vector(c.weight), vector(c.logits), vector(c.ys),
                  vector(c.x),   vector(c.x),      vector(c.ys),     vector(c.weight)};
  route_forward_reference(c.shape, convert(c.logits).data(), d.probability.data(), d.expert.data(),
                          d.weight.data());
  route_backward_reference(c.shape, convert_float(c.probability).data(), d.expert.data(),
                           convert_float(c.dweight).data(), d.dlogits.data());
  const auto weight = convert_float(c.weight);
  const auto ys = convert(c.ys);
  const auto through = convert(c.through);
  dispatch_forward_reference(c.shape, c.plan, convert(c.x).data(), d.xs.data());
  dispatch_backward_reference(c.shape, c.plan, ys.data(), through.data(), d.dx.data());
  combine_forward_reference(c.shape, c.plan, weight.data(), ys.data(), through.data(), d.y.data());
  combine_backward_reference(c.shape, c.plan, weight.data(), ys.data(), convert(c.dy).data(),
                             d.dys.data(), d.dweight.data());
  return d;
}

template <class T>
void expect_equals_definition(const Shape& shape, CpuLevel level) {
  Case<T> c(shape);
  c.run(level);
  const auto exact = define<double>(c, to_double<T>, to_double<float>);
  const auto control = define<float>(c, to_single<T>, to_single<float>);
  EXPECT_EQ(c.plan.expert, exact.expert);
  EXPECT_EQ(to_double(c.xs), exact.xs);
  for (const Check& check :
       {compare_with_control("probability", to_double(c.probability),
                             stored_as<float>(control.probability), exact.probability),
        compare_with_control("weight", to_double(c.weight), stored_as<float>(control.weight),
                             exact.weight),
        compare_with_control("dlogits", to_double(c.dlogits), stored_as<T>(control.dlogits),
                             exact.dlogits),
        compare_with_control("dx", to_double(c.dx), stored_as<T>(control.dx), exact.dx),
        compare_with_control("y", to_double(c.y), stored_as<T>(control.y), exact.y),
        compare_with_control("dys", to_double(c.dys), stored_as<T>(control.dys), exact.dys),
        compare_with_control("dweight", to_double(c.dweight_out), stored_as<float>(control.dweight),
                             exact.dweight)}) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
}

class MoeCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(MoeCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape : {Shape{64, 32, 6, 96}, Shape{7, 5, 5, 33}, Shape{1, 64, 6, 300},
                             Shape{9, 3, 1, 1}, Shape{33, 17, 2, 257}}) {
    expect_equals_definition<float>(shape, GetParam());
    expect_equals_definition<Bf16>(shape, GetParam());
  }
}

TEST_P(MoeCpu, TiesGoToTheLowerExpert) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const Shape shape{4, 20, 3, 1};
  std::vector<float> logits(80, 1.0F);  // token 0: all equal
  logits[20 + 19] = 2.0F;               // token 1: the last, then ties
  for (int e = 0; e < 20; ++e) logits[40 + static_cast<std::size_t>(e)] = kNone;
  logits[40 + 7] = 0.0F;                                      // token 2: one allowed expert
  logits[60 + 4] = logits[60 + 18] = logits[60 + 11] = 5.0F;  // token 3: three equal tops
  std::vector<float> probability(80), weight(12);
  std::vector<std::int32_t> expert(12);
  kernels_for<CpuKernels<float>>(GetParam())
      .route_forward(shape, logits.data(), probability.data(), expert.data(), weight.data());
  EXPECT_EQ(expert, (std::vector<std::int32_t>{0, 1, 2, 19, 0, 1, 7, 0, 1, 4, 11, 18}));
  std::vector<double> exact_probability(80), exact_weight(12);
  std::vector<std::int32_t> exact_expert(12);
  route_forward_reference(shape, to_double(logits).data(), exact_probability.data(),
                          exact_expert.data(), exact_weight.data());
  EXPECT_EQ(expert, exact_expert);
}

TEST_P(MoeCpu, NanLogitsStillChooseDifferentExperts) {
  const Shape shape{1, 5, 4, 1};
  const std::vector<float> logits{std::nanf(""), 1.0F, std::nanf(""), std::nanf(""), 0.0F};
  std::vector<float> probability(5), weight(4);
  std::vector<std::int32_t> expert(4);
  kernels_for<CpuKernels<float>>(GetParam())
      .route_forward(shape, logits.data(), probability.data(), expert.data(), weight.data());
  EXPECT_EQ(expert, (std::vector<std::int32_t>{1, 4, 0, 2}));
  EXPECT_TRUE(std::isnan(weight[0]));
}

TEST_P(MoeCpu, DispatchThenCombineGivesTheTokensBack) {
  const Shape shape{50, 8, 4, 37};
  Case<float> c(shape);
  c.run(GetParam());
  const auto& k = kernels_for<CpuKernels<float>>(GetParam());
  const std::vector<float> quarter(c.weight.size(), 0.25F);
  k.combine_forward(shape, c.plan, quarter.data(), c.xs.data(), nullptr, c.y.data());
  EXPECT_EQ(c.y, c.x);  // a quarter four times is exact
  std::vector<float> four_times(c.x.size());
  k.dispatch_backward(shape, c.plan, c.xs.data(), nullptr, four_times.data());
  for (std::size_t i = 0; i < c.x.size(); ++i) EXPECT_FLOAT_EQ(four_times[i], 4.0F * c.x[i]);
}

TEST_P(MoeCpu, WrongSlotFails) {
  const Shape shape{50, 8, 2, 16};
  Case<float> c(shape);
  c.run(GetParam());
  const auto exact = define<double>(c, to_double<float>, to_double<float>);
  ASSERT_EQ(to_double(c.xs), exact.xs);
  Plan wrong = c.plan;
  std::swap(wrong.token_of_slot[0], wrong.token_of_slot[1]);
  kernels_for<CpuKernels<float>>(GetParam())
      .dispatch_forward(shape, wrong, c.x.data(), c.xs.data());
  EXPECT_NE(to_double(c.xs), exact.xs);
}

TEST_P(MoeCpu, ThreadsDoNotChangeBits) {
  const Shape shape{61, 16, 3, 45};
  Case<float> one(shape);
  Case<float> two(shape);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  one.run(GetParam());
  omp_set_num_threads(2);
  two.run(GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one.plan.expert, two.plan.expert);
  EXPECT_EQ(one.probability, two.probability);
  EXPECT_EQ(one.dlogits, two.dlogits);
  EXPECT_EQ(one.xs, two.xs);
  EXPECT_EQ(one.dx, two.dx);
  EXPECT_EQ(one.y, two.y);
  EXPECT_EQ(one.dys, two.dys);
  EXPECT_EQ(one.dweight_out, two.dweight_out);
}

INSTANTIATE_TEST_SUITE_P(Levels, MoeCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(MoeWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    // Two of them go through every buffer and the plan; the levels' tests cover the rest.
    if (workload.precision != Precision::fp32) continue;
    if (workload.operation != "route_forward" && workload.operation != "combine_backward") continue;
    const Instance instance = workload.on_cpu(device, {42});
    instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::moe
