/// Routing, dispatch and combine: the definition against finite differences, every CPU level
/// against the definition, ties, and the round trip.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "kernels/cpu/kernels_at.h"
#include "reference/moe_case.h"

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

template <class T>
void run(Case<T>& c, CpuLevel level) {
  const auto& k = kernels_for<CpuKernels<T>>(level);
  k.route_forward(c.shape, c.logits.data(), c.probability.data(), c.plan.expert.data(),
                  c.weight.data());
  make_plan(c.shape, c.plan);
  k.route_backward(c.shape, c.probability.data(), c.plan.expert.data(), c.dweight.data(),
                   c.dlogits.data());
  k.dispatch_forward(c.shape, c.plan, c.x.data(), c.xs.data());
  k.dispatch_backward(c.shape, c.plan, c.ys.data(), c.through.data(), c.dx.data());
  k.combine_forward(c.shape, c.plan, c.weight.data(), c.ys.data(), c.through.data(), c.y.data());
  k.combine_backward(c.shape, c.plan, c.weight.data(), c.ys.data(), c.dy.data(), c.dys.data(),
                     c.dweight_out.data());
}

class MoeCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(MoeCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape : {Shape{64, 32, 6, 96}, Shape{7, 5, 5, 33}, Shape{1, 64, 6, 300},
                             Shape{9, 3, 1, 1}, Shape{33, 17, 2, 257}}) {
    Case<float> single(shape);
    run(single, GetParam());
    expect_right(single);
    Case<Bf16> half(shape);
    run(half, GetParam());
    expect_right(half);
  }
}

TEST_P(MoeCpu, TiesGoToTheLowerExpert) {
  const Ties ties;
  std::vector<float> probability(80), weight(12);
  std::vector<std::int32_t> expert(12);
  kernels_for<CpuKernels<float>>(GetParam())
      .route_forward(ties.shape, ties.logits.data(), probability.data(), expert.data(),
                     weight.data());
  EXPECT_EQ(expert, ties.expert);
  std::vector<double> exact_probability(80), exact_weight(12);
  route_forward_reference(ties.shape, to_double(ties.logits).data(), exact_probability.data(),
                          expert.data(), exact_weight.data());
  EXPECT_EQ(expert, ties.expert);
}

TEST_P(MoeCpu, NanLogitsStillChooseDifferentExperts) {
  const Nans nans;
  std::vector<float> probability(5), weight(4);
  std::vector<std::int32_t> expert(4);
  kernels_for<CpuKernels<float>>(GetParam())
      .route_forward(nans.shape, nans.logits.data(), probability.data(), expert.data(),
                     weight.data());
  EXPECT_EQ(expert, nans.expert);
  EXPECT_TRUE(std::isnan(weight[0]));
}

TEST_P(MoeCpu, DispatchThenCombineGivesTheTokensBack) {
  const Shape shape{50, 8, 4, 37};
  Case<float> c(shape);
  run(c, GetParam());
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
  run(c, GetParam());
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
  run(one, GetParam());
  omp_set_num_threads(2);
  run(two, GetParam());
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

}  // namespace
}  // namespace assay::moe
