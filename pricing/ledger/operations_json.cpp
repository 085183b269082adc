#include "pricing/ledger/operations_json.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/quantity.h"
#include "results/base64.h"
#include "results/document.h"
#include "results/envelope.h"
#include "results/json_path.h"

namespace assay::pricing::ledger {

namespace {

using Json = nlohmann::json;

constexpr std::array kRoles{
    std::pair{Role::administrator, "administrator"}, std::pair{Role::regulator, "regulator"},
    std::pair{Role::issuer, "issuer"}, std::pair{Role::operator_, "operator"},
    std::pair{Role::treasurer, "treasurer"}};

std::string day_text(std::int32_t day) {
  return instant_text(std::int64_t{day} * 86'400).substr(0, 10);
}

/// Each body lists its fields once, below; these two visit them to write and to read.
class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}
  void text(const char* name, const std::string& value) { json_[name] = value; }
  void optional_text(const char* name, const std::string& value) {
    if (!value.empty()) json_[name] = value;
  }
  void fixed(const char* name, std::int64_t value, int decimals) {
    json_[name] = fixed_text(value, decimals);
  }
  void optional_fixed(const char* name, const std::optional<std::int64_t>& value, int decimals) {
    json_[name] = value ? Json(fixed_text(*value, decimals)) : Json();
  }
  void instant(const char* name, std::int64_t value) { json_[name] = instant_text(value); }
  void day(const char* name, std::int32_t value) { json_[name] = day_text(value); }
  void number(const char* name, int value) { json_[name] = value; }
  void flag(const char* name, bool value) { json_[name] = value; }
  void optional_flag(const char* name, bool value) {
    if (value) json_[name] = value;
  }
  template <class E, std::size_t N>
  void choice(const char* name, E value, const std::array<std::pair<E, const char*>, N>& names) {
    for (const auto& [known, text] : names) {
      if (known == value) json_[name] = text;
    }
  }
  void texts(const char* name, const std::vector<std::string>& values) { json_[name] = values; }
  void roles(const char* name, const std::vector<Role>& values) {
    Json list = Json::array();
    for (const Role role : values) list.push_back(role_name(role));
    json_[name] = std::move(list);
  }
  template <class T>
  void part(const char* name, const T& value) {
    json_[name] = Json::object();
    Writer inner(json_[name]);
    fields(inner, value);
  }
  template <class T>
  void optional_part(const char* name, const std::optional<T>& value) {
    if (value) part(name, *value);
  }
  template <class T>
  void list(const char* name, const std::vector<T>& values) {
    Json all = Json::array();
    for (const T& value : values) {
      Json entry = Json::object();
      Writer inner(entry);
      fields(inner, value);
      all.push_back(std::move(entry));
    }
    json_[name] = std::move(all);
  }

