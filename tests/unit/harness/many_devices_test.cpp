// Several devices that measure an item together: on simulated devices with one common clock, and
// over fresh processes (this program is its own child, see run_test.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <stdexcept>
#include <thread>

#include "fake_workloads.h"
#include "harness/device_barrier.h"
#include "harness/run.h"
#include "results/edition/assessment.h"
#include "results/result_io.h"

namespace assay::harness {
namespace {

using ::testing::HasSubstr;

/// Devices whose clocks only their work advances, and none runs ahead of another that is at work:
/// what each sees at a moment of its clock has happened by then.
class SimulatedNode {
 public:
  using Law = std::function<double(double now_s)>;  ///< seconds of an iteration
  explicit SimulatedNode(std::vector<Law> laws)
      : laws_(std::move(laws)), now_s_(laws_.size(), 0.0), at_work_(laws_.size(), true) {}

  void iterate(std::size_t d) {
    std::unique_lock lock(mutex_);
    now_s_[d] += laws_[d](now_s_[d]);
    changed_.notify_all();
    changed_.wait(lock, [&] {
      for (std::size_t e = 0; e < laws_.size(); ++e) {
        if (at_work_[e] && now_s_[e] < now_s_[d]) return false;
      }
      return true;
    });
  }
  void end(std::size_t d) {
    const std::lock_guard lock(mutex_);
    at_work_[d] = false;
    changed_.notify_all();
  }
  double now_s(std::size_t d) {
    const std::lock_guard lock(mutex_);
    return now_s_[d];
  }

