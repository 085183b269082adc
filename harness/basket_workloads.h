#pragma once
/// The items of a basket as workloads: where the data of results/edition meets the training step
/// of kernels/transformer.
#include <cstdint>
#include <optional>
#include <string>

#include "harness/devices.h"
#include "kernels/transformer/step.h"
#include "results/edition/basket.h"

namespace assay::harness {

/// The basket of that name; without a name the one that is for such a device: tb1 for a GPU,
/// tb1-lite for a CPU. Errors: as load_basket().
[[nodiscard]] Basket basket_for(const std::optional<std::string>& name, const Device& device);

/// The options of an item's step on a device. Precision: the basket's; "bf16_or_fp32" is BF16 where
/// the device multiplies it and FP32 elsewhere. All rows of a step go through in one micro-batch
/// where step_memory_bytes() fits half of the device's memory, else the largest divisor of them
/// that does (at least one row). On a CUDA device all rows: how many fit at a time is found when
/// the step is made there (kernels/transformer/cuda_memory.h). Errors: input_error for words of the
/// basket that no kernel knows.
[[nodiscard]] transformer::StepOptions step_options(const Basket& basket, const BasketItem& item,
                                                    const Device& device);

/// The item as a workload: model FLOPs by its frozen count.
/// Errors: as step_options; check_error where the kernels' count of model FLOPs differs from the
/// edition's.
[[nodiscard]] Workload basket_workload(const Basket& basket, const BasketItem& item,
                                       const Device& device);

/// What a step takes at most, from its sizes: weights, master, moments and gradients, and for each
/// token of a micro-batch the activations kept for the backward pass and the logits twice.
[[nodiscard]] std::int64_t step_memory_bytes(const transformer::StepOptions& options);

}  // namespace assay::harness
