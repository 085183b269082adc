#include "kernels/compare.h"

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/fp16.h"

namespace assay {
namespace {

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;
    if (std::isnan(difference)) return std::numeric_limits<double>::quiet_NaN();
  }
  return largest;
}

}  // namespace

Check compare_with_control(std::string name, const std::vector<double>& output,
                           const std::vector<double>& control,
                           const std::vector<double>& reference) {
  double scale = 0.0;
  for (const double value : reference) scale = std::max(scale, std::abs(value));
  const double rounding = static_cast<double>(std::numeric_limits<float>::epsilon()) * scale;
  return {std::move(name), largest_difference(output, reference),
          2.0 * largest_difference(control, reference) + rounding};
}

template <class T>
std::vector<double> stored_as(const std::vector<float>& control) {
  std::vector<double> stored(control.size());
  for (std::size_t i = 0; i < control.size(); ++i) {
    stored[i] = static_cast<double>(to_float(from_float<T>(control[i])));
  }
  return stored;
}
template std::vector<double> stored_as<float>(const std::vector<float>&);
template std::vector<double> stored_as<Bf16>(const std::vector<float>&);
template std::vector<double> stored_as<Fp16>(const std::vector<float>&);

}  // namespace assay
