// Several devices loaded at once, simulated: how long each device's step takes at each moment is
// known, so what must be derived is too.
#include "results/edition/many_devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/edition/assessment_json.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "support/expect_error.h"
#include "support/sample_result.h"
#include "support/temporary_folder.h"

namespace assay {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr double kReferencePflops = 1e-4;
constexpr double kWindowS = 12.0;
/// By process: what differs between fresh processes.
constexpr double kProcess[] = {1.0, 1.01, 0.99};

/// A device's speed at a time after the barrier, over the reference's.
using Speed = std::function<double(double now_s)>;
Speed steady(double speed) {
  return [=](double) { return speed; };
}

struct SimulatedDevice {
  Speed speed = steady(1.0);
  double begin_s = 0.0;  ///< of its window, after the barrier
  double length_s = kWindowS;
};

/// As many values as there were steps, along the same curve.
void stretch(std::vector<double>& values, std::size_t count) {
  const std::vector<double> curve = std::exchange(values, std::vector<double>(count));
  for (std::size_t i = 0; i < count; ++i) values[i] = curve[i * curve.size() / count];
}

/// A window of steps that take `step_s` at speed 1.
void run(ItemRecord& item, double step_s, const SimulatedDevice& device) {
  item.sample_end_ns.clear();
  item.batch = 1;
  item.window_begin_ns = std::llround(device.begin_s * 1e9);
  double now_s = device.begin_s;
  while (now_s - device.begin_s < device.length_s) {
    now_s += step_s / device.speed(now_s);
    item.sample_end_ns.push_back(std::llround((now_s - device.begin_s) * 1e9));
  }
  if (!item.training) return;
  const std::size_t steps =
      static_cast<std::size_t>(item.warm_up_iterations) + item.sample_end_ns.size();
  stretch(item.training->losses, steps);
  stretch(item.training->gradient_norms, steps);
}

struct Node {
  std::vector<SimulatedDevice> devices;
  std::optional<double> gang_speed =
      std::nullopt;               ///< of all together over the reference's; none: no such run
  std::int64_t gang_devices = 0;  ///< 0: all
};

double step_s_of(const ItemRecord& item, std::size_t process) {
  return static_cast<double>(item.flops) / (kReferencePflops * 1e15) / kProcess[process];
}

/// Every device on every item; then, where asked for, all of them together.
ResultDocument measured(const Node& node) {
  ResultDocument result =
      sample_result(sample_options_of(load_basket("tb1-lite"), kReferencePflops));
  const auto n = static_cast<std::int64_t>(node.devices.size());
  result.device_count = n;
  for (std::int64_t d = 0; d < n; ++d) {
    DeviceRecord& device = result.devices.emplace_back(result.device);
    device.id = "cpu:" + std::to_string(d);
  }
  for (std::size_t p = 0; p < result.processes.size(); ++p) {
    ProcessRecord& process = result.processes[p];
    const std::vector<ItemRecord> of_one = std::exchange(process.items, {});
    for (const ItemRecord& item : of_one) {
      for (std::int64_t d = 0; d < n; ++d) {
        ItemRecord& own = process.items.emplace_back(item);
        own.device = result.devices[static_cast<std::size_t>(d)].id;
        own.weights = WeightsRecord{3, 0x1234'5678'9abc'def0};
        run(own, item.kind == "kernel" ? 0.005 : step_s_of(item, p),
            node.devices[static_cast<std::size_t>(d)]);
      }
    }
    if (!node.gang_speed) continue;
    for (const ItemRecord& item : of_one) {
      if (item.basket_item.empty()) continue;
      ItemRecord& own = process.items.emplace_back(item);
      own.gang_item = std::exchange(own.basket_item, "");
      own.problem["devices"] = node.gang_devices > 0 ? node.gang_devices : n;
      own.workload = "transformer/" + item.basket_item + "_gang/devices" +
                     std::to_string(own.problem["devices"]) + "_batch1_sequence256/fp32";
      process.order.push_back(own.workload);
      own.flops *= n;
      own.tokens *= n;
      run(own, step_s_of(own, p), {.speed = steady(*node.gang_speed)});
      own.window_begin_ns.reset();
    }
  }
  // What is derived is derived from the document, so it must bear being written and read.
  return result_from_json(parse_json(to_json(result).dump(), "result"));
}

double mean_process() {
  return (kProcess[0] + kProcess[1] + kProcess[2]) / 3.0;
}

TEST(ManyDevices, SumMeanAndGangAreWhatTheNodeDid) {
  // The third begins late, and the second's window is longer than the others'.
  const Assessment a =
      derive_figures(measured({.devices = {{.speed = steady(1.0)},
                                           {.speed = steady(0.8), .length_s = 1.5 * kWindowS},
                                           {.speed = steady(1.2), .begin_s = 1.0}},
                               .gang_speed = 0.9 * 3 * 0.8}));
  ASSERT_TRUE(a.many_devices.has_value());
  const ManyDevices& many = *a.many_devices;
  const double reference = kReferencePflops * mean_process();
  ASSERT_THAT(many.devices, SizeIs(3));
  EXPECT_NEAR(*many.devices[0].k_cu_per_h.value / reference, 1.0, 1e-6);
  EXPECT_NEAR(*many.devices[1].k_cu_per_h.value / reference, 0.8, 1e-6);
  EXPECT_NEAR(*many.devices[2].k_cu_per_h.value / reference, 1.2, 1e-6);
  EXPECT_EQ(many.slowest_device, "cpu:1");
  EXPECT_NEAR(*a.k_sum_cu_per_h.value / reference, 3.0, 1e-6);
  EXPECT_NEAR(*a.k_cu_per_h.value / reference, 1.0, 1e-6);
  EXPECT_NEAR(*a.k_gang_cu_per_h.value / reference, 0.9 * 3 * 0.8, 1e-6);
  EXPECT_NEAR(*a.eta.value, 0.9, 1e-6);
  // Only processes differ: s/√n of 1, 1.01 and 0.99; their ratios don't.
  EXPECT_NEAR(*many.u_c_sum_cu_per_h.value / *a.k_sum_cu_per_h.value, 0.01 / std::sqrt(3.0), 1e-5);
  EXPECT_NEAR(*many.expanded_sum_cu_per_h.value,
              *many.u_c_sum_cu_per_h.value * *a.coverage_factor.value, 1e-12);
  EXPECT_NEAR(*many.u_c_gang_cu_per_h.value / *a.k_gang_cu_per_h.value, 0.01 / std::sqrt(3.0),
              1e-5);
  EXPECT_LT(*many.u_c_eta.value, 1e-5);
  EXPECT_LT(*many.k_sum_cert_cu_per_h.value, *a.k_sum_cu_per_h.value);
  EXPECT_LT(*many.common_window_share.value, 0.7);
  for (const DeviceFigures& device : many.devices) EXPECT_EQ(device.weights.value, "equal");
}

TEST(ManyDevices, OnlyTheCommonWindowCounts) {
  // The straggler is twice as fast as soon as it is alone, and was before the other began.
  const Speed straggler = [](double now_s) {
    return now_s >= 1.0 && now_s < kWindowS - 0.5 ? 0.5 : 2.0;
  };
  const Assessment a = derive_figures(
      measured({.devices = {{.speed = steady(1.0), .begin_s = 1.2, .length_s = kWindowS - 2.0},
                            {.speed = straggler, .length_s = 2.0 * kWindowS}}}));
  const double reference = kReferencePflops * mean_process();
  EXPECT_NEAR(*a.many_devices->devices[1].k_cu_per_h.value / reference, 0.5, 1e-6);
  EXPECT_NEAR(*a.k_sum_cu_per_h.value / reference, 1.5, 1e-6);
  EXPECT_THAT(a.k_gang_cu_per_h.reason, HasSubstr("no data-parallel run was measured"));
  EXPECT_EQ(a.eta.reason, a.k_gang_cu_per_h.reason);
}

TEST(ManyDevices, ThrottledSecondsCount) {
  // 30 % of the time at 0.6 of the clock, in stretches shorter than the window.
  const Speed throttling = [](double now_s) { return std::fmod(now_s, 1.0) < 0.3 ? 0.6 : 1.0; };
  const Assessment a =
      derive_figures(measured({.devices = {{}, {.speed = throttling}}, .gang_speed = 1.5}));
  const double reference = kReferencePflops * mean_process();
  const double slowed = 0.7 + 0.3 * 0.6;
  EXPECT_NEAR(*a.many_devices->devices[1].k_cu_per_h.value / reference, slowed, 0.02);
  EXPECT_NEAR(*a.many_devices->devices[0].k_cu_per_h.value / reference, 1.0, 1e-6);
  EXPECT_NEAR(*a.eta.value, 1.5 / (2 * slowed), 0.03);
  EXPECT_GT(*a.many_devices->u_c_eta.value, 0.0);
}

TEST(ManyDevices, AFailedDeviceIsReportedAndTheOthersKept) {
  ResultDocument result = measured({.devices = {{}, {.speed = steady(0.5)}}, .gang_speed = 1.0});
  // In the middle of the second process's first item.
  ItemRecord& failed = result.processes[1].items[1];
  ASSERT_EQ(failed.device, "cpu:1");
  failed.status = failed.stop_reason = "failed";
  failed.error = "cuStreamSynchronize failed: CUDA_ERROR_ECC_UNCORRECTABLE";
  failed.sample_end_ns.resize(5);
  const Assessment a = derive_figures(result_from_json(to_json(result)));
  EXPECT_THAT(a.many_devices->devices[1].failures, Contains(HasSubstr("ECC_UNCORRECTABLE")));
  EXPECT_THAT(a.many_devices->devices[0].failures, IsEmpty());
  EXPECT_NEAR(*a.many_devices->devices[0].k_cu_per_h.value / (kReferencePflops * mean_process()),
              1.0, 1e-6);
  for (const Stated<double>& figure : {a.k_sum_cu_per_h, a.k_cu_per_h, a.k_cert_cu_per_h, a.eta,
                                       a.many_devices->u_c_sum_cu_per_h}) {
    EXPECT_FALSE(figure.has_value());
    EXPECT_THAT(figure.reason, HasSubstr("cpu:1"));
  }
  // What all did together stands.
  EXPECT_TRUE(a.k_gang_cu_per_h.has_value());
  EXPECT_THAT(a.shortfalls, Contains(HasSubstr("cpu:1: ")));
  EXPECT_THAT(error_line([&] { (void)assess(result); }, ExitCode::failed_check),
              HasSubstr("cpu:1"));
}

TEST(ManyDevices, NothingIsExtrapolated) {
  const Assessment a =
      derive_figures(measured({.devices = {{}, {}, {}}, .gang_speed = 2.0, .gang_devices = 2}));
  EXPECT_THAT(a.k_gang_cu_per_h.reason, HasSubstr("trained by 2 of 3 devices"));
  EXPECT_FALSE(a.eta.has_value());
  EXPECT_TRUE(a.k_sum_cu_per_h.has_value());
}

TEST(ManyDevices, AGangThatLearnsNothingHasNoRate) {
  ResultDocument result = measured({.devices = {{}, {}}, .gang_speed = 1.5});
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) {
      if (item.gang_item.empty()) continue;
      for (double& loss : item.training->losses) loss = item.training->log_vocabulary;
    }
  }
  const Assessment a = derive_figures(result);
  EXPECT_THAT(a.k_gang_cu_per_h.reason, HasSubstr("loss gate"));
  EXPECT_TRUE(a.k_sum_cu_per_h.has_value());
}

