#include "rational_model.h"

#include <algorithm>

namespace assay::pricing::ledger::test {

namespace {

/// To the fen, a tie to the even one.
Rational fen(const Rational& cny) {
  return {round_half_even(cny * 100), 100};
}

Rational worth(const ModelVoucher& v, const Rational& from, const Rational& to) {
  return fen(to * v.unit) - fen(from * v.unit);
}

/// CU that left the voucher.
Rational gone(const ModelVoucher& v) {
  return v.issued - v.covered - v.contingent - v.reserved;
}

Rational drawn_by(const ModelVoucher& v) {
  return v.committed + v.held + v.payable + v.paid - v.recovered;
}

/// A voucher never draws more than it is worth.
Rational covered_anew(const ModelVoucher& v, const Rational& from, const Rational& to) {
  return std::min<Rational>(worth(v, from, to), fen(v.issued * v.unit) - drawn_by(v));
}

Rational leaves_with_next(const ModelVoucher& v, const Rational& quantity) {
  if (quantity == v.covered + v.reserved) return v.committed;
  return std::min(v.committed, worth(v, gone(v), gone(v) + quantity));
}

Rational part(const Rational& whole, const ModelRedemption& r, const Rational& quantity) {
  return fen(whole * r.net / r.quantity) - fen(whole * (r.net - quantity) / r.quantity);
}

}  // namespace

Rational Model::drawn(std::size_t year, const std::string& group) const {
  Rational sum = 0;
  for (const ModelVoucher& v : vouchers) {
    if (v.year == year && v.group == group) {
      sum += drawn_by(v);
    }
  }
  return sum;
}

bool Model::can_commit(std::size_t year, const std::string& group, const Rational& amount) const {
  return !years[year].is_closed && amount <= years[year].free && drawn(year, group) + amount <= cap;
}

void Model::give_back(std::size_t year, const Rational& amount) {
  (years[year].is_closed ? years[year].lapsed : years[year].free) += amount;
}

bool Model::fund(std::size_t year, const Rational& amount) {
  ModelYear& y = years[year];
  if (amount == 0 || y.is_closed || y.free + amount < 0) return false;
  y.budget += amount;
  y.free += amount;
  return true;
}

bool Model::issue(std::size_t year, const std::string& group, const Rational& quantity,
                  const Rational& unit, std::int64_t expires_s) {
  if (quantity <= 0 || expires_s <= now_s || years[year].is_closed) return false;
  ModelVoucher v;
  v.year = year;
  v.group = group;
  v.unit = unit;
  v.expires_s = expires_s;
  v.issued = quantity;
  if (years[year].commits_at_issue) {
    const Rational value = fen(quantity * unit);
    if (!can_commit(year, group, value)) return false;
    v.covered = quantity;
    v.committed = value;
    years[year].free -= value;
  } else {
    v.contingent = quantity;
  }
  vouchers.push_back(v);
  return true;
}

bool Model::reserve(std::size_t voucher, const Rational& quantity) {
  ModelVoucher& v = vouchers[voucher];
  if (quantity <= 0 || now_s >= v.expires_s || quantity > v.covered + v.contingent) return false;
  const Rational covered = std::min(quantity, v.covered);
  const Rational more = quantity - covered;
  if (more > 0) {
    const Rational top = gone(v) + v.covered + v.reserved;
    const Rational cover = covered_anew(v, top, top + more);
    if (!can_commit(v.year, v.group, cover)) return false;
    years[v.year].free -= cover;
    v.committed += cover;
  }
  v.covered -= covered;
  v.contingent -= more;
  v.reserved += quantity;
  return true;
}

bool Model::release(std::size_t voucher, const Rational& quantity) {
  ModelVoucher& v = vouchers[voucher];
  if (quantity <= 0 || quantity > v.reserved) return false;
  if (years[v.year].commits_at_issue) {
    v.covered += quantity;
  } else {
    const Rational top = gone(v) + v.covered + v.reserved;
    const Rational cover = quantity == v.covered + v.reserved
                               ? v.committed
                               : std::min(v.committed, worth(v, top - quantity, top));
    v.committed -= cover;
    give_back(v.year, cover);
    v.contingent += quantity;
  }
  v.reserved -= quantity;
  return true;
}

bool Model::redeem(std::size_t voucher, const Rational& quantity, const Rational& rule_amount) {
  ModelVoucher& v = vouchers[voucher];
  if (quantity <= 0 || quantity > v.reserved) return false;
  const Rational cover = leaves_with_next(v, quantity);
  const Rational value = worth(v, gone(v), gone(v) + quantity);
  const Rational amount = std::min({cover, value, rule_amount});
  redemptions.push_back({voucher, quantity, quantity, amount, cover - amount, false});
  v.reserved -= quantity;
  v.redeemed += quantity;
  v.committed -= cover;
  v.payable += amount;
  v.held += cover - amount;
  return true;
}

bool Model::settle(std::size_t redemption) {
  ModelRedemption& r = redemptions[redemption];
  if (r.is_settled || r.net == 0) return false;
  ModelVoucher& v = vouchers[r.voucher];
  const Rational amount = part(r.amount, r, r.net);
  const Rational held = part(r.held, r, r.net);
  v.redeemed -= r.net;
  v.settled += r.net;
  v.payable -= amount;
  v.paid += amount;
  v.held -= held;
  give_back(v.year, held);
  r.is_settled = true;
  return true;
}

bool Model::refund(std::size_t redemption, const Rational& quantity) {
  ModelRedemption& r = redemptions[redemption];
  if (quantity <= 0 || quantity > r.net) return false;
  ModelVoucher& v = vouchers[r.voucher];
  const Rational amount = part(r.amount, r, quantity);
  const Rational held = part(r.held, r, quantity);
  const bool is_expired = now_s >= v.expires_s;
  bool is_covered = !is_expired && years[v.year].commits_at_issue && !years[v.year].is_closed;
  if (r.is_settled) {
    v.settled -= quantity;
    v.recovered += amount;
    v.receivable += amount;
    give_back(v.year, amount);
    // The CU are still out of the voucher here.
    const Rational out = gone(v) - quantity;  // settled was lowered, they are nowhere yet
    const Rational cover = covered_anew(v, out, out + quantity);
    is_covered = is_covered && can_commit(v.year, v.group, cover);
    if (is_covered) {
      years[v.year].free -= cover;
      v.committed += cover;
    }
  } else {
    v.redeemed -= quantity;
    v.payable -= amount;
    v.held -= held;
    if (is_covered) {
      v.committed += amount + held;
    } else {
      give_back(v.year, amount + held);
    }
  }
  (is_expired ? v.expired : is_covered ? v.covered : v.contingent) += quantity;
  r.net -= quantity;
  return true;
}

bool Model::claw_back_redemption(std::size_t redemption, const Rational& quantity) {
  ModelRedemption& r = redemptions[redemption];
  if (!r.is_settled || quantity <= 0 || quantity > r.net) return false;
  ModelVoucher& v = vouchers[r.voucher];
  const Rational amount = part(r.amount, r, quantity);
  v.settled -= quantity;
  v.clawed_back += quantity;
  v.recovered += amount;
  v.receivable += amount;
  give_back(v.year, amount);
  r.net -= quantity;
  return true;
}

bool Model::claw_back_voucher(std::size_t voucher, const Rational& quantity) {
  ModelVoucher& v = vouchers[voucher];
  if (quantity <= 0 || quantity > v.covered + v.contingent) return false;
  const Rational covered = std::min(quantity, v.covered);
  const Rational cover = leaves_with_next(v, covered);
  v.covered -= covered;
  v.contingent -= quantity - covered;
  v.clawed_back += quantity;
  v.committed -= cover;
  give_back(v.year, cover);
  return true;
}

bool Model::expire(std::size_t voucher) {
  ModelVoucher& v = vouchers[voucher];
  const Rational left = v.covered + v.contingent + v.reserved;
  if (now_s < v.expires_s || left == 0) return false;
  v.expired += left;
  v.covered = v.contingent = v.reserved = 0;
  give_back(v.year, v.committed);
  v.committed = 0;
  return true;
}

bool Model::receive(std::size_t voucher, const Rational& amount) {
  if (amount <= 0) return false;
  vouchers[voucher].receivable -= amount;
  vouchers[voucher].received += amount;
  return true;
}

bool Model::close(std::size_t year, std::int64_t end_s) {
  ModelYear& y = years[year];
  if (y.is_closed || now_s < end_s) return false;
  if (y.carries_over) {
    if (y.next == year || years[y.next].is_closed) return false;
    y.budget -= y.free;
    years[y.next].budget += y.free;
    years[y.next].free += y.free;
  } else {
    y.lapsed += y.free;
  }
  y.free = 0;
  y.is_closed = true;
  return true;
}

}  // namespace assay::pricing::ledger::test
