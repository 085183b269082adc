#include "signed_scenario.h"

#include <gtest/gtest.h>

namespace assay::pricing::ledger::test {

const ActorKey& key_of(const std::string& actor) {
  static std::map<std::string, ActorKey> keys;
  const auto found = keys.find(actor);
  return found != keys.end() ? found->second
                             : keys.emplace(actor, ActorKey(generate_key_pair())).first->second;
}

std::vector<TimedOperation> signed_operations(const Scenario& scenario) {
  std::vector<TimedOperation> all;
  for (const Record& record : scenario.records) {
    SignedOperation signed_operation{record.operation, {}};
    Operation& operation = signed_operation.operation;
    if (auto* open = std::get_if<OpenLedger>(&operation.body)) {
      open->public_pem = key_of(open->administrator).public_pem;
      open->key_id = key_of(open->administrator).key_id;
    } else if (auto* actor = std::get_if<RegisterActor>(&operation.body)) {
      actor->public_pem = key_of(actor->name).public_pem;
      actor->key_id = key_of(actor->name).key_id;
    }
    // One signer each until all are registered; afterwards two wherever a signature counts.
    add_signature(signed_operation, key_of(operation.actor).signing);
    const bool has_second =
        operation.role != Role::operator_ && operation.role != Role::administrator;
    if (has_second) add_signature(signed_operation, key_of(operation.actor + "-2").signing);
    all.push_back({std::move(signed_operation), record.circumstances.recorded_s});
  }
  return all;
}

void append_all(Store& store, const std::vector<TimedOperation>& operations) {
  for (const TimedOperation& each : operations) {
    const auto outcomes = store.append({&each.operation, 1}, each.recorded_s);
    ASSERT_EQ(outcomes.size(), 1U);
    if (outcomes[0].refusal) {
      FAIL() << kind_name(each.operation.operation.body) << ": " << outcomes[0].refusal->rule
             << ": " << outcomes[0].refusal->what;
    }
  }
}

SignedOperation by_operator(const std::string& key, Body body) {
  Operation operation;
  operation.ledger = "test-ledger";
  operation.key = key;
  operation.actor = "operator";
  operation.role = Role::operator_;
  operation.reason = "a test";
  operation.body = std::move(body);
  return {operation, {}};
}

Scenario small_scenario() {
  Scenario ledger;
  ledger.open_programme("p");
  ledger.certify();
  ledger.fund("p", 2026, 60'000);
  Issue body = issue("v", "p", 90 * kCu);
  body.expires_s = year_start_s(2100, 480);  // these tests use the machine's clock
  ledger.must(body);
  ledger.must(Reserve{"v", 50 * kCu});
  return ledger;
}

}  // namespace assay::pricing::ledger::test
