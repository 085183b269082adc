#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/cuda/iteration.h"
#include "kernels/inputs.h"
#include "kernels/moe/moe.h"
#include "kernels/moe/moe_products_cuda.h"
#include "kernels/random/random_cuda.h"

namespace assay::moe {
namespace {

/// The first slot of each expert, and the end.
std::vector<std::int64_t> even_offsets(const ProductShape& shape) {
  std::vector<std::int64_t> offset;
  for (std::int64_t e = 0; e <= shape.experts; ++e) {
    offset.push_back(shape.slots * e / shape.experts);
  }
  return offset;
}

/// Operands of all passes, drawn on the device; each pass writes one of them.
struct Operands {
  ProductShape shape;
  std::vector<std::int64_t> host_offset;
  cuda::Buffer<std::int64_t> offset;
  cuda::Buffer<Bf16> x, dy, w;
  cuda::Buffer<float> dw;

  Operands(const cuda::Stream& stream, const ProductShape& s, std::uint64_t key)
      : shape(s),
        host_offset(even_offsets(s)),
        offset(stream, host_offset),
        x(stream.device(), static_cast<std::size_t>(s.slots * s.in)),
        dy(stream.device(), static_cast<std::size_t>(s.slots * s.out)),
        w(stream.device(), static_cast<std::size_t>(s.experts * s.out * s.in)),
        dw(stream.device(), static_cast<std::size_t>(s.experts * s.out * s.in)) {
    const std::vector<random::Draw> draws = {{key, 1}, {key, 2}, {key, 3}};
    const cuda::Buffer<random::Draw> on_device(stream, draws);
    std::size_t drawn = 0;
    for (const auto* buffer : {&x, &dy, &w}) {
      random::normal(stream, on_device.data() + drawn++, 0.0F, 1.0F,
                     static_cast<std::int64_t>(buffer->size()), buffer->data());
    }
    dw.fill_zero(stream);
    stream.synchronize();
  }
};

void run(ProductPass pass, const cuda::Stream& stream, const Operands& o) {
  switch (pass) {
    case ProductPass::forward:
      return products_forward(stream, o.shape, o.offset.data(), o.x.data(), o.w.data(),
                              o.dy.data());
    case ProductPass::input_gradient:
      return products_input_gradient(stream, o.shape, o.offset.data(), o.dy.data(), o.w.data(),
                                     o.x.data());
    case ProductPass::weight_gradient:
      return products_weight_gradient(stream, o.shape, o.offset.data(), o.dy.data(), o.x.data(),
                                      o.dw.data());
  }
}

/// `rows` rows of `width` of a matrix on the device, from row `first` on.
template <class T>
std::vector<T> read_rows(const cuda::Stream& stream, const cuda::Buffer<T>& matrix,
                         std::int64_t first, std::int64_t rows, std::int64_t width) {
  std::vector<T> values(static_cast<std::size_t>(rows * width));
  cuda::copy_to_host(stream, values.data(),
                     reinterpret_cast<cuda::DevicePointer>(matrix.data() + first * width),
                     values.size() * sizeof(T));
  stream.synchronize();
  return values;
}

/// What was computed and what it should be, of some rows of the output.
struct Compared {
  std::vector<double> output, control, exact;

