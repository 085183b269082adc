#pragma once
/// What the CPU's and CUDA's workloads of routing, dispatch and combine share: host buffers, the
/// check of the outputs against the definition, and the declarations without a back end.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/moe/moe.h"

namespace assay::moe {

enum class Operation {
  route_forward,
  route_backward,
  dispatch_forward,
  dispatch_backward,
  combine_forward,
  combine_backward
};
inline constexpr Operation kOperations[] = {
    Operation::route_forward,     Operation::route_backward,  Operation::dispatch_forward,
    Operation::dispatch_backward, Operation::combine_forward, Operation::combine_backward};

/// What an operation reads and writes.
template <class T>
struct Buffers {
  Plan plan;
  std::vector<T> logits, dlogits;
  std::vector<float> probability, weight, dweight;
  std::vector<T> token_rows;      ///< (tokens, width): x or dy, an input
  std::vector<T> slot_rows;       ///< (tokens·k, width): dxs or ys, an input
  std::vector<T> token_rows_out;  ///< (tokens, width): dx or y
  std::vector<T> slot_rows_out;   ///< (tokens·k, width): xs or dys
};

/// Inputs, and room for the outputs; the plan's experts are not chosen yet.
template <class T>
Buffers<T> make_buffers(const Shape& shape, std::uint64_t key) {
  const std::int64_t choices = shape.tokens * shape.top_k;
  Buffers<T> b;
  b.logits = normal_input<T>(key, 1, shape.tokens * shape.experts);
  b.dlogits.resize(b.logits.size());
  b.probability.resize(b.logits.size());
  b.dweight = normal_input<float>(key, 2, choices);
  b.weight.resize(b.dweight.size());
  b.token_rows = normal_input<T>(key, 3, shape.tokens * shape.width);
  b.slot_rows = normal_input<T>(key, 4, choices * shape.width);
  b.token_rows_out.resize(b.token_rows.size());
  b.slot_rows_out.resize(b.slot_rows.size());
  b.plan.expert.resize(b.weight.size());
  return b;
}

/// An operation's outputs by the definition in Real.
template <class Real>
struct Outputs {
  std::vector<Real> first;           ///< stored as T (route forward: as float)
  std::vector<Real> second;          ///< stored as float; empty where there is none
  std::vector<std::int32_t> expert;  ///< route forward
};

template <class Real, class T, class Convert, class ConvertFloat>
Outputs<Real> reference(Operation operation, const Shape& shape, const Buffers<T>& b,
                        const Convert& convert, const ConvertFloat& convert_float) {
  Outputs<Real> out;
  switch (operation) {
    case Operation::route_forward:
      out.first.resize(b.probability.size());
      out.second.resize(b.weight.size());
      out.expert.resize(b.weight.size());
      route_forward_reference(shape, convert(b.logits).data(), out.first.data(), out.expert.data(),
                              out.second.data());
      break;
    case Operation::route_backward:
      out.first.resize(b.dlogits.size());
      route_backward_reference(shape, convert_float(b.probability).data(), b.plan.expert.data(),
                               convert_float(b.dweight).data(), out.first.data());
      break;
    case Operation::dispatch_forward:
      out.first.resize(b.slot_rows_out.size());
      dispatch_forward_reference(shape, b.plan, convert(b.token_rows).data(), out.first.data());
      break;
    case Operation::dispatch_backward:
      out.first.resize(b.token_rows_out.size());
      dispatch_backward_reference<Real>(shape, b.plan, convert(b.slot_rows).data(), nullptr,
                                        out.first.data());
      break;
    case Operation::combine_forward:
      out.first.resize(b.token_rows_out.size());
      combine_forward_reference<Real>(shape, b.plan, convert_float(b.weight).data(),
                                      convert(b.slot_rows).data(), nullptr, out.first.data());
      break;
    case Operation::combine_backward:
      out.first.resize(b.slot_rows_out.size());
      out.second.resize(b.dweight.size());
      combine_backward_reference(shape, b.plan, convert_float(b.weight).data(),
                                 convert(b.slot_rows).data(), convert(b.token_rows).data(),
                                 out.first.data(), out.second.data());
      break;
  }
  return out;
}

inline Check different_experts(const std::vector<std::int32_t>& chosen,
                               const std::vector<std::int32_t>& wanted) {
  Check check{"experts that differ from the definition", 0.0, 0.0};
  for (std::size_t i = 0; i < chosen.size(); ++i) check.error += chosen[i] != wanted[i] ? 1.0 : 0.0;
  return check;
}

/// The outputs in the buffers against the definition, with the float definition as control.
template <class T>
std::vector<Check> verify(Operation operation, const Shape& shape, const Buffers<T>& b) {
  const auto exact = reference<double>(operation, shape, b, to_double<T>, to_double<float>);
  const auto control = reference<float>(operation, shape, b, to_single<T>, to_single<float>);
  switch (operation) {
    case Operation::route_forward:
      return {different_experts(b.plan.expert, exact.expert),
              compare_with_control("probability", to_double(b.probability),
                                   stored_as<float>(control.first), exact.first),
              compare_with_control("weight", to_double(b.weight), stored_as<float>(control.second),
                                   exact.second)};
    case Operation::route_backward:
      return {compare_with_control("dlogits", to_double(b.dlogits), stored_as<T>(control.first),
                                   exact.first)};
    case Operation::dispatch_forward: {
      Check copied =
          compare_with_control("xs", to_double(b.slot_rows_out), exact.first, exact.first);
      copied.bound = 0.0;  // a copy is exact
      return {copied};
    }
    case Operation::dispatch_backward:
      return {compare_with_control("dx", to_double(b.token_rows_out), stored_as<T>(control.first),
                                   exact.first)};
    case Operation::combine_forward:
      return {compare_with_control("y", to_double(b.token_rows_out), stored_as<T>(control.first),
                                   exact.first)};
    case Operation::combine_backward:
      return {compare_with_control("dys", to_double(b.slot_rows_out), stored_as<T>(control.first),
                                   exact.first),
              compare_with_control("dweight", to_double(b.dweight),
                                   stored_as<float>(control.second), exact.second)};
  }
  return {};
}

/// What an operation is called and costs.
struct Cost {
  const char* name;
  std::uint64_t flops;
  std::uint64_t bytes;
};

inline Cost cost(Operation operation, const Shape& shape, std::uint64_t element) {
  const auto tokens = static_cast<std::uint64_t>(shape.tokens);
  const auto experts = static_cast<std::uint64_t>(shape.experts);
  const auto k = static_cast<std::uint64_t>(shape.top_k);
  const auto width = static_cast<std::uint64_t>(shape.width);
  const std::uint64_t row = width * element;
  switch (operation) {
    case Operation::route_forward:
      return {"route_forward", 5 * tokens * experts, tokens * (experts * (element + 4) + 8 * k)};
    case Operation::route_backward:
      return {"route_backward", tokens * (experts + 3 * k),
              tokens * (experts * (element + 4) + 8 * k)};
    case Operation::dispatch_forward:
      return {"dispatch_forward", 0, tokens * ((k + 1) * row + 4 * k)};
    case Operation::dispatch_backward:
      return {"dispatch_backward", tokens * (k - 1) * width, tokens * ((k + 1) * row + 4 * k)};
    case Operation::combine_forward:
      return {"combine_forward", tokens * (2 * k - 1) * width, tokens * ((k + 1) * row + 8 * k)};
    case Operation::combine_backward:
      return {"combine_backward", 3 * tokens * k * width, tokens * ((2 * k + 1) * row + 12 * k)};
  }
  return {};
}

/// The buffers of a few tokens, ends included, as a problem of its own: what is checked where the
/// definition would take long over the whole.
template <class T>
std::pair<Shape, Buffers<T>> sampled(const Shape& shape, const Buffers<T>& b) {
  constexpr std::int64_t kSamples = 64;
  Shape few = shape;
  few.tokens = std::min(kSamples, shape.tokens);
  Buffers<T> s;
  const auto append = [](auto& to, const auto& from, std::int64_t row, std::int64_t width) {
    to.insert(to.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
  };
  std::vector<std::int64_t> choices;
  for (std::int64_t i = 0; i < few.tokens; ++i) {
    const std::int64_t t = few.tokens > 1 ? (shape.tokens - 1) * i / (few.tokens - 1) : 0;
    append(s.logits, b.logits, t, shape.experts);
    append(s.dlogits, b.dlogits, t, shape.experts);
    append(s.probability, b.probability, t, shape.experts);
    append(s.weight, b.weight, t, shape.top_k);
    append(s.dweight, b.dweight, t, shape.top_k);
    append(s.token_rows, b.token_rows, t, shape.width);
    append(s.token_rows_out, b.token_rows_out, t, shape.width);
    append(s.plan.expert, b.plan.expert, t, shape.top_k);
    for (std::int64_t j = t * shape.top_k; j < (t + 1) * shape.top_k; ++j) choices.push_back(j);
  }
  make_plan(few, s.plan);
  // The few tokens' slots, in the order of their own plan.
  std::vector<std::int64_t> choice_of_slot(choices.size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    choice_of_slot[static_cast<std::size_t>(s.plan.slot[i])] = choices[i];
  }
  for (const std::int64_t choice : choice_of_slot) {
    const std::int64_t slot = b.plan.slot[static_cast<std::size_t>(choice)];
    append(s.slot_rows, b.slot_rows, slot, shape.width);
    append(s.slot_rows_out, b.slot_rows_out, slot, shape.width);
  }
  return {few, std::move(s)};
}

/// The workload of that operation, with no back end yet.
inline Workload declare(Operation operation, const Shape& shape, Precision precision) {
  const Cost counted = cost(operation, shape, precision == Precision::bf16 ? 2 : 4);
  Workload w;
  w.family = "moe";
  w.operation = counted.name;
  w.problem = {{"tokens", shape.tokens},
               {"experts", shape.experts},
               {"k", shape.top_k},
               {"width", shape.width}};
  w.precision = precision;
  w.flops = counted.flops;
  w.bytes = counted.bytes;
  w.tokens = static_cast<std::uint64_t>(shape.tokens);
  w.inputs = "logits, rows and gradients normal(0, 1) by Philox; routed by those logits";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Operation operation, const Shape& shape, Precision precision);
/// The CUDA workload of that operation, in BF16.
[[nodiscard]] Workload cuda_workload(Operation operation, const Shape& shape);

}  // namespace assay::moe
