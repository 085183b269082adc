/// RapidCheck drives the store with random operations and holds every answer and every balance
/// against the plain rational model; sequences of at least 100, failing ones are shrunk.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>

#include "pricing/ledger/invariants.h"
#include "rational_model.h"
#include "signed_scenario.h"
#include "support/temporary_folder.h"

namespace assay::pricing::ledger::test {
namespace {

constexpr int kSequence = 500;

/// Raw numbers; what they mean depends on the state that they meet.
struct Step {
  int kind = 0;
  int which = 0;
  int size = 0;
  int more = 0;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << '{' << step.kind << ',' << step.which << ',' << step.size << ',' << step.more
             << '}';
}

rc::Gen<std::vector<Step>> steps(int count) {
  const auto number = rc::gen::inRange(0, 1 << 20);
  return rc::gen::container<std::vector<Step>>(
      static_cast<std::size_t>(count),
      rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 100), number, number, number),
                   [](const std::tuple<int, int, int, int>& t) {
                     return Step{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)};
                   }));
}

Rational cu(std::int64_t quantity_ucu) {
  return {quantity_ucu, 1'000'000};
}
Rational cny(std::int64_t amount_fen) {
  return {amount_fen, 100};
}

/// Programme "p" commits at issue and lapses, "q" at reservation and carries over; two years each;
/// unit values of 5 and 3.885 CNY.
Scenario world() {
  Scenario ledger;
  ledger.open_programme("p");
  ledger.open_programme("q", CommitsAt::reservation, AtClose::carry_over);
  for (const std::string name : {"p", "q"}) {
    ledger.must(
        SetCeiling{name, "c2", std::string(64, 'b'), kStart, year_start_s(2028, 480), 7'770'001});
    ledger.fund(name, 2026, 30'000);
    ledger.fund(name, 2027, 30'000);
  }
  ledger.certify();
  ledger.now_s = kStart + 200 * kDay;
  return ledger;
}

const std::vector<TimedOperation>& world_operations() {
  static const std::vector<TimedOperation> kOperations = signed_operations(world());
  return kOperations;
}

class Machine {
 public:
  explicit Machine(const std::filesystem::path& path) : store_(path, Database::Mode::create) {
    append_all(store_, world_operations());
    model_.cap = 500;
    model_.now_s = kStart + 200 * kDay;
    for (const bool is_p : {true, false}) {
      for (const int year : {2026, 2027}) {
        const std::size_t next = model_.years.size() + (year == 2026 ? 1 : 0);
        model_.years.push_back({is_p, !is_p, year, next, false, 300, 300, 0});
      }
    }
  }

  void run(const Step& step) {
    ++operations;
    // Issues and decisions are signed, which costs most of the test's time: they are the rarer
    // ones.
    if (step.kind < 4) return issue(step);
    if (step.kind < 5) return fund(step);
    if (step.kind < 6) return pass_time(step);
    if (step.kind < 7) return close(step);
    if (model_.vouchers.empty()) return issue(step);
    const std::size_t v = static_cast<std::size_t>(step.which) % model_.vouchers.size();
    const std::string name = "v" + std::to_string(v);
    const Voucher& voucher = *store_.state().voucher(name);
    if (step.kind < 29) {
      const std::int64_t quantity = pick(step, voucher.available_ucu());
      return post(Reserve{name, quantity}, model_.reserve(v, cu(quantity)));
    }
    if (step.kind < 36) {
      const std::int64_t quantity = pick(step, voucher.of(Account::reserved));
      return post(Release{name, quantity}, model_.release(v, cu(quantity)));
    }
    if (step.kind < 62) return redeem(step, v, name);
    if (step.kind < 63) {
      const std::int64_t quantity = pick(step, voucher.available_ucu());
      return post(ClawBack{"", name, quantity}, model_.claw_back_voucher(v, cu(quantity)));
    }
    if (step.kind < 65) return post(Expire{name}, model_.expire(v));
    if (step.kind < 66) {
      const std::int64_t amount = pick(step, voucher.of(Account::receivable));
      return post(Receive{name, amount, "bank"}, model_.receive(v, cny(amount)));
    }
    if (step.kind < 70) return post_again(step);
    if (model_.redemptions.empty()) return redeem(step, v, name);
    const std::size_t r = static_cast<std::size_t>(step.which) % model_.redemptions.size();
    const std::string redemption = "r" + std::to_string(r);
    const std::int64_t quantity = pick(step, store_.state().redemptions[r].net_ucu());
    if (step.kind < 77) return post(Settle{redemption, "payment"}, model_.settle(r));
    if (step.kind < 98) {
      return post(Refund{redemption, quantity}, model_.refund(r, cu(quantity)));
    }
    return post(ClawBack{redemption, "", quantity}, model_.claw_back_redemption(r, cu(quantity)));
  }

  /// Every invariant over all that was recorded.
  void expect_sound() {
    std::vector<Record> records;
    for (StoredRecord& stored : store_.records()) records.push_back(std::move(stored.record));
    for (const Breach& breach : breaches({records, store_.state()})) {
      RC_FAIL(breach.invariant + ": " + breach.finding);
    }
  }

  std::size_t operations = 0;
  std::size_t accepted = 0;

 private:
  /// Mostly a part of what there is, often all of it, sometimes too much or nothing.
  static std::int64_t pick(const Step& step, std::int64_t there) {
    switch (step.more % 8) {
      case 0:
        return there;
      case 1:
        return there + 1;
      case 2:
        return step.size % 3;
      case 3:
        return 1'001 * (1 + step.size % 7);
      default:
        return there <= 0 ? 1 : 1 + (there - 1) * (step.size % 1000) / 1000;
    }
  }

  void issue(const Step& step) {
    const std::size_t year = static_cast<std::size_t>(step.which) % model_.years.size();
    const ModelYear& y = model_.years[year];
    Issue body =
        test::issue("v" + std::to_string(model_.vouchers.size()), y.commits_at_issue ? "p" : "q",
                    step.more % 50 == 0 ? 0 : 1'001 * (1 + step.size % 30'000), y.calendar_year,
                    "group-" + std::to_string(step.more % 3));
    body.rate_version = step.size % 2 == 0 ? "c1" : "c2";
    body.expires_s = model_.now_s + (step.more % 200 - 2) * kDay;
    const Rational unit = step.size % 2 == 0 ? Rational(5) : Rational(3'885'000, 1'000'000);
    // The versions end with 2027.
    const bool may =
        model_.now_s < year_start_s(2028, 480) &&
        model_.issue(year, body.control_group, cu(body.quantity_ucu), unit, body.expires_s);
    post(body, may);
  }

  void fund(const Step& step) {
    const std::size_t year = static_cast<std::size_t>(step.which) % model_.years.size();
    const std::int64_t amount = step.size % 4'000 - 1'000;
    post(FundBudget{model_.years[year].commits_at_issue ? "p" : "q",
                    model_.years[year].calendar_year, amount},
         model_.fund(year, cny(amount)));
  }

  void pass_time(const Step& step) { model_.now_s += (step.size % 60) * kDay; }

  void close(const Step& step) {
    const std::size_t year = static_cast<std::size_t>(step.which) % model_.years.size();
    const int calendar = model_.years[year].calendar_year;
    post(CloseYear{model_.years[year].commits_at_issue ? "p" : "q", calendar},
         model_.close(year, year_start_s(calendar + 1, 480)));
  }

  /// Sometimes the time of an earlier redemption again: refused, unless that was undone.
  void redeem(const Step& step, std::size_t v, const std::string& name) {
    const std::int64_t there = store_.state().voucher(name)->of(Account::reserved);
    const bool again = step.more % 11 == 5 && last_hour_ > 0;
    // A part of the hour, so that it can't reach into the time of others.
    const std::int64_t quantity =
        again ? std::min<std::int64_t>(pick(step, there), 1'000) : pick(step, there);
    const std::int64_t rule_amount = step.size % 3 == 0 ? 1'000'000 : step.size % 2'000;
    Redeem body =
        test::redeem("r" + std::to_string(model_.redemptions.size()), name,
                     std::max<std::int64_t>(quantity, 1), again ? last_hour_ : hour_, rule_amount);
    body.quantity_ucu = quantity;
    body.uses[0].quantity_ucu = quantity;
    const bool is_free = !again || store_.state().redemptions[last_redemption_].is_undone();
    // A use may not end after its voucher.
    const bool in_time = body.uses[0].end_s <= model_.vouchers[v].expires_s;
    const bool may = is_free && in_time && model_.redeem(v, cu(quantity), cny(rule_amount));
    post(body, may);
    if (may && !again) {
      last_hour_ = hour_;
      last_redemption_ = model_.redemptions.size() - 1;
      hour_ = (body.uses[0].end_s - kStart) / kHour;
    }
    // What was undone and taken again is not watched any more.
    if (may && again) last_hour_ = 0;
  }

  SignedOperation signed_operation(Body body) {
    SignedOperation result;
    Operation& operation = result.operation;
    operation.ledger = "test-ledger";
    operation.key = "o" + std::to_string(operations);
    operation.role = role_for(body);
    operation.actor = role_name(operation.role);
    operation.reason = "state machine";
    const bool is_signed = operation.role != Role::operator_;
    operation.body = std::move(body);
    if (is_signed) add_signature(result, key_of(operation.actor).signing);
    return result;
  }

  void post(Body body, bool may) {
    const std::string kind = kind_name(body);
    const SignedOperation operation = signed_operation(std::move(body));
    const auto outcomes = store_.append({&operation, 1}, model_.now_s);
    const auto& refusal = outcomes.at(0).refusal;
    if (refusal.has_value() == may) {
      RC_FAIL(kind + (may ? ": the model does it, the ledger refuses: " + refusal->rule
                          : ": the ledger does it, the model refuses"));
    }
    if (!may) return;
    ++accepted;
    last_ = operation;
    compare(kind);
  }

  void post_again(const Step& step) {
    if (last_.operation.key.empty()) return;
    SignedOperation again = last_;
    if (step.more % 2 == 0) {
      const auto outcomes = store_.append({&again, 1}, model_.now_s);
      RC_ASSERT(outcomes.at(0).was_there);
    } else {
      again = signed_operation(Expire{"nobody"});
      again.operation.key = last_.operation.key;
      const auto outcomes = store_.append({&again, 1}, model_.now_s);
      RC_ASSERT(outcomes.at(0).refusal->rule == "key-conflict");
    }
    compare("the same key again");
  }

  void compare(const std::string& what) {
    const State& state = store_.state();
    RC_ASSERT(state.vouchers.size() == model_.vouchers.size());
    for (std::size_t i = 0; i < state.vouchers.size(); ++i) {
      const Voucher& ours = state.vouchers[i];
      const ModelVoucher& v = model_.vouchers[i];
      const std::pair<Account, const Rational*> places[] = {
          {Account::issued, &v.issued},         {Account::covered, &v.covered},
          {Account::contingent, &v.contingent}, {Account::reserved, &v.reserved},
          {Account::redeemed, &v.redeemed},     {Account::settled, &v.settled},
          {Account::expired, &v.expired},       {Account::clawed_back, &v.clawed_back},
          {Account::committed, &v.committed},   {Account::held, &v.held},
          {Account::payable, &v.payable},       {Account::paid, &v.paid},
          {Account::recovered, &v.recovered},   {Account::receivable, &v.receivable},
          {Account::received, &v.received}};
      for (const auto& [account, wanted] : places) {
        // Compared as whole uCU and fen: making rationals of all would be most of the test's time.
        const std::int64_t scale = commodity_of(account) == Commodity::cu ? 1'000'000 : 100;
        if (numerator(*wanted) * scale != Integer(ours.of(account)) * denominator(*wanted)) {
          RC_FAIL(what + ": " + account_text(state, account, static_cast<std::uint32_t>(i)));
        }
      }
    }
    for (std::size_t i = 0; i < model_.years.size(); ++i) {
      const ModelYear& y = model_.years[i];
      const Budget& ours =
          state.budgets[*state.budget(y.commits_at_issue ? "p" : "q", y.calendar_year)];
      RC_ASSERT(cny(ours.of(Account::budget)) == y.budget);
      RC_ASSERT(cny(ours.of(Account::free)) == y.free);
      RC_ASSERT(cny(ours.of(Account::lapsed)) == y.lapsed);
      RC_ASSERT(ours.closed == y.is_closed);
    }
  }

  Store store_;
  Model model_;
  SignedOperation last_;
  std::int64_t hour_ = 0;
  std::int64_t last_hour_ = 0;
  std::size_t last_redemption_ = 0;
};

std::size_t wanted(const char* variable, std::size_t usual) {
  const char* text = std::getenv(variable);
  return text == nullptr ? usual : static_cast<std::size_t>(std::atoll(text));
}

TEST(StateMachine, InMemory) {
  const std::size_t operations = wanted("ASSAY_OPERATIONS", 100'000);
  std::size_t done = 0;
  std::size_t accepted = 0;
  while (done < operations) {
    const std::size_t before = done;
    const bool passed = rc::check("the ledger is the rational model", [&] {
      if (done >= operations) return;
      const auto sequence = *steps(kSequence);
      Machine machine(":memory:");
      for (const Step& step : sequence) machine.run(step);
      machine.expect_sound();
      done += machine.operations;
      accepted += machine.accepted;
    });
    ASSERT_TRUE(passed);
    ASSERT_GT(done, before);
  }
  std::printf("%zu operations in sequences of %d, %zu accepted\n", done, kSequence, accepted);
  EXPECT_GT(accepted, done / 4);
}

TEST(StateMachine, OnDiskWithFull) {
  const std::size_t operations = wanted("ASSAY_DISK_OPERATIONS", 2'000);
  const TemporaryFolder folder;
  std::size_t done = 0;
  int file = 0;
  while (done < operations) {
    const bool passed = rc::check("the ledger on the disk is the rational model", [&] {
      if (done >= operations) return;
      const auto sequence = *steps(kSequence);
      const auto path = folder.path() / (std::to_string(++file) + ".ledger");
      Machine machine(path);
      for (const Step& step : sequence) machine.run(step);
      machine.expect_sound();
      done += machine.operations;
    });
    ASSERT_TRUE(passed);
  }
  std::printf("%zu operations on the disk\n", done);
}

}  // namespace
}  // namespace assay::pricing::ledger::test
