#pragma once
/// A redemption's amount by the programme's own rule: the claim goes through the programme's
/// evaluator (pricing/programme/evaluate.h) and is held against the redemption and the ledger.
#include "pricing/ledger/state.h"
#include "pricing/programme/claim.h"
#include "pricing/programme/programme.h"

namespace assay::pricing::ledger {

struct ClaimAmount {
  Evaluation evaluation;
  std::int64_t amount_fen = 0;  ///< due now: of the claim so far, less what was paid before
};

/// Of `redeem` all but the amount and its evaluation is looked at. `state` is the ledger before it.
/// Errors: input_error naming the claim's file and path: a claim of another programme, applicant,
/// version, basket or time; an invoice line that is not in it, or is filed with a higher cost; more
/// CU than it verifies; payments before that the ledger does not have; a result that is no figure.
/// check_error where a rule of the programme refuses the claim, or it was paid too much before.
[[nodiscard]] ClaimAmount amount_of_claim(const State& state, const Redeem& redeem,
                                          const programme::Programme& rule,
                                          const programme::Claim& claim);

}  // namespace assay::pricing::ledger
