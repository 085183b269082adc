#include "pricing/audit/audit_run.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pricing/audit/audit.h"
#include "results/atomic_file.h"
#include "results/date_time.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

std::vector<std::filesystem::path> documents_of(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw input_error("no such folder", folder.string());
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json") {
      paths.push_back(entry.path());
    }
  }
  if (paths.empty()) throw input_error("holds no .json document", folder.string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

AuditInput read_input(const AuditRun& run) {
  AuditInput input;
  input.rules = run.rules.empty() ? default_audit_rules() : read_audit_rules(run.rules);
  input.basket = run.basket;
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
  input.tariffs = read_tariffs(run.tariffs);
  const std::string public_pem = run.key.empty() ? std::string() : read_file(run.key);
  std::set<std::string> ids;
  for (const auto& path : documents_of(run.certificates)) {
    input.certificates.push_back(read_certificate(path, public_pem));
    if (!ids.insert(input.certificates.back().certificate_id).second) {
      throw input_error("the same certificate stands there twice", path.string(),
                        "remove one of them");
    }
  }
  for (const auto& path : documents_of(run.cost_sheets)) {
    input.sheets.push_back(read_cost_sheet(path));
  }
  return input;
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
  outcome.passed = audited.passed();
  outcome.text = audit_table(audited, input, run.rows);
  if (run.json || extension == ".json") outcome.document = to_json(audited, input);
  if (extension == ".json") write_document(run.output, outcome.document);
  if (extension == ".csv") write_file_atomically(run.output, audit_csv(audited, input));
  return outcome;
}

}  // namespace assay::pricing
