#pragma once
/// Data parallel training over devices of this process: a training step on each (cuda_reduction.h),
/// made, iterated and ended in a thread of its own. One big job, where each device alone is many
/// small ones.
///
/// Where a rank fails, all give up: the others' threads would wait for it in NCCL for ever. What
/// is thrown is what failed first; from then on the gang does nothing more.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/choice_book.h"
#include "kernels/transformer/cuda_training_step.h"

namespace assay::transformer {

/// Threads that live as long as the object, one a rank.
class RankThreads {
 public:
  /// `on_failure` is called once, by the thread of the rank that fails first.
  RankThreads(int ranks, std::function<void()> on_failure);
  ~RankThreads();
  RankThreads(const RankThreads&) = delete;
  RankThreads& operator=(const RankThreads&) = delete;

  /// Calls action(rank) in each rank's thread and returns when all have come back. Errors: what the
  /// rank that failed first threw, in this and in each later call.
  void run(const std::function<void(int)>& action);
  /// The same after a failure too, and throws nothing: for what must end.
  void end(const std::function<void(int)>& action) noexcept;

 private:
  struct Shared;
  void call(const std::function<void(int)>& action);

  std::unique_ptr<Shared> shared_;
};

class CudaGang {
 public:
  /// Rank r on the device of ordinals[r], each with the rows of `options`, in micro-batches that
  /// all have the memory for. All run the same algorithms: those of `book`, which outlives the
  /// gang, or what the first of them to come chooses. Errors: as CudaTrainingStep; check_error
  /// naming a call of NCCL.
  CudaGang(const StepOptions& options, const cuda::DriverTable& driver,
           const std::vector<int>& ordinals, const InputKey& key, const cuda::blas::Table& library,
           const cuda::nccl::Table& collectives, cuda::ChoiceBook* book = nullptr);
  ~CudaGang();
  CudaGang(const CudaGang&) = delete;
  CudaGang& operator=(const CudaGang&) = delete;

  /// One iteration of all ranks; returns when its work is done. Errors: check_error.
  void iterate();
  /// Loss and gradient norm are the whole gang's.
  [[nodiscard]] Observation observe();
  /// Equal on all ranks, or they have gone different ways.
  [[nodiscard]] std::vector<std::uint64_t> weight_hashes();
  [[nodiscard]] std::vector<float> gradients();
  /// Throws where NCCL has met an error since.
  void check_async_errors();

  [[nodiscard]] const StepOptions& options() const { return options_; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> notes();

 private:
  struct Rank {
    std::unique_ptr<cuda::Device> device;
    std::unique_ptr<cuda::Stream> stream;
    std::unique_ptr<CudaTrainingStep> step;
  };
  void open(const cuda::DriverTable& driver, const std::vector<int>& ordinals);
  void close() noexcept;

  StepOptions options_;
  cuda::ChoiceBook own_book_;
  cuda::ChoiceBook* book_;
  const cuda::nccl::Table& collectives_;
  std::vector<Rank> ranks_;
  std::vector<cuda::nccl::Communicator> communicators_;
  RankThreads threads_;  ///< the last, so that threads end before what they use
};

/// The gang as a workload over that many devices of a node, the lowest ordinals:
/// transformer/<model>_gang/devices…: tokens and model FLOPs are all ranks'. Errors: as
/// training_step_workload(). Null `collectives`: the machine's NCCL.
[[nodiscard]] Workload gang_workload(
    const StepOptions& options, int devices,
    cuda::blas::LibrarySource library = cuda::blas::machine_library,
    const cuda::nccl::Table* collectives = nullptr);

}  // namespace assay::transformer
