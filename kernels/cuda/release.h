#pragma once
/// What failed while handles were given back. Owners do that in destructors, where nothing can be
/// thrown; but drivers tell of earlier work's errors in whatever call comes next, so whoever
/// measures must hear of it. A watch hears of its own thread's failures while it lives.
#include <string>
#include <string_view>

#include "kernels/cuda/driver.h"

namespace assay::cuda {

class ReleaseWatch {
 public:
  ReleaseWatch();
  ~ReleaseWatch();
  ReleaseWatch(const ReleaseWatch&) = delete;
  ReleaseWatch& operator=(const ReleaseWatch&) = delete;

  /// The first failure in one line; empty where there was none.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  friend void note_release(const std::string& failure) noexcept;

  ReleaseWatch* outer_;  ///< the thread's watch before this one
  std::string failure_;
};

/// Tells the thread's innermost watch; where there is none, nobody.
void note_release(const std::string& failure) noexcept;
/// The same unless `result` is success.
void note_release(const DriverTable& driver, Result result, std::string_view call,
                  const std::string& where) noexcept;

}  // namespace assay::cuda