 private:
  Json& json_;
};

class Reader {
 public:
  Reader(const Json& json, std::string where, std::string pointer)
      : json_(json), where_(std::move(where)), pointer_(std::move(pointer)) {}
  void text(const char* name, std::string& value) { value = string(name); }
  void optional_text(const char* name, std::string& value) {
    if (json_.contains(name)) value = string(name);
  }
  void fixed(const char* name, std::int64_t& value, int decimals) {
    value = parse_fixed(string(name), decimals, at(name));
  }
  void optional_fixed(const char* name, std::optional<std::int64_t>& value, int decimals) {
    if (!json_.contains(name) || json_[name].is_null()) return;
    value = parse_fixed(string(name), decimals, at(name));
  }
  void instant(const char* name, std::int64_t& value) {
    value = parse_instant_s(string(name), at(name));
  }
  void day(const char* name, std::int32_t& value) {
    value =
        static_cast<std::int32_t>(parse_date(string(name), at(name)).time_since_epoch().count());
  }
  void number(const char* name, int& value) {
    const Json& entry = need(name);
    if (!entry.is_number_integer()) throw wrong(name, "a whole number");
    value = entry.get<int>();
  }
  void flag(const char* name, bool& value) {
    const Json& entry = need(name);
    if (!entry.is_boolean()) throw wrong(name, "true or false");
    value = entry.get<bool>();
  }
  void optional_flag(const char* name, bool& value) {
    if (json_.contains(name)) flag(name, value);
  }
  template <class E, std::size_t N>
  void choice(const char* name, E& value, const std::array<std::pair<E, const char*>, N>& names) {
    const std::string text = string(name);
    for (const auto& [known, known_text] : names) {
      if (text == known_text) {
        value = known;
        return;
      }
    }
    throw wrong(name, "one of the names that the schema lists");
  }
  void texts(const char* name, std::vector<std::string>& values) {
    for (const Json& entry : array(name)) {
      if (!entry.is_string()) throw wrong(name, "a list of texts");
      values.push_back(entry.get<std::string>());
    }
  }
  void roles(const char* name, std::vector<Role>& values) {
    for (const Json& entry : array(name)) {
      const auto role = std::find_if(kRoles.begin(), kRoles.end(),
                                     [&](const auto& known) { return entry == known.second; });
      if (role == kRoles.end()) throw wrong(name, "a list of roles");
      values.push_back(role->first);
    }
  }
  template <class T>
  void part(const char* name, T& value) {
    Reader inner(need(name), where_, pointer_ + "/" + name);
    fields(inner, value);
  }
  template <class T>
  void optional_part(const char* name, std::optional<T>& value) {
    if (json_.contains(name)) part(name, value.emplace());
  }
  template <class T>
  void list(const char* name, std::vector<T>& values) {
    const Json& all = array(name);
    for (std::size_t i = 0; i < all.size(); ++i) {
      Reader inner(all[i], where_, pointer_ + "/" + name + "/" + std::to_string(i));
      fields(inner, values.emplace_back());
    }
  }

