#pragma once
/// For tests: instructions on operands of many kinds (snippets/operation.ptx).
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ptx_device/test_machine.h"

namespace assay::ptx_device {

/// What operation.ptx reads and writes.
struct Operands {
  std::uint64_t a, b, c;
};
struct Outcome {
  std::uint64_t d64;
  std::uint32_t d32, e32;
  std::uint16_t d16;
  std::uint16_t unused[3];
  std::uint32_t flags;  ///< 1: p, 2: q
  std::uint32_t unused_too;
};
static_assert(sizeof(Outcome) == 32);

/// Corner values and random ones, a set a thread.
inline std::vector<Operands> operands() {
  const std::vector<std::uint64_t> corners = {
      0, 1, 31, 32, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000ULL, ~0ULL, 1ULL << 63U};
  std::vector<Operands> all;
  for (const std::uint64_t a : corners) {
    for (const std::uint64_t b : corners) all.push_back({a, b, corners[(a + b) % corners.size()]});
  }
  std::mt19937_64 random(7);
  while (all.size() < 256) all.push_back({random(), random(), random()});
  return all;
}

/// What one instruction in operation.ptx makes of each set.
inline std::vector<Outcome> execute(const std::string& instruction,
                                    const std::vector<Operands>& in) {
  TestMachine machine({}, snippet("operation.ptx", "INSTRUCTION", instruction));
  auto from = machine.buffer(in);
  auto to = machine.buffer(std::vector<Outcome>(in.size()));
  const auto threads = static_cast<unsigned>(in.size());
  machine.require(machine.launch("operation", {1, threads, 0}, {&from, &to}));
  return machine.read<Outcome>(to, in.size());
}

}  // namespace assay::ptx_device
