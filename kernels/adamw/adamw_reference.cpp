#include <cmath>

#include "kernels/adamw/adamw.h"

namespace assay::adamw {

template <class Real>
void update_reference(const Hyperparameters& hyperparameters, std::int64_t step,
                      Real gradient_scale, std::int64_t n, const Real* gradient, Real* master,
                      Real* first_moment, Real* second_moment) {
  const auto rate = static_cast<Real>(hyperparameters.learning_rate);
  const auto beta1 = static_cast<Real>(hyperparameters.beta1);
  const auto beta2 = static_cast<Real>(hyperparameters.beta2);
  const auto epsilon = static_cast<Real>(hyperparameters.epsilon);
  const auto decay = static_cast<Real>(hyperparameters.weight_decay);
  const Real correction1 = 1 - std::pow(beta1, static_cast<Real>(step));
  const Real correction2 = 1 - std::pow(beta2, static_cast<Real>(step));
  for (std::int64_t i = 0; i < n; ++i) {
    const Real g = gradient_scale * gradient[i];
    Real& m = first_moment[i];
    Real& v = second_moment[i];
    Real& w = master[i];
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    w -= rate * (m / correction1 / (std::sqrt(v / correction2) + epsilon) + decay * w);
  }
}
template void update_reference(const Hyperparameters&, std::int64_t, double, std::int64_t,
                               const double*, double*, double*, double*);
template void update_reference(const Hyperparameters&, std::int64_t, float, std::int64_t,
                               const float*, float*, float*, float*);

template <class Real>
Real sum_of_squares_reference(std::int64_t n, const Real* gradient) {
  Real total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += gradient[i] * gradient[i];
  return total;
}
template double sum_of_squares_reference(std::int64_t, const double*);
template float sum_of_squares_reference(std::int64_t, const float*);

}  // namespace assay::adamw
