#pragma once
/// One workload on one device in this process: prepare, sample, verify, record. Takes samples and
/// checks outputs; judges nothing.
#include <functional>
#include <memory>
#include <string>

#include "harness/catalogue.h"
#include "harness/device_barrier.h"
#include "harness/gpu.h"
#include "harness/sampler.h"
#include "results/result.h"

namespace assay::harness {

struct ItemRequest {
  CatalogueEntry entry;
  SamplerOptions options;
  InputKey key;
  std::shared_ptr<const Gpu> gpu = nullptr;  ///< whose telemetry is taken; null for a CPU
  std::string device = {};                   ///< of several devices this one's id
  DeviceBarrier* barrier = nullptr;          ///< of several devices that measure it together
  std::int64_t hash_steps = 0;  ///< steps after which a training step's weights are hashed; 0: no
};

struct MeasuredItem {
  ItemRecord record;
  Judgement judgement;  ///< as the sampler saw it, for a console; not part of a document
};

/// Never throws for what the workload does: a failure is a record of status "failed" with its one
/// line, so that the others still run. What fails while the workload's handles are given back
/// (kernels/cuda/release.h) is such a failure too. `interrupted` is asked between samples.
[[nodiscard]] MeasuredItem measure_item(const ItemRequest& request, const Target& target,
                                        const std::function<bool()>& interrupted,
                                        const std::function<void(const Progress&)>& on_progress);

/// A record of that status and error for an entry that did not run; `device`: on which of several.
[[nodiscard]] ItemRecord unmeasured(const CatalogueEntry& entry, const std::string& status,
                                    const std::string& error, const std::string& device = {});

/// Turns a record into one of a failure; its samples stay.
void fail(ItemRecord& record, const std::string& error);

/// The text of the exception being handled, in one line. Call inside a catch block.
[[nodiscard]] std::string current_exception_line();

}  // namespace assay::harness
