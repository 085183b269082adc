#include "pricing/audit/audit_run.h"

#include <fmt/format.h>

#include "base/error.h"
#include "pricing/audit/audit.h"
#include "pricing/documents.h"
#include "results/atomic_file.h"
#include "results/date_time.h"
#include "results/edition/basket.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

AuditInput read_input(const AuditRun& run) {
  AuditInput input;
  input.rules = run.rules.empty() ? default_audit_rules() : read_audit_rules(run.rules);
  input.basket = load_basket(run.basket).name;
  input.date_utc = run.date_utc;
  if (!is_date_time(run.date_utc) || !run.date_utc.ends_with('Z')) {
    throw input_error("'" + excerpt(run.date_utc) + "' is no instant", "--date",
                      "write it as 2026-01-31T00:00:00Z");
  }
  if (!run.ceiling.empty()) {
    input.ceiling_cny_per_cu = parse_decimal(run.ceiling, "--ceiling");
    if (*input.ceiling_cny_per_cu <= 0) {
      throw input_error("a ceiling of " + run.ceiling, "--ceiling", "it is above 0, CNY per CU");
    }
  }
  if (!run.revocations.empty()) input.revocations = read_revocations(run.revocations);
  input.tariffs = read_tariffs(run.tariffs);
  input.certificates = read_certificates(run.certificates, run.key);
  for (const auto& path : documents_of(run.cost_sheets)) {
    input.sheets.push_back(read_cost_sheet(path));
  }
  return input;
}

std::string failure_of(const Audit& audited) {
  const auto count = [&](PriceVerdict verdict) {
    return audited.counts[static_cast<std::size_t>(verdict)];
  };
  return fmt::format("{} prices above the band, {} below cost, {} flags of hard rules",
                     count(PriceVerdict::above), count(PriceVerdict::below_cost),
                     audited.hard_flags);
}

}  // namespace

AuditOutcome run_audit(const AuditRun& run) {
  const std::string extension = run.output.extension().string();
  if (!run.output.empty() && extension != ".csv" && extension != ".json") {
    throw input_error("is neither .csv nor .json", run.output.string(), "name the form by its end");
  }
  const AuditInput input = read_input(run);
  const Audit audited = audit(input);
  AuditOutcome outcome;
  if (!audited.passed()) outcome.failure = failure_of(audited);
  outcome.text = audit_table(audited, input, run.rows);
  if (run.json) outcome.json = audit_json_text(audited, input, FlagLines::each);
  if (extension == ".json") {
    write_file_atomically(run.output, audit_json_text(audited, input, FlagLines::one));
  }
  if (extension == ".csv") write_file_atomically(run.output, audit_csv(audited, input));
  return outcome;
}

}  // namespace assay::pricing
