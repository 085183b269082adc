/// Result documents: round trip, every rule between fields, truncated and edited files.
#include "results/result_io.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <random>

#include "results/document.h"
#include "results/stated_json.h"
#include "support/expect_error.h"
#include "support/sample_result.h"
#include "support/temporary_folder.h"
#include "support/thread_sanitizer.h"

namespace assay {
namespace {

using nlohmann::json;

using Change = std::function<void(ResultDocument&)>;

/// Changes the sample in memory; what reads it again must complain with `parts`.
void refuses(const Change& change, const std::vector<std::string>& parts) {
  ResultDocument result = sample_result();
  change(result);
  expect_input_error([&] { (void)result_from_json(to_json(result)); }, parts);
}

void refuses_json(const std::string& pointer, const json& value,
                  const std::vector<std::string>& parts) {
  SCOPED_TRACE(pointer);
  json document = to_json(sample_result());
  document[json::json_pointer(pointer)] = value;
  expect_input_error([&] { (void)result_from_json(document); }, parts);
}

ItemRecord& step(ResultDocument& result) {
  return result.processes[1].items[0];
}
ItemRecord& kernel(ResultDocument& result) {
  return result.processes[1].items[1];
}

TEST(ResultIo, RoundTripKeepsEverything) {
  const ResultDocument result = sample_result();
  const json document = to_json(result);
  EXPECT_EQ(to_json(result_from_json(document)), document);
  const TemporaryFolder folder;
  write_result(folder.path() / "r.json", result);
  const ResultDocument back = read_result(folder.path() / "r.json");
  EXPECT_EQ(to_json(back), document);
  EXPECT_EQ(digest(to_json(back)), digest(document));
  EXPECT_EQ(back.processes.size(), 3U);
  EXPECT_EQ(back.processes[2].items[1].sample_end_ns, result.processes[2].items[1].sample_end_ns);
  EXPECT_EQ(back.processes[0].items[0].training->token_key,
            result.processes[0].items[0].training->token_key);
  EXPECT_EQ(back.device.uuid.reason, "a CPU has none");
}

/// A stored document of version 1 stays readable, and its name (its digest) stays the same.
TEST(ResultIo, StoredExampleIsStillRead) {
  const ResultDocument result =
      read_result(ASSAY_SOURCE_DIR "/tests/schema/examples/result-version-1.json");
  EXPECT_EQ(result.processes.size(), 2U);
  EXPECT_EQ(digest(to_json(result)),
            "5bc8e21f7ee27ffa8f19162cef5943fe6e04e306ad776f2385e1e8c64f54f718");
}

TEST(ResultIo, ProcessesTravelAlone) {
  const ResultDocument result = sample_result();
  const json document = to_json(result.processes[1]);
  EXPECT_EQ(to_json(process_from_json(parse_json(readable_json(document), "p"))), document);
  json changed = document;
  changed["items"][0]["sample_end_ns"][3] = 1;
  expect_input_error([&] { (void)process_from_json(changed); },
                     {"process: /items/0/sample_end_ns/3: ", "ascend"});
  changed = document;
  changed["items"][0]["flops"] = "many";
  expect_input_error([&] { (void)process_from_json(changed); },
                     {"process: /items/0/flops: expected an integer"});
}

TEST(ResultIo, RulesOfARun) {
  refuses([](auto& r) { r.complete = false; }, {"/incomplete_reason", "states its reason"});
  refuses([](auto& r) { r.incomplete_reason = "interrupted"; }, {"/incomplete_reason"});
  refuses([](auto& r) { r.processes.pop_back(); }, {"/processes", "3", "got 2"});
  refuses([](auto& r) { r.processes[2].index = 1; }, {"/processes/2/index", "ascend"});
  refuses([](auto& r) { r.processes[1].items.pop_back(); }, {"/complete", "1 of 2 workloads"});
  refuses(
      [](auto& r) {
        step(r).status = "interrupted";
        step(r).error = "interrupted by the user";
      },
      {"/complete", "process 1 was interrupted"});
  refuses([](auto& r) { step(r).basket_item = "gpt2-lite"; },
          {"/processes/1/items/0/basket_item", "without one"});
  refuses([](auto& r) { r.conditions.erase("smt"); }, {"/conditions", "missing field \"smt\""});
  refuses([](auto& r) { r.conditions["smtt"] = Stated<std::string>::known("on"); },
          {"/conditions", "did you mean \"smt\"?"});
}

TEST(ResultIo, RulesOfAnItem) {
  refuses([](auto& r) { step(r).sample_end_ns.clear(); },
          {"result: /processes/1/items/0/sample_end_ns: ", "no samples"});
  refuses([](auto& r) { step(r).sample_end_ns[7] = step(r).sample_end_ns[6]; },
          {"/sample_end_ns/7", "ascend"});
  refuses([](auto& r) { step(r).sample_end_ns[0] = 0; }, {"/sample_end_ns/0", "at least 1"});
  refuses([](auto& r) { step(r).error = "odd"; }, {"/items/0/error"});
  refuses([](auto& r) { step(r).status = "failed"; }, {"/items/0/error", "states its error"});
  refuses(
      [](auto& r) {
        step(r).status = "failed";
        step(r).error = "two\nlines";
      },
      {"/items/0/error", "one line"});
  refuses([](auto& r) { step(r).stop_reason = "failed"; }, {"/items/0/stop_reason"});
  refuses([](auto& r) { step(r).workload = "other"; }, {"/items/0/workload", "order"});
  refuses([](auto& r) { kernel(r).workload = step(r).workload; }, {"/items/1/workload", "twice"});
  refuses([](auto& r) { kernel(r).training = step(r).training; }, {"/items/1/training"});
  refuses([](auto& r) { kernel(r).basket_item = "gpt2-lite"; }, {"/items/1/basket_item"});
  refuses([](auto& r) { step(r).training.reset(); }, {"/items/0/training"});
  refuses([](auto& r) { kernel(r).checks.clear(); }, {"/items/1/checks", "no output was checked"});
  refuses([](auto& r) { kernel(r).warm_up_iterations = 0; },
          {"/items/1/warm_up_iterations", "no warm-up"});
}

TEST(ResultIo, EachStepHasALoss) {
  // A batch that was edited would multiply the rate; the losses tell how many steps there were.
  const std::vector<std::string> says = {"/items/0/training/losses", "105 losses"};
  refuses([](auto& r) { step(r).batch = 2; }, says);
  refuses([](auto& r) { step(r).batch = std::int64_t{1} << 52; }, says);
  refuses([](auto& r) { step(r).sample_end_ns.pop_back(); }, says);
  refuses([](auto& r) { step(r).warm_up_iterations = 4; }, says);
  refuses([](auto& r) { step(r).warm_up_iterations = 106; }, says);
}

TEST(ResultIo, RulesOfChecksAndObservations) {
  refuses([](auto& r) { step(r).checks[0].error = 1.0; }, {"/checks/0/passed", "contradicts"});
  refuses([](auto& r) { step(r).checks[0].error = std::nan(""); }, {"/checks/0/passed"});
  refuses(
      [](auto& r) {
        step(r).checks[0].error = 1.0;
        step(r).checks[0].passed = false;
      },
      {"/checks/0/passed", "\"output\" failed"});
  refuses([](auto& r) { step(r).training->losses[4] = std::nan(""); },
          {"/training/losses/4", "not a finite number"});
  refuses([](auto& r) { step(r).training->gradient_norms[4] = HUGE_VAL; },
          {"/training/gradient_norms/4", "not a finite number"});
  refuses([](auto& r) { step(r).training->losses.pop_back(); }, {"/training/gradient_norms"});
  refuses(
      [](auto& r) {
        step(r).training->losses.clear();
        step(r).training->gradient_norms.clear();
      },
      {"/training/losses"});
}

TEST(ResultIo, FailedItemsMayHoldWhatWentWrong) {
  ResultDocument result = sample_result();
  step(result).status = "invalid";
  step(result).error = "the loss is not a number";
  step(result).training->losses[4] = std::nan("");
  step(result).checks[0] = {"output", std::numeric_limits<double>::infinity(), 0.1, false};
  kernel(result).status = "failed";
  kernel(result).error = "no memory";
  kernel(result).stop_reason = "failed";
  kernel(result).sample_end_ns.clear();
  const json document = to_json(result);
  EXPECT_TRUE(document["processes"][1]["items"][0]["training"]["losses"][4].is_null());
  const ResultDocument back = result_from_json(parse_json(readable_json(document), "r"));
  EXPECT_TRUE(std::isnan(back.processes[1].items[0].training->losses[4]));
  EXPECT_EQ(to_json(back), document);
}

TEST(ResultIo, PartialRunsAreWrittenAndRead) {
  ResultDocument result = sample_result();
  result.complete = false;
  result.incomplete_reason = "interrupted by the user";
  result.processes.pop_back();
  result.processes[1].items.pop_back();
  step(result).status = "interrupted";
  step(result).error = "interrupted by the user";
  step(result).stop_reason = "interrupted";
  const TemporaryFolder folder;
  write_result(folder.path() / "r.json", result);
  EXPECT_EQ(read_result(folder.path() / "r.json").incomplete_reason, "interrupted by the user");
}

TEST(ResultIo, WritesNothingThatCouldNotBeRead) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "r.json";
  ResultDocument result = sample_result();
  step(result).sample_end_ns.clear();
  expect_input_error([&] { write_result(path, result); }, {path.string(), "/sample_end_ns"});
  result = sample_result();
  result.environment["OMP_NUM_THREADS"] = "\xFF";
  expect_input_error([&] { write_result(path, result); }, {"/environment", "UTF-8"});
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ResultIo, EditedFieldsAreNamed) {
  refuses_json("/processes/0/speed", 1, {"/processes/0: unknown field \"speed\""});
  refuses_json("/processes/0/items/0/flops", "many", {"/flops: expected an integer, got \"many\""});
  refuses_json("/processes/0/items/0/flops", 1e9, {"/flops: expected an integer"});
  refuses_json("/processes/0/items/0/flops", 9007199254740992, {"/flops: must be at most"});
  refuses_json("/processes/0/items/0/status", "fine", {"/status: expected one of"});
  refuses_json("/processes/0/items/0/training/token_key", "18446744073709551616",
               {"token_key", "64 bits"});
  refuses_json("/processes/0/items/0/training/token_key", 5, {"/token_key: expected a string"});
  refuses_json("/processes/0/items/0/telemetry/power_w", {{"value", -1}}, {"/power_w/value"});
  refuses_json("/processes/0/items/0/telemetry/power_w", {{"value", nullptr}},
               {"/power_w: missing field \"reason\""});
  refuses_json("/created_utc", "yesterday", {"/created_utc"});
  refuses_json("/created_utc", "2026-03-01T08:00:00+08:00", {"/created_utc"});
  refuses_json("/nonce", "00", {"/nonce"});
  refuses_json("/schema/version", 2, {"/schema/version: expected 1, got 2"});
  refuses_json("/schema/name", "assay.certificate", {"/schema/name"});
  refuses_json("/device/units", 0, {"/device/units"});
}

TEST(ResultIo, EveryFieldIsRequired) {
  const json whole = to_json(sample_result());
  const std::vector<std::string> objects = {"",
                                            "/tool",
                                            "/suite",
                                            "/device",
                                            "/timer",
                                            "/conditions",
                                            "/processes/0",
                                            "/processes/0/items/0",
                                            "/processes/0/items/0/checks/0",
                                            "/processes/0/items/0/training",
                                            "/processes/0/items/0/telemetry"};
  for (const std::string& pointer : objects) {
    const json object = whole[json::json_pointer(pointer)];
    for (const auto& [name, value] : object.items()) {
      json document = whole;
      document[json::json_pointer(pointer)].erase(name);
      expect_input_error([&] { (void)result_from_json(document); },
                         {pointer, "missing field \"" + name + "\""});
    }
  }
}

TEST(ResultIo, TruncatedFilesAreInputErrors) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "cut.json";
  const std::string text = readable_json(to_json(sample_result()));
  std::mt19937 random(20260301);
  for (int i = 0; i < 50; ++i) {
    std::ofstream(path, std::ios::trunc) << text.substr(0, random() % text.size());
    expect_input_error([&] { (void)read_result(path); }, {path.string() + ":"});
  }
}

