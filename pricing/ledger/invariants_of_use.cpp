/// Invariants about what redemptions rest on, read from the records alone: devices, contracts,
/// invoices, certificates, versions, signatures.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "pricing/ledger/invariant_checks.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

struct Standing {
  const Redeem* redeem = nullptr;
  const Issue* issue = nullptr;
  std::int64_t id = 0;
  Total refunded = 0;
  std::int64_t paid_fen = 0;  ///< payable as booked when redeemed
};

/// Redemptions that were not given back whole, by their records.
std::vector<Standing> standing(const History& history) {
  std::map<std::string, const Issue*> issues;
  std::map<std::string, Standing> all;
  for (const Record& record : history.records) {
    if (const auto* issue = std::get_if<Issue>(&record.operation.body)) {
      issues[issue->voucher] = issue;
    } else if (const auto* redeem = std::get_if<Redeem>(&record.operation.body)) {
      Standing& entry = all[redeem->redemption];
      entry.redeem = redeem;
      entry.issue = issues[redeem->voucher];
      entry.id = record.id;
      for (const Posting& posting : record.postings) {
        if (posting.account == Account::payable) entry.paid_fen += posting.amount;
      }
    } else if (const auto* refund = std::get_if<Refund>(&record.operation.body)) {
      all[refund->redemption].refunded += refund->quantity_ucu;
    }
  }
  std::vector<Standing> result;
  for (auto& [name, entry] : all) {
    if (entry.redeem == nullptr || entry.issue == nullptr) continue;
    if (entry.refunded < entry.redeem->quantity_ucu) result.push_back(entry);
  }
  return result;
}

/// Spans of one thing, none of which may overlap another.
class SpanBook {
 public:
  void add(const std::string& thing, std::int64_t start, std::int64_t end, const std::string& who) {
    spans_[thing].emplace_back(start, end, who);
  }
  void judge(Findings& findings, const char* kind) {
    for (auto& [thing, spans] : spans_) {
      std::sort(spans.begin(), spans.end());
      for (std::size_t i = 1; i < spans.size(); ++i) {
        if (std::get<0>(spans[i]) < std::get<1>(spans[i - 1])) {
          note(findings, fmt::format("{} {}: redemptions {} and {} overlap", kind, thing,
                                     std::get<2>(spans[i - 1]), std::get<2>(spans[i])));
          // The longer span goes on, so that a third one inside it is seen.
          std::get<1>(spans[i]) = std::max(std::get<1>(spans[i]), std::get<1>(spans[i - 1]));
        }
      }
    }
  }

 private:
  std::map<std::string, std::vector<std::tuple<std::int64_t, std::int64_t, std::string>>> spans_;
};

std::map<std::string, const OpenProgramme*> programmes_of(const History& history) {
  std::map<std::string, const OpenProgramme*> programmes;
  for (const Record& record : history.records) {
    if (const auto* open = std::get_if<OpenProgramme>(&record.operation.body)) {
      programmes[open->programme] = open;
    }
  }
  return programmes;
}

std::string line_name(const InvoiceLine& line) {
  return fmt::format("{}/{}/{}", line.issuer_tax_number, line.invoice_number, line.line);
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Amount shared by `counted`, largest remainder first: what a line got of a redemption.
std::vector<Total> shares(Total amount, const std::vector<InvoiceUse>& lines) {
  Total whole = 0;
  for (const InvoiceUse& line : lines) whole += line.counted_fen;
  std::vector<Total> result(lines.size());
  if (whole <= 0) return result;
  std::vector<std::pair<Total, std::size_t>> rests;
  Total given = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    result[i] = amount * lines[i].counted_fen / whole;
    given += result[i];
    rests.emplace_back(-(amount * lines[i].counted_fen % whole), i);
  }
  std::sort(rests.begin(), rests.end());
  for (std::size_t i = 0; given < amount; ++i, ++given) ++result[rests[i].second];
  return result;
}

}  // namespace

