/// How fast a ledger takes redemptions that are on the disk when the answer is given: one by one,
/// and in batches of 100. Prints both figures; exit code 1 under 2,000 a second in batches.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pricing/ledger/store.h"
#include "results/keys.h"

namespace {

using namespace assay;
using namespace assay::pricing::ledger;
namespace fs = std::filesystem;

constexpr std::int64_t kCu = 1'000'000;
constexpr std::int64_t kHour = 3600;
constexpr const char* kDigest = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

SignedOperation operation(const std::string& key, const std::string& actor, Body body,
                          const std::string& private_pem = {}) {
  SignedOperation result;
  result.operation = {"bench", key, actor, role_for(body), "bench", std::move(body)};
  if (!private_pem.empty()) add_signature(result, PrivateKey(private_pem));
  return result;
}

void must(Store& store, const SignedOperation& each) {
  const auto outcomes = store.append({&each, 1});
  if (!outcomes[0].refusal) return;
  std::fprintf(stderr, "refused: %s\n", outcomes[0].refusal->what.c_str());
  std::exit(1);
}

/// A programme, a voucher with everything reserved, and devices for `count` hours of use.
void set_up(Store& store, std::int64_t start_s, std::int64_t count) {
  const KeyPair keys = generate_key_pair();
  must(store, operation("open", "admin", OpenLedger{"admin", keys.public_pem, keys.key_id, {}},
                        keys.private_pem));
  const std::pair<const char*, Role> people[] = {{"regulator", Role::regulator},
                                                 {"issuer", Role::issuer},
                                                 {"treasurer", Role::treasurer},
                                                 {"operator", Role::operator_}};
  std::vector<KeyPair> theirs;
  for (const auto& [name, role] : people) {
    theirs.push_back(generate_key_pair());
    must(store,
         operation(name, "admin",
                   RegisterActor{name, theirs.back().public_pem, theirs.back().key_id, {role}},
                   keys.private_pem));
  }
  const std::int64_t until_s = start_s + 100'000 * kHour;
  OpenProgramme programme;
  programme.programme = "p";
  programme.stack_group = "g";
  must(store, operation("p", "regulator", programme, theirs[0].private_pem));
  SetRule rule;
  rule.programme = "p";
  rule.version = "r";
  rule.digest = kDigest;
  rule.from_s = start_s;
  rule.until_s = until_s;
  rule.share_ppm = 500'000;
  must(store, operation("r", "regulator", rule, theirs[0].private_pem));
  must(store,
       operation("c", "regulator", SetCeiling{"p", "c", kDigest, start_s, until_s, 10'000'000},
                 theirs[0].private_pem));
  must(store,
       operation("k", "regulator", RegisterCertificate{kDigest, kCu, start_s, until_s, {"gpu"}},
                 theirs[0].private_pem));
  must(store,
       operation("b", "treasurer", FundBudget{"p", 2026, count * 1'000}, theirs[2].private_pem));
  Issue issue;
  issue.voucher = "v";
  issue.programme = "p";
  issue.year = 2026;
  issue.applicant = "91310000MA1FL00000";
  issue.control_group = "g";
  issue.quantity_ucu = count * kCu;
  issue.rule_version = "r";
  issue.rate_version = "c";
  issue.expires_s = until_s;
  must(store, operation("v", "issuer", issue, theirs[1].private_pem));
  must(store, operation("reserve", "operator", Reserve{"v", count * kCu}));
}

SignedOperation redemption(std::int64_t start_s, std::int64_t hour) {
  Redeem body;
  body.redemption = "r" + std::to_string(hour);
  body.voucher = "v";
  body.quantity_ucu = kCu;
  body.certificate = kDigest;
  body.rule_version = "r";
  body.rate_version = "c";
  body.rule_amount_fen = 400;
  body.evaluation_digest = kDigest;
  body.allocation_digest = kDigest;
  body.uses = {{"gpu", start_s + hour * kHour, start_s + (hour + 1) * kHour, kCu}};
  body.invoices = {{{"91310000MA1FL00001", body.redemption, 1}, kDigest, 100'000, 80'000}};
  const auto day = static_cast<std::int32_t>((start_s + hour * kHour + 8 * kHour) / 86'400);
  body.days = {{body.redemption, day, day + 1}};
  return operation(body.redemption, "operator", body);
}

double seconds_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

/// Leaves nothing of a ledger, neither of one before nor of this one.
struct Removed {
  fs::path path;
  explicit Removed(fs::path ledger) : path(std::move(ledger)) { remove(); }
  ~Removed() { remove(); }
  Removed(const Removed&) = delete;
  Removed& operator=(const Removed&) = delete;
  void remove() const {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path.string() + suffix, ignored);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const fs::path folder = argc > 1 ? fs::path(argv[1]) : fs::current_path();
  const fs::path path = folder / "bench.ledger";
  const Removed none_left(path);
  constexpr std::int64_t kSingle = 1'000;
  constexpr std::int64_t kBatches = 100;
  constexpr std::int64_t kBatch = 100;
  constexpr std::int64_t kAll = kSingle + kBatches * kBatch;
  const std::int64_t now_s = std::chrono::duration_cast<std::chrono::seconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
  const std::int64_t start_s = now_s / kHour * kHour - (kAll + 1) * kHour;
  Store store(path, Database::Mode::create);
  set_up(store, start_s, kAll);

  std::int64_t hour = 0;
  auto then = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < kSingle; ++i) must(store, redemption(start_s, hour++));
  const double single = static_cast<double>(kSingle) / seconds_since(then);
  then = std::chrono::steady_clock::now();
  for (std::int64_t b = 0; b < kBatches; ++b) {
    std::vector<SignedOperation> batch;
    for (std::int64_t i = 0; i < kBatch; ++i) batch.push_back(redemption(start_s, hour++));
    for (const Outcome& outcome : store.append(batch)) {
      if (outcome.refusal) {
        std::fprintf(stderr, "refused: %s\n", outcome.refusal->what.c_str());
        return 1;
      }
    }
  }
  const double batched = static_cast<double>(kBatches * kBatch) / seconds_since(then);
  then = std::chrono::steady_clock::now();
  const std::int64_t count = Store(path, Database::Mode::read).head().count;
  std::printf("durable redemptions a second: %.0f one by one, %.0f in batches of %lld\n", single,
              batched, static_cast<long long>(kBatch));
  std::printf("opening a ledger of %lld entries: %.2f s\n", static_cast<long long>(count),
              seconds_since(then));
  return batched >= 2'000 ? 0 : 1;
}
