#include "pricing/programme/applications.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/philox.h"
#include "pricing/calendar.h"
#include "pricing/programme/evaluate.h"
#include "results/csv.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing::programme {

namespace {

constexpr std::size_t kMostStatements = 64;
constexpr std::int64_t kMostGenerated = 1'000'000;

std::uint64_t bit_of(const Programme& programme, const std::string& statement,
                     const std::string& where) {
  std::vector<std::string> names;
  for (const auto& [name, text] : programme.statements) {
    if (name == statement) return std::uint64_t{1} << names.size();
    names.push_back(name);
  }
  const std::string near = near_name(statement, names);
  throw input_error("'" + excerpt(statement) + "' is no statement of " + title_of(programme), where,
                    near.empty() ? "assay programme show " + programme.id + " lists them"
                                 : "did you mean '" + near + "'?");
}

class Columns {
 public:
  Columns(const CsvTable& table, const Programme& programme)
      : table_(table), programme_(programme) {}

  Application row(std::size_t index) {
    row_ = index;
    Application application;
    application.id = needed("id");
    application.control_group = needed("control_group");
    application.applied_on =
        parse_date(needed("application_date"), table_.where(row_, "application_date"));
    read_amount(application);
    if (const std::string cu = text("verified_cu"); !cu.empty()) {
      const std::string where = table_.where(row_, "verified_cu");
      const Rational micro = parse_decimal(cu, where) * Rational(power_of_ten(6));
      if (micro < 0 || boost::multiprecision::denominator(micro) != 1) {
        throw input_error(excerpt(cu) + " CU", where, "zero or more, at most six decimals");
      }
      application.micro_cu = to_int64(boost::multiprecision::numerator(micro), where);
    }
    read_statements(application);
    return application;
  }

 private:
  [[nodiscard]] std::string text(std::string_view column) const {
    return table_.has(column) ? table_.at(row_, column) : std::string();
  }
  [[nodiscard]] std::string needed(std::string_view column) const {
    std::string found = text(column);
    if (found.empty()) throw input_error("is empty", table_.where(row_, column), "fill it in");
    return found;
  }

  void read_amount(Application& application) const {
    const std::string where = table_.where(row_, "amount");
    const Fen filed = parse_cny(needed("amount"), where);
    if (filed <= Fen{0}) throw input_error("an amount that is not above 0", where, "mend it");
    const std::string basis = text("vat");
    if (!basis.empty() && basis != "included" && basis != "excluded") {
      throw input_error("'" + excerpt(basis) + "' is not allowed", table_.where(row_, "vat"),
                        "one of: excluded, included");
    }
    const bool included = basis == "included";
    const bool to_included = programme_.vat_basis.value == VatBasis::included;
    Fraction factor = 1;
    const std::string rate = text("vat_rate");
    if (!rate.empty()) {
      const Fraction vat = parse_fraction(rate, table_.where(row_, "vat_rate"));
      if (vat < Fraction(0) || !(vat < Fraction(1))) {
        throw input_error("a VAT rate of " + rate, table_.where(row_, "vat_rate"),
                          "write 13 % as 0.13");
      }
      factor = Fraction(1) + vat;
    } else if (included || to_included) {
      throw input_error("the VAT rate is not stated", table_.where(row_, "amount"),
                        "add vat_rate, 13 % as 0.13");
    }
    const Fraction amount(filed.value);
    application.amount_ex_vat = included ? amount / factor : amount;
    const bool as_filed = !programme_.vat_basis.value;
    application.amount = as_filed      ? amount
                         : to_included ? application.amount_ex_vat * factor
                                       : application.amount_ex_vat;
  }

  void read_statements(Application& application) const {
    const std::string names = text("statements");
    for (std::size_t at = 0; at < names.size();) {
      const std::size_t end = std::min(names.find(';', at), names.size());
      application.statements |=
          bit_of(programme_, names.substr(at, end - at), table_.where(row_, "statements"));
      at = end + 1;
    }
  }

  const CsvTable& table_;
  const Programme& programme_;
  std::size_t row_ = 0;
};

/// Draws of one application, each by its number.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t application) {
    for (std::uint64_t block = 0; block < 2; ++block) {
      const Philox4 drawn = philox(seed, application, block);
      std::copy(std::begin(drawn.word), std::end(drawn.word), words_ + 4 * block);
    }
  }
  /// From 0 to below `count`.
  std::uint64_t below(std::uint64_t count) { return words_[next_++] * count >> 32; }

 private:
  std::uint64_t words_[8] = {};
  std::size_t next_ = 0;
};

struct YearDays {
  Day first;
  Day last;
};

