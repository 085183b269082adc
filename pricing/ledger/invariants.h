#pragma once
/// What must hold of every ledger, each as a named check over its records and the state they came
/// to. The checks do not use the rules: they look at what was recorded, so they also find what was
/// written behind the program's back. (`replay` is the exception: it is the rules' own verdict.)
#include <span>
#include <string>
#include <vector>

#include "pricing/ledger/rules.h"

namespace assay::pricing::ledger {

/// One entry as a ledger keeps it.
struct Record {
  std::int64_t id = 0;  ///< 1, 2, 3, ...
  Operation operation;
  Circumstances circumstances;
  Postings postings;
};

struct History {
  std::span<const Record> records;
  const State& state;  ///< the balances in use, which may be a cache
};

/// One fault, for people; at most kMostFindings of an invariant are listed.
using Findings = std::vector<std::string>;
inline constexpr std::size_t kMostFindings = 10;

struct Invariant {
  const char* name;       ///< "debits-equal-credits"
  const char* statement;  ///< what holds, in a sentence
  Findings (*check)(const History& history);
};

/// All of them, always in this order.
[[nodiscard]] std::span<const Invariant> invariants();

struct Breach {
  std::string invariant;
  std::string finding;
};
/// Empty where all hold.
[[nodiscard]] std::vector<Breach> breaches(const History& history);

/// The state that the records' own postings come to. Errors: check_error naming the record whose
/// entry has no place.
[[nodiscard]] State replay(std::span<const Record> records);

}  // namespace assay::pricing::ledger
