#include "pricing/ledger/ledger_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "base/error.h"
#include "pricing/ledger/anchors.h"
#include "pricing/ledger/check.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/export.h"
#include "pricing/ledger/operations_json.h"
#include "pricing/ledger/quantity.h"
#include "pricing/ledger/reconcile.h"
#include "pricing/ledger/store.h"
#include "results/atomic_file.h"
#include "results/document.h"
#include "results/keys.h"
#include "results/utc_time.h"

namespace assay::pricing::ledger {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string random_key() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}", device(), device(), device());
}

Error refused(const Refusal& refusal, const std::string& where) {
  return check_error(fmt::format("refused ({}): {}", refusal.rule, refusal.what), where,
                     refusal.mend);
}

std::vector<PrivateKey> read_keys(const std::vector<fs::path>& files) {
  std::vector<PrivateKey> keys;
  keys.reserve(files.size());
  for (const fs::path& file : files) keys.emplace_back(read_file(file));
  return keys;
}

SignedOperation build(const Request& request, const std::string& ledger, Body body) {
  SignedOperation result;
  Operation& operation = result.operation;
  operation.ledger = ledger;
  operation.key = request.key.empty() ? random_key() : request.key;
  operation.actor = request.actor;
  operation.role = role_for(body);
  operation.reason = request.reason;
  operation.body = std::move(body);
  // Read back as a document: what a file may not say, an option may not either.
  result = operation_from_document(operation_document(result), "operation");
  for (const PrivateKey& key : read_keys(request.sign)) add_signature(result, key);
  return result;
}

Said say_posted(const Outcome& outcome, const SignedOperation& posted, const Head& head) {
  Said said;
  const Operation& operation = posted.operation;
  said.text = fmt::format("entry {}  {}  by {} ({}), key {}{}", outcome.id,
                          kind_name(operation.body), operation.actor, role_name(operation.role),
                          operation.key, outcome.was_there ? "  (posted before: nothing new)" : "");
  said.document = {{"entry", outcome.id},
                   {"posted_before", outcome.was_there},
                   {"kind", kind_name(operation.body)},
                   {"key", operation.key},
                   {"head", {{"count", head.count}, {"root", head.root}}}};
  return said;
}

DocumentPlaces places_of(const Filed& filed) {
  if (filed.documents.empty() != filed.laboratory_key.empty()) {
    throw input_error("certificates are judged by the laboratory's public key", "--documents",
                      "give --documents and --laboratory-key together");
  }
  DocumentPlaces places;
  places.places = filed.documents;
  if (!filed.laboratory_key.empty()) places.laboratory_pem = read_file(filed.laboratory_key);
  return places;
}

/// Redemptions held against the documents, where there are any.
Inspection inspection_by(const DocumentPlaces& documents) {
  if (documents.places.empty()) return {};
  return [held = held_against(documents)](const State& before,
                                          const Operation& operation) -> std::optional<Refusal> {
    const auto* redeem = std::get_if<Redeem>(&operation.body);
    if (redeem == nullptr) return std::nullopt;
    const std::string why = held(before, *redeem);
    if (why.empty()) return std::nullopt;
    return Refusal{"documents", fmt::format("redemption {}: {}", redeem->redemption, why),
                   "post what the documents give: assay voucher redeem --claim"};
  };
}

Said post_one(Store& store, const Request& request, const SignedOperation& signed_operation) {
  const auto outcomes = store.append({&signed_operation, 1});
  if (outcomes[0].refusal) throw refused(*outcomes[0].refusal, request.ledger.string());
  return say_posted(outcomes[0], signed_operation, store.head());
}

Json balances_json(const Voucher& voucher) {
  Json result = Json::object();
  for (std::size_t a = 0; a < kVoucherAccounts; ++a) {
    const auto account = static_cast<Account>(a);
    result[account_name(account)] = commodity_of(account) == Commodity::cu
                                        ? cu_text(voucher.of(account))
                                        : cny_text(voucher.of(account));
  }
  return result;
}