TEST(ManyDevices, WeightsThatDifferAreToldByDevice) {
  ResultDocument result = measured({.devices = {{}, {}, {}}});
  for (ItemRecord& item : result.processes[1].items) {
    if (item.device == "cpu:2" && item.kind == "training_step") item.weights->hash ^= 1;
  }
  const Assessment a = derive_figures(result);
  EXPECT_EQ(a.many_devices->devices[0].weights.value, "equal");
  EXPECT_THAT(*a.many_devices->devices[2].weights.value, HasSubstr("in process 1"));
  EXPECT_THAT(a.audit_flags, Contains(HasSubstr("cpu:2: weights are different")));
  result.devices[2].name = "another";
  EXPECT_THAT(derive_figures(result).many_devices->devices[2].weights.reason,
              HasSubstr("no other device is of its kind"));
}

TEST(ManyDevices, OneProcessHasNoInterval) {
  ResultDocument result = measured({.devices = {{}, {}}, .gang_speed = 1.5});
  result.processes.resize(1);
  result.suite.processes = 1;
  const Assessment a = derive_figures(result);
  EXPECT_TRUE(a.k_sum_cu_per_h.has_value());
  EXPECT_TRUE(a.eta.has_value());
  EXPECT_FALSE(a.many_devices->u_c_sum_cu_per_h.has_value());
  EXPECT_FALSE(a.many_devices->u_c_eta.has_value());
}

