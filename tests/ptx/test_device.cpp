#include "ptx/test_device.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kernels/cuda/images.h"
#include "ptx/observed_driver.h"
#include "ptx/workload_record.h"
#include "ptx_device/device.h"
#ifdef ASSAY_PTXRUN
#include "ptx/ptxrun_driver.h"
#endif

namespace assay::cuda_test {
namespace {

enum class Driver { functional, ptxrun, native };

Driver chosen_driver() {
  const char* const value = std::getenv("ASSAY_TEST_DRIVER");
  const std::string_view name = value == nullptr ? "" : value;
  if (name.empty() || name == "functional") return Driver::functional;
  if (name == "native") return Driver::native;
#ifdef ASSAY_PTXRUN
  if (name == "ptxrun") return Driver::ptxrun;
#endif
  throw input_error("no such driver to test with", "ASSAY_TEST_DRIVER=" + std::string(name),
                    "functional, native, or ptxrun in a build with ASSAY_PTXRUN");
}

/// An own machine for each body, so that no state of a fault survives.
const cuda::DriverTable& fresh_driver(const ptx_device::Options& options) {
  switch (chosen_driver()) {
    case Driver::native:
      return cuda::system_driver();
#ifdef ASSAY_PTXRUN
    case Driver::ptxrun:
      ptxrun::configure(options);
      return ptxrun::driver();
#endif
    default:
      ptx_device::configure(options);
      return ptx_device::driver();
  }
}

/// The architectures that images_compiler() names after "for", or the one of the environment.
std::vector<int> tested_architectures() {
  if (const char* const only = std::getenv("ASSAY_TEST_ARCHITECTURE")) return {std::stoi(only)};
  std::vector<int> all;
  const std::string text(cuda::images_compiler());
  const std::size_t at = text.find(" for ");
  for (std::size_t i = at == std::string::npos ? text.size() : at + 5; i < text.size();) {
    std::size_t length = 0;
    all.push_back(std::stoi(text.substr(i), &length));
    i += length + 2;  // ", "
  }
  return all;
}

std::string needs_text(int compute_capability) {
  return "needs compute capability " + std::to_string(compute_capability / 10) + "." +
         std::to_string(compute_capability % 10);
}

void run_on(const ptx_device::Options& options, const std::function<void(cuda::Stream&)>& body) {
  cuda::Device device(observed(fresh_driver(options)), 0);
  cuda::Stream stream(device);
  body(stream);
  stream.synchronize();
  if (chosen_driver() == Driver::functional) {
    record_launches(device.facts().compute_capability, take_all_launches());
  }
}

}  // namespace

bool is_functional() {
  return chosen_driver() != Driver::native;
}

bool is_own_device() {
  return chosen_driver() == Driver::functional;
}

ptx_device::Counters take_counted() {
#ifdef ASSAY_PTXRUN
  if (chosen_driver() == Driver::ptxrun) return ptxrun::take_counters();
#endif
  return is_functional() ? ptx_device::take_counters() : ptx_device::Counters{};
}

ptx_device::Options without_checks() {
  ptx_device::Options options;
  options.detect_races = false;
  options.detect_uninitialised = false;
  return options;
}

std::optional<int> first_architecture_from(int least) {
  for (const int architecture : tested_architectures()) {
    if (architecture >= least) return architecture;
  }
  return std::nullopt;
}

bool any_device_from(int compute_capability) {
  if (is_functional()) return first_architecture_from(compute_capability).has_value();
  return cuda::read_device_facts(cuda::system_driver(), 0).compute_capability >= compute_capability;
}

void on_each_architecture(const std::function<void(cuda::Stream&)>& body,
                          const ptx_device::Options& options, int least) {
  ASSERT_FALSE(tested_architectures().empty()) << "this build carries no CUDA kernels";
  if (!any_device_from(least)) GTEST_SKIP() << needs_text(least);
  if (!is_functional()) return run_on(options, body);
  for (const int architecture : tested_architectures()) {
    if (architecture < least) continue;
    SCOPED_TRACE("sm_" + std::to_string(architecture));
    ptx_device::Options of_architecture = options;
    of_architecture.architecture = architecture;
    run_on(of_architecture, body);
  }
}

void on_architecture(int architecture, const std::function<void(cuda::Stream&)>& body) {
  run_on({.architecture = architecture}, body);
}

namespace {

void expect_same_bits(const std::function<std::vector<std::byte>(cuda::Stream&)>& body,
                      int architecture) {
  using ptx_device::Order;
  SCOPED_TRACE("sm_" + std::to_string(architecture));
  struct Way {
    Order order;
    std::uint64_t seed;
  };
  std::vector<std::byte> first;
  for (const Way way : {Way{Order::forward, 1}, Way{Order::reverse, 1}, Way{Order::random, 1},
                        Way{Order::random, 2}}) {
    ptx_device::Options options;
    options.architecture = architecture;
    options.order = way.order;
    options.seed = way.seed;
    std::vector<std::byte> bits;
    run_on(options, [&](cuda::Stream& stream) { bits = body(stream); });
    if (first.empty()) first = bits;
    EXPECT_TRUE(bits == first) << "order " << static_cast<int>(way.order) << ", seed " << way.seed;
  }
}

}  // namespace

void expect_same_bits_in_all_orders(
    const std::function<std::vector<std::byte>(cuda::Stream&)>& body, int least) {
  if (!any_device_from(least)) GTEST_SKIP() << needs_text(least);
  // On a GPU the architecture is the GPU's.
  expect_same_bits(body, first_architecture_from(least).value_or(least));
}

void expect_same_bits_in_all_orders_everywhere(
    const std::function<std::vector<std::byte>(cuda::Stream&)>& body, int least) {
  if (!is_functional()) return expect_same_bits_in_all_orders(body, least);
  if (!any_device_from(least)) GTEST_SKIP() << needs_text(least);
  for (const int architecture : tested_architectures()) {
    if (architecture >= least) expect_same_bits(body, architecture);
  }
}

}  // namespace assay::cuda_test
