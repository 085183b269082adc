#include "kernels/cuda/release.h"

#include <exception>
#include <utility>

#include "base/error.h"

namespace assay::cuda {
namespace {

ReleaseWatch*& innermost() {
  thread_local ReleaseWatch* watch = nullptr;
  return watch;
}

}  // namespace

ReleaseWatch::ReleaseWatch() : outer_(std::exchange(innermost(), this)) {}
ReleaseWatch::~ReleaseWatch() {
  innermost() = outer_;
}

void note_release(const std::string& failure) noexcept {
  ReleaseWatch* const watch = innermost();
  if (watch == nullptr || !watch->failure_.empty()) return;
  try {
    watch->failure_ = failure;
  } catch (const std::exception&) {
    // Without memory for a line there is none.
  }
}

void note_release(const DriverTable& driver, Result result, std::string_view call,
                  const std::string& where) noexcept {
  if (result == kSuccess || innermost() == nullptr) return;
  try {
    check(driver, result, call, where);
  } catch (const Error& error) {
    note_release(error.line());
  } catch (const std::exception&) {
    note_release("a call of the driver failed");
  }
}

}  // namespace assay::cuda