std::string text(Total total) {
  const bool negative = total < 0;
  std::string digits;
  for (Total rest = negative ? -total : total; rest != 0; rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  if (digits.empty()) digits = "0";
  return negative ? "-" + digits : digits;
}

Findings device_seconds_once(const History& history) {
  Findings findings;
  SpanBook book;
  for (const Standing& entry : standing(history)) {
    for (const DeviceUse& use : entry.redeem->uses) {
      book.add(use.device, use.start_s, use.end_s, entry.redeem->redemption);
    }
  }
  book.judge(findings, "device");
  return findings;
}

Findings costs_once(const History& history) {
  Findings findings;
  const auto programmes = programmes_of(history);
  SpanBook book;
  std::map<std::pair<std::string, InvoiceLine>, Total> counted;
  std::map<InvoiceLine, std::int64_t> eligible;
  for (const Standing& entry : standing(history)) {
    const auto programme = programmes.find(entry.issue->programme);
    if (programme == programmes.end()) continue;
    const std::string& group = programme->second->stack_group;
    for (const ContractDays& days : entry.redeem->days) {
      book.add(days.contract + " in group " + group, days.from_day, days.until_day,
               entry.redeem->redemption);
    }
    for (const InvoiceUse& use : entry.redeem->invoices) {
      counted[{group, use.line}] += use.counted_fen;
      const auto [known, is_new] = eligible.emplace(use.line, use.eligible_fen);
      if (!is_new && known->second != use.eligible_fen) {
        note(findings, fmt::format("invoice line {}: two costs, {} and {} fen", line_name(use.line),
                                   known->second, use.eligible_fen));
      }
    }
  }
  book.judge(findings, "contract");
  for (const auto& [key, sum] : counted) {
    if (sum > eligible[key.second]) {
      note(findings,
           fmt::format("invoice line {}: {} fen counted in group {}, it has {}",
                       line_name(key.second), text(sum), key.first, eligible[key.second]));
    }
  }
  return findings;
}

Findings stack_within_cost(const History& history) {
  Findings findings;
  const auto programmes = programmes_of(history);
  std::map<std::string, std::set<std::string>> allowed;
  for (const auto& [name, programme] : programmes) {
    allowed[programme->stack_group].insert(programme->stacks_beside.begin(),
                                           programme->stacks_beside.end());
  }
  struct Line {
    Total subsidy = 0;
    std::int64_t eligible_fen = 0;
    std::set<std::string> groups;
  };
  std::map<InvoiceLine, Line> lines;
  for (const Standing& entry : standing(history)) {
    const auto programme = programmes.find(entry.issue->programme);
    if (programme == programmes.end()) continue;
    const auto given = shares(entry.paid_fen, entry.redeem->invoices);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const InvoiceUse& use = entry.redeem->invoices[i];
      Line& line = lines[use.line];
      line.subsidy += given[i];
      line.eligible_fen = use.eligible_fen;
      line.groups.insert(programme->second->stack_group);
    }
  }
  for (const auto& [key, line] : lines) {
    if (line.subsidy > line.eligible_fen) {
      note(findings, fmt::format("invoice line {}: {} fen of subsidy for a cost of {}",
                                 line_name(key), text(line.subsidy), line.eligible_fen));
    }
    for (const std::string& one : line.groups) {
      for (const std::string& other : line.groups) {
        if (one != other && !allowed[one].contains(other)) {
          note(findings, fmt::format("invoice line {}: group {} does not stand beside {}",
                                     line_name(key), one, other));
        }
      }
    }
  }
  return findings;
}

