#pragma once
/// Scenarios with real keys, for what reads or writes files: the operations of a Scenario, signed.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pricing/ledger/store.h"
#include "results/keys.h"
#include "scenario.h"

namespace assay::pricing::ledger::test {

struct TimedOperation {
  SignedOperation operation;
  std::int64_t recorded_s = 0;
};

/// A key pair with its private half read.
struct ActorKey : KeyPair {
  explicit ActorKey(KeyPair keys) : KeyPair(std::move(keys)), signing(private_pem) {}
  PrivateKey signing;
};

/// Keys of the actors by name, made once a process.
[[nodiscard]] const ActorKey& key_of(const std::string& actor);

/// The scenario's accepted operations, each signed by its actor and, where there is one, by the
/// second of its role.
[[nodiscard]] std::vector<TimedOperation> signed_operations(const Scenario& scenario);

/// Appends all, each in a transaction of its own. A test failure where one is refused.
void append_all(Store& store, const std::vector<TimedOperation>& operations);

/// An unsigned operation of the operator.
[[nodiscard]] SignedOperation by_operator(const std::string& key, Body body);

/// Programme "p" with a budget, a certificate, and a voucher "v" of 90 CU with 50 reserved.
[[nodiscard]] Scenario small_scenario();

}  // namespace assay::pricing::ledger::test
