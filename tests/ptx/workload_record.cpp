#include "ptx/workload_record.h"

#include <cstdlib>
#include <fstream>
#include <map>

#include "base/error.h"

namespace assay::cuda_test {
namespace {

using nlohmann::ordered_json;

ordered_json counted_json(const ptx_device::Counters& counted) {
  return {{"instructions", counted.instructions},
          {"global_read_bytes", counted.global_read_bytes},
          {"zero_filled_bytes", counted.zero_filled_bytes},
          {"global_written_bytes", counted.global_written_bytes},
          {"flops", counted.flops},
          {"tensor_flops", counted.tensor_flops},
          {"barriers", counted.barriers}};
}

ordered_json launches_json(const Launches& launches) {
  ordered_json all = ordered_json::array();
  for (const auto& [entry, shapes] : launches) {
    for (const BlockShape& shape : shapes) {
      all.push_back({{"entry", entry},
                     {"block_threads", shape.threads},
                     {"dynamic_shared_bytes", shape.dynamic_shared_bytes}});
    }
  }
  return all;
}

/// To the file of the environment, if it names one; the first line of a process begins it anew.
void write_line(const ordered_json& record) {
  const char* const path = std::getenv("ASSAY_PTX_RECORDS");
  if (path == nullptr) return;
  static std::ofstream file(path);
  if (!(file << record.dump() << '\n' << std::flush)) {
    throw input_error("the record can't be written", path,
                      "name a file that can, or unset ASSAY_PTX_RECORDS");
  }
}

}  // namespace

ordered_json contract_json(const Workload& workload) {
  ordered_json problem = ordered_json::object();
  for (const Dimension& dimension : workload.problem) problem[dimension.name] = dimension.value;
  return {{"name", workload.name},
          {"family", workload.family},
          {"kind", name(workload.kind)},
          {"problem", problem},
          {"precision", name(workload.precision)},
          {"flops", workload.flops},
          {"bytes", workload.bytes}};
}

void record_workload(const Workload& workload, const cuda::DeviceFacts& facts,
                     const ptx_device::Counters& counted, const Launches& launches) {
  write_line({{"contract", contract_json(workload)},
              {"architecture", facts.compute_capability},
              {"bytes_issued", workload.cuda_bytes_issued(facts)},
              {"counted", counted_json(counted)},
              {"launches", launches_json(launches)}});
}

void record_launches(int architecture, const Launches& launches) {
  static std::map<int, Launches> told;
  Launches news;
  for (const auto& [entry, shapes] : launches) {
    for (const BlockShape& shape : shapes) {
      if (told[architecture][entry].insert(shape).second) news[entry].insert(shape);
    }
  }
  if (news.empty()) return;
  write_line({{"architecture", architecture}, {"launches", launches_json(news)}});
}

}  // namespace assay::cuda_test
