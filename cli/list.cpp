/// assay list: every workload, what it computes and what it costs.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "harness/catalogue.h"
#include "harness/devices.h"
#include "kernels/cpu/cpu_level.h"
#include "support/context.h"
#include "support/table.h"

namespace assay::cli {
namespace {

struct ListOptions {
  std::string filter;
  std::string basket = "tb1-lite";
  std::optional<std::string> level;
  bool markdown = false;
};

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string problem_of(const harness::ListedWorkload& workload) {
  std::string text;
  for (const Dimension& dimension : workload.problem) {
    if (!text.empty()) text += ' ';
    text += dimension.name + '=' + std::to_string(dimension.value);
  }
  return text;
}

std::string operation_of(const harness::ListedWorkload& workload) {
  return workload.basket_item.empty() ? workload.operation
                                      : workload.operation + " (" + workload.basket_item + ")";
}

nlohmann::json to_json(const harness::ListedWorkload& workload) {
  nlohmann::json problem = nlohmann::json::object();
  for (const Dimension& dimension : workload.problem) problem[dimension.name] = dimension.value;
  return {{"name", workload.name},
          {"kind", workload.kind},
          {"basket_item", workload.basket_item},
          {"family", workload.family},
          {"operation", workload.operation},
          {"problem", problem},
          {"precision", workload.precision},
          {"flops", workload.flops},
          {"bytes", workload.bytes},
          {"flops_per_byte", workload.flops_per_byte},
          {"back_ends", workload.back_ends},
          {"unavailable", workload.unavailable ? nlohmann::json(*workload.unavailable) : nullptr}};
}

/// docs/workloads.md: what does not depend on the machine.
std::string markdown(std::vector<harness::ListedWorkload> workloads) {
  std::stable_sort(workloads.begin(), workloads.end(),
                   [](const auto& a, const auto& b) { return a.family < b.family; });

  std::string text =
      "# Workloads\n\n"
      "Made by `assay list --markdown` from the registry and the basket; a test holds it current.\n"
      "FLOPs are model FLOPs of one iteration (a multiply-add is two), bytes are compulsory: each\n"
      "tensor once. On a CPU the kernels of a step stand in the shapes that the models of the "
      "basket\n"
      "and GPT-2 124M (2 x 512 tokens) give them; equal shapes stand once, under the first "
      "model's\n"
      "name. The suite `standard` takes the basket's, in the precision of its steps.\n";
  std::string family;
  for (const harness::ListedWorkload& workload : workloads) {
    if (workload.family != family) {
      family = workload.family;
      text += "\n## " + family +
              "\n\n| operation | problem | precision | FLOPs | bytes | FLOP/byte | back ends |\n"
              "|---|---|---|---:|---:|---:|---|\n";
    }
    if (workload.sized_by_machine) {
      text += fmt::format("| {} | by the machine's caches | {} | | | {:.2f} | {} |\n",
                          operation_of(workload), workload.precision, workload.flops_per_byte,
                          joined(workload.back_ends));
      continue;
    }
    text += fmt::format("| {} | {} | {} | {} | {} | {:.2f} | {} |\n", operation_of(workload),
                        problem_of(workload), workload.precision, workload.flops, workload.bytes,
                        workload.flops_per_byte, joined(workload.back_ends));
  }
  return text;
}

void list_workloads(const ListOptions& options, const Context& context) {
  harness::Device device = harness::cpu_device(options.level);
  // The page must read the same wherever it is made: it is written for a CPU with BF16.
  if (options.markdown) device.cpu.level = CpuLevel::avx512_bf16;
  const harness::Catalogue catalogue = harness::filtered(
      harness::make_catalogue(load_basket(options.basket), device), options.filter);
  const auto workloads = harness::list_workloads(catalogue, device.target());
  if (options.markdown) {
    say(context, markdown(workloads));
    return;
  }
  Table table({{"family"},
               {"operation"},
               {"problem"},
               {"precision"},
               {"FLOPs", Align::right},
               {"bytes", Align::right},
               {"FLOP/byte", Align::right},
               {"back ends"},
               {"here"}});
  nlohmann::json listed = nlohmann::json::array();
  for (const harness::ListedWorkload& workload : workloads) {
    table.add({workload.family, operation_of(workload), problem_of(workload), workload.precision,
               with_prefix(static_cast<double>(workload.flops)),
               with_prefix(static_cast<double>(workload.bytes)),
               fmt::format("{:.2f}", workload.flops_per_byte), joined(workload.back_ends),
               workload.unavailable ? "no: " + *workload.unavailable : "yes"});
    listed.push_back(to_json(workload));
  }
  say(context, table.text());
  say_json(context, {{"workloads", listed}});
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = add_command(
      app, context, "list", "List the workloads: problem, precision, FLOPs, bytes, back ends",
      "assay list --filter attention", [options, &context] { list_workloads(*options, context); });
  command->add_option("--filter", options->filter, "Regular expression over the names");
  command->add_option("--basket", options->basket, "Basket whose items are listed")
      ->capture_default_str();
  command->add_option("--cpu-isa", options->level, "Force a CPU level");
  command->add_flag("--markdown", options->markdown, "Print the page docs/workloads.md")
      ->excludes("--json");
}

}  // namespace assay::cli
