#include "harness/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "harness/interrupt.h"

namespace assay::harness {
namespace {

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

Error no_process(int error) {
  return check_error(fmt::format("can't start a process: {}", std::strerror(error)), "assay run");
}

/// The parent's environment with some variables set.
std::vector<std::string> merged_environment(const std::map<std::string, std::string>& set) {
  std::vector<std::string> merged;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!set.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : set) merged.push_back(fmt::format("{}={}", name, value));
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

pid_t spawn(const ChildRequest& request, int lines) {
  std::vector<std::string> arguments = {"assay"};
  arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
  std::vector<std::string> environment = merged_environment(request.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, lines, kChildLines);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int error = posix_spawn(&child, request.program.c_str(), &actions, &attributes,
                                pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw no_process(error);
  return child;
}

void hand_out_lines(std::string& pending, const ChildRequest& request) {
  for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
    if (request.on_line) request.on_line(pending.substr(0, end));
    pending.erase(0, end + 1);
  }
}

/// Reads lines until the child closes its end, passing interrupts on.
void attend(pid_t child, int lines, const ChildRequest& request) {
  constexpr int kIdleMs = 200;
  std::string pending;
  int passed_on = 0;
  while (true) {
    pollfd waiting{lines, POLLIN, 0};
    const int ready = poll(&waiting, 1, kIdleMs);
    const int interrupts = interrupt_count();
    if (interrupts > 0 && passed_on == 0) kill(child, SIGINT);
    if (interrupts > 1 && passed_on < 2) kill(child, SIGKILL);
    passed_on = interrupts;
    if (request.on_idle) request.on_idle();
    if (ready <= 0) continue;  // time, or a signal
    std::array<char, 4096> buffer;
    const ssize_t size = read(lines, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    pending.append(buffer.data(), static_cast<std::size_t>(size));
    hand_out_lines(pending, request);
  }
}

}  // namespace

std::string ChildOutcome::text() const {
  return signal != 0 ? fmt::format("signal {} ({})", signal, strsignal(signal))
                     : fmt::format("exit code {}", exit_code);
}

ChildOutcome run_child(const ChildRequest& request) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw no_process(errno);
  const File reading(ends[0]);
  File writing(ends[1]);
  const pid_t child = spawn(request, writing.get());
  writing.close();
  attend(child, reading.get(), request);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildOutcome outcome;
  if (WIFSIGNALED(status)) {
    outcome.signal = WTERMSIG(status);
  } else {
    outcome.exit_code = WEXITSTATUS(status);
  }
  return outcome;
}

}  // namespace assay::harness
