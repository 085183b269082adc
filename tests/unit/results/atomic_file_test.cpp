/// Atomic writes: all or nothing, and nothing left behind.
#include "results/atomic_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "results/document.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public testing::Test {
 protected:
  [[nodiscard]] fs::path at(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      all.push_back(entry.path().filename().string());
    }
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  TemporaryFolder folder_;
};

/// While it lives, files may not grow beyond `bytes`: it stands for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : kept_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &kept_);
    rlimit limit = kept_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &kept_);
    ::signal(SIGXFSZ, kept_handler_);
  }

 private:
  rlimit kept_{};
  void (*kept_handler_)(int);
};

TEST_F(AtomicFile, WritesAndReplaces) {
  write_file_atomically(at("a"), "first");
  EXPECT_EQ(read_file(at("a")), "first");
  const std::string large(3'000'000, 'x');
  write_file_atomically(at("a"), large);
  EXPECT_EQ(read_file(at("a")), large);
  write_file_atomically(at("empty"), "");
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "empty"}));
}

TEST_F(AtomicFile, RelativePaths) {
  const fs::path before = fs::current_path();
  fs::current_path(at(""));
  write_file_atomically("b", "text");
  fs::current_path(before);
  EXPECT_EQ(read_file(at("b")), "text");
}

TEST_F(AtomicFile, SetsTheMode) {
  write_file_atomically(at("secret"), "text", {.mode = 0600});
  struct stat status {};
  ASSERT_EQ(::stat(at("secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AtomicFile, KeepsWhatItMayNotReplace) {
  write_file_atomically(at("a"), "old");
  expect_input_error([&] { write_file_atomically(at("a"), "new", {.replace = false}); },
                     {at("a").string(), "exists"});
  EXPECT_EQ(read_file(at("a")), "old");
  write_file_atomically(at("b"), "new", {.replace = false});
  EXPECT_EQ(read_file(at("b")), "new");
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(AtomicFile, FullDiskLeavesTheOldFile) {
  write_file_atomically(at("a"), "old");
  {
    const FileSizeLimit limit(4096);
    expect_input_error([&] { write_file_atomically(at("a"), std::string(10'000, 'x')); },
                       {at("a").string(), "cannot write"});
    expect_input_error([&] { write_file_atomically(at("b"), std::string(10'000, 'x')); },
                       {at("b").string(), "cannot write"});
  }
  EXPECT_EQ(read_file(at("a")), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(AtomicFile, FollowsSymbolicLinks) {
  write_file_atomically(at("file"), "old");
  fs::create_symlink("file", at("link"));
  write_file_atomically(at("link"), "new");
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read_file(at("file")), "new");
  fs::create_symlink("nothing-there-yet", at("dangling"));
  write_file_atomically(at("dangling"), "made");
  EXPECT_EQ(read_file(at("nothing-there-yet")), "made");
}

TEST_F(AtomicFile, SaysBeforehandWhatCannotBeWritten) {
  check_file_can_be_written(at("new"));
  check_folder_can_be_made(at("new") / "deep" / "er");
  EXPECT_FALSE(fs::exists(at("new")));
  expect_input_error([&] { check_file_can_be_written(at("none") / "a"); },
                     {"none", "No such file"});
  expect_input_error([&] { check_file_can_be_written(at("")); }, {"directory"});
  write_file_atomically(at("file"), "x");
  expect_input_error([&] { check_file_can_be_written(at("file") / "a"); }, {"file/a", "Not a dir"});
  expect_input_error([&] { check_folder_can_be_made(at("file") / "a" / "b"); }, {"Not a dir"});
  EXPECT_EQ(read_file(at("file")), "x");
}

TEST_F(AtomicFile, RefusesWhatIsNoFile) {
  expect_input_error([&] { write_file_atomically(at("none") / "a", "x"); }, {"No such file"});
  expect_input_error([&] { write_file_atomically(at(""), "x"); }, {"directory"});
  expect_input_error([&] { write_file_atomically(fs::path(), "x"); }, {"cannot write"});
  // Stands for a device node such as /dev/null, which a rename by root would replace; a test that
  // tried the real one would do that harm where the guard is broken.
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  expect_input_error([&] { write_file_atomically(at("pipe"), "x"); }, {"pipe", "regular"});
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
  fs::create_symlink("pipe", at("link"));
  expect_input_error([&] { write_file_atomically(at("link"), "x"); }, {"link", "regular"});
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
  fs::remove(at("link"));
  fs::remove(at("pipe"));
  write_file_atomically(at("file"), "x");
  expect_input_error([&] { write_file_atomically(at("file") / "a", "x"); }, {"directory"});
  EXPECT_EQ(names(), std::vector<std::string>{"file"});
}

TEST_F(AtomicFile, UnwritableFolder) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  fs::permissions(at(""), fs::perms::owner_read | fs::perms::owner_exec);
  expect_input_error([&] { write_file_atomically(at("a"), "x"); }, {"Permission denied"});
  fs::permissions(at(""), fs::perms::owner_all);
}

}  // namespace
}  // namespace assay
