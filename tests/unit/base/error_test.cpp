/// The one exception: its line and its exit code.
#include "base/error.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(Error, LineSaysWhereWhatAndHowToMend) {
  EXPECT_EQ(input_error("is not JSON", "result.json", "run assay run again").line(),
            "result.json: is not JSON (run assay run again)");
}

TEST(Error, LineLeavesOutWhatIsNotThere) {
  EXPECT_EQ(input_error("is not JSON").line(), "is not JSON");
  EXPECT_EQ(input_error("is not JSON", "result.json").line(), "result.json: is not JSON");
  EXPECT_EQ(input_error("is not JSON", "", "write JSON").line(), "is not JSON (write JSON)");
}

TEST(Error, CodesAreTheVerdict) {
  EXPECT_EQ(input_error("x").code(), ExitCode::usage);
  EXPECT_EQ(check_error("x").code(), ExitCode::failed_check);
  EXPECT_EQ(static_cast<int>(ExitCode::success), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::failed_check), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::usage), 2);
}

TEST(Error, IsAStandardException) {
  try {
    throw check_error("the signature does not hold", "certificate.json", "ask for a new one");
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the signature does not hold");
  }
}

}  // namespace
}  // namespace assay
