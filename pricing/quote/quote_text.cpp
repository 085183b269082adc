/// A quote as JSON and as a table.
#include <algorithm>

#include "pricing/quote/quote.h"
#include "results/markdown_table.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kDecimals = 6;
constexpr int kFenDecimals = 2;
constexpr int kFewDecimals = 3;
constexpr double kPercent = 100.0;

std::string six(const Rational& figure) {
  return rounded_text(figure, kDecimals);
}

std::string cny(const Rational& amount) {
  return rounded_text(amount, kFenDecimals);
}

/// A double that is no figure of money.
std::string short_text(double value, int decimals = kFewDecimals) {
  return rounded_text(parse_decimal(shortest_decimal(value, "quote"), "quote"), decimals);
}

json count_or_null(const Rational& count) {
  return count > 0 ? json(rounded_text(count, 0)) : json(nullptr);
}

json model_json(const NamedModel& named) {
  const BasketModel& model = named.model;
  return {{"schema", {{"name", "assay.model"}, {"version", 1}}},
          {"name", named.name},
          {"source", named.source.empty() ? json(nullptr) : json(named.source)},
          {"model",
           {{"layers", model.layers},
            {"width", model.width},
            {"heads", model.heads},
            {"kv_heads", model.kv_heads},
            {"head_size", model.head_size},
            {"feed_forward", model.feed_forward},
            {"sequence", model.sequence},
            {"vocabulary", model.vocabulary},
            {"activation", model.activation},
            {"experts", model.experts},
            {"experts_per_token", model.experts_per_token},
            {"shared_experts", model.shared_experts},
            {"expert_feed_forward", model.expert_feed_forward}}}};
}

json job_json(const Job& job, const Quote& quote) {
  const char* kinds[] = {"parameters", "model", "compute_units"};
  return {{"kind", kinds[static_cast<std::size_t>(job.kind)]},
          {"name", job.name},
          {"tokens", count_or_null(job.tokens)},
          {"parameters", count_or_null(job.parameters)},
          {"active_parameters", count_or_null(job.active_parameters)},
          {"experts", job.experts},
          {"model", job.model ? model_json(*job.model) : json(nullptr)},
          {"compute_units", job.compute_units > 0 ? json(six(job.compute_units)) : json(nullptr)},
          {"width", job.width > 0 ? json(short_text(job.width)) : json(nullptr)},
          {"width_estimated", job.width_estimated},
          {"model_flops", rounded_text(quote.flops, 0)}};
}

json nearest_json(const Quote& quote) {
  if (!quote.nearest) return nullptr;
  return {{"item", quote.nearest->name},
          {"width", short_text(quote.nearest->width)},
          {"distance", short_text(quote.nearest->distance)},
          {"beyond_basket_sizes", quote.nearest->beyond_sizes},
          {"longer_sequence", quote.nearest->longer_sequence}};
}

std::string range(const std::string& low, const std::string& high) {
  return low == high ? low : low + ".." + high;
}

json voucher_json(const QuoteRow& row) {
  if (!row.voucher) return nullptr;
  const Voucher& voucher = *row.voucher;
  const bool paid = voucher.why.empty();
  return {{"kind", voucher.kind},
          {"low_cny", paid ? json(cny(voucher.low)) : json(nullptr)},
          {"high_cny", paid ? json(cny(voucher.high)) : json(nullptr)},
          {"why", voucher.why}};
}

std::string voucher_text(const QuoteRow& row) {
  if (!row.voucher) return "-";
  const Voucher& voucher = *row.voucher;
  if (!voucher.why.empty()) return voucher.kind;
  const std::string amount = range(cny(voucher.low), cny(voucher.high));
  return voucher.kind == "figure"    ? amount
         : voucher.kind == "at_most" ? "at most " + amount
                                     : "one of " + amount;
}

json figures_json(const QuoteRow& row) {
  if (!row.reason.empty()) return nullptr;
  return {{"item", row.item},
          {"pflops", six(row.pflops)},
          {"gang",
           {{"measured_devices", row.gang.measured_devices},
            {"factor", six(row.gang.factor)},
            {"eta", row.gang.eta ? json(six(*row.gang.eta)) : json(nullptr)},
            {"price_factor", six(1 / row.gang.factor)}}},
          {"at_least", row.gang.at_least},
          {"hours", six(row.hours)},
          {"hours_relative_expanded",
           row.hours_relative ? json(short_text(*row.hours_relative, kDecimals)) : json(nullptr)},
          {"billed_cu", six(row.billed_cu)},
          {"price_cny", {{"low", cny(row.price_low)}, {"high", cny(row.price_high)}}},
          {"voucher", voucher_json(row)},
          {"pays_cny", cny(row.pays())}};
}

bool has_price(const QuoteRow& row) {
  return row.offer.high > 0;
}

json row_json(const QuoteRow& row) {
  const Offer& offer = row.offer;
  return {{"seller", offer.seller},
          {"site", offer.site},
          {"sku", offer.sku},
          {"basis", offer.basis},
          {"source", offer.source},
          {"posted", offer.posted.empty() ? json(nullptr) : json(offer.posted)},
          {"grade", offer.grade.empty() ? json(nullptr) : json(offer.grade)},
          {"cny_per_cu", has_price(row) ? json{{"low", six(offer.low)}, {"high", six(offer.high)}}
                                        : json(nullptr)},
          {"certificate", row.certificate_id},
          {"test_key", row.test_key},
          {"reason", row.reason},
          {"figures", figures_json(row)},
          {"flags", row.flags}};
}

