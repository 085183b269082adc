#pragma once
/// How an error travels from where it is found to the driver call that returns it.
#include <stdexcept>
#include <string>

#include "kernels/cuda/driver.h"

namespace assay::ptx_device {

/// A driver call that does not succeed: the code it returns, and what get_error_string then says.
class Refusal : public std::runtime_error {
 public:
  Refusal(cuda::Result result, const std::string& text) : runtime_error(text), result_(result) {}
  [[nodiscard]] cuda::Result result() const { return result_; }

 private:
  cuda::Result result_;
};

/// What a thread did wrong; the place is added where the thread is known (report.h).
class Fault : public Refusal {
 public:
  using Refusal::Refusal;
};

}  // namespace assay::ptx_device
