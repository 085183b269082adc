#pragma once
/// What can be done to a ledger. An operation is data: who asks (actor, role, reason), under which
/// idempotency key, and one of the bodies below. Amounts of money are fen, of compute micro-CU,
/// rates micro-CNY per CU, instants seconds since 1970 in UTC; all are positive unless said.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace assay::pricing::ledger {

enum class Role { administrator, regulator, issuer, operator_, treasurer };

/// When a voucher's money is committed. CU without cover are contingent.
enum class CommitsAt { issue, reservation };
/// What becomes of a year's free money when the year is closed.
enum class AtClose { lapse, carry_over };
enum class Pays { supplier, applicant };

/// The first operation of every ledger; its administrator signs it.
struct OpenLedger {
  std::string administrator;
  std::string public_pem;
  std::string key_id;  ///< of public_pem (results/keys.h)
  /// Issue, award, settle, claw-back and budget above this, and every change of a programme, rule,
  /// ceiling or certificate, need two signatures. None: one is enough.
  std::optional<std::int64_t> second_signature_above_fen;
};

/// Enters a person with a key, or changes his roles; no roles: he may do nothing any more.
struct RegisterActor {
  std::string name;
  std::string public_pem;
  std::string key_id;
  std::vector<Role> roles;
};

/// What holds for a programme in all its versions.
struct OpenProgramme {
  std::string programme;
  CommitsAt commits_at = CommitsAt::issue;
  AtClose at_close = AtClose::lapse;
  Pays pays = Pays::applicant;
  bool needs_award = false;  ///< an `at_most` programme: what is paid is the programme's decision
  int utc_offset_minutes = 480;            ///< of the days and years of its place
  std::string stack_group;                 ///< nothing is counted twice within one
  std::vector<std::string> stacks_beside;  ///< groups whose subsidy of the same cost is allowed
};

/// A version of the programme's rule: the document that `digest` names.
struct SetRule {
  std::string programme;
  std::string version;
  std::string digest;  ///< SHA-256 of the rule's document, hex
  std::int64_t from_s = 0;
  std::int64_t until_s = 0;             ///< exclusive
  std::int64_t share_ppm = 0;           ///< of the rate ceiling; a voucher's unit value
  std::optional<std::int64_t> cap_fen;  ///< per control group and year
  /// A redemption's amount is what the evaluator finds by this document (Redeem::evaluation); else
  /// it is what the redemption states, as of a voucher that pays by its own rate alone.
  bool evaluated = false;
  std::vector<std::string> unresolved;  ///< technical unknowns: nothing is settled before
};

/// A signed local rule that fills one unresolved name of a rule's version.
struct FillRule {
  std::string programme;
  std::string version;
  std::string fills;
  std::string digest;
};

/// A version of the rate ceiling, ex VAT.
struct SetCeiling {
  std::string programme;
  std::string version;
  std::string digest;
  std::int64_t from_s = 0;
  std::int64_t until_s = 0;
  std::int64_t ceiling_ucny_per_cu = 0;
  std::string basket = {};  ///< of its CU; empty: not stated
};

struct RegisterCertificate {
  std::string certificate;  ///< digest of the certificate's document (results/document.h)
  std::int64_t k_cert_ucu_per_hour = 0;
  std::int64_t from_s = 0;
  std::int64_t until_s = 0;
  std::vector<std::string> devices;  ///< UUIDs
  std::string basket = {};           ///< of its CU; empty: not stated
};

/// Uses from the effective time on are listed for claw-back.
struct RevokeCertificate {
  std::string certificate;
  std::int64_t from_s = 0;
};

/// An invoice's line: issuer's tax number, invoice number, line.
struct InvoiceLine {
  std::string issuer_tax_number;
  std::string invoice_number;
  int line = 0;
  auto operator<=>(const InvoiceLine&) const = default;
};

/// A red-letter invoice: what was paid on the line is listed for claw-back.
struct ReverseInvoice {
  InvoiceLine line;
  std::string red_letter_digest;
};

/// Adds to (or, negative, takes free money from) the budget of a year.
struct FundBudget {
  std::string programme;
  int year = 0;
  std::int64_t amount_fen = 0;
};

struct Award {
  std::string award;
  std::string programme;
  std::string applicant;
  std::int64_t amount_fen = 0;
  std::string document_digest;
};

