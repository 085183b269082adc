#include "results/edition/links.h"

#include <fmt/format.h>

#include "base/error.h"

namespace assay {
namespace {

std::optional<double> gpu_figure(const ItemRecord& record, const char* name) {
  const auto& gpu = record.telemetry.gpu;
  if (!gpu || !gpu->has_value()) return std::nullopt;
  const auto found = gpu->value->find(name);
  return found == gpu->value->end() ? std::nullopt : found->second.value;
}

std::optional<double> measured_pcie(const ItemRecord& record) {
  const auto generation = gpu_figure(record, "pcie_generation");
  const auto lanes = gpu_figure(record, "pcie_lanes");
  if (!generation || !lanes) return std::nullopt;
  return pcie_gb_per_s(static_cast<int>(*generation), static_cast<int>(*lanes));
}

/// One direction of what joins two devices.
std::optional<double> between_devices(const ItemRecord& record,
                                      const std::optional<Accelerator>& accelerator) {
  if (accelerator && accelerator->nvlink_gb_per_s.value_or(0.0) > 0.0) {
    return *accelerator->nvlink_gb_per_s / 2.0;
  }
  // A device that the table doesn't know may have faster links than PCI Express.
  const bool has_none = accelerator || gpu_figure(record, "nvlinks_active") == 0.0;
  return has_none ? measured_pcie(record) : std::nullopt;
}

bool is_with_host(const std::string& operation) {
  return operation == "host_to_device" || operation == "device_to_host" ||
         operation == "host_both_ways";
}

}  // namespace

std::optional<std::string> link_operation(const ItemRecord& record) {
  if (record.family != "links") return std::nullopt;
  const std::size_t begin = record.workload.find('/');
  if (begin == std::string::npos) return std::nullopt;
  return record.workload.substr(begin + 1, record.workload.find('/', begin + 1) - begin - 1);
}

double bus_factor(const std::string& operation, std::int64_t devices) {
  const auto n = static_cast<double>(devices);
  if (operation == "all_reduce") return 2.0 * (n - 1.0) / n;
  if (operation == "all_gather" || operation == "reduce_scatter" || operation == "all_to_all") {
    return (n - 1.0) / n;
  }
  if (operation == "peer_copy" || is_with_host(operation)) return 1.0;
  throw input_error("no such operation of links", operation);
}

double bus_factor(const ItemRecord& record) {
  const auto devices = record.problem.find("devices");
  return bus_factor(link_operation(record).value_or(record.workload),
                    devices == record.problem.end() ? 1 : devices->second);
}

std::optional<double> pcie_gb_per_s(int generation, int lanes) {
  if (generation < 1 || generation > 6 || lanes < 1) return std::nullopt;
  constexpr double kGigatransfers[] = {2.5, 5.0, 8.0, 16.0, 32.0, 64.0};
  const double code = generation <= 2 ? 8.0 / 10.0 : generation <= 5 ? 128.0 / 130.0 : 242.0 / 256;
  return kGigatransfers[generation - 1] * lanes / 8.0 * code;
}

std::optional<Plausibility> judge_link(const ItemRecord& record, double algorithm_gb_per_s,
                                       const std::optional<Accelerator>& accelerator) {
  const std::optional<std::string> operation = link_operation(record);
  if (!operation) return std::nullopt;
  const bool with_host = is_with_host(*operation);
  std::optional<double> link =
      with_host ? measured_pcie(record) : between_devices(record, accelerator);
  if (!link) return std::nullopt;
  if (*operation == "host_both_ways") *link *= 2.0;
  const double bus = algorithm_gb_per_s * bus_factor(record);
  if (bus <= *link) return Plausibility{};
  const std::string what = fmt::format(
      "{:.4g} GB/s {} a link of {:.4g} GB/s", bus,
      with_host || *operation == "peer_copy" ? "exceed" : "of bus bandwidth exceed", *link);
  if (*operation == "all_reduce" && algorithm_gb_per_s <= *link) {
    return Plausibility{true, what + ": a switch that reduces on the way explains it"};
  }
  return Plausibility{false, what};
}

}  // namespace assay