Json voucher_json(const State& state, const Voucher& voucher) {
  const Issue& issue = voucher.issue;
  Json redemptions = Json::array();
  for (const Redemption& redemption : state.redemptions) {
    if (redemption.redeem.voucher != issue.voucher) continue;
    const std::string why = why_due(state, redemption);
    redemptions.push_back({{"redemption", redemption.redeem.redemption},
                           {"redeemed_cu", cu_text(redemption.redeem.quantity_ucu)},
                           {"net_cu", cu_text(redemption.net_ucu())},
                           {"amount_cny", cny_text(redemption.amount_fen)},
                           {"settled", redemption.is_settled},
                           {"certificate", redemption.redeem.certificate},
                           {"rule_version", redemption.redeem.rule_version},
                           {"rate_version", redemption.redeem.rate_version},
                           {"due_for_claw_back", why.empty() ? Json() : Json(why)}});
  }
  return {{"voucher", issue.voucher},
          {"programme", issue.programme},
          {"year", issue.year},
          {"applicant", issue.applicant},
          {"control_group", issue.control_group},
          {"expires", instant_text(issue.expires_s)},
          {"value_cny_per_cu", fixed_text(voucher.value_ucny_per_cu, 6)},
          {"balances", balances_json(voucher)},
          {"redemptions", redemptions}};
}

std::string voucher_line(const Voucher& voucher) {
  return fmt::format(
      "{:<20} {:<16} {}  issued {:>14}  available {:>14}  reserved {:>14}  redeemed "
      "{:>14}  settled {:>14} CU",
      voucher.issue.voucher, voucher.issue.programme, voucher.issue.year,
      cu_text(voucher.of(Account::issued)), cu_text(voucher.available_ucu()),
      cu_text(voucher.of(Account::reserved)), cu_text(voucher.of(Account::redeemed)),
      cu_text(voucher.of(Account::settled)));
}

std::string voucher_text(const Json& voucher) {
  std::string text = fmt::format(
      "voucher {}  of {} {}  for {} (group {})\nunit value {} CNY/CU  valid until {}\n",
      voucher["voucher"].get<std::string>(), voucher["programme"].get<std::string>(),
      voucher["year"].get<int>(), voucher["applicant"].get<std::string>(),
      voucher["control_group"].get<std::string>(), voucher["value_cny_per_cu"].get<std::string>(),
      voucher["expires"].get<std::string>());
  for (std::size_t a = 0; a < kVoucherAccounts; ++a) {
    const auto account = static_cast<Account>(a);
    text += fmt::format("  {:<16} {:>18} {}\n", account_name(account),
                        voucher["balances"][account_name(account)].get<std::string>(),
                        commodity_of(account) == Commodity::cu ? "CU" : "CNY");
  }
  for (const Json& redemption : voucher["redemptions"]) {
    text += fmt::format(
        "  redemption {}: {} CU left of {}, {} CNY{}{}\n",
        redemption["redemption"].get<std::string>(), redemption["net_cu"].get<std::string>(),
        redemption["redeemed_cu"].get<std::string>(), redemption["amount_cny"].get<std::string>(),
        redemption["settled"].get<bool>() ? ", settled" : "",
        redemption["due_for_claw_back"].is_null()
            ? ""
            : ", DUE FOR CLAW-BACK: " + redemption["due_for_claw_back"].get<std::string>());
  }
  return text;
}

std::vector<SignedOperation> read_operations(const fs::path& file) {
  const std::string text = read_file(file);
  if (file.extension() != ".jsonl") {
    return {operation_from_document(parse_json(text, file.string()), file.string())};
  }
  std::vector<SignedOperation> operations;
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    const std::string where = fmt::format("{}:{}", file.string(), ++number);
    if (end > start) {
      operations.push_back(
          operation_from_document(parse_json(text.substr(start, end - start), where), where));
    }
    start = end + 1;
  }
  return operations;
}

std::vector<Record> plain_records(Store& store) {
  std::vector<Record> records;
  for (StoredRecord& stored : store.records()) records.push_back(std::move(stored.record));
  return records;
}

}  // namespace

Said open_ledger(const Request& request, const std::string& name,
                 const std::string& second_signature_above_cny) {
  if (request.sign.size() != 1) {
    throw input_error("a ledger is opened by one administrator", "--sign", "give his private key");
  }
  OpenLedger body;
  body.administrator = request.actor;
  body.public_pem = public_pem_of(read_file(request.sign[0]));
  if (!second_signature_above_cny.empty()) {
    body.second_signature_above_fen =
        parse_fixed(second_signature_above_cny, kCnyDecimals, "--second-signature-above");
  }
  const SignedOperation operation = build(request, name, body);
  Store store(request.ledger, Database::Mode::create);
  return post_one(store, request, operation);
}

