/// assay ledger: opening, posting, checking, anchoring and exporting a ledger of vouchers.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pricing/ledger/ledger_run.h"
#include "pricing/ledger/redeem_run.h"
#include "support/context.h"
#include "support/ledger_options.h"

namespace assay::cli {
namespace {

namespace ledger = pricing::ledger;
using Path = std::filesystem::path;

struct LedgerOptions {
  ledger::Request request;
  std::string name;
  std::string second_signature_above;
  std::vector<Path> files;
  ledger::HeldAgainst against;
  std::vector<std::string> devices;
  Path anchors;
  Path key;
  std::string format;
  Path output;
  std::string programme;
  int year = 0;
  Path payments;
  Path bank;
};

void add_open(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "open", "Open a new ledger",
      "assay ledger open --ledger city.ledger --name city --actor chen --reason 'council decision' "
      "--second-signature-above 100000 --sign chen.key",
      [options, &context] {
        say_all(context, ledger::open_ledger(options->request, options->name,
                                             options->second_signature_above));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("--name", options->name, "The ledger's name, which operations carry")
      ->required();
  command->add_option("--actor", options->request.actor, "Its first administrator")->required();
  command->add_option("--reason", options->request.reason, "Why")->required();
  command->add_option("--sign", options->request.sign, "The administrator's private key")
      ->required();
  command->add_option("--second-signature-above", options->second_signature_above,
                      "CNY; above it, and for every change of a rule, two must sign");
}

void add_filed_options(CLI::App& command, ledger::Filed& filed, const std::string& what_for) {
  command
      .add_option(
          "--documents", filed.documents,
          "Folder of claims, programmes and certificates, or a file; may be repeated: " + what_for)
      ->allow_extra_args(false);
  command.add_option("--laboratory-key", filed.laboratory_key,
                     "Public key of the laboratory that signed the certificates");
}

void add_post(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "post",
      "Post operations from documents: actors, programmes, rules, ceilings, certificates, budgets, "
      "awards, and all others",
      "assay ledger post --ledger city.ledger fund-2026.json --sign sun.key", [options, &context] {
        say_all(context,
                ledger::post_files(options->request, options->files, options->against.filed));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("operations", options->files, "Documents; a .jsonl has one on each line")
      ->required();
  command->add_option("--sign", options->request.sign, "Private key that signs each of them");
  add_filed_options(*command, options->against.filed,
                    "a redemption on a claim is posted only where they give its amount again");
}

void add_certificate(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "certificate",
      "Register a certificate by its document: K_cert, time, basket and devices are read from it",
      "assay ledger certificate certificate.json --laboratory-key laboratory.key.pub --ledger "
      "city.ledger --actor zhao --reason 'new site' --sign zhao.key --sign zhou.key",
      [options, &context] {
        say_all(context, ledger::register_certificate(options->request, options->files.at(0),
                                                      options->key, options->devices));
      });
  add_request_options(*command, options->request);
  command->add_option("certificate", options->files, "Certificate")->required()->expected(1);
  command
      ->add_option("--laboratory-key", options->key, "Public key of the laboratory that signed it")
      ->required();
  command->add_option("--device", options->devices,
                      "Device that it is of, where it names none by UUID");
}

void add_sign(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "sign", "Add a signature to an operation's document",
      "assay ledger sign fund-2026.json --sign sun.key", [options, &context] {
        say_all(context, ledger::sign_file(options->request.sign, options->files.at(0)));
      });
  command->add_option("operation", options->files, "Document")->required()->expected(1);
  command->add_option("--sign", options->request.sign, "Private key")->required();
}

void add_check(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "check",
      "Check everything again: file, chain, signatures, invariants, balances, documents, anchors",
      "assay ledger check --ledger city.ledger --anchors city.anchors --anchor-key sun.key.pub",
      [options, &context] {
        say_all(context, ledger::check(options->request.ledger, options->against));
      });
  add_ledger_option(*command, options->request.ledger);
  ledger::HeldAgainst& against = options->against;
  command->add_option("--anchors", against.anchors, "File of signed heads");
  command->add_option("--anchor-key", against.anchor_key, "Public key that signed them");
  add_filed_options(*command, against.filed, "amounts and K_cert are derived from them again");
}

void add_anchor(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "anchor", "Sign the head and append it to a file of anchors (daily)",
      "assay ledger anchor --ledger city.ledger --anchors city.anchors --sign sun.key",
      [options, &context] {
        say_all(context, ledger::anchor(options->request.ledger, options->anchors, options->key));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("--anchors", options->anchors, "File that is appended to")->required();
  command->add_option("--sign", options->key, "Private key")->required();
}

void add_export(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "export", "Write the ledger for hledger or as FOCUS cost rows",
      "assay ledger export --ledger city.ledger --format hledger -o city.journal",
      [options, &context] {
        say_all(context,
                ledger::export_ledger(options->request.ledger, options->format, options->output));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("--format", options->format, "hledger, focus-1.2 or focus-1.4")->required();
  command->add_option("-o,--output", options->output, "File")->required();
}

void add_statement(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "statement", "Budgets of each programme and year, and CU delivered per yuan",
      "assay ledger statement --ledger city.ledger --programme p", [options, &context] {
        say_all(context, ledger::statement(options->request.ledger, options->programme));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("--programme", options->programme, "One programme; all without");
}

void add_close(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "close", "Close a programme's year: free money lapses or is carried over",
      "assay ledger close --ledger city.ledger --programme p --year 2026 --actor sun --reason "
      "'year end' --sign sun.key",
      [options, &context] {
        say_all(context, ledger::post_body(options->request,
                                           ledger::CloseYear{options->programme, options->year}));
      });
  add_request_options(*command, options->request);
  command->add_option("--programme", options->programme, "Programme")->required();
  command->add_option("--year", options->year, "Year that is over")->required();
}

void add_reconcile(CLI::App& parent, Context& context) {
  auto options = std::make_shared<LedgerOptions>();
  CLI::App* command = add_command(
      parent, context, "reconcile",
      "Hold paid, payable and receivable against a payment file and a bank statement",
      "assay ledger reconcile --ledger city.ledger --payments run.csv --bank bank.csv",
      [options, &context] {
        say_all(context,
                ledger::reconcile_files(options->request.ledger, options->payments, options->bank));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("--payments", options->payments,
                      "CSV: payment_reference, amount_cny[, date]");
  command->add_option("--bank", options->bank,
                      "CSV: reference, direction (in or out), amount_cny[, date]");
}

}  // namespace

void add_ledger(CLI::App& app, Context& context) {
  CLI::App* parent =
      app.add_subcommand("ledger", "Open, check, anchor, export and close a ledger of vouchers");
  parent->require_subcommand(1);
  parent->footer(
      "Help: assay ledger <command> --help. The vouchers in it: assay voucher.\n"
      "Example: assay ledger check --ledger city.ledger --anchors city.anchors "
      "--anchor-key sun.key.pub");
  add_open(*parent, context);
  add_post(*parent, context);
  add_certificate(*parent, context);
  add_sign(*parent, context);
  add_check(*parent, context);
  add_anchor(*parent, context);
  add_export(*parent, context);
  add_statement(*parent, context);
  add_close(*parent, context);
  add_reconcile(*parent, context);
}

}  // namespace assay::cli
