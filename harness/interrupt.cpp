#include "harness/interrupt.h"

#include <atomic>

namespace assay::harness {
namespace {

// A signal handler can reach nothing but a static object.
std::atomic<int> signal_count{0};
static_assert(std::atomic<int>::is_always_lock_free);

void count_signal(int /*signal*/) {
  signal_count.fetch_add(1);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  signal_count = 0;
  struct sigaction action {};
  action.sa_handler = count_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a blocked poll() must wake up.
  sigaction(SIGINT, &action, &previous_interrupt_);
  sigaction(SIGTERM, &action, &previous_terminate_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previous_interrupt_, nullptr);
  sigaction(SIGTERM, &previous_terminate_, nullptr);
}

int interrupt_count() {
  return signal_count.load();
}

}  // namespace assay::harness
