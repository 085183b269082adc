#pragma once
/// What the CPU's and CUDA's workloads of the bias gradient share: the check of the output against
/// the definition, and the declaration without a back end.
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/bias/bias.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"

namespace assay::bias {

/// dbias, which was `start` before dy was added, against the definition; the float definition is
/// the control.
template <class T>
std::vector<Check> checks(std::int64_t rows, std::int64_t width, const std::vector<T>& dy,
                          const std::vector<float>& start, const std::vector<float>& dbias) {
  const auto run = [&](const auto& widened, auto sum) {
    backward_reference(rows, width, widened.data(), sum.data());
    return sum;
  };
  return {compare_with_control("dbias", to_double(dbias),
                               stored_as<float>(run(to_single(dy), start)),
                               run(to_double(dy), to_double(start)))};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(std::int64_t rows, std::int64_t width, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto n = static_cast<std::uint64_t>(rows * width);
  Workload w;
  w.family = "bias";
  w.operation = "backward";
  w.problem = {{"rows", rows}, {"width", width}};
  w.precision = precision;
  w.flops = n;
  w.bytes = n * element + static_cast<std::uint64_t>(width) * 8;
  w.inputs = "normal(0, 1) by Philox";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(std::int64_t rows, std::int64_t width, Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(std::int64_t rows, std::int64_t width);

}  // namespace assay::bias
