#pragma once
/// What an applicant files with a voucher programme. A claim is cumulative: it names all invoices
/// so far and what was paid on it before. Amounts are CNY in whole fen.
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

struct CostLine {
  Fen amount;
  bool vat_included = false;
  std::optional<Fraction> vat_rate;
  Kinds kinds = 0;
  std::int64_t number = 0;  ///< of an invoice's line
};

struct Party {
  std::string name;
  std::string credit_code;                   ///< unified social credit code
  std::optional<std::string> control_group;  ///< empty: not stated
};

struct Invoice {
  std::string issuer;
  std::string number;
  std::string reverses;  ///< of a red-letter invoice: the number it takes back
  std::vector<CostLine> lines;
};

struct VerifiedCu {
  std::int64_t micro_cu = 0;
  std::string basket;
  Day from;
  Day to;
};

struct Award {
  Fen amount;
  std::string document;
};

struct EarlierAward {
  std::string programme;
  std::string claim;
  std::string contract;
  Day date;
  Fen amount;
};

struct OtherSubsidy {
  std::string programme;
  std::string group;
  bool to_supplier = false;
  Day from;
  Day to;
  Fen amount;
};

struct Claim {
  std::string id;
  std::string programme;
  std::optional<std::string> version;  ///< empty: the one in force
  Party applicant;
  Party supplier;
  std::optional<bool> supplier_listed;  ///< empty: nobody looked
  std::string contract;
  Day signed_on;
  Day start;
  Day end;
  std::vector<CostLine> items;
  Day use_from;
  Day use_to;
  Day applied_on;
  std::vector<Invoice> invoices;
  std::optional<VerifiedCu> verified_cu;
  std::map<std::string, std::optional<bool>> statements;
  std::optional<Award> award;
  Fen paid_before;  ///< on this claim
  std::vector<EarlierAward> earlier_awards;
  std::vector<OtherSubsidy> other_subsidies;
  std::optional<Fen> budget_left;
  std::vector<std::string> evidence;  ///< kinds
  std::vector<Decision> decisions;

  std::string where;  ///< the file, for errors
  std::string digest;
};

/// Errors: input_error naming file, JSON path and mend: what the schema refuses; a date that does
/// not exist or periods out of order; use outside the contract; an invoice line that stands there
/// twice; a red-letter invoice that reverses nothing, or more than there is; VAT that is included
/// at no stated rate, or at one of 100 % or more.
[[nodiscard]] Claim claim_from_json(const nlohmann::json& document, const std::string& where);
[[nodiscard]] Claim read_claim(const std::filesystem::path& path);

}  // namespace assay::pricing::programme
