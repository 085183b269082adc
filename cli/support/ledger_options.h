#pragma once
/// What the commands of vouchers and ledgers share: options of who asks, and saying what was done.
#include "pricing/ledger/ledger_run.h"
#include "support/context.h"

namespace assay::cli {

void add_ledger_option(CLI::App& command, std::filesystem::path& ledger);

/// --ledger, --actor, --reason, --key, --sign, --draft.
void add_request_options(CLI::App& command, pricing::ledger::Request& request);

/// Text or document, and the exit code.
void say_all(Context& context, const pricing::ledger::Said& said);

}  // namespace assay::cli
