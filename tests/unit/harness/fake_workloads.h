#pragma once
/// Small workloads with known behaviour, in place of the registry: the measuring path is the same.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "harness/catalogue.h"

namespace assay::harness::test {

inline void busy_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

inline Workload fake_kernel(const std::string& operation, std::function<void()> iterate,
                            double error = 0.0) {
  Workload w;
  w.family = "fake";
  w.operation = operation;
  w.problem = {{"n", 1}};
  w.precision = Precision::fp32;
  w.flops = 1000;
  w.bytes = 4000;
  w.inputs = "none";
  w.on_cpu = [=](const CpuDevice&, const InputKey&) {
    Instance instance;
    instance.iterate = iterate;
    instance.verify = [=] { return std::vector<Check>{{"output", error, 0.5}}; };
    instance.notes = {{"algorithm", "busy loop"}};
    return instance;
  };
  return named(std::move(w));
}

/// A step whose loss falls from ln V.
inline Workload fake_step(const std::string& operation) {
  Workload w = fake_kernel(operation, [] { busy_for(std::chrono::microseconds(300)); });
  w.kind = WorkloadKind::training_step;
  w.tokens = 256;
  w.on_cpu = [made = w.on_cpu](const CpuDevice& device, const InputKey& key) {
    Instance instance = made(device, key);
    auto steps = std::make_shared<int>(0);
    instance.iterate = [steps, iterate = instance.iterate] {
      iterate();
      ++*steps;
    };
    instance.observe = [steps] {
      return Observation{1.0 + (std::log(64.0) - 1.0) * std::exp(-0.01 * (*steps - 1)), 0.5};
    };
    instance.loss_law = LossLaw{std::log(64.0), 0.9, key.key, 64};
    return instance;
  };
  return w;
}

/// "quick" finds its roofs by family and operation, as in the registry.
inline Workload fake_roof(const std::string& family, const std::string& operation) {
  Workload w = fake_kernel(operation, [] { busy_for(std::chrono::microseconds(200)); });
  w.family = family;
  return named(std::move(w));
}

/// A step that sleeps for 4 ms on the first device, 40 on the second, so that others'
/// load on the machine doesn't matter; `each` is called with the device's number before.
inline Workload sleeping_step(const std::string& operation,
                              const std::function<void(int device)>& each = {}) {
  Workload w = fake_step(operation);
  w.on_cpu = [made = w.on_cpu, each](const CpuDevice& device, const InputKey& key) {
    Instance instance = made(device, key);
    const int number = device.threads - 1;
    instance.iterate = [=, iterate = instance.iterate] {
      if (each) each(number);
      std::this_thread::sleep_for(std::chrono::milliseconds(4 + 36 * number));
      iterate();
    };
    instance.weight_hash = [] { return std::uint64_t{0xfeed}; };
    return instance;
  };
  return w;
}

/// "cpu:0,cpu:1": devices that are told apart by their threads, 1 and 2.
inline std::vector<Device> fake_devices(const std::string& names,
                                        const std::optional<std::string>& cpu_isa) {
  if (names != "cpu:0,cpu:1") return select_devices(names, cpu_isa);
  std::vector<Device> devices(2, cpu_device(cpu_isa));
  for (int i = 0; i < 2; ++i) {
    Device& device = devices[static_cast<std::size_t>(i)];
    device.record.id = "cpu:" + std::to_string(i);
    device.cpu.threads = i + 1;
    device.together = 2;
  }
  return devices;
}

/// One of each kind; those that misbehave are reached by a filter only.
inline Catalogue fake_catalogue(const Basket&, const Device& device) {
  const auto short_work = [] { busy_for(std::chrono::microseconds(100)); };
  Workload bf16 = fake_kernel("bf16", short_work);
  bf16.precision = Precision::bf16;
  bf16.on_cpu = nullptr;
  Workload gang = fake_step("gang");
  gang.devices = 2;
  Catalogue of_many;
  if (device.together > 1) {
    of_many.push_back({gang, "", "item-a"});
    of_many.push_back({sleeping_step("sleeps"), "", ""});
    of_many.push_back({sleeping_step("breaks",
                                     [](int number) {
                                       thread_local int left = 14;
                                       if (number == 1 && --left == 0) {
                                         throw std::runtime_error("the second device broke");
                                       }
                                     }),
                       "", ""});
    return of_many;
  }
  return {
      {fake_step("step_a"), "item-a"},
      {fake_step("step_b"), "item-b"},
      {fake_roof("gemm", "square"), ""},
      {fake_roof("stream", "triad"), ""},
      {fake_kernel("good", short_work), ""},
      {fake_kernel("wrong", short_work, 1.0), ""},
      {fake_kernel("throws", [] { throw std::runtime_error("broken\nin two lines"); }), ""},
      {fake_kernel("crashes", [] { std::raise(SIGKILL); }), ""},
      {fake_kernel("interrupts",
                   [] {
                     busy_for(std::chrono::microseconds(500));
                     kill(getpid(), SIGINT);
                   }),
       ""},
      {fake_kernel("interrupts_parent",
                   [] {
                     busy_for(std::chrono::milliseconds(5));
                     static bool sent = false;
                     if (!std::exchange(sent, true)) kill(getppid(), SIGINT);
                   }),
       ""},
      {fake_kernel("hangs",
                   [] {
                     for (int i = 0; i < 20; ++i) {
                       busy_for(std::chrono::milliseconds(300));
                       kill(getppid(), SIGINT);
                     }
                   }),
       ""},
      {fake_kernel("last", short_work), ""},
      {named(bf16), ""},
  };
}

}  // namespace assay::harness::test