/// The part of a calendar year that lies in the programme's span: of 2026 where it can be.
YearDays year_days(const Programme& programme) {
  using std::chrono::year;
  constexpr int kYear = 2026;
  YearDays days{Day(year(kYear) / 1 / 1), Day(year(kYear) / 12 / 31)};
  if (!programme.span.value) return days;
  const Span& span = *programme.span.value;
  if (days.last < span.from || (span.to && *span.to < days.first)) {
    const year first = std::chrono::year_month_day(span.from).year();
    days = {Day(first / 1 / 1), Day(first / 12 / 31)};
  }
  days.first = std::max(days.first, span.from);
  if (span.to) days.last = std::min(days.last, *span.to);
  return days;
}

}  // namespace

std::uint64_t bits_of(const Programme& programme, const Statements& statements) {
  std::uint64_t bits = 0;
  for (const std::string& statement : statements) bits |= bit_of(programme, statement, "");
  return bits;
}

ApplicationList parse_applications(std::string_view text, const std::string& file,
                                   const Programme& programme) {
  if (programme.statements.size() > kMostStatements) {
    throw input_error("more than 64 statements", programme.where, "a simulation takes 64");
  }
  const CsvTable table =
      parse_csv(text, file, {"id", "control_group", "application_date", "amount"},
                {"vat", "vat_rate", "verified_cu", "statements"});
  ApplicationList list;
  list.digest = sha256_hex(text);
  list.applications.reserve(table.rows.size());
  std::unordered_set<std::string> ids;
  Columns columns(table, programme);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    list.applications.push_back(columns.row(row));
    if (!ids.insert(list.applications.back().id).second) {
      throw input_error(
          "application '" + excerpt(list.applications.back().id) + "' stands there twice",
          table.where(row, "id"), "remove or rename one");
    }
  }
  std::sort(list.applications.begin(), list.applications.end(),
            [](const Application& a, const Application& b) {
              return a.applied_on != b.applied_on ? a.applied_on < b.applied_on : a.id < b.id;
            });
  return list;
}

ApplicationList read_applications(const std::filesystem::path& path, const Programme& programme) {
  return parse_applications(read_file(path), path.string(), programme);
}

std::string generate_applications(const Programme& programme, std::int64_t count,
                                  std::uint64_t seed) {
  if (count < 1 || count > kMostGenerated) {
    throw input_error(std::to_string(count) + " applications", "--generate", "1 to 1000000");
  }
  constexpr std::int64_t kSmallest = 1'000'000;  // fen: 10,000 CNY
  constexpr std::uint64_t kDecades = 3;
  const YearDays days = year_days(programme);
  const auto length = static_cast<std::uint64_t>((days.last - days.first).count() + 1);
  const Statements& needed = programme.eligibility.all_of;
  std::string text = csv_line({"id", "control_group", "application_date", "amount", "vat",
                               "vat_rate", "verified_cu", "statements"});
  for (std::int64_t i = 0; i < count; ++i) {
    Draws draws(seed, static_cast<std::uint64_t>(i));
    // A decade, then evenly within it: small applications are as many as large ones.
    std::int64_t scale = kSmallest;
    for (std::uint64_t decade = draws.below(kDecades); decade > 0; --decade) scale *= 10;
    const std::int64_t fen =
        scale + static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(9 * scale)));
    const bool padded = draws.below(10) == 0;
    const auto price_fen = static_cast<std::int64_t>(3'000 + draws.below(3'001));
    const auto factor = padded ? static_cast<std::int64_t>(2 + draws.below(3)) : 1;
    const auto micro_cu = static_cast<std::int64_t>(Int128{fen} * 1'000'000 / price_fen / factor);
    const bool grouped = draws.below(5) == 0;
    const std::string group =
        grouped ? "group-" + std::to_string(draws.below(static_cast<std::uint64_t>(count / 20 + 1)))
                : "single-" + std::to_string(i);
    const Philox4 more = philox(seed, static_cast<std::uint64_t>(i), 2);
    const Day day = days.first + std::chrono::days(more.word[0] * length >> 32);
    std::string statements;
    std::size_t bit = 0;
    for (const auto& [name, meaning] : programme.statements) {
      const bool must = std::find(needed.begin(), needed.end(), name) != needed.end();
      if (!must && (more.word[1] >> bit++ % 32 & 1U) == 0) continue;
      statements += (statements.empty() ? "" : ";") + name;
    }
    text += csv_line({"A-" + std::to_string(i + 1), group, day_text(day), cny_text(Fen{fen}),
                      "excluded", "0.06", decimal_text(Integer(micro_cu), 6), statements});
  }
  return text;
}

}  // namespace assay::pricing::programme
