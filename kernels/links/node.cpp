#include "kernels/links/node.h"

#include <utility>

#include "kernels/cuda/release.h"

namespace assay::links {
namespace {

/// In destructors, which can't throw.
void make_current_again(const cuda::Device& device) noexcept {
  const cuda::DriverTable& driver = device.driver();
  cuda::note_release(driver, driver.context_set_current(device.context()), "cuCtxSetCurrent",
                     device.facts().name);
}

/// Makes a device current again, whatever happens in between.
class Restored {
 public:
  explicit Restored(const cuda::Device& device) : device_(device) {}
  ~Restored() { make_current_again(device_); }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  const cuda::Device& device_;
};

}  // namespace

Node::Node(cuda::Stream& stream, const std::vector<int>& ordinals)
    : stream_(stream), begin_(stream.device()) {
  const Restored restored(stream.device());
  for (const int ordinal : ordinals) {
    Rank rank;
    rank.device = std::make_unique<cuda::Device>(stream.device().driver(), ordinal);
    rank.stream = std::make_unique<cuda::Stream>(*rank.device);
    rank.done = std::make_unique<cuda::Event>(*rank.device);
    ranks_.push_back(std::move(rank));
  }
}

Node::~Node() {
  const Restored restored(stream_.device());
  for (Rank& rank : ranks_) {
    make_current_again(*rank.device);
    rank.to = {};
    rank.from = {};
    rank.done.reset();
    rank.stream.reset();
    rank.device.reset();
  }
}

void Node::each(const std::function<void(Rank&, std::size_t)>& action) {
  const Restored restored(stream_.device());
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    ranks_[i].device->make_current();
    action(ranks_[i], i);
  }
}

void Node::ordered(const std::function<void()>& work) {
  begin_.record(stream_);
  each([&](Rank& rank, std::size_t) { rank.stream->wait_for(begin_); });
  {
    const Restored restored(stream_.device());
    work();
  }
  each([&](Rank& rank, std::size_t) { rank.done->record(*rank.stream); });
  for (const Rank& rank : ranks_) stream_.wait_for(*rank.done);
}

std::vector<int> ordinals_with(const cuda::Stream& stream, int devices) {
  std::vector<int> ordinals{stream.device().ordinal()};
  for (int ordinal = 0; static_cast<int>(ordinals.size()) < devices; ++ordinal) {
    if (ordinal != ordinals.front()) ordinals.push_back(ordinal);
  }
  return ordinals;
}

Check elements_that_differ(const std::vector<float>& values,
                           const std::function<float(std::int64_t)>& expected) {
  Check check{"elements that differ from the definition", 0.0, 0.0};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool equal = values[i] == expected(static_cast<std::int64_t>(i));
    if (!equal) check.error += 1.0;
  }
  return check;
}

Workload declare(const char* operation, std::vector<Dimension> problem, std::int64_t bytes,
                 int devices) {
  Workload w;
  w.family = "links";
  w.may_rotate = false;
  w.operation = operation;
  w.problem = std::move(problem);
  w.precision = Precision::fp32;
  w.bytes = static_cast<std::uint64_t>(bytes);
  w.devices = devices;
  w.inputs = "integers under 1021 in a ramp from a start drawn by the key";
  return named(std::move(w));
}

}  // namespace assay::links
