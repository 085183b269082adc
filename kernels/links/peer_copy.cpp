#include <algorithm>
#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/links/links.h"
#include "kernels/links/node.h"

namespace assay::links {
namespace {

Instance make_instance(int from, int to, std::int64_t n, cuda::Stream& stream, std::int64_t seed) {
  auto node = std::make_shared<Node>(stream, std::vector<int>{from, to});
  bool is_direct = false;
  node->each([&](Rank& rank, std::size_t i) {
    const auto count = static_cast<std::size_t>(n);
    if (i == 0) {
      std::vector<float> values(count);
      for (std::int64_t k = 0; k < n; ++k) {
        values[static_cast<std::size_t>(k)] = element(seed, 0, k);
      }
      rank.from = cuda::Buffer<float>(*rank.stream, values);
      is_direct = rank.device->enable_peer_access(*node->rank(1).device);
    } else {
      rank.to = cuda::Buffer<float>(*rank.device, count);
      rank.to.fill_zero(*rank.stream);
    }
    rank.stream->synchronize();
  });
  Instance instance;
  instance.notes.emplace_back("peer_access", is_direct ? "direct" : "through the host's memory");
  cuda::set_iteration(instance, stream, [=, &stream] {
    node->ordered([&] {
      Rank& source = node->rank(0);
      Rank& target = node->rank(1);
      source.device->make_current();
      cuda::copy_between(*source.stream, reinterpret_cast<cuda::DevicePointer>(target.to.data()),
                         *target.device, reinterpret_cast<cuda::DevicePointer>(source.from.data()),
                         *source.device, static_cast<std::size_t>(n) * sizeof(float));
    });
  });
  instance.verify = [=] {
    std::vector<Check> checks;
    node->each([&](Rank& rank, std::size_t i) {
      if (i == 1) {
        checks.push_back(elements_that_differ(rank.to.to_host(*rank.stream),
                                              [&](std::int64_t k) { return element(seed, 0, k); }));
      }
    });
    return checks;
  };
  return instance;
}

}  // namespace

Workload peer_copy_workload(int from, int to, std::int64_t bytes) {
  Workload w = declare("peer_copy", {{"from", from}, {"to", to}, {"bytes", bytes}}, bytes,
                       std::max(from, to) + 1);
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(from, to, bytes / 4, stream, drawn_seed(key));
  };
  return w;
}

}  // namespace assay::links
