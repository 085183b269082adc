#include "kernels/transformer/cuda_gang.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/token_law.h"
#include "kernels/transformer/cuda_memory.h"

namespace assay::transformer {
namespace {

/// Sums of FP32 in another order; a rank that is left out, or counted twice, is far beyond.
constexpr double kOrderOfSumsBound = 1e-5;

std::vector<int> first_ordinals(int devices) {
  std::vector<int> ordinals(static_cast<std::size_t>(devices));
  std::iota(ordinals.begin(), ordinals.end(), 0);
  return ordinals;
}

/// ‖a − b‖ / ‖b‖.
double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0.0;
  double differences = 0.0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const auto exact = static_cast<double>(b[i]);
    const double difference = static_cast<double>(a[i]) - exact;
    squares += exact * exact;
    differences += difference * difference;
  }
  return std::sqrt(differences / squares);
}

Check ranks_that_differ(CudaGang& gang, const std::string& name) {
  const std::vector<std::uint64_t> hashes = gang.weight_hashes();
  const std::set<std::uint64_t> different(hashes.begin(), hashes.end());
  return {name, static_cast<double>(different.size() - 1), 0.0};
}

/// A small gang's gradients against those of one device that has all its rows.
Check compare_with_one_device(const StepOptions& options, int devices, cuda::Stream& stream,
                              const InputKey& key, const cuda::blas::Table& library,
                              const cuda::nccl::Table& collectives) {
  StepOptions small = small_sibling(options, 64);
  small.batch = 1;
  CudaGang gang(small, stream.device().driver(), first_ordinals(devices), key, library, collectives,
                stream.device().choice_book());
  StepOptions whole = small;
  whole.accumulation = devices;
  CudaTrainingStep one(whole, stream, key, library);
  gang.iterate();
  one.iterate();
  return {"small gang, gradients against one device with all rows",
          relative_difference(gang.gradients(), one.gradients()), kOrderOfSumsBound};
}

Instance make_instance(const StepOptions& options, int devices, cuda::Stream& stream,
                       const InputKey& key, const cuda::blas::Table& library,
                       const cuda::nccl::Table& collectives) {
  const auto gang = std::make_shared<CudaGang>(options, stream.device().driver(),
                                               first_ordinals(devices), key, library, collectives);
  Instance instance;
  instance.iterate = [=] { gang->iterate(); };
  instance.observe = [=] { return gang->observe(); };
  instance.verify = [=, &stream, &library, &collectives] {
    gang->check_async_errors();
    const bool finite = std::isfinite(gang->observe().loss);
    return std::vector<Check>{
        {"loss is finite", finite ? 0.0 : 1.0, 0.0},
        ranks_that_differ(*gang, "ranks whose weights differ"),
        compare_with_one_device(options, devices, stream, key, library, collectives)};
  };
  const auto vocabulary = static_cast<std::int32_t>(options.model.vocabulary);
  instance.loss_law =
      LossLaw{std::log(static_cast<double>(vocabulary)),
              entropy_rate_nats(make_token_law(key.key, vocabulary)), key.key, vocabulary};
  instance.notes = gang->notes();
  return instance;
}

}  // namespace

CudaGang::CudaGang(const StepOptions& options, const cuda::DriverTable& driver,
                   const std::vector<int>& ordinals, const InputKey& key,
                   const cuda::blas::Table& library, const cuda::nccl::Table& collectives,
                   cuda::ChoiceBook* book)
    : options_(options),
      book_(book != nullptr ? book : &own_book_),
      collectives_(collectives),
      ranks_(ordinals.size()),
      threads_(static_cast<int>(ordinals.size()), [this] {
        for (cuda::nccl::Communicator& communicator : communicators_) communicator.abort();
      }) {
  try {
    open(driver, ordinals);
    threads_.run([&](int rank) {
      const auto r = static_cast<std::size_t>(rank);
      ranks_[r].step = std::make_unique<CudaTrainingStep>(options_, *ranks_[r].stream, key, library,
                                                          Gang{&communicators_[r]});
    });
  } catch (...) {
    close();
    throw;
  }
}

