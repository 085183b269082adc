#pragma once
/// Five steps of AdamW and their check against the definition, whatever computed them: CPU levels
/// (adamw_test.cpp) and CUDA kernels (ptx/adamw_cuda_test.cpp) alike.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/adamw/adamw_workload.h"

namespace assay::adamw {

inline constexpr std::int64_t kSteps = 5;
inline constexpr float kGradientScale = 0.5F;

/// The gradients of a step, from 1 on.
inline std::vector<float> gradient_of(std::int64_t step, std::int64_t n) {
  return normal_input<float>(6, 10 + static_cast<std::uint64_t>(step), n, 0.0, 0.1);
}

template <class T>
struct Outputs {
  std::vector<float> master, first, second;
  std::vector<T> weight;
};

/// Before the first step.
template <class T>
Outputs<T> initial_outputs(std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  return {normal_input<float>(6, 1, n), std::vector<float>(size), std::vector<float>(size),
          std::vector<T>(size)};
}

/// The outputs of kSteps steps against the definition.
template <class T>
std::vector<Check> checks(const Outputs<T>& output) {
  const auto n = static_cast<std::int64_t>(output.master.size());
  const auto defined = [&](const auto& convert) {
    auto master = convert(initial_outputs<T>(n).master);
    using Real = typename decltype(master)::value_type;
    struct {
      std::vector<Real> master, first, second;
    } d{master, std::vector<Real>(master.size()), std::vector<Real>(master.size())};
    for (std::int64_t step = 1; step <= kSteps; ++step) {
      update_reference(Hyperparameters{}, step, static_cast<Real>(kGradientScale), n,
                       convert(gradient_of(step, n)).data(), d.master.data(), d.first.data(),
                       d.second.data());
    }
    return d;
  };
  const auto exact = defined(to_double<float>);
  const auto control = defined(to_single<float>);
  return {compare_with_control("master", to_double(output.master), stored_as<float>(control.master),
                               exact.master),
          compare_with_control("first moment", to_double(output.first),
                               stored_as<float>(control.first), exact.first),
          compare_with_control("second moment", to_double(output.second),
                               stored_as<float>(control.second), exact.second),
          compare_with_control("weight", to_double(output.weight), stored_as<T>(control.master),
                               exact.master)};
}

template <class T>
void expect_right(const Outputs<T>& output) {
  for (const Check& check : checks(output)) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound << ", "
                                << output.master.size() << " parameters";
  }
}

}  // namespace assay::adamw
