#include "results/edition/headroom.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace assay {
namespace {

constexpr const char* kProducts = "gemm";
constexpr const char* kStreams = "stream";
constexpr double kNegligible = 0.01;

double flops_per_s(const ItemFigures& kernel) {
  return static_cast<double>(kernel.flops) / kernel.median_s;
}

double bytes_per_s(const ItemFigures& kernel) {
  return static_cast<double>(kernel.bytes) / kernel.median_s;
}

/// Families of workloads with the mean of their kernels' shares of the roof.
std::map<std::string, double> family_shares(const std::vector<ItemFigures>& kernels) {
  const Roofs roofs = measured_roofs(kernels);
  std::map<std::string, std::vector<double>> shares;
  for (const ItemFigures& kernel : kernels) {
    const Stated<double> share = roof_share(kernel, roofs);
    if (kernel.kind == "kernel" && share.has_value()) {
      shares[kernel.family].push_back(std::min(1.0, *share.value));
    }
  }
  std::map<std::string, double> means;
  for (const auto& [family, all] : shares) {
    double sum = 0.0;
    for (const double share : all) sum += share;
    means[family] = sum / static_cast<double>(all.size());
  }
  return means;
}

/// The share of the workloads' family whose name begins the image's: "attention" of
/// "attention_forward".
std::optional<double> share_of(const std::string& image, const std::map<std::string, double>& all) {
  std::optional<double> best;
  std::size_t longest = 0;
  for (const auto& [family, share] : all) {
    const bool begins = image == family || image.starts_with(family + "_");
    if (begins && family.size() >= longest) {
      longest = family.size();
      best = share;
    }
  }
  return best;
}

Headroom headroom_of(const ItemRecord& item, const std::map<std::string, double>& shares) {
  Headroom headroom;
  headroom.workload = item.workload;
  headroom.basket_item = item.basket_item;
  double total = 0.0;
  double own = 0.0;
  for (const auto& [family, seconds] : *item.seconds_by_family) {
    total += seconds;
    if (family != kProducts) own += seconds;
  }
  if (total <= 0.0) {
    headroom.own_roof_share = headroom.headroom = Stated<double>::missing("no kernel took time");
    return headroom;
  }
  headroom.own_share = own / total;
  double at_roof = 0.0;
  std::vector<std::string> unknown;
  for (const auto& [family, seconds] : *item.seconds_by_family) {
    if (family == kProducts) continue;
    const std::optional<double> share = share_of(family, shares);
    if (!share && seconds > kNegligible * total) unknown.push_back(family);
    at_roof += seconds * share.value_or(1.0);
  }
  if (!unknown.empty()) {
    headroom.own_roof_share = headroom.headroom = Stated<double>::missing(
        fmt::format("not measured in this run: {}", fmt::join(unknown, ", ")));
    return headroom;
  }
  headroom.own_roof_share = Stated<double>::known(own > 0.0 ? at_roof / own : 1.0);
  headroom.headroom = Stated<double>::known((own - at_roof) / total);
  return headroom;
}

}  // namespace

Roofs measured_roofs(const std::vector<ItemFigures>& kernels) {
  Roofs roofs;
  for (const ItemFigures& kernel : kernels) {
    if (!kernel.failures.empty() || kernel.median_s <= 0.0) continue;
    if (kernel.family == kProducts) {
      double& best = roofs.flops_per_s[kernel.precision];
      best = std::max(best, flops_per_s(kernel));
    }
    if (kernel.family == kStreams) {
      roofs.bytes_per_s = std::max(roofs.bytes_per_s.value_or(0.0), bytes_per_s(kernel));
    }
  }
  return roofs;
}

bool is_measured_roof(const ItemFigures& kernel, const Roofs& roofs) {
  if (!kernel.failures.empty() || kernel.median_s <= 0.0) return false;
  // The same division as measured_roofs', so the best one is not a rounding below itself.
  if (kernel.family == kStreams)
    return roofs.bytes_per_s && bytes_per_s(kernel) >= *roofs.bytes_per_s;
  const auto product = roofs.flops_per_s.find(kernel.precision);
  return kernel.family == kProducts && product != roofs.flops_per_s.end() &&
         flops_per_s(kernel) >= product->second;
}

Stated<double> roof_share(const ItemFigures& kernel, const Roofs& roofs) {
  if (!kernel.failures.empty() || kernel.median_s <= 0.0) {
    return Stated<double>::missing("the kernel has no valid figure");
  }
  if (kernel.family == "links") return Stated<double>::missing("a link is none of these roofs");
  double roof_s = 0.0;
  if (kernel.flops > 0) {
    const auto peak = roofs.flops_per_s.find(kernel.precision);
    if (peak != roofs.flops_per_s.end()) {
      roof_s = static_cast<double>(kernel.flops) / peak->second;
    } else if (kernel.flops > kernel.bytes) {
      return Stated<double>::missing("no product in " + kernel.precision + " in this run");
    }
  }
  if (kernel.bytes > 0) {
    if (!roofs.bytes_per_s) return Stated<double>::missing("no copy or triad in this run");
    roof_s = std::max(roof_s, static_cast<double>(kernel.bytes) / *roofs.bytes_per_s);
  }
  if (roof_s <= 0.0) return Stated<double>::missing("the kernel counts neither FLOPs nor bytes");
  return Stated<double>::known(roof_s / kernel.median_s);
}

std::vector<Headroom> implementation_headroom(const ResultDocument& result,
                                              const std::vector<ItemFigures>& kernels) {
  const std::map<std::string, double> shares = family_shares(kernels);
  std::vector<Headroom> all;
  std::set<std::string> done;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (!item.seconds_by_family || !done.insert(item.workload).second) continue;
      all.push_back(headroom_of(item, shares));
    }
  }
  return all;
}

}  // namespace assay
