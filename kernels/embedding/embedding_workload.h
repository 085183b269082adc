#pragma once
/// What the CPU's and CUDA's workloads of the embedding share: host buffers, the check of the
/// output against the definition, and the declaration without a back end.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/embedding/embedding.h"
#include "kernels/inputs.h"

namespace assay::embedding {

enum class Pass { forward, backward };

/// Whether there is a table of positions.
enum class Positions { none, learned };

/// Inputs of one workload, of which each pass needs its own.
template <class T>
struct Inputs {
  std::vector<std::int32_t> tokens;
  std::vector<T> wte, wpe;  ///< forward; wpe is empty without positions
  std::vector<T> dx;        ///< backward

  Inputs(Pass pass, const Shape& shape, std::uint64_t key, Positions places = Positions::learned) {
    const std::int64_t positions = shape.batch * shape.sequence;
    tokens = integer_input(key, 1, positions, static_cast<std::int32_t>(shape.vocabulary));
    if (pass == Pass::forward) {
      wte = normal_input<T>(key, 2, shape.vocabulary * shape.width, 0.0, 0.02);
      if (places == Positions::learned) {
        wpe = normal_input<T>(key, 3, shape.sequence * shape.width, 0.0, 0.02);
      }
    } else {
      dx = normal_input<T>(key, 4, positions * shape.width);
    }
  }
};

template <class Real>
struct Gradients {
  std::vector<Real> dwte, dwpe;  ///< dwpe is empty without positions
};

/// A table's elements, or null where it is empty: how kernels are told that there are no positions.
template <class Table>
auto* data_or_null(Table& table) {
  return table.empty() ? nullptr : table.data();
}

/// Gradients of nothing: what a backward pass adds to.
inline Gradients<float> zero_gradients(const Shape& shape, Positions places = Positions::learned) {
  const std::int64_t rows = places == Positions::learned ? shape.sequence : 0;
  return {std::vector<float>(static_cast<std::size_t>(shape.vocabulary * shape.width)),
          std::vector<float>(static_cast<std::size_t>(rows * shape.width))};
}

/// The vocabulary rows that tokens name, so that the definition runs on those alone.
struct Compacted {
  std::vector<std::int32_t> named;   ///< the distinct tokens, rising
  std::vector<std::int32_t> tokens;  ///< each token's place in `named`
};

inline Compacted compacted(const std::vector<std::int32_t>& tokens) {
  Compacted result;
  result.named = tokens;
  std::sort(result.named.begin(), result.named.end());
  result.named.erase(std::unique(result.named.begin(), result.named.end()), result.named.end());
  for (const std::int32_t token : tokens) {
    const auto place = std::lower_bound(result.named.begin(), result.named.end(), token);
    result.tokens.push_back(static_cast<std::int32_t>(place - result.named.begin()));
  }
  return result;
}

template <class Element>
std::vector<Element> named_rows(const std::vector<Element>& table, const Compacted& compact,
                                std::int64_t width) {
  std::vector<Element> rows;
  for (const std::int32_t token : compact.named) {
    const auto row = table.begin() + token * width;
    rows.insert(rows.end(), row, row + width);
  }
  return rows;
}

template <class T>
std::vector<Check> verify_forward(const Shape& shape, const Inputs<T>& in,
                                  const std::vector<T>& x) {
  const Compacted compact = compacted(in.tokens);
  const std::vector<T> rows = named_rows(in.wte, compact, shape.width);
  const auto run = [&](const auto& wte, const auto& wpe) {
    std::decay_t<decltype(wte)> out(x.size());
    forward_reference(shape, compact.tokens.data(), wte.data(), data_or_null(wpe), out.data());
    return out;
  };
  return {compare_with_control("x", to_double(x),
                               stored_as<T>(run(to_single(rows), to_single(in.wpe))),
                               run(to_double(rows), to_double(in.wpe)))};
}

/// Largest magnitude in rows of dwte that no token names: exactly 0.
inline double largest_elsewhere(const std::vector<float>& dwte, const Compacted& compact,
                                const Shape& shape) {
  double largest = 0.0;
  auto next = compact.named.begin();
  for (std::int64_t row = 0; row < shape.vocabulary; ++row) {
    if (next != compact.named.end() && *next == row) {
      ++next;
      continue;
    }
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const auto value = static_cast<double>(dwte[static_cast<std::size_t>(row * shape.width + i)]);
      if (!(std::abs(value) <= largest)) largest = std::abs(value);
      if (std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
    }
  }
  return largest;
}

/// `g`: gradients of one pass that began with zeros.
template <class T>
std::vector<Check> verify_backward(const Shape& shape, const Inputs<T>& in,
                                   const Gradients<float>& g) {
  const Compacted compact = compacted(in.tokens);
  const auto run = [&](const auto& dx) {
    using Real = typename std::decay_t<decltype(dx)>::value_type;
    Gradients<Real> all{
        std::vector<Real>(compact.named.size() * static_cast<std::size_t>(shape.width)),
        std::vector<Real>(g.dwpe.size())};
    backward_reference(shape, compact.tokens.data(), dx.data(), all.dwte.data(),
                       data_or_null(all.dwpe));
    return all;
  };
  const auto exact = run(to_double(in.dx));
  const auto control = run(to_single(in.dx));
  return {
      compare_with_control("dwte", to_double(named_rows(g.dwte, compact, shape.width)),
                           stored_as<float>(control.dwte), exact.dwte),
      compare_with_control("dwpe", to_double(g.dwpe), stored_as<float>(control.dwpe), exact.dwpe),
      {"dwte of tokens that do not occur", largest_elsewhere(g.dwte, compact, shape), 0.0}};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(Pass pass, const Shape& shape, Precision precision,
                        Positions places = Positions::learned) {
  const bool forward = pass == Pass::forward;
  const bool learned = places == Positions::learned;
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto positions = static_cast<std::uint64_t>(shape.batch * shape.sequence);
  const auto table_rows = static_cast<std::uint64_t>(learned ? shape.sequence : 0);
  const auto width = static_cast<std::uint64_t>(shape.width);
  Workload w;
  w.family = "embedding";
  w.operation = forward ? "forward" : "backward";
  if (!learned) w.operation += "_without_positions";
  w.problem = {{"batch", shape.batch},
               {"sequence", shape.sequence},
               {"width", shape.width},
               {"vocabulary", shape.vocabulary}};
  w.precision = precision;
  w.tokens = positions;
  w.flops = ((forward ? 0 : 1) + (learned ? 1 : 0)) * positions * width;
  w.bytes = forward ? 4 * positions + (2 * positions + table_rows) * width * element
                    : 4 * positions + positions * width * (element + 8) + table_rows * width * 8;
  w.inputs = forward ? "tokens uniform over the vocabulary; tables normal(0, 0.02), by Philox"
                     : "tokens uniform over the vocabulary; dx normal(0, 1), by Philox";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Pass pass, const Shape& shape, Positions places,
                                    Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(Pass pass, const Shape& shape);

}  // namespace assay::embedding
