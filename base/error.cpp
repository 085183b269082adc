#include "base/error.h"

#include <utility>

namespace assay {

Error::Error(ExitCode code, const std::string& what, std::string where, std::string mend)
    : std::runtime_error(what), code_(code), where_(std::move(where)), mend_(std::move(mend)) {}

std::string Error::line() const {
  std::string text;
  if (!where_.empty()) text += where_ + ": ";
  text += what();
  if (!mend_.empty()) text += " (" + mend_ + ")";
  return text;
}

Error input_error(const std::string& what, std::string where, std::string mend) {
  return {ExitCode::usage, what, std::move(where), std::move(mend)};
}

Error check_error(const std::string& what, std::string where, std::string mend) {
  return {ExitCode::failed_check, what, std::move(where), std::move(mend)};
}

}  // namespace assay
