#pragma once
/// Ctrl-C and termination as a question that work asks between samples, instead of a death.
#include <csignal>

namespace assay::harness {

/// While it lives, SIGINT and SIGTERM are counted instead of ending the process. Guards do not
/// nest. The count starts at zero with each guard.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction previous_interrupt_ {};
  struct sigaction previous_terminate_ {};
};

/// Signals counted since the last guard was made; 0 where there was none.
[[nodiscard]] int interrupt_count();
[[nodiscard]] inline bool interrupted() {
  return interrupt_count() > 0;
}

}  // namespace assay::harness
