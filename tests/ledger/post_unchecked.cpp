/// Posts an operation as a program of one's own would: by the rules alone, held against no
/// documents.
///
///   post_unchecked LEDGER OPERATION
#include <iostream>

#include "base/error.h"
#include "pricing/ledger/store.h"
#include "results/document.h"

int main(int argument_count, char** arguments) {
  using namespace assay;
  using namespace pricing::ledger;
  if (argument_count != 3) {
    std::cerr << "usage: post_unchecked LEDGER OPERATION\n";
    return 2;
  }
  try {
    Store store(arguments[1], Database::Mode::write);
    const SignedOperation operation =
        operation_from_document(parse_json(read_file(arguments[2]), arguments[2]), arguments[2]);
    const Outcome outcome = store.append({&operation, 1}).at(0);
    if (!outcome.refusal) return 0;
    std::cerr << outcome.refusal->what << '\n';
    return 1;
  } catch (const Error& error) {
    std::cerr << error.line() << '\n';
    return 2;
  }
}
