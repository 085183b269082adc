#pragma once
/// A ledger in memory for tests: one programme that pays at most, one that pays fixed, actors, a
/// certificate, and short ways to build operations. Nothing here touches a file.
#include <string>
#include <vector>

#include "pricing/ledger/invariants.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger::test {

inline constexpr std::int64_t kCu = 1'000'000;  ///< uCU
inline constexpr std::int64_t kHour = 3600;
inline constexpr std::int64_t kDay = 86'400;
/// 2026-01-01T00:00:00+08:00.
inline const std::int64_t kStart = year_start_s(2026, 480);
inline const std::string kCertificate(64, 'c');

struct Scenario {
  State state;
  std::vector<Record> records;
  std::int64_t now_s = kStart + 40 * kDay;

  /// Opened, with the actors admin, regulator, regulator-2, issuer, issuer-2, operator, treasurer,
  /// treasurer-2 (each signs with the key id "key-<name>"), and second signatures above
  /// `limit_fen`.
  explicit Scenario(std::optional<std::int64_t> limit_fen = 1'000'000);

  /// A programme with the rule version "r1" and the rate version "c1" for 2026 and 2027: 10 CNY per
  /// CU, of which half is a voucher's unit value (500 fen per CU); cap 50,000 fen a group.
  void open_programme(const std::string& name, CommitsAt commits_at = CommitsAt::issue,
                      AtClose at_close = AtClose::lapse, bool needs_award = false);
  void fund(const std::string& programme, int year, std::int64_t amount_fen);
  /// Devices "gpu-0" to "gpu-3" at 2 CU per hour in 2026 and 2027.
  void certify();

  /// Signs by all who could be needed, decides, and carries out. Returns the refusal's rule, or
  /// empty where it was accepted.
  std::string post(Body body);
  std::string post(Operation operation, std::vector<std::string> signers);
  /// As post; a test failure where it is refused.
  void must(Body body);

  [[nodiscard]] History history() const { return {records, state}; }
  [[nodiscard]] const Voucher& voucher(const std::string& name) const {
    return *state.voucher(name);
  }
  [[nodiscard]] std::int64_t of(const std::string& name, Account account) const {
    return voucher(name).of(account);
  }
  [[nodiscard]] std::int64_t money(const std::string& programme, int year, Account account) const {
    return state.budgets[*state.budget(programme, year)].of(account);
  }
};

[[nodiscard]] Issue issue(const std::string& voucher, const std::string& programme,
                          std::int64_t quantity_ucu, int year = 2026,
                          const std::string& group = "group-1");
/// `hours` of one device from the hour `at` of 2026 on, at full capacity, with an invoice line and
/// a contract of its own.
[[nodiscard]] Redeem redeem(const std::string& redemption, const std::string& voucher,
                            std::int64_t quantity_ucu, std::int64_t at_hour,
                            std::int64_t rule_amount_fen, const std::string& device = "gpu-0");

/// The same, its amount found by the document of the rule version "r3" (full_scenario) for a claim
/// on which `paid_before_fen` stand.
[[nodiscard]] Redeem evaluated(Redeem redeem, std::int64_t paid_before_fen);

/// A ledger in which every kind of operation was accepted at least once.
[[nodiscard]] Scenario full_scenario();

}  // namespace assay::pricing::ledger::test
