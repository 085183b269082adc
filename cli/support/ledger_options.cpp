#include "support/ledger_options.h"

namespace assay::cli {

void add_ledger_option(CLI::App& command, std::filesystem::path& ledger) {
  command.add_option("--ledger", ledger, "The ledger's file")->required();
}

void add_request_options(CLI::App& command, pricing::ledger::Request& request) {
  add_ledger_option(command, request.ledger);
  command.add_option("--actor", request.actor, "Who asks, as registered")->required();
  command.add_option("--reason", request.reason, "Why")->required();
  command.add_option("--key", request.key,
                     "Idempotency key: posting again under it changes nothing; random by default");
  command.add_option("--sign", request.sign,
                     "Private key of the actor; a second time for a second signature");
  command.add_option("--draft", request.draft,
                     "Write the operation to this file instead of posting it");
}

void say_all(Context& context, const pricing::ledger::Said& said) {
  say(context, said.text);
  say_json(context, said.document);
  if (!said.failure.empty()) context.failure = check_error(said.failure);
}

}  // namespace assay::cli
