#include "pricing/quote/quote_run.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/audit/rules.h"
#include "pricing/ceiling.h"
#include "pricing/documents.h"
#include "pricing/quote/quote.h"
#include "results/date_time.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

constexpr std::int64_t kMostDevices = 1'000'000;
constexpr std::int64_t kLongestSequence = 100'000'000;          // as the schema of a model
constexpr std::int64_t kMostUnits = 1'000'000'000'000'000'000;  // CU

Job job_of(const QuoteRun& run) {
  const bool parameters = !run.parameters.empty();
  const bool model = !run.model.empty();
  const bool units = !run.compute_units.empty();
  if (parameters + model + units != 1) {
    throw input_error("a job is given by one of --parameters, --model and --cu", "quote",
                      "give exactly one of them");
  }
  if (!parameters && !run.active_parameters.empty()) {
    throw input_error("--active-parameters belongs to --parameters", "quote", "leave it out");
  }
  if (!model && run.sequence != 0) {
    throw input_error("--sequence belongs to --model", "quote", "leave it out");
  }
  if (units) {
    if (!run.tokens.empty()) {
      throw input_error("a job in CU has no tokens", "--tokens", "leave it out");
    }
    const Rational units_asked = parse_decimal(run.compute_units, "--cu");
    if (units_asked <= 0) throw input_error("is not above 0", "--cu", "CU of the basket");
    if (units_asked > kMostUnits) {
      throw input_error("is above 10^18", "--cu", "CU of the basket");
    }
    return job_of_compute_units(units_asked);
  }
  if (run.tokens.empty()) {
    throw input_error("how many tokens it trains on is not given", "--tokens",
                      "write it like 2000000000000 or 2T");
  }
  const Rational tokens = parse_count(run.tokens, "--tokens");
  if (model) {
    NamedModel named = read_model(run.model);
    if (run.sequence < 0 || run.sequence > kLongestSequence) {
      throw input_error("a sequence of " + std::to_string(run.sequence) + " tokens", "--sequence",
                        "from 1 to 100,000,000; 0: the model's own");
    }
    if (run.sequence > 0) named.model.sequence = run.sequence;
    return job_of_model(std::move(named), tokens);
  }
  const Rational all = parse_count(run.parameters, "--parameters");
  const Rational active = run.active_parameters.empty()
                              ? all
                              : parse_count(run.active_parameters, "--active-parameters");
  return job_of_parameters(all, active, tokens);
}

QuoteInput read_input(const QuoteRun& run) {
  QuoteInput input;
  input.job = job_of(run);
  if (run.devices < 1 || run.devices > kMostDevices) {
    throw input_error("a job on " + std::to_string(run.devices) + " devices", "--devices",
                      "from 1 to 1,000,000");
  }
  input.devices = run.devices;
  input.basket = load_basket(run.basket);
  input.date_utc = run.date_utc;
  if (!is_date_time(run.date_utc) || !run.date_utc.ends_with('Z')) {
    throw input_error("'" + excerpt(run.date_utc) + "' is no instant", "--date",
                      "write it as 2026-01-31T00:00:00Z");
  }
  input.certificates = read_certificates(run.certificates, run.key);
  if (!run.revocations.empty()) input.revocations = read_revocations(run.revocations);
  if (!run.rate_cards.empty()) input.rate_cards = read_rate_cards(run.rate_cards);
  if (!run.tariffs.empty()) {
    input.tariffs = read_tariffs(run.tariffs);
    input.tariffs_file = run.tariffs.string();
    input.vat_rates_unstated = default_audit_rules().vat_rates_unstated;
  }
  if (run.claim.empty() && !run.programmes.empty()) {
    throw input_error("--programme belongs to --claim", "quote",
                      "name the claim that the applicant would file");
  }
  if (!run.claim.empty()) {
    input.claim = std::make_shared<const VoucherClaim>(run.claim, run.programmes);
  }
  return input;
}

}  // namespace

QuoteOutcome run_quote(const QuoteRun& run) {
  if (!run.output.empty() && run.output.extension() != ".json") {
    throw input_error("a quote is a .json document", run.output.string(), "name it so");
  }
  const QuoteInput input = read_input(run);
  const Quote quote = make_quote(input);
  QuoteOutcome outcome;
  const bool quoted = std::any_of(quote.rows.begin(), quote.rows.end(),
                                  [](const QuoteRow& row) { return row.reason.empty(); });
  if (!quoted) outcome.failure = "no offer can be quoted; the first: " + quote.rows.front().reason;
  outcome.text = quote_table(quote, input);
  outcome.document = to_json(quote, input);
  if (!run.output.empty()) write_document(run.output, outcome.document);
  return outcome;
}

}  // namespace assay::pricing
