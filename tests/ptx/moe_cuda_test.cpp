/// Routing, plan, dispatch and combine on CUDA against the definition, on the functional device or
/// a GPU.
#include "kernels/moe/moe_cuda.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kernels/moe/moe_plan_cuda.h"
#include "kernels/moe/moe_route_cuda.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/moe_case.h"

namespace assay::moe {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// A buffer whose first value is not at a multiple of 16 bytes where `begin` isn't 0.
template <class T>
struct Placed {
  std::size_t begin;
  Buffer<T> buffer;

  Placed(const Stream& stream, std::vector<T> values, std::size_t first) : begin(first) {
    values.insert(values.begin(), begin, T{});
    buffer = Buffer<T>(stream, values);
  }
  [[nodiscard]] T* data() const { return buffer.data() + begin; }
  [[nodiscard]] std::vector<T> to_host(const Stream& stream) const {
    auto values = buffer.to_host(stream);
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(begin));
    return values;
  }
};

/// A plan on the device for the experts in `plan`, and the host's copy of it.
struct DevicePlan {
  Buffer<std::int32_t> expert, slot, token_of_slot;
  Buffer<std::int64_t> offset;

  DevicePlan(const Stream& stream, const Shape& shape, const std::vector<std::int32_t>& chosen)
      : expert(stream, chosen),
        slot(stream.device(), chosen.size()),
        token_of_slot(stream.device(), chosen.size()),
        offset(stream.device(), static_cast<std::size_t>(shape.experts) + 1) {
    const Buffer<std::int32_t> workspace(stream.device(), plan_workspace_integers(shape));
    make_plan(stream, shape, {expert.data(), slot.data(), token_of_slot.data(), offset.data()},
              workspace.data());
    stream.synchronize();
  }
  [[nodiscard]] PlanView view() const {
    return {expert.data(), slot.data(), token_of_slot.data(), offset.data()};
  }
  [[nodiscard]] Plan to_host(const Stream& stream) const {
    return {expert.to_host(stream), slot.to_host(stream), token_of_slot.to_host(stream),
            offset.to_host(stream)};
  }
};

/// Every operation once; T-typed rows begin `begin` elements into their buffers.
template <class T>
void run(Case<T>& c, const Stream& stream, std::size_t begin = 0) {
  const auto placed = [&](const std::vector<T>& values) {
    return Placed<T>(stream, values, begin);
  };
  const auto logits = placed(c.logits), x = placed(c.x), ys = placed(c.ys), dy = placed(c.dy),
             through = placed(c.through), dlogits = placed(c.dlogits), xs = placed(c.xs),
             dx = placed(c.dx), y = placed(c.y), dys = placed(c.dys);
  const Buffer<float> probability(stream, c.probability), weight(stream, c.weight),
      dweight(stream, c.dweight), dweight_out(stream, c.dweight_out);
  const Buffer<std::int32_t> expert(stream, c.plan.expert);
  route_forward(stream, c.shape, logits.data(), probability.data(), expert.data(), weight.data());
  const DevicePlan plan(stream, c.shape, expert.to_host(stream));
  route_backward(stream, c.shape, probability.data(), expert.data(), dweight.data(),
                 dlogits.data());
  dispatch_forward(stream, c.shape, plan.view(), x.data(), xs.data());
  dispatch_backward<T>(stream, c.shape, plan.view(), ys.data(), through.data(), dx.data());
  combine_forward<T>(stream, c.shape, plan.view(), weight.data(), ys.data(), through.data(),
                     y.data());
  combine_backward<T>(stream, c.shape, plan.view(), weight.data(), ys.data(), dy.data(), dys.data(),
                      dweight_out.data());
  c.plan = plan.to_host(stream);
  c.probability = probability.to_host(stream);
  c.weight = weight.to_host(stream);
  c.dlogits = dlogits.to_host(stream);
  c.xs = xs.to_host(stream);
  c.dx = dx.to_host(stream);
  c.y = y.to_host(stream);
  c.dys = dys.to_host(stream);
  c.dweight_out = dweight_out.to_host(stream);
}

void expect_plan(const Shape& shape, const Plan& plan) {
  Plan wanted;
  wanted.expert = plan.expert;
  make_plan(shape, wanted);
  EXPECT_EQ(plan.offset, wanted.offset);
  EXPECT_EQ(plan.slot, wanted.slot);
  EXPECT_EQ(plan.token_of_slot, wanted.token_of_slot);
}

template <class T>
void expect_definition(const Stream& stream, const Shape& shape, std::size_t begin = 0) {
  Case<T> c(shape);
  run(c, stream, begin);
  expect_plan(shape, c.plan);
  if (!testing::Test::HasFailure()) expect_right(c);  // a wrong plan leads the definition astray
}

TEST(MoeCuda, EqualsDefinitionWithinControl) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const Shape& shape : {Shape{64, 32, 6, 96}, Shape{7, 5, 5, 33}, Shape{1, 64, 6, 300},
                               Shape{9, 3, 1, 1}, Shape{33, 17, 2, 257}, Shape{5, 256, 8, 520},
                               Shape{70, 8, 8, 8}, Shape{11, 160, 6, 64}}) {
      expect_definition<float>(stream, shape);
      expect_definition<Bf16>(stream, shape);
    }
  });
}