 private:
  [[nodiscard]] std::string at(const char* name) const {
    return place(where_, pointer_ + "/" + name);
  }
  [[nodiscard]] Error wrong(const char* name, const char* wanted) const {
    return input_error(std::string("not ") + wanted, at(name), "see the schema ledger-operation");
  }
  const Json& need(const char* name) const {
    if (!json_.is_object() || !json_.contains(name)) throw wrong(name, "there");
    return json_[name];
  }
  const Json& array(const char* name) const {
    const Json& entry = need(name);
    if (!entry.is_array()) throw wrong(name, "a list");
    return entry;
  }
  std::string string(const char* name) const {
    const Json& entry = need(name);
    if (!entry.is_string()) throw wrong(name, "a text");
    return entry.get<std::string>();
  }
  const Json& json_;
  std::string where_;
  std::string pointer_;
};

constexpr std::array kCommitsAt{std::pair{CommitsAt::issue, "issue"},
                                std::pair{CommitsAt::reservation, "reservation"}};
constexpr std::array kAtClose{std::pair{AtClose::lapse, "lapse"},
                              std::pair{AtClose::carry_over, "carry-over"}};
constexpr std::array kPays{std::pair{Pays::supplier, "supplier"},
                           std::pair{Pays::applicant, "applicant"}};

/// Whether a type is this body, const or not.
template <class T, class Body>
concept Of = std::is_same_v<std::remove_const_t<T>, Body>;

void fields(auto& visit, Of<OpenLedger> auto& body) {
  visit.text("administrator", body.administrator);
  visit.text("public_key", body.public_pem);
  visit.optional_text("key_id", body.key_id);
  visit.optional_fixed("second_signature_above_cny", body.second_signature_above_fen, kCnyDecimals);
}
void fields(auto& visit, Of<RegisterActor> auto& body) {
  visit.text("name", body.name);
  visit.text("public_key", body.public_pem);
  visit.optional_text("key_id", body.key_id);
  visit.roles("roles", body.roles);
}
void fields(auto& visit, Of<OpenProgramme> auto& body) {
  visit.text("programme", body.programme);
  visit.choice("commits_at", body.commits_at, kCommitsAt);
  visit.choice("at_close", body.at_close, kAtClose);
  visit.choice("pays", body.pays, kPays);
  visit.flag("needs_award", body.needs_award);
  visit.number("utc_offset_minutes", body.utc_offset_minutes);
  visit.text("stack_group", body.stack_group);
  visit.texts("stacks_beside", body.stacks_beside);
}
void fields(auto& visit, Of<SetRule> auto& body) {
  visit.text("programme", body.programme);
  visit.text("version", body.version);
  visit.text("digest", body.digest);
  visit.instant("from", body.from_s);
  visit.instant("until", body.until_s);
  visit.fixed("share_of_ceiling", body.share_ppm, 6);
  visit.optional_fixed("cap_cny", body.cap_fen, kCnyDecimals);
  visit.optional_flag("evaluated", body.evaluated);
  visit.texts("unresolved", body.unresolved);
}
void fields(auto& visit, Of<FillRule> auto& body) {
  visit.text("programme", body.programme);
  visit.text("version", body.version);
  visit.text("fills", body.fills);
  visit.text("digest", body.digest);
}
void fields(auto& visit, Of<SetCeiling> auto& body) {
  visit.text("programme", body.programme);
  visit.text("version", body.version);
  visit.text("digest", body.digest);
  visit.instant("from", body.from_s);
  visit.instant("until", body.until_s);
  visit.fixed("ceiling_cny_per_cu", body.ceiling_ucny_per_cu, 6);
  visit.optional_text("basket", body.basket);
}
void fields(auto& visit, Of<RegisterCertificate> auto& body) {
  visit.text("certificate", body.certificate);
  visit.optional_text("basket", body.basket);
  visit.fixed("k_cert_cu_per_hour", body.k_cert_ucu_per_hour, kCuDecimals);
  visit.instant("from", body.from_s);
  visit.instant("until", body.until_s);
  visit.texts("devices", body.devices);
}
void fields(auto& visit, Of<RevokeCertificate> auto& body) {
  visit.text("certificate", body.certificate);
  visit.instant("from", body.from_s);
}
void fields(auto& visit, Of<InvoiceLine> auto& line) {
  visit.text("issuer_tax_number", line.issuer_tax_number);
  visit.text("invoice_number", line.invoice_number);
  visit.number("line", line.line);
}
void fields(auto& visit, Of<ReverseInvoice> auto& body) {
  visit.part("line", body.line);
  visit.text("red_letter_digest", body.red_letter_digest);
}
void fields(auto& visit, Of<FundBudget> auto& body) {
  visit.text("programme", body.programme);
  visit.number("year", body.year);
  visit.fixed("amount_cny", body.amount_fen, kCnyDecimals);
}
void fields(auto& visit, Of<Award> auto& body) {
  visit.text("award", body.award);
  visit.text("programme", body.programme);
  visit.text("applicant", body.applicant);
  visit.fixed("amount_cny", body.amount_fen, kCnyDecimals);
  visit.text("document_digest", body.document_digest);
}
void fields(auto& visit, Of<WithdrawAward> auto& body) {
  visit.text("award", body.award);
}
void fields(auto& visit, Of<Issue> auto& body) {
  visit.text("voucher", body.voucher);
  visit.text("programme", body.programme);
  visit.number("year", body.year);
  visit.text("applicant", body.applicant);
  visit.text("control_group", body.control_group);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
  visit.text("rule_version", body.rule_version);
  visit.text("rate_version", body.rate_version);
  visit.instant("expires", body.expires_s);
  visit.optional_text("award", body.award);
}
void fields(auto& visit, Of<Reserve> auto& body) {
  visit.text("voucher", body.voucher);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
}
void fields(auto& visit, Of<Release> auto& body) {
  visit.text("voucher", body.voucher);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
}
void fields(auto& visit, Of<DeviceUse> auto& use) {
  visit.text("device", use.device);
  visit.instant("start", use.start_s);
  visit.instant("end", use.end_s);
  visit.fixed("quantity_cu", use.quantity_ucu, kCuDecimals);
}
void fields(auto& visit, Of<InvoiceUse> auto& use) {
  visit.part("line", use.line);
  visit.text("digest", use.digest);
  visit.fixed("eligible_cny", use.eligible_fen, kCnyDecimals);
  visit.fixed("counted_cny", use.counted_fen, kCnyDecimals);
}
void fields(auto& visit, Of<ContractDays> auto& days) {
  visit.text("contract", days.contract);
  visit.day("from", days.from_day);
  visit.day("until", days.until_day);
}
void fields(auto& visit, Of<Evaluation> auto& evaluation) {
  visit.text("programme", evaluation.programme);
  visit.text("version", evaluation.version);
  visit.text("programme_digest", evaluation.programme_digest);
  visit.text("claim", evaluation.claim);
  visit.text("claim_digest", evaluation.claim_digest);
  visit.fixed("paid_before_cny", evaluation.paid_before_fen, kCnyDecimals);
}
void fields(auto& visit, Of<Redeem> auto& body) {
  visit.text("redemption", body.redemption);
  visit.text("voucher", body.voucher);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
  visit.text("certificate", body.certificate);
  visit.text("rule_version", body.rule_version);
  visit.text("rate_version", body.rate_version);
  visit.fixed("rule_amount_cny", body.rule_amount_fen, kCnyDecimals);
  visit.optional_part("evaluation", body.evaluation);
  visit.optional_text("evaluation_digest", body.evaluation_digest);
  visit.text("allocation_digest", body.allocation_digest);
  visit.list("uses", body.uses);
  visit.list("invoices", body.invoices);
  visit.list("days", body.days);
}
void fields(auto& visit, Of<Settle> auto& body) {
  visit.text("redemption", body.redemption);
  visit.text("payment_reference", body.payment_reference);
}
void fields(auto& visit, Of<Refund> auto& body) {
  visit.text("redemption", body.redemption);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
}
void fields(auto& visit, Of<ClawBack> auto& body) {
  visit.optional_text("redemption", body.redemption);
  visit.optional_text("voucher", body.voucher);
  visit.fixed("quantity_cu", body.quantity_ucu, kCuDecimals);
}
void fields(auto& visit, Of<Expire> auto& body) {
  visit.text("voucher", body.voucher);
}
void fields(auto& visit, Of<Receive> auto& body) {
  visit.text("voucher", body.voucher);
  visit.fixed("amount_cny", body.amount_fen, kCnyDecimals);
  visit.text("bank_reference", body.bank_reference);
}
void fields(auto& visit, Of<CloseYear> auto& body) {
  visit.text("programme", body.programme);
  visit.number("year", body.year);
}

/// The body of that kind, all fields empty.
template <std::size_t I = 0>
bool make_body(std::string_view kind, Body& body) {
  if constexpr (I < std::variant_size_v<Body>) {
    Body candidate{std::in_place_index<I>};
    if (kind == kind_name(candidate)) {
      body = std::move(candidate);
      return true;
    }
    return make_body<I + 1>(kind, body);
  } else {
    return false;
  }
}

Json to_json(const Operation& operation) {
  Json body = Json::object();
  Writer writer(body);
  std::visit([&](const auto& part) { fields(writer, part); }, operation.body);
  return {{"ledger", operation.ledger}, {"key", operation.key},
          {"actor", operation.actor},   {"role", role_name(operation.role)},
          {"reason", operation.reason}, {"kind", kind_name(operation.body)},
          {"body", std::move(body)}};
}

void read_body(const Json& json, std::string_view kind, const std::string& where,
               const std::string& pointer, Body& body) {
  if (!make_body(kind, body)) {
    throw input_error("no kind of operation '" + excerpt(kind) + "'", place(where, "/kind"),
                      "see the schema ledger-operation");
  }
  Reader reader(json, where, pointer);
  std::visit([&](auto& part) { fields(reader, part); }, body);
}

/// Without the body's rules of form: those are the schema's.
Operation from_json(const Json& json, const std::string& where) {
  Operation operation;
  std::string kind;
  Reader reader(json, where, "");
  reader.text("ledger", operation.ledger);
  reader.text("key", operation.key);
  reader.text("actor", operation.actor);
  reader.choice("role", operation.role, kRoles);
  reader.text("reason", operation.reason);
  reader.text("kind", kind);
  if (!json.contains("body")) throw input_error("not there", place(where, "/body"), {});
  read_body(json["body"], kind, where, "/body", operation.body);
  return operation;
}

std::string signed_bytes(const std::string& operation_text) {
  return pre_authentication_encoding(kOperationType, operation_text);
}

std::vector<OperationSignature> signatures_from(const Json& json, const std::string& where) {
  std::vector<OperationSignature> signatures;
  for (const Json& entry : json) {
    OperationSignature signature;
    std::string encoded;
    Reader reader(entry, where, "/signatures");
    reader.text("key_id", signature.key_id);
    reader.text("signature", encoded);
    const auto bytes = base64_decode(encoded);
    if (!bytes || bytes->size() != 64) {
      throw input_error("a signature is not 64 bytes in base64", place(where, "/signatures"),
                        "sign the operation again: assay ledger sign");
    }
    signature.signature = *bytes;
    signatures.push_back(std::move(signature));
  }
  return signatures;
}

Json signatures_json(const std::vector<OperationSignature>& signatures) {
  Json list = Json::array();
  for (const OperationSignature& signature : signatures) {
    list.push_back(
        {{"key_id", signature.key_id}, {"signature", base64_encode(signature.signature)}});
  }
  return list;
}

/// A key's name is computed; where the document states one, it must be that.
void settle_key_id(const std::string& public_pem, std::string& key_id, const std::string& where) {
  const std::string computed = key_id_of(public_pem);
  if (!key_id.empty() && key_id != computed) {
    throw input_error("the key id is not that of the public key", place(where, "/body/key_id"),
                      "leave it out: it is computed");
  }
  key_id = computed;
}

void settle_key_ids(Body& body, const std::string& where) {
  if (auto* open = std::get_if<OpenLedger>(&body)) {
    settle_key_id(open->public_pem, open->key_id, where);
  } else if (auto* actor = std::get_if<RegisterActor>(&body)) {
    settle_key_id(actor->public_pem, actor->key_id, where);
  }
}

}  // namespace