/// What was issued stands; nothing more is issued, reserved or settled under it.
struct WithdrawAward {
  std::string award;
};

struct Issue {
  std::string voucher;
  std::string programme;
  int year = 0;           ///< whose budget is committed
  std::string applicant;  ///< unified social credit code
  std::string control_group;
  std::int64_t quantity_ucu = 0;
  std::string rule_version;
  std::string rate_version;
  std::int64_t expires_s = 0;
  std::string award;  ///< empty: none
};

struct Reserve {
  std::string voucher;
  std::int64_t quantity_ucu = 0;
};

struct Release {
  std::string voucher;
  std::int64_t quantity_ucu = 0;
};

/// Time of one device that one tenant had alone.
struct DeviceUse {
  std::string device;
  std::int64_t start_s = 0;
  std::int64_t end_s = 0;  ///< exclusive
  std::int64_t quantity_ucu = 0;
};

/// What a redemption counts of an invoice's line, ex VAT.
struct InvoiceUse {
  InvoiceLine line;
  std::string digest;             ///< of the invoice
  std::int64_t eligible_fen = 0;  ///< of the whole line
  std::int64_t counted_fen = 0;   ///< of it, in this redemption
};

/// Days since 1970-01-01, local; `until_day` is exclusive.
struct ContractDays {
  std::string contract;
  std::int32_t from_day = 0;
  std::int32_t until_day = 0;
};

/// How the programme's evaluator (pricing/programme) came to a redemption's amount: from documents
/// alone, so whoever has them can derive it again.
struct Evaluation {
  std::string programme;
  std::string version;
  std::string programme_digest;      ///< of its document: that of the rule version
  std::string claim;                 ///< its id; the parts of a claim share it
  std::string claim_digest;          ///< of its document
  std::int64_t paid_before_fen = 0;  ///< on the claim, as it says; 0 or more
};

/// Pays min(the programme's rule, CU x unit value). The amount is shared among the invoice lines by
/// what is counted of each, largest remainder first.
struct Redeem {
  std::string redemption;
  std::string voucher;
  std::int64_t quantity_ucu = 0;
  std::string certificate;
  std::string rule_version;
  std::string rate_version;
  std::int64_t rule_amount_fen = 0;  ///< what the programme's rule gives; 0 or more
  std::optional<Evaluation> evaluation;
  /// Without an evaluation: of the document in which the amount was worked out. Else empty.
  std::string evaluation_digest;
  std::string allocation_digest;  ///< of the signed allocation log
  std::vector<DeviceUse> uses;
  std::vector<InvoiceUse> invoices;
  std::vector<ContractDays> days;
};

/// Pays what is left of a redemption; the rest of what was committed goes back to the budget.
struct Settle {
  std::string redemption;
  std::string payment_reference;
};

struct Refund {
  std::string redemption;
  std::int64_t quantity_ucu = 0;
};

/// Of a settled redemption, or of a voucher's available CU: one of the two is named.
struct ClawBack {
  std::string redemption;
  std::string voucher;
  std::int64_t quantity_ucu = 0;
};

/// All that is available or reserved, at or after the expiry.
struct Expire {
  std::string voucher;
};

/// Money that came back on a voucher's receivable.
struct Receive {
  std::string voucher;
  std::int64_t amount_fen = 0;
  std::string bank_reference;
};

struct CloseYear {
  std::string programme;
  int year = 0;
};

using Body = std::variant<OpenLedger, RegisterActor, OpenProgramme, SetRule, FillRule, SetCeiling,
                          RegisterCertificate, RevokeCertificate, ReverseInvoice, FundBudget, Award,
                          WithdrawAward, Issue, Reserve, Release, Redeem, Settle, Refund, ClawBack,
                          Expire, Receive, CloseYear>;

struct Operation {
  std::string ledger;  ///< the name of the ledger that it is meant for
  std::string key;     ///< idempotency key: one operation a key, for ever
  std::string actor;
  Role role = Role::operator_;
  std::string reason;
  Body body;
};

/// "issue", "claw-back", ...: as documents and errors name the kind.
[[nodiscard]] const char* kind_name(const Body& body);
[[nodiscard]] const char* role_name(Role role);

}  // namespace assay::pricing::ledger