Findings device_capacity(const History& history) {
  Findings findings;
  std::map<std::string, const RegisterCertificate*> certificates;
  for (const Record& record : history.records) {
    if (const auto* certificate = std::get_if<RegisterCertificate>(&record.operation.body)) {
      certificates[certificate->certificate] = certificate;
    }
    const auto* redeem = std::get_if<Redeem>(&record.operation.body);
    if (redeem == nullptr) continue;
    const auto certificate = certificates.find(redeem->certificate);
    if (certificate == certificates.end()) continue;  // valid-at-use says so
    Total all = 0;
    for (const DeviceUse& use : redeem->uses) {
      all += use.quantity_ucu;
      const Total most =
          Total{certificate->second->k_cert_ucu_per_hour} * (use.end_s - use.start_s) / 3600;
      if (use.quantity_ucu > most) {
        note(findings, fmt::format("entry {}: {} uCU of device {}, which gives {} in that time",
                                   record.id, use.quantity_ucu, use.device, text(most)));
      }
    }
    if (all != redeem->quantity_ucu) {
      note(findings, fmt::format("entry {}: uses of {} uCU, redeemed {}", record.id, text(all),
                                 redeem->quantity_ucu));
    }
  }
  return findings;
}

Findings valid_at_use(const History& history) {
  Findings findings;
  struct Span {
    std::int64_t from_s = 0;
    std::int64_t until_s = 0;
  };
  struct Device {
    Span span;
    std::string basket;
    std::vector<std::string> devices;
  };
  struct Rate {
    Span span;
    std::string basket;
  };
  std::map<std::string, Device> certificates;
  std::map<std::pair<std::string, std::string>, Span> rules;
  std::map<std::pair<std::string, std::string>, Rate> rates;
  std::map<std::string, std::string> programme_of_voucher;
  for (const Record& record : history.records) {
    const Body& body = record.operation.body;
    if (const auto* certificate = std::get_if<RegisterCertificate>(&body)) {
      certificates[certificate->certificate] = {
          {certificate->from_s, certificate->until_s}, certificate->basket, certificate->devices};
    } else if (const auto* revoke = std::get_if<RevokeCertificate>(&body)) {
      Span& span = certificates[revoke->certificate].span;
      span.until_s = std::min(span.until_s, revoke->from_s);
    } else if (const auto* rule = std::get_if<SetRule>(&body)) {
      rules[{rule->programme, rule->version}] = {rule->from_s, rule->until_s};
    } else if (const auto* rate = std::get_if<SetCeiling>(&body)) {
      rates[{rate->programme, rate->version}] = {{rate->from_s, rate->until_s}, rate->basket};
    } else if (const auto* issue = std::get_if<Issue>(&body)) {
      programme_of_voucher[issue->voucher] = issue->programme;
    }
    const auto* redeem = std::get_if<Redeem>(&body);
    if (redeem == nullptr) continue;
    const std::string& programme = programme_of_voucher[redeem->voucher];
    const auto certificate = certificates.find(redeem->certificate);
    const auto rule = rules.find({programme, redeem->rule_version});
    const auto rate = rates.find({programme, redeem->rate_version});
    for (const DeviceUse& use : redeem->uses) {
      const auto holds = [&](const Span& span) {
        return span.from_s <= use.start_s && use.end_s <= span.until_s;
      };
      if (certificate == certificates.end() || !holds(certificate->second.span) ||
          !has(certificate->second.devices, use.device)) {
        note(findings,
             fmt::format("entry {}: no valid certificate of device {}", record.id, use.device));
      }
      if (rule == rules.end() || !holds(rule->second)) {
        note(findings, fmt::format("entry {}: rule version {} is not valid at the time of use",
                                   record.id, redeem->rule_version));
      }
      if (rate == rates.end() || !holds(rate->second.span)) {
        note(findings, fmt::format("entry {}: rate version {} is not valid at the time of use",
                                   record.id, redeem->rate_version));
      }
    }
    if (rate != rates.end() && !rate->second.basket.empty() && certificate != certificates.end() &&
        certificate->second.basket != rate->second.basket) {
      note(findings, fmt::format("entry {}: a certificate of basket '{}' at a rate of '{}'",
                                 record.id, certificate->second.basket, rate->second.basket));
    }
  }
  return findings;
}

