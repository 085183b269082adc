#pragma once
/// A result document made up for tests: small, complete, valid, and the same each time. Step
/// times, noise, drift and losses are chosen by the test, so what must be derived from the document
/// is known beforehand.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "results/edition/basket.h"
#include "results/result.h"

namespace assay {

/// One workload of the document, in all its processes.
struct SampleItem {
  std::string workload = "transformer/sample_step/batch1_sequence256/fp32";
  std::string kind = "training_step";
  std::map<std::string, std::int64_t> problem = {{"batch", 1}, {"sequence", 256}};
  std::string basket_item;  ///< empty: not of a basket
  std::string precision = "fp32";
  std::int64_t flops = 1'000'000'000;
  std::int64_t bytes = 10'000'000;
  std::int64_t tokens = 256;
  std::int64_t samples = 100;  ///< in each process
  std::int64_t batch = 1;
  /// Mean seconds of an iteration in each process; the last stands for those that follow.
  std::vector<double> process_iteration_s = {0.010, 0.0101, 0.0099};
  double noise_relative = 0.01;  ///< standard deviation of a sample; independent
  double drift_relative = 0.0;   ///< iteration time at the window's end over its begin, less 1
  // Of training steps: losses fall exponentially from the first to the last.
  std::int64_t vocabulary = 512;
  double first_loss = 0.0;  ///< nats per token; 0: ln V
  double last_loss = 0.0;   ///< 0: a third of the way from the entropy rate up to ln V
  double loss_noise = 0.01;
};

/// A kernel: no basket, no losses.
[[nodiscard]] SampleItem sample_kernel();

/// The same in another precision, which its name says.
[[nodiscard]] SampleItem in_precision(SampleItem item, const std::string& precision);

struct SampleOptions {
  std::int64_t processes = 3;
  std::vector<SampleItem> items = {SampleItem{}, sample_kernel()};
  /// The basket that items with a basket_item belong to; empty name: none.
  BasketRecord basket;
};

[[nodiscard]] ResultDocument sample_result(const SampleOptions& options = {});

/// Items and basket record of a basket, with its model FLOPs and vocabularies, each delivering
/// about `pflops`; and one FP32 product as a roof.
[[nodiscard]] SampleOptions sample_options_of(const Basket& basket, double pflops = 1e-4);

/// A run of the certify suite with every condition met, of a device of that name that delivers
/// about `pflops` on the basket: simulated, and of grade certified.
[[nodiscard]] ResultDocument certified_sample_result(const std::string& basket,
                                                     const std::string& device, double pflops);

}  // namespace assay
