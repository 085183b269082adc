#pragma once
/// The ledger's money and CU once more, written plainly over exact rationals: what the state
/// machine test holds the program against. It knows nothing of postings, documents or files.
/// Amounts are CU and CNY.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pricing/rational.h"

namespace assay::pricing::ledger::test {

struct ModelVoucher {
  std::size_t year = 0;  ///< index into Model::years
  std::string group;
  Rational unit;  ///< CNY per CU
  std::int64_t expires_s = 0;
  Rational issued, covered, contingent, reserved, redeemed, settled, expired, clawed_back;
  Rational committed, held, payable, paid, recovered, receivable, received;
};

struct ModelRedemption {
  std::size_t voucher = 0;
  Rational quantity, net, amount, held;
  bool is_settled = false;
};

struct ModelYear {
  bool commits_at_issue = true;
  bool carries_over = false;
  int calendar_year = 2026;
  std::size_t next = 0;  ///< index of the programme's next year; its own where there is none
  bool is_closed = false;
  Rational budget, free, lapsed;
};

/// Each action says whether it may be done, and does it if so.
struct Model {
  std::vector<ModelYear> years;
  std::vector<ModelVoucher> vouchers;
  std::vector<ModelRedemption> redemptions;
  Rational cap;  ///< per group and year
  std::int64_t now_s = 0;

  bool fund(std::size_t year, const Rational& amount);
  bool issue(std::size_t year, const std::string& group, const Rational& quantity,
             const Rational& unit, std::int64_t expires_s);
  bool reserve(std::size_t voucher, const Rational& quantity);
  bool release(std::size_t voucher, const Rational& quantity);
  bool redeem(std::size_t voucher, const Rational& quantity, const Rational& rule_amount);
  bool settle(std::size_t redemption);
  bool refund(std::size_t redemption, const Rational& quantity);
  bool claw_back_redemption(std::size_t redemption, const Rational& quantity);
  bool claw_back_voucher(std::size_t voucher, const Rational& quantity);
  bool expire(std::size_t voucher);
  bool receive(std::size_t voucher, const Rational& amount);
  bool close(std::size_t year, std::int64_t end_s);

 private:
  [[nodiscard]] Rational drawn(std::size_t year, const std::string& group) const;
  [[nodiscard]] bool can_commit(std::size_t year, const std::string& group,
                                const Rational& amount) const;
  void give_back(std::size_t year, const Rational& amount);
};

}  // namespace assay::pricing::ledger::test