/// Mutates bytes of the text. Whatever comes out, the reader takes it or throws assay::Error.
TEST(ResultIo, MutatedTextNeverCrashesTheReader) {
  SampleOptions options;
  options.processes = 1;
  for (SampleItem& item : options.items) item.samples = 3;
  const std::string text = readable_json(to_json(sample_result(options)));
  const std::string alphabet = "{}[]\",:0123456789eE+-.ntf\\u \n\x01\xFF";
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string mutated = text;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % mutated.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          mutated[at] = c;
          break;
        case 1:
          mutated.insert(at, 1, c);
          break;
        default:
          mutated.erase(at, 1 + random() % 8);
          break;
      }
    }
    try {
      (void)result_from_json(parse_json(mutated, "m.json"));
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_LT(error.line().size(), 1000U) << error.line().substr(0, 1200);
    }
  }
  EXPECT_GT(refused, 200);
}

/// Puts a value of any kind in the place of any other.
TEST(ResultIo, ReplacedValuesNeverCrashTheReader) {
  SampleOptions options;
  options.processes = 1;
  for (SampleItem& item : options.items) item.samples = 3;
  const json whole = to_json(sample_result(options));
  std::vector<std::string> pointers;
  const json flat = whole.flatten();
  for (const auto& [pointer, value] : flat.items()) pointers.push_back(pointer);
  const std::vector<json> values = {
      nullptr, true,          -1, 0, 1.5, std::int64_t{1} << 60, "", "text", json::array(),
      1e308,   json::object()};
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    json document = whole;
    const std::string& pointer = pointers[random() % pointers.size()];
    document[json::json_pointer(pointer)] = values[random() % values.size()];
    try {
      (void)result_from_json(document);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.line();
      EXPECT_EQ(error.line().find('\n'), std::string::npos) << error.line();
    }
  }
}

