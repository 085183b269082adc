/// schema_verdicts <folder>...: Assay's verdict on example documents of every kind and on edited
/// copies of them, as a JSON array of {"kind", "edited", "document", "fits", "complaint"} on the
/// output. cross_check.py asks another validator for its own.
///
/// Examples: results of one and of two devices, a certificate of two and an envelope made here, and
/// each document in the folders whose schema.name is "assay.<kind>".
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "results/base64.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/envelope.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "support/sample_result.h"

namespace assay {
namespace {

using nlohmann::json;

struct Example {
  std::string kind;
  json document;
  bool edited = false;
};

/// The same of a node: each item on each of two devices, then trained by both together.
ResultDocument of_two_devices(ResultDocument result) {
  result.device_count = 2;
  for (const char* const id : {"cpu:0", "cpu:1"}) {
    result.devices.emplace_back(result.device).id = id;
  }
  for (ProcessRecord& process : result.processes) {
    const std::vector<ItemRecord> of_one = std::exchange(process.items, {});
    for (const ItemRecord& item : of_one) {
      for (const DeviceRecord& device : result.devices) {
        ItemRecord& own = process.items.emplace_back(item);
        own.device = device.id;
        own.window_begin_ns = 1'000'000;
        if (!item.basket_item.empty()) own.weights = WeightsRecord{3, 0x0123'4567'89ab'cdef};
      }
    }
    for (const ItemRecord& item : of_one) {
      if (item.basket_item.empty()) continue;
      ItemRecord& gang = process.items.emplace_back(item);
      gang.gang_item = std::exchange(gang.basket_item, "");
      gang.workload += "/gang";
      gang.problem["devices"] = 2;
      gang.flops *= 2;
      gang.tokens *= 2;
      process.order.push_back(gang.workload);
    }
  }
  return result;
}

/// A certificate's statement of two devices, of which each figure is known.
json certificate_of_two_devices(const std::string& private_pem) {
  const ResultDocument result =
      of_two_devices(sample_result(sample_options_of(load_basket("tb1-lite"))));
  return open_envelope(certify(result, digest(to_json(result)), {}, private_pem), kCertificateType,
                       {}, "certificate")
      .predicate;
}

std::vector<Example> examples_of(const std::vector<std::filesystem::path>& folders) {
  SampleOptions options;
  options.processes = 2;
  for (SampleItem& item : options.items) item.samples = 3;
  const json result = to_json(sample_result(options));
  SampleOptions of_a_basket = sample_options_of(load_basket("tb1-lite"));
  of_a_basket.items.resize(1);
  of_a_basket.items.front().samples = 3;
  of_a_basket.processes = 1;
  const std::string private_pem = generate_key_pair().private_pem;
  const json envelope =
      seal({{"text", "x"}}, "urn:assay:test:1", {{"r", digest(result)}}, private_pem);
  std::vector<Example> examples = {
      {"result", result},
      {"result", to_json(of_two_devices(sample_result(of_a_basket)))},
      {"certificate", certificate_of_two_devices(private_pem)},
      {"envelope", envelope},
      {"statement",
       parse_json(*base64_decode(envelope.at("payload").get<std::string>()), "payload")}};
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".json") continue;
      const json document = parse_json(read_file(entry.path()), entry.path().string());
      const auto name = document.at("schema").at("name").get<std::string>();
      examples.push_back({name.substr(std::string("assay.").size()), document});
    }
  }
  return examples;
}

json verdict_on(const Example& example) {
  std::string complaint;
  try {
    validate(example.document, example.kind, "document");
  } catch (const Error& error) {
    complaint = error.line();
  }
  return {{"kind", example.kind},
          {"edited", example.edited},
          {"document", example.document},
          {"fits", complaint.empty()},
          {"complaint", complaint}};
}

/// Pointers to all values, objects and arrays included.
void collect_pointers(const json& value, const std::string& at, std::vector<std::string>& all) {
  all.push_back(at);
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      collect_pointers(member, (json::json_pointer(at) / key).to_string(), all);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      collect_pointers(value[i], at + "/" + std::to_string(i), all);
    }
  }
}

/// A copy with one value replaced, one field removed or one field added.
template <class Random>
json edited(const json& document, const std::vector<std::string>& pointers, Random& random) {
  // No 1.0: Assay wants integers written as such, the standard takes 1.0 for one.
  const std::vector<json> values = {nullptr,
                                    true,
                                    -1,
                                    0,
                                    1.5,
                                    7,
                                    "",
                                    "text",
                                    json::array(),
                                    json::object(),
                                    {{"value", 2}},
                                    -0.5,
                                    "2026",
                                    json::array({1, 1})};
  json copy = document;
  json& target = copy[json::json_pointer(pointers[random() % pointers.size()])];
  const auto action = random() % 3;
  if (action == 0 && target.is_object() && !target.empty()) {
    target.erase(std::next(target.begin(), static_cast<long>(random() % target.size())));
  } else if (action == 1 && target.is_object()) {
    target["another"] = values[random() % values.size()];
  } else {
    target = values[random() % values.size()];
  }
  return copy;
}

json verdicts(const std::vector<std::filesystem::path>& folders) {
  json all = json::array();
  std::mt19937 random(20260301);
  for (const Example& example : examples_of(folders)) {
    all.push_back(verdict_on(example));
    std::vector<std::string> pointers;
    collect_pointers(example.document, "", pointers);
    for (int i = 0; i < 150; ++i) {
      all.push_back(verdict_on({example.kind, edited(example.document, pointers, random), true}));
    }
  }
  return all;
}

}  // namespace
}  // namespace assay

int main(int argument_count, char** arguments) {
  try {
    const std::vector<std::filesystem::path> folders(arguments + 1, arguments + argument_count);
    std::puts(assay::canonical_json(assay::verdicts(folders)).c_str());
    return 0;
  } catch (const assay::Error& error) {
    std::fprintf(stderr, "%s\n", error.line().c_str());
    return static_cast<int>(error.code());
  }
}
