#pragma once
/// Applications to a programme, for simulation: a CSV of one row each.
///
/// Columns: id, control_group, application_date, amount (CNY, of the base); and, where they apply:
/// vat (excluded, included; excluded by default) and vat_rate, verified_cu (empty: none),
/// statements (those that are true, separated by ';'; the programme's others are false).
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

struct Application {
  std::string id;
  std::string control_group;
  Day applied_on;
  Fraction amount;         ///< fen, on the basis that the rule pays on
  Fraction amount_ex_vat;  ///< fen
  std::optional<std::int64_t> micro_cu;
  std::uint64_t statements = 0;  ///< bits, in the order of Programme::statements
};

struct ApplicationList {
  std::vector<Application> applications;  ///< by date, then by id
  std::string digest;                     ///< SHA-256 of the file: the closed list's name
};

/// Errors: input_error naming file, line and column: what results/csv.h refuses, an amount that is
/// not above 0, a date that does not exist, VAT without its rate, an unknown statement, an id that
/// stands there twice.
[[nodiscard]] ApplicationList parse_applications(std::string_view text, const std::string& file,
                                                 const Programme& programme);
[[nodiscard]] ApplicationList read_applications(const std::filesystem::path& path,
                                                const Programme& programme);

/// The statements' bits. All of them must be known to the programme.
[[nodiscard]] std::uint64_t bits_of(const Programme& programme, const Statements& statements);

/// A CSV of made-up applications, the same for the same seed: amounts from 10,000 to 10 million
/// CNY, nine tenths of them at 30 to 60 CNY per verified CU, one tenth with a bill of two to four
/// times that; a fifth of the applicants in control groups of several. Eligibility holds for all,
/// other statements for half. Errors: input_error for a count over a million.
[[nodiscard]] std::string generate_applications(const Programme& programme, std::int64_t count,
                                                std::uint64_t seed);

}  // namespace assay::pricing::programme
