#include "harness/launch_profile.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "harness/basket_workloads.h"
#include "harness/catalogue.h"
#include "harness/nvtx.h"
#include "harness/process_spec.h"

namespace assay::harness {
namespace {

/// An observer on a stream for as long as this object lives.
class ObservedStream {
 public:
  ObservedStream(cuda::Stream& stream, cuda::LaunchObserver observer)
      : stream_(stream), observer_(std::move(observer)) {
    stream_.observe(&observer_);
  }
  ~ObservedStream() { stream_.observe(nullptr); }
  ObservedStream(const ObservedStream&) = delete;
  ObservedStream& operator=(const ObservedStream&) = delete;

 private:
  cuda::Stream& stream_;
  cuda::LaunchObserver observer_;
};

/// A launch with its two events.
struct Timed {
  std::string family;
  std::unique_ptr<cuda::Event> first;
  std::unique_ptr<cuda::Event> last;
};

}  // namespace

std::map<std::string, double> seconds_by_family(cuda::Stream& stream,
                                                const std::function<void()>& iteration) {
  std::vector<Timed> launches;
  const auto recorded = [&stream] {
    auto event = std::make_unique<cuda::Event>(stream.device());
    event->record(stream);
    return event;
  };
  {
    const ObservedStream observation(
        stream, {.before =
                     [&](std::string_view name) {
                       launches.push_back({cuda::family_of(name), recorded(), nullptr});
                     },
                 .after = [&] { launches.back().last = recorded(); }});
    iteration();
  }
  stream.synchronize();
  std::map<std::string, double> seconds;
  for (const Timed& launch : launches) {
    seconds[launch.family] += launch.last->seconds_since(*launch.first);
  }
  return seconds;
}

void profile_iteration(const Workload& workload, const Target& target, const InputKey& key) {
  constexpr int kWarmUp = 3;
  if (!nvtx::is_available()) {
    throw input_error("this build has no NVTX", "--profile",
                      "build where the CUDA toolkit's headers are (nvtx3/nvToolsExt.h)");
  }
  if (const auto reason = unavailable_on(workload, target)) {
    throw input_error(*reason, "--profile " + workload.name);
  }
  const Instance instance = make_instance(workload, target, key);
  for (int i = 0; i < kWarmUp; ++i) instance.iterate();
  const nvtx::Range range(workload.name);
  const auto* const cuda = std::get_if<CudaTarget>(&target);
  if (cuda == nullptr) return instance.iterate();
  const ObservedStream observation(
      *cuda->stream, {.before = [](std::string_view name) { nvtx::push(std::string(name)); },
                      .after = [] { nvtx::pop(); }});
  instance.enqueue_launches ? instance.enqueue_launches()
  : instance.enqueue        ? instance.enqueue()
                            : instance.iterate();
  cuda->stream->synchronize();
}

void profile_named(const ProfileOptions& options) {
  const Device device = select_device(options.device, options.cpu_isa);
  const Catalogue catalogue = make_catalogue(basket_for(options.basket, device), device);
  const auto item =
      std::find_if(catalogue.begin(), catalogue.end(), [&](const CatalogueEntry& entry) {
        return !options.name.empty() && entry.basket_item == options.name;
      });
  const CatalogueEntry& entry = item != catalogue.end() ? *item : entry_of(catalogue, options.name);
  apply(device);
  const OpenDevice open(device);
  profile_iteration(entry.workload, open.target(), {key_of_nonce(make_nonce(options.seed))});
}

}  // namespace assay::harness
