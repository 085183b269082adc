#include "harness/catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <regex>
#include <utility>

#include "base/error.h"
#include "harness/basket_workloads.h"
#include "kernels/registry.h"
#include "kernels/transformer/cuda_gang.h"
#include "kernels/transformer/training_kernels.h"

namespace assay::harness {
namespace {

/// Fewest edits (insertion, deletion, substitution) between the text and any part of the name:
/// "gmem" is one from "gemm/forward/..." (P. H. Sellers, J. Algorithms 1, 1980).
std::size_t distance(std::string_view text, std::string_view name) {
  std::vector<std::size_t> row(name.size() + 1, 0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < name.size(); ++j) {
      const std::size_t substitution = diagonal + (text[i] == name[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitution, row[j] + 1, row[j + 1] + 1});
    }
  }
  return *std::min_element(row.begin(), row.end());
}

/// A slip of the fingers, not another word: one edit in four characters, at most two.
std::size_t most_edits(std::string_view text) {
  constexpr std::size_t kMost = 2;
  return std::min(kMost, text.size() / 4);
}

bool has_nccl() {
  try {
    static_cast<void>(cuda::nccl::system_library());
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string mend_of(const Catalogue& catalogue, std::string_view text) {
  const std::vector<std::string> near = near_names(catalogue, text);
  return near.empty() ? "`assay list` shows all"
                      : fmt::format("near: {}; all: `assay list`", fmt::join(near, ", "));
}

void append_basket_kernels(const Basket& basket, const Device& device, Catalogue& catalogue) {
  std::vector<transformer::StepOptions> steps;
  for (const BasketItem& item : basket.items) steps.push_back(step_options(basket, item, device));
  for (transformer::TrainingKernel& kernel : transformer::training_kernels(steps)) {
    catalogue.push_back({std::move(kernel.workload), {}, {}, kernel.in_step});
  }
}

}  // namespace

Catalogue make_catalogue(const Basket& basket, const Device& device) {
  Catalogue catalogue;
  for (const BasketItem& item : basket.items) {
    catalogue.push_back({basket_workload(basket, item, device), item.name, {}});
  }
  if (device.together > 1 && has_nccl()) {
    for (const BasketItem& item : basket.items) {
      catalogue.push_back(
          {transformer::gang_workload(step_options(basket, item, device), device.together),
           {},
           item.name});
    }
  }
  for (const Workload& workload : workload_registry()) catalogue.push_back({workload, {}, {}});
  if (!device.cuda) append_basket_kernels(basket, device, catalogue);
  return catalogue;
}

Catalogue filtered(const Catalogue& catalogue, const std::string& filter,
                   const std::string& option) {
  if (filter.empty()) return catalogue;
  const bool inverted = filter.front() == '-';
  std::regex expression;
  try {
    expression.assign(filter.substr(inverted ? 1 : 0), std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    throw input_error(std::string("not a regular expression: ") + error.what(),
                      option + " " + filter);
  }
  Catalogue found;
  std::copy_if(catalogue.begin(), catalogue.end(), std::back_inserter(found),
               [&](const CatalogueEntry& entry) {
                 const bool matches = std::regex_search(entry.workload.name, expression) ||
                                      (!entry.basket_item.empty() &&
                                       std::regex_search(entry.basket_item, expression));
                 return matches != inverted;
               });
  if (found.empty()) {
    throw input_error("no workload matches", option + " " + filter, mend_of(catalogue, filter));
  }
  return found;
}

const CatalogueEntry& entry_of(const Catalogue& catalogue, std::string_view name) {
  const auto found =
      std::find_if(catalogue.begin(), catalogue.end(),
                   [&](const CatalogueEntry& entry) { return entry.workload.name == name; });
  if (found == catalogue.end()) {
    throw input_error("no such workload", std::string(name), mend_of(catalogue, name));
  }
  return *found;
}

std::vector<std::string> near_names(const Catalogue& catalogue, std::string_view text,
                                    std::size_t count) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const CatalogueEntry& entry : catalogue) {
    std::size_t best = distance(text, entry.workload.name);
    if (!entry.basket_item.empty()) best = std::min(best, distance(text, entry.basket_item));
    if (best <= most_edits(text)) ranked.emplace_back(best, entry.workload.name);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) {
    names.push_back(std::move(ranked[i].second));
  }
  return names;
}

std::vector<ListedWorkload> list_workloads(const Catalogue& catalogue, const Target& target) {
  std::vector<ListedWorkload> list;
  for (const CatalogueEntry& entry : catalogue) {
    const Workload& workload = entry.workload;
    ListedWorkload line;
    line.name = workload.name;
    line.kind = name(workload.kind);
    line.basket_item = entry.basket_item;
    line.family = workload.family;
    line.operation = workload.operation;
    line.problem = workload.problem;
    line.precision = name(workload.precision);
    line.flops = workload.flops;
    line.bytes = workload.bytes;
    if (workload.bytes > 0) {
      line.flops_per_byte =
          static_cast<double>(workload.flops) / static_cast<double>(workload.bytes);
    }
    line.sized_by_machine = workload.sized_by_machine;
    if (workload.on_cpu) line.back_ends.emplace_back("cpu");
    if (workload.on_cuda) line.back_ends.emplace_back("cuda");
    line.unavailable = unavailable_on(workload, target);
    list.push_back(std::move(line));
  }
  return list;
}

}  // namespace assay::harness