Said post_body(const Request& request, Body body) {
  Store store(request.ledger, Database::Mode::write);
  return post_in(store, request, std::move(body));
}

Said post_in(Store& store, const Request& request, Body body) {
  const bool settles = std::holds_alternative<Settle>(body);
  if (settles && request.draft.empty() && (request.anchors.empty() || request.sign.empty())) {
    throw input_error("a settlement run is anchored", "--anchors",
                      "name the file of anchors, and sign: the first key signs the head");
  }
  const SignedOperation operation = build(request, store.state().ledger, std::move(body));
  if (!request.draft.empty()) {
    write_document(request.draft, operation_document(operation));
    Said said;
    said.text = "draft  " + request.draft.string() +
                "  (sign it: assay ledger sign; post it: assay ledger post)";
    said.document = operation_document(operation);
    return said;
  }
  if (settles) check_anchor_can_be_appended(request.anchors);
  Said said = post_one(store, request, operation);
  if (settles) {
    append_anchor(request.anchors, store.state().ledger, store.head(), utc_now(),
                  read_file(request.sign[0]));
    said.text +=
        fmt::format("\nanchored  {} entries in {}", store.head().count, request.anchors.string());
  }
  return said;
}

Said post_files(const Request& request, const std::vector<fs::path>& files, const Filed& filed) {
  const std::vector<PrivateKey> keys = read_keys(request.sign);
  std::vector<SignedOperation> operations;
  for (const fs::path& file : files) {
    for (SignedOperation& operation : read_operations(file)) {
      const auto* redeem = std::get_if<Redeem>(&operation.operation.body);
      if (redeem != nullptr && redeem->evaluation && filed.documents.empty()) {
        throw input_error("redemption " + redeem->redemption + " rests on a claim: its amount is " +
                              "found again from the documents before it is posted",
                          file.string(), "name their folder: --documents, --laboratory-key");
      }
      for (const PrivateKey& key : keys) add_signature(operation, key);
      operations.push_back(std::move(operation));
    }
  }
  Store store(request.ledger, Database::Mode::write);
  const auto outcomes = store.append(operations, std::nullopt, inspection_by(places_of(filed)));
  Said said;
  Json list = Json::array();
  std::size_t refusals = 0;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    if (outcome.refusal) {
      ++refusals;
      said.text += fmt::format("refused ({})  key {}: {}\n", outcome.refusal->rule,
                               operations[i].operation.key, outcome.refusal->what);
      list.push_back({{"key", operations[i].operation.key},
                      {"refused", outcome.refusal->rule},
                      {"what", outcome.refusal->what},
                      {"mend", outcome.refusal->mend}});
      continue;
    }
    Said one = say_posted(outcome, operations[i], store.head());
    said.text += one.text + '\n';
    list.push_back(std::move(one.document));
  }
  const std::string where = request.ledger.string();
  if (refusals > 0 && outcomes.size() == 1) throw refused(*outcomes[0].refusal, where);
  said.text += fmt::format("{} posted, {} refused\n", outcomes.size() - refusals, refusals);
  said.document = {{"outcomes", list}, {"refused", refusals}};
  if (refusals > 0) {
    const auto first =
        std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.refusal; });
    said.failure = fmt::format("{}; {} of {} refused", refused(*first->refusal, where).line(),
                               refusals, outcomes.size());
  }
  return said;
}

Said sign_file(const std::vector<fs::path>& keys, const fs::path& file) {
  SignedOperation operation =
      operation_from_document(parse_json(read_file(file), file.string()), file.string());
  for (const PrivateKey& key : read_keys(keys)) add_signature(operation, key);
  Said said;
  said.document = operation_document(operation);
  write_document(file, said.document);
  said.text = fmt::format("{}  {} of '{}' has {} signature(s)", file.string(),
                          kind_name(operation.operation.body), operation.operation.actor,
                          operation.signatures.size());
  return said;
}