bool any_test_key(const Quote& quote) {
  return std::any_of(quote.rows.begin(), quote.rows.end(),
                     [](const QuoteRow& row) { return row.test_key; });
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string hours_text(const QuoteRow& row) {
  std::string text = (row.gang.at_least ? ">= " : "") + rounded_text(row.hours, 1);
  if (row.hours_relative) {
    text += " +- " + short_text(*row.hours_relative * kPercent) + " %";
  }
  return text;
}

std::string flag_text(const std::string& flag) {
  if (flag == "no-gang-rate") {
    return "no gang was measured: n devices are taken as n times one, the least it can take";
  }
  if (flag == "beyond-measured-devices") {
    return "more devices than the gang run had: its factor is taken, the least it can take";
  }
  if (flag == "gang-rate-of-more-devices") {
    return "fewer devices than the gang run had: its factor is taken, and fewer lose less";
  }
  if (flag == "beyond-basket-sizes") {
    return "the model is wider or narrower than any basket item of its kind by more than 1.41";
  }
  if (flag == "longer-sequence") {
    return "the sequence is longer than any basket item's: attention takes a larger share";
  }
  if (flag == "no-item-of-its-kind") return "the basket has no item of this kind of model";
  if (flag == "uncertified") return "the certificate is indicative";
  if (flag == "price-unstated") {
    return "what the posted price does not state (VAT, precision, sparsity) makes the range; the "
           "higher end is what is paid";
  }
  return "the rate card is of grade " + flag.substr(flag.find('-') + 1);
}

}  // namespace

json to_json(const Quote& quote, const QuoteInput& input) {
  json rows = json::array();
  for (const QuoteRow& row : quote.rows) rows.push_back(row_json(row));
  return {{"schema", {{"name", kQuoteSchema}, {"version", kQuoteSchemaVersion}}},
          {"date_utc", input.date_utc},
          {"basket",
           {{"name", input.basket.name},
            {"version", input.basket.version},
            {"digest", input.basket.digest}}},
          {"job", job_json(input.job, quote)},
          {"devices", input.devices},
          {"nearest", nearest_json(quote)},
          {"assumptions", quote.assumptions},
          {"programme",
           input.claim ? json{{"id", input.claim->programme()}, {"version", input.claim->version()}}
                       : json(nullptr)},
          {"test_key", any_test_key(quote)},
          {"rows", std::move(rows)}};
}

std::string quote_table(const Quote& quote, const QuoteInput& input) {
  std::string text;
  if (any_test_key(quote)) text += std::string("WARNING: ") + kTestKeyWarning + "\n\n";
  text += "job        " + input.job.name;
  if (input.job.tokens > 0) text += ", " + rounded_text(input.job.tokens, 0) + " tokens";
  text += ": " + rounded_text(quote.flops / Rational(power_of_ten(18)), kFewDecimals) +
          "e18 model FLOPs\n";
  if (quote.nearest) {
    text += "nearest    " + quote.nearest->name + " (width " + short_text(input.job.width) +
            (input.job.width_estimated ? ", estimated," : "") + " to " +
            short_text(quote.nearest->width) + ", distance " + short_text(quote.nearest->distance) +
            ")\n";
  }
  text += "devices    " + std::to_string(input.devices) + "\n\n";
  MarkdownTable table({"seller", "site", "SKU", "price by", "CNY/CU", "hours",
                       "gang's price factor", "billed CU", "price CNY ex VAT", "voucher",
                       "pays CNY", "flags or why not"});
  std::vector<std::string> flags;
  std::vector<std::string> refusals;
  for (const QuoteRow& row : quote.rows) {
    const Offer& offer = row.offer;
    const std::string rate = has_price(row) ? range(rounded_text(offer.low, kFewDecimals),
                                                    rounded_text(offer.high, kFewDecimals))
                                            : "-";
    const std::string price_by = offer.posted.empty() ? offer.basis : offer.posted;
    if (!row.reason.empty()) {
      table.add({offer.seller, offer.site, offer.sku, price_by, rate, "-", "-", "-", "-", "-", "-",
                 row.reason});
      continue;
    }
    const std::string least = row.gang.at_least ? ">= " : "";
    table.add({offer.seller, offer.site, offer.sku, price_by, rate, hours_text(row),
               rounded_text(1 / row.gang.factor, 4), least + rounded_text(row.billed_cu, 1),
               least + range(cny(row.price_low), cny(row.price_high)), voucher_text(row),
               least + cny(row.pays()), joined(row.flags)});
    if (row.voucher && !row.voucher->why.empty()) {
      const std::string why = row.voucher->kind + ": " + row.voucher->why;
      if (std::find(refusals.begin(), refusals.end(), why) == refusals.end()) {
        refusals.push_back(why);
      }
    }
    for (const std::string& flag : row.flags) {
      if (std::find(flags.begin(), flags.end(), flag) == flags.end()) flags.push_back(flag);
    }
  }
  text += table.text() + "\n";
  for (const std::string& flag : flags) text += flag + ": " + flag_text(flag) + "\n";
  if (input.claim) {
    text += "voucher: " + input.claim->programme() + " " + input.claim->version() +
            "; at most and one of are the programme's decision, and not taken off\n";
  }
  for (const std::string& refusal : refusals) text += "voucher " + refusal + "\n";
  for (const std::string& assumption : quote.assumptions) text += "assumed: " + assumption + "\n";
  return text;
}

}  // namespace assay::pricing
