#pragma once
/// Expectations about errors: that one is thrown, of which kind, and what its line says.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace assay {

/// The one line that `act` fails with; a test failure where it does not throw assay::Error, fails
/// with another exit code, or says more than one line.
template <class Act>
std::string error_line(const Act& act, ExitCode code = ExitCode::usage) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.line();
    EXPECT_EQ(error.line().find('\n'), std::string::npos) << error.line();
    EXPECT_FALSE(std::string(error.what()).empty());
    return error.line();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

/// Expects an input error whose line has all of `parts`.
template <class Act>
void expect_input_error(const Act& act, const std::vector<std::string>& parts) {
  const std::string line = error_line(act);
  for (const std::string& part : parts) {
    EXPECT_NE(line.find(part), std::string::npos) << "\"" << part << "\" is not in: " << line;
  }
}

}  // namespace assay