TEST(MoeCuda, RowsBeginAnywhere) {
  cuda_test::on_each_architecture([](Stream& stream) {
    expect_definition<Bf16>(stream, {9, 16, 3, 64}, 1);
    expect_definition<float>(stream, {9, 16, 3, 64}, 2);
  });
}

/// Several chunks, the last of them cut off, and experts that nobody chose.
TEST(MoeCuda, PlansAsTheHostDoes) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const Shape& shape :
         {Shape{1500, 64, 6, 1}, Shape{4097, 256, 1, 1}, Shape{2048, 3, 1, 1}, Shape{1, 1, 1, 1}}) {
      // The highest quarter of the experts is left out.
      const auto bound = static_cast<std::int32_t>(shape.experts - shape.experts / 4);
      const auto expert = integer_input(3, 9, shape.tokens * shape.top_k, bound);
      expect_plan(shape, DevicePlan(stream, shape, expert).to_host(stream));
    }
  });
}

TEST(MoeCuda, NoTokensAreAnEmptyPlan) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Shape shape{0, 4, 2, 8};
    EXPECT_EQ(DevicePlan(stream, shape, {}).to_host(stream).offset,
              std::vector<std::int64_t>(5, 0));
    route_forward<Bf16>(stream, shape, nullptr, nullptr, nullptr, nullptr);
    dispatch_forward<Bf16>(stream, shape, {}, nullptr, nullptr);
  });
}

struct Routed {
  std::vector<std::int32_t> expert;
  std::vector<float> weight;
};

Routed route(const Stream& stream, const Shape& shape, const std::vector<float>& values) {
  const auto choices = static_cast<std::size_t>(shape.tokens * shape.top_k);
  const Buffer<float> logits(stream, values), probability(stream.device(), values.size()),
      weight(stream.device(), choices);
  const Buffer<std::int32_t> expert(stream.device(), choices);
  route_forward(stream, shape, logits.data(), probability.data(), expert.data(), weight.data());
  return {expert.to_host(stream), weight.to_host(stream)};
}

TEST(MoeCuda, TiesGoToTheLowerExpert) {
  const Ties ties;
  const Shape zeros{1, 4, 4, 1};
  cuda_test::on_each_architecture([&](Stream& stream) {
    EXPECT_EQ(route(stream, ties.shape, ties.logits).expert, ties.expert);
    EXPECT_EQ(route(stream, zeros, {-0.0F, 0.0F, -0.0F, 0.0F}).expert,
              (std::vector<std::int32_t>{0, 1, 2, 3}));
  });
}

TEST(MoeCuda, NanLogitsStillChooseDifferentExperts) {
  const Nans nans;
  cuda_test::on_each_architecture([&](Stream& stream) {
    const Routed routed = route(stream, nans.shape, nans.logits);
    EXPECT_EQ(routed.expert, nans.expert);
    EXPECT_TRUE(std::isnan(routed.weight[0]));
  });
}

TEST(MoeCuda, SameBitsInAllOrders) {
  const Shape shape{61, 40, 3, 48};
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    Case<Bf16> c(shape);
    run(c, stream);
    return cuda_test::bytes_of(c.plan.slot, c.plan.token_of_slot, c.plan.offset, c.probability,
                               c.weight, c.dlogits, c.xs, c.dx, c.y, c.dys, c.dweight_out);
  });
}

TEST(MoeCuda, RefusesWhatItIsNotMadeFor) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const float* const none = nullptr;
    for (const Shape& shape : {Shape{1, 257, 1, 1}, Shape{1, 64, 9, 1}, Shape{1, 2, 3, 1}}) {
      EXPECT_THROW(route_forward(stream, shape, none, nullptr, nullptr, nullptr), Error);
      EXPECT_THROW(dispatch_forward<float>(stream, shape, {}, none, nullptr), Error);
    }
    EXPECT_THROW(make_plan(stream, {1, 257, 1, 1}, {}, nullptr), Error);
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(MoeCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Operation operation : kOperations) {
    cuda_test::expect_workload(cuda_workload(operation, {130, 64, 6, 256}), {.most_issued = 1.2});
  }
}

TEST(MoeCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(7);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t experts = sweep.extent(256);
    const std::int64_t top_k = sweep.extent(std::min<std::int64_t>(8, experts));
    const std::int64_t width = sweep.extent(600);
    const std::int64_t tokens = sweep.extent(std::min<std::int64_t>(300, 1 + 30'000 / width));
    const Shape shape{tokens, experts, top_k, width};
    SCOPED_TRACE(testing::Message() << tokens << " tokens, " << experts << " experts, top " << top_k
                                    << ", width " << width);
    const auto begin = static_cast<std::size_t>(sweep.draw(3));
    cuda_test::on_each_architecture([&](Stream& stream) {
      expect_definition<float>(stream, shape, begin);
      expect_definition<Bf16>(stream, shape, begin);
    });
  }
}

TEST(MoeCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : {Shape{33, 17, 2, 257}, Shape{200, 64, 6, 8}, Shape{5, 256, 8, 72}}) {
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      Case<float> c(shape);
      run(c, stream);
      return cuda_test::bytes_of(c.plan.slot, c.plan.token_of_slot, c.plan.offset, c.probability,
                                 c.weight, c.dlogits, c.xs, c.dx, c.y, c.dys, c.dweight_out);
    });
  }
}

}  // namespace
}  // namespace assay::moe
