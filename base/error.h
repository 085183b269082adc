#pragma once
/// The one exception type of Assay. It carries what a user must read, in one line: what went
/// wrong, where (a path, a JSON path, a workload), and how to mend it.
#include <stdexcept>
#include <string>

namespace assay {

/// Process exit codes. They are the verdict, so scripts may rely on them.
enum class ExitCode : int {
  success = 0,
  failed_check = 1,  ///< a measurement, proof, signature or audit did not hold
  usage = 2,         ///< wrong arguments or unusable input
};

class Error : public std::runtime_error {
 public:
  /// `what`: what is wrong. `where`: the file, JSON path, workload or call it is about; may be
  /// empty. `mend`: what the user can do about it; may be empty.
  Error(ExitCode code, const std::string& what, std::string where = {}, std::string mend = {});

  [[nodiscard]] ExitCode code() const { return code_; }
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] const std::string& mend() const { return mend_; }
  /// "where: what (mend)", the one line a user sees.
  [[nodiscard]] std::string line() const;

 private:
  ExitCode code_;
  std::string where_;
  std::string mend_;
};

/// Unusable arguments or input: exit code 2.
[[nodiscard]] Error input_error(const std::string& what, std::string where = {},
                                std::string mend = {});
/// Something that was checked and did not hold: exit code 1.
[[nodiscard]] Error check_error(const std::string& what, std::string where = {},
                                std::string mend = {});

}  // namespace assay