 private:
  std::vector<Law> laws_;
  std::vector<double> now_s_;
  std::vector<bool> at_work_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct Together {
  std::vector<SharedSampling> devices;  ///< empty sampling where it failed
  std::vector<double> end_s;
};

Together measure(const std::vector<SimulatedNode::Law>& laws) {
  SimulatedNode node(laws);
  DeviceBarrier barrier(static_cast<int>(laws.size()));
  SamplerOptions options;
  options.fixed_time = true;
  options.item_seconds = 2.0;
  options.warm_up_min_s = 0.1;
  options.warm_up_max_s = 0.5;
  Together together;
  together.devices.resize(laws.size());
  together.end_s.resize(laws.size());
  std::vector<std::thread> threads;
  for (std::size_t d = 0; d < laws.size(); ++d) {
    threads.emplace_back([&, d] {
      const auto now_ns = [&node, d] {
        return static_cast<std::int64_t>(std::llround(node.now_s(d) * 1e9));
      };
      try {
        BarrierMember member(barrier, now_ns);
        Subject subject;
        subject.now_ns = now_ns;
        subject.iterate = [&node, d] { node.iterate(d); };
        together.devices[d] = sample_together(subject, options, subject.iterate, member);
      } catch (const std::runtime_error&) {
      }
      together.end_s[d] = node.now_s(d);
      node.end(d);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return together;
}

double window_end_s(const SharedSampling& shared) {
  return static_cast<double>(shared.sampling.window_began_ns +
                             shared.sampling.sample_end_ns.back()) *
         1e-9;
}

TEST(DeviceBarrier, WindowsBeginTogetherAndAllWorkUntilTheLastHasDone) {
  // The second needs 0.5 s to get warm, and its steps are long.
  const std::vector<double> step_s = {0.010, 0.043, 0.007};
  const Together together = measure({[&](double) { return step_s[0]; },
                                     [&](double now_s) { return now_s < 0.4 ? 0.1 : step_s[1]; },
                                     [&](double) { return step_s[2]; }});
  double last_end_s = 0.0;
  double latest_begin_s = 0.0;
  double earliest_end_s = 1e9;
  for (std::size_t d = 0; d < step_s.size(); ++d) {
    const SharedSampling& device = together.devices[d];
    ASSERT_TRUE(device.window_begin_ns.has_value()) << d;
    // At the first end of a step after the barrier.
    EXPECT_LE(static_cast<double>(*device.window_begin_ns) * 1e-9, step_s[d] + 1e-6) << d;
    const double begin_s = static_cast<double>(device.sampling.window_began_ns) * 1e-9;
    latest_begin_s = std::max(latest_begin_s, begin_s);
    last_end_s = std::max(last_end_s, window_end_s(device));
    earliest_end_s = std::min(earliest_end_s, window_end_s(device));
    EXPECT_NEAR(static_cast<double>(device.sampling.sample_end_ns.front()) * 1e-9, step_s[d], 1e-6);
  }
  EXPECT_GE(earliest_end_s - latest_begin_s, 1.9);
  for (const double end_s : together.end_s) EXPECT_GE(end_s, last_end_s - 1e-9);
}

TEST(DeviceBarrier, NobodyWaitsForADeviceThatFailed) {
  for (const double fails_at_s : {0.05, 1.0}) {
    const Together together = measure({[](double) { return 0.010; },
                                       [=](double now_s) {
                                         if (now_s > fails_at_s) throw std::runtime_error("lost");
                                         return 0.013;
                                       },
                                       [](double) { return 0.017; }});
    EXPECT_TRUE(together.devices[1].sampling.sample_end_ns.empty());
    for (const std::size_t d : {0U, 2U}) {
      EXPECT_GE(window_end_s(together.devices[d]) -
                    static_cast<double>(together.devices[d].sampling.window_began_ns) * 1e-9,
                2.0 - 1e-9);
      EXPECT_GE(together.end_s[d], window_end_s(together.devices[2]) - 1e-9);
    }
  }
}

ResultDocument run_together(const std::string& filter) {
  RunOptions options;
  options.device = "cpu:0,cpu:1";
  options.choices.filter = filter;
  options.choices.processes = 2;
  options.choices.item_seconds = 0.3;
  options.seed = 3;
  return run_suite(options, test::fake_catalogue, test::fake_devices);
}

std::vector<ItemRecord> items_of(const ResultDocument& result, const std::string& operation) {
  std::vector<ItemRecord> items;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (item.workload.find("/" + operation + "/") != std::string::npos) items.push_back(item);
    }
  }
  return items;
}

TEST(ManyDevices, AProcessMeasuresAllAtOnceAndOnceTogether) {
  const ResultDocument result = run_together("sleeps|gang");
  EXPECT_TRUE(result.complete) << result.incomplete_reason;
  EXPECT_FALSE(verdict(result).has_value());
  EXPECT_EQ(result.device_count, 2);
  ASSERT_EQ(result.devices.size(), 2U);
  const std::vector<ItemRecord> sleeps = items_of(result, "sleeps");
  ASSERT_EQ(sleeps.size(), 4U);
  for (const ItemRecord& item : sleeps) {
    EXPECT_EQ(item.status, "valid") << item.error;
    ASSERT_TRUE(item.window_begin_ns.has_value());
    EXPECT_LT(*item.window_begin_ns, 250'000'000);
    ASSERT_TRUE(item.weights.has_value());
    EXPECT_EQ(item.weights->steps, 3);
    EXPECT_EQ(item.weights->hash, sleeps.front().weights->hash);
  }
  // The second device is ten times as slow.
  EXPECT_GT(sleeps[0].sample_end_ns.size(), 3 * sleeps[1].sample_end_ns.size() / 2);
  const std::vector<ItemRecord> gang = items_of(result, "gang");
  ASSERT_EQ(gang.size(), 2U);
  EXPECT_EQ(gang.front().device, "");
  EXPECT_EQ(gang.front().gang_item, "item-a");
  const nlohmann::json json = to_json(result);
  EXPECT_EQ(to_json(result_from_json(json)), json);
}

TEST(ManyDevices, OneThatFailsInTheMiddleLeavesTheOther) {
  const ResultDocument result = run_together("breaks|sleeps");
  EXPECT_TRUE(result.complete);
  const std::vector<ItemRecord> breaks = items_of(result, "breaks");
  ASSERT_EQ(breaks.size(), 4U);
  for (const ItemRecord& item : breaks) {
    if (item.device == "cpu:0") {
      EXPECT_EQ(item.status, "valid") << item.error;
      EXPECT_GE(item.sample_end_ns.size(), 10U);
    } else {
      EXPECT_EQ(item.status, "failed");
      EXPECT_EQ(item.error, "the second device broke");
    }
  }
  for (const ItemRecord& item : items_of(result, "sleeps")) EXPECT_EQ(item.status, "valid");
  const auto trouble = verdict(result);
  ASSERT_TRUE(trouble.has_value());
  EXPECT_EQ(trouble->code(), ExitCode::failed_check);
  EXPECT_THAT(trouble->line(), HasSubstr("the second device broke"));
}

}  // namespace
}  // namespace assay::harness
