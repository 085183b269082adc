#pragma once
/// Running this program again as a fresh process.
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace assay::harness {

/// The file descriptor at which a child finds the pipe for its lines.
inline constexpr int kChildLines = 3;

struct ChildOutcome {
  int exit_code = 0;  ///< where it exited
  int signal = 0;     ///< where a signal ended it, else 0
  [[nodiscard]] bool succeeded() const { return exit_code == 0 && signal == 0; }
  /// "exit code 2", "signal 11 (Segmentation fault)".
  [[nodiscard]] std::string text() const;
};

struct ChildRequest {
  std::string program = "/proc/self/exe";
  std::vector<std::string> arguments;               ///< without the program's name
  std::map<std::string, std::string> environment;   ///< set in addition to the parent's
  std::function<void(const std::string&)> on_line;  ///< each line the child writes to kChildLines
  std::function<void()> on_idle;                    ///< about five times a second
};

/// Runs it to its end. The child has a process group of its own, so a terminal's Ctrl-C reaches
/// only this process, which passes the first on as SIGINT and ends the child at the second
/// (harness/interrupt.h counts them). Errors: check_error where no process can be made.
[[nodiscard]] ChildOutcome run_child(const ChildRequest& request);

}  // namespace assay::harness
