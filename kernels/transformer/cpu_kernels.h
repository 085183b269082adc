#pragma once
/// The CPU kernels that a step is made of, at one level.
#include "kernels/activation/activation.h"
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/bias/bias.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/embedding/embedding.h"
#include "kernels/moe/moe.h"
#include "kernels/norm/norm.h"
#include "kernels/random/random.h"
#include "kernels/rope/rope.h"
#include "kernels/token_chain/token_chain.h"

namespace assay::transformer {

template <class T>
struct StepKernels {
  explicit StepKernels(CpuLevel level)
      : activation(kernels_for<activation::CpuKernels<T>>(level)),
        adamw(kernels_for<adamw::CpuKernels<T>>(level)),
        attention(kernels_for<attention::CpuKernels<T>>(level)),
        bias(kernels_for<bias::CpuKernels<T>>(level)),
        cross_entropy(kernels_for<cross_entropy::CpuKernels<T>>(level)),
        embedding(kernels_for<embedding::CpuKernels<T>>(level)),
        moe(kernels_for<moe::CpuKernels<T>>(level)),
        norm(kernels_for<norm::CpuKernels<T>>(level)),
        random(kernels_for<random::CpuKernels<float>>(level)),
        rope(kernels_for<rope::CpuKernels<T>>(level)),
        token_chain(kernels_for<token_chain::CpuKernels>(level)) {}

  const activation::CpuKernels<T>& activation;
  const adamw::CpuKernels<T>& adamw;
  const attention::CpuKernels<T>& attention;
  const bias::CpuKernels<T>& bias;
  const cross_entropy::CpuKernels<T>& cross_entropy;
  const embedding::CpuKernels<T>& embedding;
  const moe::CpuKernels<T>& moe;
  const norm::CpuKernels<T>& norm;
  const random::CpuKernels<float>& random;
  const rope::CpuKernels<T>& rope;
  const token_chain::CpuKernels& token_chain;
};

}  // namespace assay::transformer
