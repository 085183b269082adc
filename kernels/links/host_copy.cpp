#include <cstring>
#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/links/links.h"
#include "kernels/links/node.h"

namespace assay::links {
namespace {

/// Pinned memory and device memory of one direction each.
struct HostCopies {
  HostCopies(cuda::Stream& stream, std::int64_t n)
      : node(stream, {stream.device().ordinal(), stream.device().ordinal()}),
        host_from(stream.device(), static_cast<std::size_t>(n) * sizeof(float)),
        host_to(stream.device(), static_cast<std::size_t>(n) * sizeof(float)) {}

  Node node;  ///< two streams of the device: one a direction
  cuda::PinnedMemory host_from;
  cuda::PinnedMemory host_to;
};

std::vector<float> ramp(std::int64_t n, std::int64_t seed, std::int64_t rank) {
  std::vector<float> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    values[static_cast<std::size_t>(i)] = element(seed, rank, i);
  }
  return values;
}

Instance make_instance(HostCopy operation, std::int64_t n, cuda::Stream& stream,
                       std::int64_t seed) {
  const bool up = operation != HostCopy::device_to_host;
  const bool down = operation != HostCopy::host_to_device;
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
  auto copies = std::make_shared<HostCopies>(stream, n);
  const std::vector<float> sent = ramp(n, seed, 0);
  std::memcpy(copies->host_from.data(), sent.data(), bytes);
  std::memset(copies->host_to.data(), 0xFF, bytes);
  Rank& upward = copies->node.rank(0);
  Rank& downward = copies->node.rank(1);
  upward.to = cuda::Buffer<float>(stream.device(), static_cast<std::size_t>(n));
  upward.to.fill_zero(stream);
  downward.from = cuda::Buffer<float>(stream, ramp(n, seed, 1));
  stream.synchronize();
  const auto address = [](const cuda::Buffer<float>& buffer) {
    return reinterpret_cast<cuda::DevicePointer>(buffer.data());
  };
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    copies->node.ordered([&] {
      Rank& to_device = copies->node.rank(0);
      Rank& to_host = copies->node.rank(1);
      if (up) {
        cuda::copy_to_device(*to_device.stream, address(to_device.to), copies->host_from.data(),
                             bytes);
      }
      if (down) {
        cuda::copy_to_host(*to_host.stream, copies->host_to.data(), address(to_host.from), bytes);
      }
    });
  });
  instance.verify = [=, &stream] {
    std::vector<Check> checks;
    const auto expect = [&](const std::vector<float>& values, std::int64_t rank) {
      checks.push_back(
          elements_that_differ(values, [&](std::int64_t i) { return element(seed, rank, i); }));
    };
    if (up) expect(copies->node.rank(0).to.to_host(stream), 0);
    if (down) {
      std::vector<float> received(static_cast<std::size_t>(n));
      std::memcpy(received.data(), copies->host_to.data(), bytes);
      expect(received, 1);
    }
    return checks;
  };
  return instance;
}

constexpr const char* operation_name(HostCopy operation) {
  return operation == HostCopy::host_to_device   ? "host_to_device"
         : operation == HostCopy::device_to_host ? "device_to_host"
                                                 : "host_both_ways";
}

}  // namespace

Workload host_copy_workload(HostCopy operation, std::int64_t bytes) {
  const std::int64_t moved = operation == HostCopy::both_ways ? 2 * bytes : bytes;
  Workload w = declare(operation_name(operation), {{"bytes", bytes}}, moved, 1);
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(operation, bytes / 4, stream, drawn_seed(key));
  };
  return w;
}

}  // namespace assay::links
