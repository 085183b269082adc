/// assay voucher: the life of a compute voucher, each step an entry of the ledger.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "pricing/ledger/decimal.h"
#include "pricing/ledger/ledger_run.h"
#include "pricing/ledger/quantity.h"
#include "pricing/ledger/redeem_run.h"
#include "support/context.h"
#include "support/ledger_options.h"

namespace assay::cli {
namespace {

namespace ledger = pricing::ledger;

/// As the options give it; numbers are read when the command runs, so that errors name the option.
struct Options {
  ledger::Request request;
  ledger::Issue issue;
  std::string voucher;
  std::string redemption;
  std::string quantity;
  std::string expires;
  std::string payment;

  [[nodiscard]] std::int64_t quantity_ucu() const {
    return ledger::parse_fixed(quantity, ledger::kCuDecimals, "--cu");
  }
};

using Pointer = std::shared_ptr<Options>;

CLI::App* add_step(CLI::App& voucher, Context& context, const Pointer& options,
                   const std::string& name, const std::string& description,
                   const std::string& example, std::function<ledger::Body(Options&)> body) {
  CLI::App* command = add_command(
      voucher, context, name, description, example, [options, &context, body = std::move(body)] {
        say_all(context, ledger::post_body(options->request, body(*options)));
      });
  add_request_options(*command, options->request);
  return command;
}

void add_issue(CLI::App& voucher, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_step(voucher, context, options, "issue", "Issue CU of a programme to an applicant",
               "assay voucher issue --ledger city.ledger --voucher v-1 --programme p --year 2026 "
               "--applicant "
               "91310000MA1FL00000 --cu 1000 --rule-version r1 --rate-version c1 --expires "
               "2027-06-30T16:00:00Z --actor li --reason 'round 1' --sign li.key",
               [](Options& o) {
                 o.issue.quantity_ucu = o.quantity_ucu();
                 o.issue.expires_s = ledger::parse_instant_s(o.expires, "--expires");
                 if (o.issue.control_group.empty()) o.issue.control_group = o.issue.applicant;
                 return o.issue;
               });
  ledger::Issue& issue = options->issue;
  command->add_option("--voucher", issue.voucher, "Name of the new voucher")->required();
  command->add_option("--programme", issue.programme, "Programme that pays")->required();
  command->add_option("--year", issue.year, "Year whose budget is committed")->required();
  command->add_option("--applicant", issue.applicant, "Unified social credit code")->required();
  command->add_option("--control-group", issue.control_group,
                      "Group that shares a cap; the applicant alone by default");
  command->add_option("--cu", options->quantity, "CU, at most 6 decimals")->required();
  command->add_option("--rule-version", issue.rule_version, "Rule in force")->required();
  command->add_option("--rate-version", issue.rate_version, "Rate ceiling in force")->required();
  command->add_option("--expires", options->expires, "Instant of expiry, UTC")->required();
  command->add_option("--award", issue.award, "Award, where the programme pays by award");
}

void add_show(CLI::App& voucher, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      voucher, context, "show", "Show one voucher, or list all",
      "assay voucher show --ledger city.ledger v-1", [options, &context] {
        say_all(context, ledger::show_vouchers(options->request.ledger, options->voucher));
      });
  add_ledger_option(*command, options->request.ledger);
  command->add_option("voucher", options->voucher, "Its name; all without");
}

void add_quantity_steps(CLI::App& voucher, Context& context) {
  const auto quantity = [](CLI::App* command, const Pointer& options) {
    command->add_option("--cu", options->quantity, "CU, at most 6 decimals")->required();
  };
  auto reserve = std::make_shared<Options>();
  CLI::App* command = add_step(
      voucher, context, reserve, "reserve",
      "Reserve CU for a use to come; --release gives reserved CU back",
      "assay voucher reserve --ledger city.ledger --voucher v-1 --cu 100 --actor wang --reason "
      "'order 17'",
      [](Options& o) -> ledger::Body {
        if (o.redemption == "release") return ledger::Release{o.voucher, o.quantity_ucu()};
        return ledger::Reserve{o.voucher, o.quantity_ucu()};
      });
  command->add_option("--voucher", reserve->voucher, "Voucher")->required();
  quantity(command, reserve);
  command->add_flag_callback(
      "--release", [reserve] { reserve->redemption = "release"; }, "Give reserved CU back");

  auto refund = std::make_shared<Options>();
  command = add_step(voucher, context, refund, "refund", "Give redeemed CU back to their voucher",
                     "assay voucher refund --ledger city.ledger --redemption r-1 --cu 2.5 --actor "
                     "wang --reason 'job failed'",
                     [](Options& o) {
                       return ledger::Refund{o.redemption, o.quantity_ucu()};
                     });
  command->add_option("--redemption", refund->redemption, "Redemption")->required();
  quantity(command, refund);

  auto claw = std::make_shared<Options>();
  command =
      add_step(voucher, context, claw, "clawback",
               "Take back settled CU of a redemption, or available CU of a voucher",
               "assay voucher clawback --ledger city.ledger --redemption r-1 --cu 2.5 --actor "
               "zhao --reason 'certificate revoked' --sign zhao.key",
               [](Options& o) {
                 return ledger::ClawBack{o.redemption, o.voucher, o.quantity_ucu()};
               });
  auto* of_redemption = command->add_option("--redemption", claw->redemption, "Redemption");
  command->add_option("--voucher", claw->voucher, "Voucher")->excludes(of_redemption);
  quantity(command, claw);
}

void add_redeem(CLI::App& voucher, Context& context) {
  struct RedeemOptions {
    ledger::Request request;
    ledger::RedeemDocuments documents;
  };
  auto options = std::make_shared<RedeemOptions>();
  ledger::RedeemDocuments& documents = options->documents;
  CLI::App* command = add_command(
      voucher, context, "redeem",
      "Redeem reserved CU for use under a certificate; pays min(what the programme finds for the "
      "claim, CU x unit value)",
      "assay voucher redeem --ledger city.ledger --redemption march.json --claim claim.json "
      "--certificate certificate.json --laboratory-key laboratory.key.pub --actor wang --reason "
      "March",
      [options, &context] {
        say_all(context, ledger::redeem(options->request, options->documents));
      });
  add_request_options(*command, options->request);
  command
      ->add_option("--redemption", documents.redemption,
                   "JSON: voucher, CU, versions, uses, invoices, days (definition 'redeem' of the "
                   "schema ledger-operation, without amount and certificate)")
      ->required();
  command->add_option("--claim", documents.claim,
                      "Claim that the programme evaluates; without it the redemption states its "
                      "amount, which is for vouchers that pay by their own rate");
  command->add_option("--programme", documents.programmes,
                      "File of a programme beside the built-in ones");
  command
      ->add_option("--certificate", documents.certificate,
                   "Certificate of the devices, as registered")
      ->required();
  command
      ->add_option("--laboratory-key", documents.laboratory_key,
                   "Public key of the laboratory that signed it")
      ->required();
  command->add_option("--revocations", documents.revocations,
                      "CSV of revoked certificates: certificate, effective_utc, reason");
}

void add_settle_and_expire(CLI::App& voucher, Context& context) {
  auto settle = std::make_shared<Options>();
  CLI::App* command = add_step(
      voucher, context, settle, "settle", "Pay a redemption, and anchor the ledger",
      "assay voucher settle --ledger city.ledger --redemption r-1 --payment 2026-04-0017 --anchors "
      "city.anchors --actor sun --reason 'run of April' --sign sun.key",
      [](Options& o) {
        return ledger::Settle{o.redemption, o.payment};
      });
  command->add_option("--redemption", settle->redemption, "Redemption")->required();
  command->add_option("--payment", settle->payment, "Reference of the payment")->required();
  command->add_option("--anchors", settle->request.anchors,
                      "File that the signed head is appended to");

  auto expire = std::make_shared<Options>();
  command =
      add_step(voucher, context, expire, "expire",
               "Expire what is left of a voucher, at or after its expiry",
               "assay voucher expire --ledger city.ledger --voucher v-1 --actor wang --reason "
               "'over'",
               [](Options& o) { return ledger::Expire{o.voucher}; });
  command->add_option("--voucher", expire->voucher, "Voucher")->required();
}

}  // namespace

void add_voucher(CLI::App& app, Context& context) {
  CLI::App* voucher =
      app.add_subcommand("voucher", "Issue, reserve, redeem and settle compute vouchers");
  voucher->require_subcommand(1);
  voucher->footer(
      "Help: assay voucher <command> --help. The ledger itself: assay ledger.\n"
      "Example: assay voucher reserve --ledger city.ledger --voucher v-1 --cu 100 --actor wang "
      "--reason \"order 17\"");
  add_issue(*voucher, context);
  add_show(*voucher, context);
  add_quantity_steps(*voucher, context);
  add_redeem(*voucher, context);
  add_settle_and_expire(*voucher, context);
}

}  // namespace assay::cli
