#pragma once
/// The kernels of training steps on a CPU as workloads of their own, each in the shapes that a
/// step gives it: so a step's time can be explained by its parts. The shapes follow from the
/// model alone (model.h, step_shapes.h); nobody types them.
#include <vector>

#include "kernels/transformer/step.h"

namespace assay::transformer {

struct TrainingKernel {
  Workload workload;
  bool in_step = false;  ///< in the steps' own precision: what a step really runs
};

/// Products (forward, input gradient, weight gradient of every weight; an expert's with its mean
/// share of the tokens), attention, norms, RoPE, activations, bias gradients, cross-entropy,
/// embedding, routing, AdamW and the tokens' draw of these steps, forward and backward: first in
/// the steps' precision, which all share, then in the other of FP32 and BF16, then the forward
/// products in INT8, without bias. Equal shapes of several models stand once; a product bears the
/// first model's name. AdamW takes at most 2^24 parameters: beyond the caches more tell no more.
[[nodiscard]] std::vector<TrainingKernel> training_kernels(const std::vector<StepOptions>& steps);

/// Those of GPT-2 124M with 2 x 512 tokens.
[[nodiscard]] std::vector<Workload> gpt2_kernels();

}  // namespace assay::transformer