TEST(ManyDevices, DocumentsThatContradictThemselvesAreRefused) {
  const ResultDocument sound = measured({.devices = {{}, {}}, .gang_speed = 1.5});
  const auto refuses = [&](const std::function<void(ResultDocument&)>& edit,
                           const std::string& told) {
    ResultDocument result = sound;
    edit(result);
    expect_input_error([&] { (void)result_from_json(to_json(result)); }, {told});
  };
  refuses([](auto& r) { r.processes[0].items[0].device = "cpu:7"; },
          "none of the result's devices");
  refuses([](auto& r) { r.processes[0].items[1].device = "cpu:0"; }, "stands twice");
  refuses([](auto& r) { r.processes[0].items.erase(r.processes[0].items.begin()); },
          "on all devices");
  refuses([](auto& r) { r.devices[1].id = "cpu:0"; }, "another device has the same");
  refuses([](auto& r) { r.device_count = 3; }, "device_count");
  refuses([](auto& r) { std::swap(r.devices[0], r.devices[1]); }, "the first must be");
  refuses([](auto& r) { r.processes[0].items[0].window_begin_ns.reset(); }, "window_begin_ns");
  refuses([](auto& r) { r.processes[0].items[0].gang_item = "gpt2-lite"; }, "gang_item");
}

