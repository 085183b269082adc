#pragma once
/// Tolerances that nobody typed in: a kernel's error against the double definition may be at most
/// twice that of a control, a plain implementation in the same precision (the definition run in
/// float, its results rounded to the storage type), plus twice the rounding of the reference to
/// float (so that a control that happens to be exact does not ask for the impossible). The form is
/// that of flash-attention's tests (T. Dao, hopper/test_flash_attn.py).
#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay {

/// Largest absolute error of `output` against `reference`; the bound is
/// 2·max|control − reference| + 2·2^-24·max|reference|. A NaN anywhere fails.
/// All three have the same size.
[[nodiscard]] Check compare_with_control(std::string name, const std::vector<double>& output,
                                         const std::vector<double>& control,
                                         const std::vector<double>& reference);

/// The control's results as they would be stored: rounded to T, then widened.
template <class T>
[[nodiscard]] std::vector<double> stored_as(const std::vector<float>& control);

}  // namespace assay
