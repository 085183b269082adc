#pragma once
/// The rules of the ledger: one pure function from a state and an operation to entries or a
/// refusal, and one that carries entries into the state. No clock, no file, no key is looked at:
/// the time of recording and the keys whose signatures held come in as data.
///
/// Rounding. U(q) = q x unit value, half-even to fen. A redemption of q CU after P CU have left the
/// voucher draws U(P + q) - U(P), so that parts add up to the whole; what a voucher has committed
/// always travels whole with its last covered CU. Of a redemption of q CU and amount a, x CU are
/// worth round(a x / q): refunds in parts add up to the whole as well.
#include <variant>

#include "pricing/ledger/state.h"

namespace assay::pricing::ledger {

/// What is known of an operation from outside.
struct Circumstances {
  std::int64_t recorded_s = 0;             ///< never before the entry before
  std::vector<std::string> verified_keys;  ///< key ids whose signatures of the operation hold
};

/// Why the rules say no. An ordinary outcome, not an exception.
struct Refusal {
  std::string rule;  ///< a stable name: "not-enough-available"
  std::string what;
  std::string mend;
};

using Decision = std::variant<Postings, Refusal>;

/// Operations without money or CU give no postings. Never throws for any operation that its reader
/// (operations_json.h) lets through.
[[nodiscard]] Decision decide(const State& state, const Operation& operation,
                              const Circumstances& circumstances);

/// Carries an accepted operation into the state. `postings` are those that decide() gave, or those
/// that a ledger recorded. Errors: check_error where they have no place in this state.
void carry_out(State& state, const Operation& operation, const Circumstances& circumstances,
               const Postings& postings);

/// Which role does it, and how many actors of that role must sign, the one who asks among them.
struct Authority {
  Role role{};
  int signatures = 0;
};
/// Errors: input_error where the amount at stake does not fit.
[[nodiscard]] Authority authority_for(const State& state, const Operation& operation);
[[nodiscard]] Role role_for(const Body& body);

}  // namespace assay::pricing::ledger