/// Signed, read again, and every figure derived again.
TEST(ManyDevices, ACertificateStatesSumAndGangAndVerifies) {
  const ResultDocument result =
      measured({.devices = {{.speed = steady(1.0)}, {.speed = steady(0.9)}}, .gang_speed = 1.5});
  const std::string result_digest = digest(to_json(result));
  const KeyPair keys = generate_key_pair();
  const TemporaryFolder folder;
  const auto path = folder.path() / "certificate.json";
  write_document(path, certify(result, result_digest, {}, keys.private_pem));
  const auto lines = verify_certificate(path, keys.public_pem, &result, result_digest);
  EXPECT_THAT(lines, Each(Field(&VerifyLine::passed, true)));
  EXPECT_THAT(lines, Contains(Field(&VerifyLine::name, "assessment.many_devices")));

  const Certificate certificate = read_certificate(path, keys.public_pem);
  EXPECT_EQ(to_json(certificate.assessment), certificate.predicate.at("assessment"));
  EXPECT_EQ(certificate.predicate.at("item").at("devices").size(), 2U);
  const std::string page = certificate_markdown(certificate);
  EXPECT_THAT(page, HasSubstr("sum of the devices (independent jobs)"));
  EXPECT_THAT(page, HasSubstr("| efficiency of the gang η"));
  EXPECT_THAT(page, HasSubstr("cpu:1"));

  // A forger with the key: another η, the devices left out, devices in a certificate of one.
  const auto forged_lines = [&](const std::function<void(nlohmann::json&)>& edit) {
    nlohmann::json predicate = certificate.predicate;
    edit(predicate.at("assessment"));
    const Opened opened = open_envelope(parse_json(read_file(path), "certificate"),
                                        kCertificateType, {}, "certificate");
    const auto forged = folder.path() / "forged.json";
    write_document(forged, seal(predicate, kCertificateType, opened.subjects, keys.private_pem));
    std::vector<std::string> failed;
    for (const VerifyLine& line :
         verify_certificate(forged, keys.public_pem, &result, result_digest)) {
      if (!line.passed) failed.push_back(line.name);
    }
    return failed;
  };
  EXPECT_THAT(forged_lines([](auto& a) { a["eta"]["value"] = 0.99; }),
              ElementsAre("assessment.eta"));
  EXPECT_THAT(
      forged_lines([](auto& a) { a["many_devices"]["devices"][1]["k_cu_per_h"]["value"] = 1.0; }),
      ElementsAre("assessment.many_devices"));
  EXPECT_THAT(forged_lines([](auto& a) { a.erase("many_devices"); }),
              ElementsAre("assessment.many_devices"));
}

}  // namespace
}  // namespace assay