namespace {

bool is_change(const Body& body) {
  return std::holds_alternative<OpenProgramme>(body) || std::holds_alternative<SetRule>(body) ||
         std::holds_alternative<FillRule>(body) || std::holds_alternative<SetCeiling>(body) ||
         std::holds_alternative<RegisterCertificate>(body) ||
         std::holds_alternative<RevokeCertificate>(body);
}

/// What moves money of a programme by decision; the amount is read from the entry itself.
bool is_decision(const Body& body) {
  return std::holds_alternative<Issue>(body) || std::holds_alternative<Award>(body) ||
         std::holds_alternative<Settle>(body) || std::holds_alternative<ClawBack>(body) ||
         std::holds_alternative<FundBudget>(body) || std::holds_alternative<Receive>(body) ||
         std::holds_alternative<WithdrawAward>(body) || std::holds_alternative<CloseYear>(body);
}

std::int64_t amount_of(const Record& record) {
  if (const auto* award = std::get_if<Award>(&record.operation.body)) return award->amount_fen;
  if (std::holds_alternative<CloseYear>(record.operation.body)) return 0;
  std::int64_t most = 0;
  for (const Posting& posting : record.postings) {
    // What is held goes back to the budget: nobody is paid by it.
    const bool counts = posting.account == Account::committed || posting.account == Account::paid ||
                        posting.account == Account::receivable ||
                        posting.account == Account::budget;
    if (counts) most = std::max({most, posting.amount, -posting.amount});
  }
  return most;
}

}  // namespace

Findings authority_held(const History& history) {
  Findings findings;
  struct Person {
    std::string key_id;
    std::vector<Role> roles;
  };
  std::map<std::string, Person> people;
  std::optional<std::int64_t> limit;
  for (const Record& record : history.records) {
    const Operation& operation = record.operation;
    const auto& keys = record.circumstances.verified_keys;
    if (operation.actor.empty() || operation.reason.empty()) {
      note(findings, fmt::format("entry {}: no actor or no reason", record.id));
    }
    if (const auto* open = std::get_if<OpenLedger>(&operation.body)) {
      people[open->administrator] = {open->key_id, {Role::administrator}};
      limit = open->second_signature_above_fen;
    }
    const auto person = people.find(operation.actor);
    if (person == people.end() ||
        std::count(person->second.roles.begin(), person->second.roles.end(), operation.role) == 0) {
      note(findings, fmt::format("entry {}: '{}' had not the role {}", record.id, operation.actor,
                                 role_name(operation.role)));
    } else {
      const bool is_entry = std::holds_alternative<RegisterActor>(operation.body) ||
                            std::holds_alternative<OpenLedger>(operation.body);
      const bool is_signed = is_entry || is_change(operation.body) || is_decision(operation.body);
      const bool needs_second =
          limit && (is_change(operation.body) ||
                    (is_decision(operation.body) && amount_of(record) > *limit));
      if (is_signed && !has(keys, person->second.key_id)) {
        note(findings, fmt::format("entry {}: {} without the signature of '{}'", record.id,
                                   kind_name(operation.body), operation.actor));
      }
      const auto signers = std::count_if(people.begin(), people.end(), [&](const auto& entry) {
        const auto& roles = entry.second.roles;
        return std::find(roles.begin(), roles.end(), operation.role) != roles.end() &&
               has(keys, entry.second.key_id);
      });
      if (needs_second && signers < 2) {
        note(findings, fmt::format("entry {}: {} above the limit with one signature", record.id,
                                   kind_name(operation.body)));
      }
    }
    if (const auto* actor = std::get_if<RegisterActor>(&operation.body)) {
      people[actor->name] = {actor->key_id, actor->roles};
    }
  }
  return findings;
}

}  // namespace assay::pricing::ledger