/// Devices, and the micro-batch that the one with the least free memory holds. NCCL takes its
/// buffers first.
void CudaGang::open(const cuda::DriverTable& driver, const std::vector<int>& ordinals) {
  threads_.run([&](int rank) {
    const auto r = static_cast<std::size_t>(rank);
    ranks_[r].device = std::make_unique<cuda::Device>(driver, ordinals[r]);
    ranks_[r].device->share_choices(book_);
    ranks_[r].stream = std::make_unique<cuda::Stream>(*ranks_[r].device);
  });
  communicators_ = cuda::nccl::make_communicators(collectives_, ordinals);
  std::vector<std::size_t> free_bytes(ranks_.size());
  threads_.run([&](int rank) {
    const auto r = static_cast<std::size_t>(rank);
    free_bytes[r] = cuda::free_memory_bytes(*ranks_[r].device);
  });
  options_ = fitted_to_memory(options_, *std::min_element(free_bytes.begin(), free_bytes.end()),
                              ranks_.front().device->facts().compute_capability);
}

void CudaGang::close() noexcept {
  threads_.end([this](int rank) {
    Rank& own = ranks_[static_cast<std::size_t>(rank)];
    own.step.reset();
    own.stream.reset();
  });
  // Those of a gang that failed are gone already.
  communicators_.clear();
  threads_.end([this](int rank) { ranks_[static_cast<std::size_t>(rank)].device.reset(); });
}

CudaGang::~CudaGang() {
  close();
}

void CudaGang::iterate() {
  threads_.run([this](int rank) {
    const Rank& own = ranks_[static_cast<std::size_t>(rank)];
    own.step->iterate();
    own.stream->synchronize();
  });
}

Observation CudaGang::observe() {
  Observation observation;
  threads_.run([&](int rank) {
    if (rank == 0) observation = ranks_.front().step->observe();
  });
  return observation;
}

std::vector<std::uint64_t> CudaGang::weight_hashes() {
  std::vector<std::uint64_t> hashes(ranks_.size());
  threads_.run([&](int rank) {
    const auto r = static_cast<std::size_t>(rank);
    hashes[r] = ranks_[r].step->weight_hash();
  });
  return hashes;
}

std::vector<float> CudaGang::gradients() {
  std::vector<float> gradients;
  threads_.run([&](int rank) {
    if (rank == 0) gradients = ranks_.front().step->gradients();
  });
  return gradients;
}

void CudaGang::check_async_errors() {
  for (cuda::nccl::Communicator& communicator : communicators_) communicator.check_async_error();
}

std::vector<std::pair<std::string, std::string>> CudaGang::notes() {
  auto all = ranks_.front().step->notes();
  all.emplace_back("nccl", cuda::nccl::version_text(collectives_));
  all.emplace_back("gang_devices", std::to_string(ranks_.size()));
  return all;
}

Workload gang_workload(const StepOptions& options, int devices, cuda::blas::LibrarySource library,
                       const cuda::nccl::Table* collectives) {
  Workload w = training_step_workload(options, library);
  const bool is_offered = static_cast<bool>(w.on_cuda);
  w.operation = options.model.name + "_gang";
  w.problem.insert(w.problem.begin(), {"devices", devices});
  w.tokens *= static_cast<std::uint64_t>(devices);
  w.flops *= static_cast<std::uint64_t>(devices);
  w.bytes *= static_cast<std::uint64_t>(devices);
  w.devices = devices;
  w.on_cpu = nullptr;
  w.on_cuda = nullptr;
  if (is_offered) {
    w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
      return make_instance(options, devices, stream, key, library(),
                           collectives != nullptr ? *collectives : cuda::nccl::system_library());
    };
  }
  return named(std::move(w));
}

}  // namespace assay::transformer