TEST(ResultIo, TwentyMegabytesAreReadInSeconds) {
  if (kIsSlowedByThreadSanitizer) GTEST_SKIP() << "times say nothing under the thread sanitizer";
  SampleOptions options;
  options.items = {sample_kernel()};
  ResultDocument result = sample_result(options);
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) {
      item.sample_end_ns.clear();
      for (std::int64_t i = 0; i < 500'000; ++i) item.sample_end_ns.push_back(10'000'001 * (i + 1));
    }
  }
  const std::string text = readable_json(to_json(result));
  EXPECT_GT(text.size(), 18'000'000U);
  const auto start = std::chrono::steady_clock::now();
  const json document = parse_json(text, "large");
  const auto parsed = std::chrono::steady_clock::now();
  (void)result_from_json(document);
  const auto read = std::chrono::steady_clock::now();
  // A loaded machine is slower than the two seconds meant for each.
  EXPECT_LT(parsed - start, std::chrono::seconds(4));
  EXPECT_LT(read - parsed, std::chrono::seconds(4));
}

TEST(StatedJson, ThreeTypesBothWays) {
  const json known = Stated<double>::known(2.5);
  EXPECT_EQ(known, (json{{"value", 2.5}}));
  EXPECT_EQ(known.get<Stated<double>>().value, 2.5);
  EXPECT_EQ(json(Stated<std::int64_t>::known(3)).get<Stated<std::int64_t>>().value, 3);
  EXPECT_EQ(json(Stated<std::string>::known("")).get<Stated<std::string>>().value, "");
  const json missing = Stated<double>::missing("no meter");
  EXPECT_EQ(missing, (json{{"value", nullptr}, {"reason", "no meter"}}));
  EXPECT_FALSE(missing.get<Stated<double>>().has_value());
  EXPECT_EQ(missing.get<Stated<double>>().reason, "no meter");
  EXPECT_EQ(json(Stated<double>::known(std::nan("")))["value"], nullptr);
}

TEST(StatedJson, RefusesOtherForms) {
  const auto read = [](const char* text) {
    expect_input_error([&] { (void)parse_json(text, "a").get<Stated<double>>(); }, {});
  };
  read("3");
  read("{}");
  read(R"({"value": "3"})");
  read(R"({"value": null})");
  read(R"({"value": null, "reason": ""})");
  read(R"({"value": null, "reason": 3})");
  read(R"({"value": 3, "reason": "why"})");
  read(R"({"value": 3, "unit": "s"})");
  expect_input_error([] { (void)json(Stated<double>{}); }, {"reason"});
}

TEST(ConditionNames, AreTheSchemasClosedList) {
  const std::vector<std::string> names = condition_names();
  EXPECT_EQ(names.size(), 32U);
  EXPECT_EQ(names.front(), "aslr");
}

}  // namespace
}  // namespace assay