Said show_vouchers(const fs::path& ledger, const std::string& voucher) {
  Store store(ledger, Database::Mode::read);
  const State& state = store.state();
  Said said;
  if (!voucher.empty()) {
    const Voucher* found = state.voucher(voucher);
    if (found == nullptr) {
      throw input_error("no voucher '" + voucher + "' is issued", ledger.string(),
                        "list them: assay voucher show");
    }
    said.document = voucher_json(state, *found);
    said.text = voucher_text(said.document);
    return said;
  }
  Json list = Json::array();
  for (const Voucher& each : state.vouchers) {
    list.push_back(voucher_json(state, each));
    said.text += voucher_line(each) + '\n';
  }
  said.text += fmt::format("{} voucher(s)\n", state.vouchers.size());
  said.document = {{"vouchers", list}};
  return said;
}

Said check(const fs::path& ledger, const HeldAgainst& against) {
  if (against.anchors.empty() != against.anchor_key.empty()) {
    throw input_error("anchors are judged by a public key", "--anchors",
                      "give --anchors and --anchor-key together");
  }
  CheckRequest request{ledger, against.anchors, {}, places_of(against.filed)};
  if (!against.anchor_key.empty()) request.anchor_public_pem = read_file(against.anchor_key);
  const CheckReport report = check_ledger(request);
  Said said;
  Json lines = Json::array();
  for (const CheckLine& line : report.lines) {
    said.text +=
        fmt::format("{:<24} {:<5} {}\n", line.name, line.passed ? "pass" : "FAIL", line.detail);
    lines.push_back({{"name", line.name}, {"passed", line.passed}, {"detail", line.detail}});
  }
  Json due = Json::array();
  for (const DueForClawBack& each : report.due) {
    said.text += fmt::format("due for claw-back: redemption {}: {}\n", each.redemption, each.why);
    due.push_back({{"redemption", each.redemption}, {"why", each.why}});
  }
  const bool passed = report.passed();
  for (const CheckLine& line : report.lines) {
    if (!line.passed && said.failure.empty()) {
      said.failure = fmt::format("{}: not sound: {}: {}", ledger.string(), line.name, line.detail);
    }
  }
  said.text += fmt::format("{} entries, root {}\n{}", report.head.count, report.head.root,
                           passed ? "SOUND" : "NOT SOUND");
  if (passed && against.filed.documents.empty()) {
    said.text += ", but amounts and K_cert were held against no document";
  }
  if (passed && against.anchors.empty()) {
    said.text += ", but held against no anchor: whoever owns the file can build a chain anew";
  }
  said.document = {{"sound", passed},
                   {"count", report.head.count},
                   {"root", report.head.root},
                   {"checks", lines},
                   {"due_for_claw_back", due}};
  return said;
}

Said anchor(const fs::path& ledger, const fs::path& anchors, const fs::path& key) {
  Store store(ledger, Database::Mode::read);
  const std::string name = store.state().ledger;
  append_anchor(anchors, name, store.head(), utc_now(), read_file(key));
  Said said;
  said.text = fmt::format("anchored  {} entries, root {}, in {}", store.head().count,
                          store.head().root, anchors.string());
  said.document = {{"count", store.head().count}, {"root", store.head().root}};
  return said;
}

Said export_ledger(const fs::path& ledger, const std::string& format, const fs::path& output) {
  Store store(ledger, Database::Mode::read);
  std::string text;
  std::string note;
  if (format == "hledger") {
    const auto records = plain_records(store);
    text = hledger_journal(records, store.state());
  } else if (format == "focus-1.2") {
    text = focus_csv(store.state(), FocusVersion::v1_2);
  } else if (format == "focus-1.4") {
    text = focus_csv(store.state(), FocusVersion::v1_4);
    note = "  (unverified: no validator of FOCUS 1.4 was at hand)";
  } else {
    throw input_error("no format '" + format + "'", "--format", "hledger, focus-1.2 or focus-1.4");
  }
  write_file_atomically(output, text);
  Said said;
  said.text = fmt::format("{}  {}{}", format, output.string(), note);
  said.document = {{"format", format}, {"output", output.string()}};
  return said;
}

