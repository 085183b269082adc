#include "support/standard_output.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/error.h"

namespace assay::cli {
namespace {

[[noreturn]] void fail(int error_number) {
  throw input_error("cannot write: " + std::generic_category().message(error_number),
                    "standard output", "the results are not all there");
}

}  // namespace

void write_output(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail(errno);
}

void flush_output() {
  if (std::fflush(stdout) != 0) fail(errno);
}

}  // namespace assay::cli