  /// A row of the output, and the definition on just what it is made of: define(convert, row)
  /// writes it.
  template <class T, class Define>
  void add(const std::vector<T>& row, const Define& define) {
    const auto append = [](std::vector<double>& to, const std::vector<double>& values) {
      to.insert(to.end(), values.begin(), values.end());
    };
    std::vector<float> narrow(row.size());
    std::vector<double> wide(row.size());
    define(to_single<Bf16>, narrow.data());
    define(to_double<Bf16>, wide.data());
    append(output, to_double(row));
    append(control, stored_as<T>(narrow));
    append(exact, wide);
  }
};

/// The first and the last row that an expert has in the output. To the definition each is a problem
/// of one expert, with one slot or, of the weight gradient, with one output.
void compare_expert(ProductPass pass, const cuda::Stream& stream, const Operands& o,
                    std::int64_t expert, Compared& compared) {
  const auto& [slots, experts, in, out] = o.shape;
  const std::int64_t first = o.host_offset[static_cast<std::size_t>(expert)];
  const std::int64_t owned = o.host_offset[static_cast<std::size_t>(expert) + 1] - first;
  if (owned == 0) return;
  if (pass == ProductPass::weight_gradient) {
    const ProductShape problem{owned, 1, in, 1};
    const std::int64_t offset[] = {0, owned};
    const auto dy = read_rows(stream, o.dy, first, owned, out);
    const auto x = read_rows(stream, o.x, first, owned, in);
    for (const std::int64_t row : {std::int64_t{0}, out - 1}) {
      std::vector<Bf16> column;
      for (std::int64_t s = 0; s < owned; ++s) {
        column.push_back(dy[static_cast<std::size_t>(s * out + row)]);
      }
      compared.add(read_rows(stream, o.dw, expert * out + row, 1, in), [&](const auto& as,
                                                                           auto* dw) {
        products_weight_gradient_reference(problem, offset, as(column).data(), as(x).data(), dw);
      });
    }
    return;
  }
  const ProductShape problem{1, 1, in, out};
  const std::int64_t offset[] = {0, 1};
  const auto w = read_rows(stream, o.w, expert * out, out, in);
  for (const std::int64_t slot : {first, first + owned - 1}) {
    const auto x = read_rows(stream, o.x, slot, 1, in);
    const auto dy = read_rows(stream, o.dy, slot, 1, out);
    if (pass == ProductPass::forward) {
      compared.add(dy, [&](const auto& as, auto* y) {
        products_forward_reference(problem, offset, as(x).data(), as(w).data(), y);
      });
    } else {
      compared.add(x, [&](const auto& as, auto* dx) {
        products_input_gradient_reference(problem, offset, as(dy).data(), as(w).data(), dx);
      });
    }
  }
}

std::vector<Check> verify(ProductPass pass, const cuda::Stream& stream, const Operands& o) {
  if (pass == ProductPass::weight_gradient) {  // it adds: one run from zeros
    o.dw.fill_zero(stream);
    run(pass, stream, o);
  }
  Compared compared;
  for (const std::int64_t expert : {std::int64_t{0}, o.shape.experts / 2, o.shape.experts - 1}) {
    compare_expert(pass, stream, o, expert, compared);
  }
  return {compare_with_control("rows of the experts' product", compared.output, compared.control,
                               compared.exact)};
}

/// Each operand's tile is read by each block that multiplies it, the offsets by each thread that
/// looks at them.
std::uint64_t bytes_issued(ProductPass pass, const ProductShape& s) {
  const auto tiles = [](std::int64_t n) { return (n + kProductTile - 1) / kProductTile; };
  const std::vector<std::int64_t> offset = even_offsets(s);
  std::int64_t row_tiles = 0;
  std::int64_t busy_experts = 0;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e) {
    row_tiles += tiles(offset[e + 1] - offset[e]);
    busy_experts += offset[e + 1] > offset[e] ? 1 : 0;
  }
  if (pass == ProductPass::weight_gradient) {
    const std::int64_t blocks = tiles(s.in) * tiles(s.out) * s.experts;
    return static_cast<std::uint64_t>(2 * s.slots * (s.out * tiles(s.in) + s.in * tiles(s.out)) +
                                      8 * busy_experts * s.in * s.out +
                                      blocks * kProductThreads * 16);
  }
  const std::int64_t depth = pass == ProductPass::forward ? s.in : s.out;
  const std::int64_t width = pass == ProductPass::forward ? s.out : s.in;
  const std::int64_t blocks = tiles(width) * (s.slots / kProductTile + s.experts);
  return static_cast<std::uint64_t>(2 * depth * (s.slots * tiles(width) + row_tiles * width) +
                                    2 * s.slots * width + blocks * s.experts * 16);
}

const char* operation_name(ProductPass pass) {
  switch (pass) {
    case ProductPass::forward:
      return "expert_products_forward";
    case ProductPass::input_gradient:
      return "expert_products_input_gradient";
    case ProductPass::weight_gradient:
      return "expert_products_weight_gradient";
  }
  return "";
}

}  // namespace

Workload cuda_product_workload(ProductPass pass, const ProductShape& shape) {
  Workload w;
  w.family = "moe";
  w.operation = operation_name(pass);
  w.problem = {
      {"slots", shape.slots}, {"experts", shape.experts}, {"in", shape.in}, {"out", shape.out}};
  w.precision = Precision::bf16;
  w.least_compute_capability = kProductLeastComputeCapability;
  w.flops = static_cast<std::uint64_t>(2 * shape.slots * shape.in * shape.out);
  const std::int64_t weights = shape.experts * shape.in * shape.out;
  const std::int64_t rows = shape.slots * (shape.in + shape.out);
  w.bytes = static_cast<std::uint64_t>(2 * rows +
                                       (pass == ProductPass::weight_gradient ? 8 : 2) * weights);
  w.inputs = "normal(0, 1) by Philox; as many slots for each expert";
  w.cuda_bytes_issued = cuda::issued_on_every_device(bytes_issued(pass, shape));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    const auto operands = std::make_shared<const Operands>(stream, shape, key.key);
    Instance instance;
    cuda::set_iteration(instance, stream, [=, &stream] { run(pass, stream, *operands); });
    instance.verify = [=, &stream] { return verify(pass, stream, *operands); };
    return instance;
  };
  return named(std::move(w));
}

}  // namespace assay::moe
