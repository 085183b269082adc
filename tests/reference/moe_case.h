#pragma once
/// One problem of routing, dispatch and combine with its inputs, and the check of whatever computed
/// it against the definition: CPU levels (moe_test.cpp) and CUDA kernels (ptx/moe_cuda_test.cpp)
/// alike.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/moe/moe_workload.h"

namespace assay::moe {

/// All inputs and, once something has computed them, outputs of one shape in storage type T.
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
void expect_right(const Case<T>& c) {
  SCOPED_TRACE(testing::Message() << c.shape.tokens << " tokens, " << c.shape.top_k << " of "
                                  << c.shape.experts << " experts, width " << c.shape.width);
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

/// Logits with ties, and what is chosen of them: ties go to the lower expert.
struct Ties {
  Shape shape{4, 20, 3, 1};
  std::vector<float> logits = std::vector<float>(80, 1.0F);  // token 0: all equal
  std::vector<std::int32_t> expert{0, 1, 2, 19, 0, 1, 7, 0, 1, 4, 11, 18};

  Ties() {
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    logits[20 + 19] = 2.0F;  // token 1: the last, then ties
    for (std::size_t e = 0; e < 20; ++e) logits[40 + e] = kNone;
    logits[40 + 7] = 0.0F;                                      // token 2: one allowed expert
    logits[60 + 4] = logits[60 + 18] = logits[60 + 11] = 5.0F;  // token 3: three equal tops
  }
};

/// NaN logits rank last, and still different experts are chosen.
struct Nans {
  Shape shape{1, 5, 4, 1};
  std::vector<float> logits{std::nanf(""), 1.0F, std::nanf(""), std::nanf(""), 0.0F};
  std::vector<std::int32_t> expert{1, 4, 0, 2};
};

}  // namespace assay::moe
