/// Rules of what comes before a voucher: actors, programmes, versions, certificates, budgets,
/// awards, and the close of a year.
#include <fmt/format.h>

#include <algorithm>

#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

Refusal unknown_programme(const std::string& name) {
  return refuse("unknown-programme", fmt::format("no programme '{}' is open", name),
                "post an open-programme operation first: assay ledger post");
}

std::optional<Refusal> judge_version(const State& state, const std::string& programme,
                                     std::int64_t from_s, std::int64_t until_s) {
  if (!state.programmes.contains(programme)) return unknown_programme(programme);
  if (from_s >= until_s) {
    return refuse("empty-span", "the version's span ends before it begins", "check its instants");
  }
  return std::nullopt;
}

Refusal version_exists(const std::string& version) {
  return refuse("version-exists", fmt::format("version '{}' is set already", version),
                "give a change a version of its own");
}

std::optional<Refusal> judge_amount(std::int64_t amount) {
  if (amount > 0 && amount <= kLargestAmount) return std::nullopt;
  return refuse("amount", "the amount must be above zero and at most 1e15 units",
                "check its unit and its decimal point");
}

}  // namespace

Decision judge(const State& /*state*/, const Circumstances& /*now*/, const OpenLedger& body) {
  if (body.second_signature_above_fen && *body.second_signature_above_fen < 0) {
    return refuse("amount", "the limit of the second signature is negative", "give zero or more");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const RegisterActor& body) {
  for (const auto& [name, actor] : state.actors) {
    if (name != body.name && actor.key_id == body.key_id) {
      return refuse("key-in-use", fmt::format("the key is that of '{}'", name),
                    "each actor has a key of his own: assay keygen");
    }
  }
  const bool stays = std::any_of(state.actors.begin(), state.actors.end(), [&](const auto& entry) {
    const auto& roles = entry.first == body.name ? body.roles : entry.second.roles;
    return std::find(roles.begin(), roles.end(), Role::administrator) != roles.end();
  });
  if (!stays) {
    return refuse("last-administrator", "the ledger would have no administrator left",
                  "enter another administrator first");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const OpenProgramme& body) {
  if (state.programmes.contains(body.programme)) {
    return refuse("programme-exists", fmt::format("programme '{}' is open already", body.programme),
                  "give another name");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const SetRule& body) {
  if (auto refusal = judge_version(state, body.programme, body.from_s, body.until_s)) {
    return *refusal;
  }
  if (state.programmes.at(body.programme).rules.contains(body.version)) {
    return version_exists(body.version);
  }
  if (body.share_ppm <= 0 || body.share_ppm > 1'000'000) {
    return refuse("share", "the share of the ceiling must be above 0 and at most 1",
                  "write 30 % as 0.3");
  }
  if (body.cap_fen) {
    if (auto refusal = judge_amount(*body.cap_fen)) return *refusal;
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const FillRule& body) {
  const auto programme = state.programmes.find(body.programme);
  if (programme == state.programmes.end()) return unknown_programme(body.programme);
  const auto rule = programme->second.rules.find(body.version);
  if (rule == programme->second.rules.end() ||
      std::find(rule->second.unresolved.begin(), rule->second.unresolved.end(), body.fills) ==
          rule->second.unresolved.end()) {
    return refuse("nothing-to-fill",
                  fmt::format("version '{}' leaves no '{}' open", body.version, body.fills),
                  "name what the version lists as unresolved");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const SetCeiling& body) {
  if (auto refusal = judge_version(state, body.programme, body.from_s, body.until_s)) {
    return *refusal;
  }
  if (state.programmes.at(body.programme).ceilings.contains(body.version)) {
    return version_exists(body.version);
  }
  if (auto refusal = judge_amount(body.ceiling_ucny_per_cu)) return *refusal;
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const RegisterCertificate& body) {
  if (state.certificates.contains(body.certificate)) {
    return refuse("certificate-exists", "the certificate is registered already", "");
  }
  if (body.from_s >= body.until_s) {
    return refuse("empty-span", "the certificate ends before it begins", "check its instants");
  }
  if (auto refusal = judge_amount(body.k_cert_ucu_per_hour)) return *refusal;
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const RevokeCertificate& body) {
  const auto certificate = state.certificates.find(body.certificate);
  if (certificate == state.certificates.end()) {
    return refuse("unknown-certificate", "no such certificate is registered",
                  "name it by its SHA-256");
  }
  const auto& earlier = certificate->second.revoked_from_s;
  if (earlier && *earlier <= body.from_s) {
    return refuse("revoked-already", "the certificate is revoked from that time or earlier", "");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const ReverseInvoice& body) {
  const auto line = state.invoice_lines.find(body.line);
  if (line == state.invoice_lines.end() || line->second.is_reversed) {
    return refuse("unknown-invoice-line", "no redemption stands on that invoice line",
                  "check the tax number, the invoice's number and its line");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const FundBudget& body) {
  if (!state.programmes.contains(body.programme)) return unknown_programme(body.programme);
  if (auto refusal = judge_amount(magnitude(body.amount_fen))) return *refusal;
  const auto found = state.budget(body.programme, body.year);
  if (found && state.budgets[*found].closed) {
    return refuse("year-closed", fmt::format("the year {} is closed", body.year),
                  "fund a year that is open");
  }
  const std::int64_t free_fen = found ? state.budgets[*found].of(Account::free) : 0;
  if (body.amount_fen < -free_fen) {
    return refuse("budget", "less than that is free in this budget", "take back free money only");
  }
  Entry entry(found.value_or(static_cast<std::uint32_t>(state.budgets.size())));
  entry.move(body.amount_fen, Account::budget, Account::free);
  return entry.take();
}

Decision judge(const State& state, const Circumstances& /*now*/, const Award& body) {
  if (!state.programmes.contains(body.programme)) return unknown_programme(body.programme);
  if (state.awards.contains(body.award)) {
    return refuse("award-exists", fmt::format("award '{}' is entered already", body.award),
                  "give another name");
  }
  if (auto refusal = judge_amount(body.amount_fen)) return *refusal;
  return Postings{};
}

Decision judge(const State& state, const Circumstances& /*now*/, const WithdrawAward& body) {
  const auto award = state.awards.find(body.award);
  if (award == state.awards.end() || award->second.withdrawn) {
    return refuse("unknown-award", fmt::format("no award '{}' stands", body.award),
                  "name an award that was entered");
  }
  return Postings{};
}

Decision judge(const State& state, const Circumstances& now, const CloseYear& body) {
  const auto found = state.budget(body.programme, body.year);
  if (!found) {
    return refuse("unknown-budget",
                  fmt::format("'{}' has no budget for {}", body.programme, body.year),
                  "name a programme and a year that were funded");
  }
  const Budget& budget = state.budgets[*found];
  if (budget.closed) {
    return refuse("year-closed", fmt::format("the year {} is closed already", body.year), "");
  }
  const OpenProgramme& programme = state.programmes.at(body.programme).opened;
  if (now.recorded_s < year_start_s(body.year + 1, programme.utc_offset_minutes)) {
    return refuse("year-runs", fmt::format("the year {} is not over", body.year),
                  "close it after its last day");
  }
  Entry entry(*found);
  const std::int64_t free_fen = budget.of(Account::free);
  if (programme.at_close == AtClose::lapse) {
    entry.move(free_fen, Account::free, Account::lapsed);
    return entry.take();
  }
  const auto next = state.budget(body.programme, body.year + 1);
  if (!next || state.budgets[*next].closed) {
    return refuse("no-next-year",
                  fmt::format("there is no open budget for {} to carry over to", body.year + 1),
                  "fund the next year first");
  }
  entry.move(free_fen, Account::free, Account::budget);
  entry.move(free_fen, Account::budget, *next, Account::free, *next);
  return entry.take();
}

}  // namespace assay::pricing::ledger
