/// What was answered is kept, once: under kill -9 at random points, and with every call to the file
/// system of one append broken once.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "faulty_vfs.h"
#include "pricing/ledger/check.h"
#include "signed_scenario.h"
#include "support/temporary_folder.h"

namespace assay::pricing::ledger::test {
namespace {

namespace fs = std::filesystem;

void expect_sound(const fs::path& path) {
  for (const CheckLine& line : check_ledger({path, {}, {}}).lines) {
    EXPECT_TRUE(line.passed) << line.name << ": " << line.detail;
  }
}

class Faults : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return folder_.path() / "test.ledger"; }
  [[nodiscard]] fs::path base() const { return folder_.path() / "base.ledger"; }

  void make_base() const {
    Store store(base(), Database::Mode::create);
    append_all(store, signed_operations(small_scenario()));
  }
  void take_base() const {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(path().string() + suffix);
    fs::copy_file(base(), path());
  }
  [[nodiscard]] std::map<std::string, int> entries_by_key() const {
    Store store(path(), Database::Mode::read);
    std::map<std::string, int> keys;
    for (const StoredRecord& stored : store.records()) ++keys[stored.record.operation.key];
    return keys;
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(Faults, EveryCallOfOneAppendBrokenOnce) {
  make_base();
  const SignedOperation operation = by_operator("the-one", redeem("r", "v", 4 * kCu, 0, 1'500));
  /// Opens, appends, closes; whether the append was answered.
  const auto run = [&](int call, DiskFault fault) {
    take_base();
    begin_faults(call, fault);
    try {
      Store store(path(), Database::Mode::write, faulty_vfs());
      const auto outcomes = store.append({&operation, 1});
      return outcomes.at(0).id > 0;
    } catch (const Error& error) {
      EXPECT_NE(error.line(), "");
      return false;
    }
  };
  ASSERT_TRUE(run(0, DiskFault::eio));
  const std::vector<std::string> calls = faulty_calls();
  const std::set<std::string> kinds(calls.begin(), calls.end());
  for (const char* kind : {"open", "read", "write", "sync", "lock", "lock shared"}) {
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
  int answered = 0;
  int struck = 0;
  for (const DiskFault fault : {DiskFault::eio, DiskFault::enospc, DiskFault::short_write}) {
    for (int call = 1; call <= static_cast<int>(calls.size()); ++call) {
      const bool was_answered = run(call, fault);
      struck += fault_has_struck() ? 1 : 0;
      answered += was_answered ? 1 : 0;
      begin_faults(0, fault);
      const std::string what = calls[static_cast<std::size_t>(call) - 1] + " " +
                               std::to_string(call) + ", fault " +
                               std::to_string(static_cast<int>(fault));
      if (was_answered) {
        EXPECT_EQ(entries_by_key()["the-one"], 1) << what;
      }
      // Posted again under its key, it stands once, whatever had become of it.
      Store store(path(), Database::Mode::write);
      const auto outcomes = store.append({&operation, 1});
      EXPECT_GT(outcomes.at(0).id, 0) << what;
      EXPECT_TRUE(outcomes.at(0).was_there || !was_answered) << what;
      EXPECT_EQ(entries_by_key()["the-one"], 1) << what;
      expect_sound(path());
      if (::testing::Test::HasFailure()) return;
    }
  }
  std::printf("%zu calls, each broken three ways: %d struck, %d were answered all the same\n",
              calls.size(), struck, answered);
  EXPECT_EQ(struck, static_cast<int>(calls.size()) * 3);
  EXPECT_LT(answered, struck);
}

/// Reserves and releases until it is killed; tells each answer on the pipe.
[[noreturn]] void work(const fs::path& path, const std::string& prefix, int pipe) {
  Store store(path, Database::Mode::write);
  for (int i = 0;; ++i) {
    const Body body = i % 2 == 0 ? Body(Reserve{"v", 10}) : Body(Release{"v", 10});
    const SignedOperation operation = by_operator(prefix + std::to_string(i), body);
    const auto outcomes = store.append({&operation, 1});
    if (outcomes[0].id == 0) std::_Exit(3);
    const std::string line = operation.operation.key + "\n";
    if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      std::_Exit(4);
    }
  }
}

/// Two writers, both killed at a random moment. Every answer they gave is in the ledger once, and
/// the one that either waited for stands at most once, and exactly once after it is posted again.
TEST_F(Faults, KilledAtRandomPointsUnderLoad) {
  const char* wanted = std::getenv("ASSAY_KILLS");
  const int kills = wanted == nullptr ? 20 : std::atoi(wanted);
  ASSERT_GT(kills, 0);
  make_base();
  take_base();
  std::mt19937 random(20261129);
  std::set<std::string> answered;
  int killed = 0;
  for (int round = 0; killed < kills; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    std::vector<std::pair<pid_t, std::string>> writers;
    for (int w = 0; w < 2; ++w) {
      const std::string prefix = "k" + std::to_string(round) + (w == 0 ? "a" : "b") + "-";
      const pid_t child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) work(path(), prefix, ends[1]);
      writers.emplace_back(child, prefix);
    }
    ::close(ends[1]);
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution<int>(15'000, 90'000)(random)));
    for (const auto& [child, prefix] : writers) {
      ASSERT_EQ(::kill(child, SIGKILL), 0);
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status)) << "a writer ended by itself: " << WEXITSTATUS(status);
      ++killed;
    }
    std::string said;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
      said.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    for (std::size_t start = 0, end = 0; (end = said.find('\n', start)) != std::string::npos;
         start = end + 1) {
      answered.insert(said.substr(start, end - start));
    }
    // What each waited for when it died: posted again, it stands once.
    for (const auto& [child, prefix] : writers) {
      int next = 0;
      while (answered.contains(prefix + std::to_string(next))) ++next;
      const Body body = next % 2 == 0 ? Body(Reserve{"v", 10}) : Body(Release{"v", 10});
      Store store(path(), Database::Mode::write);
      const SignedOperation again = by_operator(prefix + std::to_string(next), body);
      ASSERT_GT(store.append({&again, 1})[0].id, 0);
      answered.insert(again.operation.key);
    }
  }
  const auto keys = entries_by_key();
  for (const std::string& key : answered) {
    const auto found = keys.find(key);
    EXPECT_TRUE(found != keys.end() && found->second == 1) << key;
  }
  // Nothing but what was answered and what was there before: nothing doubled, nothing made up.
  std::size_t by_writers = 0;
  for (const auto& [key, count] : keys) {
    EXPECT_EQ(count, 1) << key;
    if (key.find("a-") != std::string::npos || key.find("b-") != std::string::npos) ++by_writers;
  }
  EXPECT_EQ(by_writers, answered.size());
  expect_sound(path());
  std::printf("%d kills, %zu entries answered, none lost or doubled\n", killed, answered.size());
  EXPECT_GT(answered.size(), static_cast<std::size_t>(kills));
}

}  // namespace
}  // namespace assay::pricing::ledger::test
