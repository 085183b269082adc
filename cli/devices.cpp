/// assay devices: what can be measured here.
#include "harness/devices.h"

#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "harness/cuda_kernels.h"
#include "harness/cuda_probe.h"
#include "kernels/cpu/cpu_level.h"
#include "results/stated_json.h"
#include "support/context.h"
#include "support/table.h"

namespace assay::cli {
namespace {

void show_devices(const std::optional<std::string>& level, const Context& context) {
  const std::vector<harness::Device> devices = harness::find_devices(level);
  const harness::CudaProbe cuda = harness::probe_cuda();
  Table table({{"device"},
               {"name"},
               {"instruction set"},
               {"units", Align::right},
               {"memory", Align::right},
               {"UUID"}});
  nlohmann::json listed = nlohmann::json::array();
  std::string refusals;
  for (const harness::Device& device : devices) {
    const DeviceRecord& record = device.record;
    table.add({record.id, record.name, record.isa, std::to_string(record.units),
               with_prefix(static_cast<double>(record.memory_bytes)) + "B",
               record.uuid.value.value_or("")});
    if (device.unavailable) refusals += record.id + " unavailable: " + *device.unavailable + '\n';
    listed.push_back({{"id", record.id},
                      {"name", record.name},
                      {"instruction_set", record.isa},
                      {"units", record.units},
                      {"memory_bytes", record.memory_bytes},
                      {"uuid", record.uuid},
                      {"driver", record.driver},
                      {"unavailable", device.unavailable ? nlohmann::json(*device.unavailable)
                                                         : nlohmann::json(nullptr)}});
  }
  const std::string kernels = harness::cuda_kernels_line();
  say(context, table.text() + refusals + "cuda: " + cuda.line + "\nkernels: " + kernels);
  say_json(context, {{"devices", listed}, {"cuda", cuda.line}, {"cuda_kernels", kernels}});
}

std::vector<std::string_view> level_names() {
  std::vector<std::string_view> names;
  for (const CpuLevel level : all_cpu_levels()) names.push_back(name(level));
  return names;
}

}  // namespace

void add_devices(CLI::App& app, Context& context) {
  auto level = std::make_shared<std::optional<std::string>>();
  CLI::App* command =
      add_command(app, context, "devices", "List the devices that can be measured here",
                  "assay devices", [level, &context] { show_devices(*level, context); });
  command->add_option("--cpu-isa", *level,
                      fmt::format("Force a CPU level: {}", fmt::join(level_names(), ", ")));
}

}  // namespace assay::cli