Said statement(const fs::path& ledger, const std::string& programme) {
  Store store(ledger, Database::Mode::read);
  const State& state = store.state();
  if (!programme.empty() && !state.programmes.contains(programme)) {
    throw input_error("no programme '" + programme + "' is open", ledger.string(),
                      "leave it out to see all");
  }
  Said said;
  Json years = Json::array();
  for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
    const Budget& budget = state.budgets[i];
    if (!programme.empty() && budget.programme != programme) continue;
    std::array<std::int64_t, kVoucherAccounts> sums{};
    std::size_t vouchers = 0;
    for (const Voucher& voucher : state.vouchers) {
      if (voucher.budget != i) continue;
      ++vouchers;
      for (std::size_t a = 0; a < kVoucherAccounts; ++a) {
        sums.at(a) = checked_sum(sums.at(a), voucher.of(static_cast<Account>(a)));
      }
    }
    const auto sum = [&](Account account) { return sums.at(index_of(account)); };
    const std::int64_t committed = sum(Account::committed) + sum(Account::held);
    const std::int64_t net_paid = sum(Account::paid) - sum(Account::recovered);
    // CU delivered for each yuan that stayed paid.
    const Json cu_per_cny =
        net_paid > 0 ? Json(cu_text(share_of(sum(Account::settled), 100, net_paid))) : Json();
    years.push_back({{"programme", budget.programme},
                     {"year", budget.year},
                     {"closed", budget.closed},
                     {"vouchers", vouchers},
                     {"budget_cny", cny_text(budget.of(Account::budget))},
                     {"free_cny", cny_text(budget.of(Account::free))},
                     {"committed_cny", cny_text(committed)},
                     {"payable_cny", cny_text(sum(Account::payable))},
                     {"paid_cny", cny_text(sum(Account::paid))},
                     {"lapsed_cny", cny_text(budget.of(Account::lapsed))},
                     {"recovered_cny", cny_text(sum(Account::recovered))},
                     {"receivable_cny", cny_text(sum(Account::receivable))},
                     {"contingent_cu", cu_text(sum(Account::contingent))},
                     {"issued_cu", cu_text(sum(Account::issued))},
                     {"settled_cu", cu_text(sum(Account::settled))},
                     {"settled_cu_per_cny", cu_per_cny}});
    const Json& year = years.back();
    said.text += fmt::format("{} {}{}  {} voucher(s)\n", budget.programme, budget.year,
                             budget.closed ? " (closed)" : "", vouchers);
    for (const char* name : {"budget_cny", "free_cny", "committed_cny", "payable_cny", "paid_cny",
                             "lapsed_cny", "recovered_cny", "receivable_cny", "issued_cu",
                             "contingent_cu", "settled_cu", "settled_cu_per_cny"}) {
      said.text += fmt::format("  {:<20} {:>20}\n", name,
                               year[name].is_null() ? "-" : year[name].get<std::string>());
    }
  }
  said.document = {{"ledger", state.ledger},
                   {"count", store.head().count},
                   {"root", store.head().root},
                   {"years", years}};
  return said;
}

Said reconcile_files(const fs::path& ledger, const fs::path& payments, const fs::path& bank) {
  if (payments.empty() && bank.empty()) {
    throw input_error("nothing to reconcile with", "--payments", "give --payments, --bank or both");
  }
  Store store(ledger, Database::Mode::read);
  const auto records = plain_records(store);
  const Reconciliation result =
      reconcile(records, store.state(), payments.empty() ? std::string() : read_file(payments),
                payments.string(), bank.empty() ? std::string() : read_file(bank), bank.string());
  Said said;
  Json differences = Json::array();
  for (const Difference& each : result.differences) {
    said.text +=
        fmt::format("{:<14} {:<24} ledger {:>16}  document {:>16} CNY\n", each.kind, each.reference,
                    cny_text(each.ledger_fen), cny_text(each.document_fen));
    differences.push_back({{"kind", each.kind},
                           {"reference", each.reference},
                           {"ledger_cny", cny_text(each.ledger_fen)},
                           {"document_cny", cny_text(each.document_fen)}});
  }
  said.text += fmt::format(
      "settled {} CNY, received {}; open: payable {}, receivable {}\n{} difference(s)",
      cny_text(result.settled_fen), cny_text(result.received_fen), cny_text(result.payable_fen),
      cny_text(result.receivable_fen), result.differences.size());
  said.document = {{"differences", differences},
                   {"settled_cny", cny_text(result.settled_fen)},
                   {"received_cny", cny_text(result.received_fen)},
                   {"payable_cny", cny_text(result.payable_fen)},
                   {"receivable_cny", cny_text(result.receivable_fen)}};
  if (!result.differences.empty()) {
    const Difference& first = result.differences.front();
    said.failure = fmt::format("{}: {} difference(s), the first: {} {}", ledger.string(),
                               result.differences.size(), first.kind, first.reference);
  }
  return said;
}

}  // namespace assay::pricing::ledger
