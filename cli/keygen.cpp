/// assay keygen: makes the laboratory's signing key.
#include <filesystem>
#include <memory>

#include "results/keys.h"
#include "support/context.h"

namespace assay::cli {

void add_keygen(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::filesystem::path>("laboratory.key");
  CLI::App* command = add_command(
      app, context, "keygen", "Make an Ed25519 key pair for signing certificates and rate cards",
      "assay keygen -o laboratory.key", [path, &context] {
        const KeyPair keys = generate_key_pair();
        write_key_pair(*path, keys);
        const std::string public_path = path->string() + ".pub";
        say(context, "private key  " + path->string() + "  (mode 0600: keep it)\npublic key   " +
                         public_path + "  (give it to whoever verifies)\nkey id       " +
                         keys.key_id);
        say_json(context, {{"private_key", path->string()},
                           {"public_key", public_path},
                           {"key_id", keys.key_id}});
      });
  command->add_option("-o,--output", *path, "File of the private key; .pub is added for the public")
      ->capture_default_str();
}

}  // namespace assay::cli
