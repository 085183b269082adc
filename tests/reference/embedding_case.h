#pragma once
/// One problem of the embedding with its inputs, and the check of whatever computed it against the
/// definition: CPU levels (embedding_test.cpp) and CUDA kernels (ptx/embedding_cuda_test.cpp)
/// alike.
#include <vector>

#include "kernels/embedding/embedding_workload.h"

namespace assay::embedding {

template <class T>
struct Case {
  Shape shape;
  bool positions;  ///< whether there is a position table
  std::vector<std::int32_t> tokens;
  std::vector<T> wte, wpe, dx;
  Gradients<float> start;  ///< before dx is added

  Case(const Shape& problem, bool with_positions, std::vector<std::int32_t> given_tokens)
      : shape(problem),
        positions(with_positions),
        tokens(std::move(given_tokens)),
        wte(normal_input<T>(4, 2, shape.vocabulary * shape.width)),
        wpe(normal_input<T>(4, 3, shape.sequence * shape.width)),
        dx(normal_input<T>(4, 4, shape.batch * shape.sequence * shape.width)),
        start{normal_input<float>(4, 5, shape.vocabulary * shape.width),
              normal_input<float>(4, 6, shape.sequence * shape.width)} {}

  /// With tokens uniform over the vocabulary.
  Case(const Shape& problem, bool with_positions)
      : Case(problem, with_positions,
             integer_input(4, 1, problem.batch * problem.sequence,
                           static_cast<std::int32_t>(problem.vocabulary))) {}
};

template <class T>
struct Outputs {
  std::vector<T> x;
  Gradients<float> gradients;
};

/// The definition's outputs. `convert` widens inputs to Real.
template <class T, class Convert, class ConvertFloat>
auto defined(const Case<T>& c, const Convert& convert, const ConvertFloat& convert_float) {
  using Real = typename decltype(convert(c.wte))::value_type;
  std::vector<Real> x(c.dx.size());
  Gradients<Real> g{convert_float(c.start.dwte), convert_float(c.start.dwpe)};
  const auto wte = convert(c.wte), wpe = convert(c.wpe), dx = convert(c.dx);
  forward_reference(c.shape, c.tokens.data(), wte.data(), c.positions ? wpe.data() : nullptr,
                    x.data());
  backward_reference(c.shape, c.tokens.data(), dx.data(), g.dwte.data(),
                     c.positions ? g.dwpe.data() : nullptr);
  return std::pair(std::move(x), std::move(g));
}

template <class T>
std::vector<Check> checks(const Case<T>& c, const Outputs<T>& output) {
  const auto [exact_x, exact] = defined(c, to_double<T>, to_double<float>);
  const auto [control_x, control] = defined(c, to_single<T>, to_single<float>);
  Check x = compare_with_control("x", to_double(output.x), stored_as<T>(control_x), exact_x);
  if (!c.positions) x.bound = 0.0;  // a copy is exact
  return {x,
          compare_with_control("dwte", to_double(output.gradients.dwte),
                               stored_as<float>(control.dwte), exact.dwte),
          compare_with_control("dwpe", to_double(output.gradients.dwpe),
                               stored_as<float>(control.dwpe), exact.dwpe)};
}

}  // namespace assay::embedding