std::string canonical_text(const Operation& operation) {
  return canonical_json(to_json(operation));
}

std::string canonical_text(const std::vector<OperationSignature>& signatures) {
  return canonical_json(signatures_json(signatures));
}

Operation operation_from_canonical(const std::string& text, const std::string& where) {
  Operation operation = from_json(parse_json(text, where), where);
  if (canonical_text(operation) != text) {
    throw input_error("the operation is not in its canonical form", where,
                      "the ledger was changed behind its back: assay ledger check");
  }
  return operation;
}

std::vector<OperationSignature> signatures_from_canonical(const std::string& text,
                                                          const std::string& where) {
  auto signatures = signatures_from(parse_json(text, where), where);
  if (canonical_text(signatures) != text) {
    throw input_error("the signatures are not in their canonical form", where,
                      "the ledger was changed behind its back: assay ledger check");
  }
  return signatures;
}

SignedOperation operation_from_document(const Json& document, const std::string& where) {
  validate(document, "ledger-operation", where);
  validate_part(document["body"], "ledger-operation", document["kind"].get<std::string>(),
                place(where, "/body"));
  SignedOperation result;
  result.operation = from_json(document, where);
  settle_key_ids(result.operation.body, where);
  if (document.contains("signatures")) {
    result.signatures = signatures_from(document["signatures"], where);
  }
  return result;
}

Json operation_document(const SignedOperation& signed_operation) {
  Json document = to_json(signed_operation.operation);
  document["schema"] = {{"name", "assay.ledger-operation"}, {"version", 1}};
  if (!signed_operation.signatures.empty()) {
    document["signatures"] = signatures_json(signed_operation.signatures);
  }
  return document;
}

Body body_from_json(const Json& part, std::string_view kind, const std::string& where) {
  validate_part(part, "ledger-operation", kind, where);
  Body body;
  read_body(part, kind, where, "", body);
  settle_key_ids(body, where);
  return body;
}

void add_signature(SignedOperation& signed_operation, const PrivateKey& key) {
  for (const OperationSignature& signature : signed_operation.signatures) {
    if (signature.key_id == key.id()) {
      throw input_error("this key has signed the operation already", "--sign",
                        "let another actor sign");
    }
  }
  signed_operation.signatures.push_back(
      {key.id(), key.sign(signed_bytes(canonical_text(signed_operation.operation)))});
}

bool signature_holds(const std::string& operation_text, const OperationSignature& signature,
                     const PublicKey& key) {
  return key.verify(signed_bytes(operation_text), signature.signature);
}

}  // namespace assay::pricing::ledger
