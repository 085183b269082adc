/// The experts' products on CUDA against the definition, on the functional device or a GPU.
#include "kernels/moe/moe_products_cuda.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/moe/moe.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"

namespace assay::moe {
namespace {

using cuda::Buffer;
using cuda::Stream;

void on_each_device(const std::function<void(Stream&)>& body) {
  cuda_test::on_each_architecture(body, {}, kProductLeastComputeCapability);
}

/// A routing by how many slots each expert owns; the products' operands and what came out.
struct Case {
  ProductShape shape;
  std::vector<std::int64_t> offset;
  std::vector<Bf16> x, w, dy;
  std::vector<float> dw;
  std::vector<Bf16> y, dx;
  std::vector<float> dw_out;

  Case(const std::vector<std::int64_t>& owned, std::int64_t in, std::int64_t out) : offset{0} {
    for (const std::int64_t n : owned) offset.push_back(offset.back() + n);
    shape = {offset.back(), static_cast<std::int64_t>(owned.size()), in, out};
    x = normal_input<Bf16>(5, 1, shape.slots * in);
    dy = normal_input<Bf16>(5, 2, shape.slots * out);
    w = normal_input<Bf16>(5, 3, shape.experts * in * out);
    dw = normal_input<float>(5, 4, shape.experts * in * out);
  }

  void run(const Stream& stream) {
    const Buffer<std::int64_t> offsets(stream, offset);
    const Buffer<Bf16> rows(stream, x), gradients(stream, dy), weights(stream, w);
    const Buffer<Bf16> out(stream.device(), dy.size()), dx_out(stream.device(), x.size());
    const Buffer<float> sums(stream, dw);
    products_forward(stream, shape, offsets.data(), rows.data(), weights.data(), out.data());
    products_input_gradient(stream, shape, offsets.data(), gradients.data(), weights.data(),
                            dx_out.data());
    products_weight_gradient(stream, shape, offsets.data(), gradients.data(), rows.data(),
                             sums.data());
    y = out.to_host(stream);
    dx = dx_out.to_host(stream);
    dw_out = sums.to_host(stream);
  }
};

template <class Real>
struct Results {
  std::vector<Real> y, dx, dw;
};

template <class Convert, class ConvertFloat>
auto definition(const Case& c, const Convert& convert, const ConvertFloat& convert_float) {
  const auto x = convert(c.x), w = convert(c.w), dy = convert(c.dy);
  using Real = typename decltype(convert(c.x))::value_type;
  Results<Real> r{std::vector<Real>(dy.size()), std::vector<Real>(x.size()), convert_float(c.dw)};
  const std::int64_t* const offset = c.offset.data();
  products_forward_reference(c.shape, offset, x.data(), w.data(), r.y.data());
  products_input_gradient_reference(c.shape, offset, dy.data(), w.data(), r.dx.data());
  products_weight_gradient_reference(c.shape, offset, dy.data(), x.data(), r.dw.data());
  return r;
}

template <class T>
void expect_close(const char* name, const std::vector<T>& output, const std::vector<float>& control,
                  const std::vector<double>& exact) {
  const Check check = compare_with_control(name, to_double(output), stored_as<T>(control), exact);
  EXPECT_TRUE(check.passed()) << name << ' ' << check.error << " > " << check.bound;
}

void expect_definition(const Stream& stream, Case c) {
  c.run(stream);
  const auto exact = definition(c, to_double<Bf16>, to_double<float>);
  const auto control = definition(c, to_single<Bf16>, to_single<float>);
  expect_close("y", c.y, control.y, exact.y);
  expect_close("dx", c.dx, control.dx, exact.dx);
  expect_close("dw", c.dw_out, control.dw, exact.dw);
}

/// Tiles that are cut off in each direction, more than one of each, experts without slots at both
/// ends and between, depths of several steps and of less than one.
TEST(MoeProductsCuda, EqualTheDefinitionWithinControl) {
  on_each_device([](Stream& stream) {
    expect_definition(stream, Case({0, 3, 0, 129, 17, 0}, 72, 136));
    expect_definition(stream, Case({40}, 264, 8));
    expect_definition(stream, Case({1, 1, 1}, 8, 208));
  });
}

TEST(MoeProductsCuda, NoSlotsAreNoWork) {
  on_each_device([](Stream& stream) {
    Case c({0, 0}, 8, 8);
    c.run(stream);
    EXPECT_EQ(c.dw_out, c.dw);
  });
}

TEST(MoeProductsCuda, SameBitsInAllOrders) {
  cuda_test::expect_same_bits_in_all_orders(
      [](Stream& stream) {
        Case c({2, 0, 20}, 72, 24);
        c.run(stream);
        return cuda_test::bytes_of(c.y, c.dx, c.dw_out);
      },
      kProductLeastComputeCapability);
}

TEST(MoeProductsCuda, RefusesWhatItIsNotMadeFor) {
  on_each_device([](Stream& stream) {
    for (const ProductShape& shape :
         {ProductShape{1, 257, 8, 8}, ProductShape{1, 1, 4, 8}, ProductShape{1, 1, 8, 12}}) {
      EXPECT_THROW(products_forward(stream, shape, nullptr, nullptr, nullptr, nullptr), Error);
      EXPECT_THROW(products_input_gradient(stream, shape, nullptr, nullptr, nullptr, nullptr),
                   Error);
      EXPECT_THROW(products_weight_gradient(stream, shape, nullptr, nullptr, nullptr, nullptr),
                   Error);
    }
  });
}

/// The code for Turing is a trap: no launch may reach it.
TEST(MoeProductsCuda, RefusesDevicesBelow80) {
  if (!cuda_test::is_functional()) GTEST_SKIP() << "on the functional device only";
  cuda_test::on_architecture(75, [](Stream& stream) {
    const ProductShape shape{1, 1, 8, 8};
    EXPECT_THROW(products_forward(stream, shape, nullptr, nullptr, nullptr, nullptr), Error);
    EXPECT_THROW(products_input_gradient(stream, shape, nullptr, nullptr, nullptr, nullptr), Error);
    EXPECT_THROW(products_weight_gradient(stream, shape, nullptr, nullptr, nullptr, nullptr),
                 Error);
  });
}

TEST(MoeProductsCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const ProductPass pass :
       {ProductPass::forward, ProductPass::input_gradient, ProductPass::weight_gradient}) {
    cuda_test::expect_workload(cuda_product_workload(pass, {200, 3, 144, 88}), {});
  }
}

TEST(MoeProductsCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(8);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t in = sweep.multiple(8, 300);
    const std::int64_t out = sweep.multiple(8, 300);
    std::vector<std::int64_t> owned;
    for (std::int64_t experts = sweep.extent(7); experts > 0; --experts) {
      owned.push_back(sweep.draw(3) == 0 ? 0 : sweep.extent(150));
    }
    SCOPED_TRACE(testing::Message()
                 << testing::PrintToString(owned) << " slots, " << in << " to " << out);
    cuda_test::on_each_architecture(
        [&](Stream& stream) { expect_definition(stream, Case(owned, in, out)); });
  }
}

TEST(MoeProductsCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const auto& [in, out] : {std::pair{136, 8}, {8, 136}}) {
    cuda_test::expect_same_bits_in_all_orders_everywhere(
        [&, rows = in, columns = out](Stream& stream) {
          Case c({0, 129, 3}, rows, columns);
          c.run(stream);
          return cuda_test::bytes_of(c.y, c.dx, c.dw_out);
        });
  }
}

}  // namespace
}  // namespace assay::moe
