/// Quotes: FLOPs, hours, billed CU and price by hand, the nearest item, the gang's factor on each
/// side of what was measured, and what is refused.
#include "pricing/quote/quote.h"

#include <gmock/gmock.h>

#include "results/edition/model_flops.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Rational exactly(const std::string& text) {
  return parse_decimal(text, "test");
}

/// K 0.4, K_cert 0.32 CU/h; every item of the basket delivers 0.4 PFLOP/s, the widest 0.5.
Certificate quoted_certificate(const Basket& basket) {
  Certificate certificate = test::worked_certificate();
  certificate.basket = {basket.name, basket.version, basket.digest};
  certificate.device_count = 1;
  certificate.predicate["customer"] = {{"value", "Seller"}};
  Assessment& assessment = certificate.assessment;
  assessment.k_cu_per_h = Stated<double>::known(0.4);
  assessment.k_cert_cu_per_h = Stated<double>::known(0.32);
  assessment.expanded_cu_per_h = Stated<double>::known(0.02);
  assessment.coverage_factor = Stated<double>::known(2.5);
  assessment.k_sum_cu_per_h = Stated<double>::missing("one device");
  assessment.k_gang_cu_per_h = Stated<double>::missing("one device");
  assessment.eta = Stated<double>::missing("one device");
  for (const BasketItem& item : basket.items) {
    ItemFigures figures;
    figures.basket_item = item.name;
    figures.pflops = item.model.width == 8192 ? 0.5 : 0.4;
    figures.within_relative = 0.003;
    figures.between_relative = 0.004;  // together 0.005
    assessment.items.push_back(figures);
  }
  return certificate;
}

/// A rate card of that certificate at a round rate.
json quoted_card(const Certificate& certificate, const std::string& rate = "42.000000") {
  json document = test::worked_document();
  document["site"]["operator"] = "Seller";
  json card = to_json(price(certificate, test::sheet_of(document), {"2026-06-01T00:00:00Z", {}}));
  card["rate"]["cny_per_cu"] = rate;
  return card;
}

QuoteInput quote_input(Job job, std::int64_t devices = 1) {
  QuoteInput input;
  input.job = std::move(job);
  input.devices = devices;
  input.basket = load_basket("tb1");
  input.date_utc = "2026-06-01T00:00:00Z";
  input.certificates = {quoted_certificate(input.basket)};
  input.rate_cards = {quoted_card(input.certificates[0])};
  input.vat_rates_unstated = {0, exactly("0.06"), exactly("0.13")};
  return input;
}

Job seven_billion() {
  return job_of_parameters(parse_count("7B", "test"), parse_count("7B", "test"),
                           parse_count("1T", "test"));
}

QuoteRow only_offer(const QuoteInput& input) {
  const Quote quote = make_quote(input);
  EXPECT_EQ(quote.rows.size(), 1U);
  return quote.rows.front();
}

/// Gang of eight: K_sum 3.2, K_gang 2.88, so min/mean · eta = 0.9.
void measure_gang(QuoteInput& input) {
  Certificate& certificate = input.certificates[0];
  certificate.device_count = 8;
  certificate.assessment.k_sum_cu_per_h = Stated<double>::known(3.2);
  certificate.assessment.k_gang_cu_per_h = Stated<double>::known(2.88);
  certificate.assessment.eta = Stated<double>::known(0.95);
}

TEST(QuoteJob, FlopsByHand) {
  EXPECT_EQ(model_flops(seven_billion()), exactly("42000000000000000000000"));  // 6 · 7e9 · 1e12
  const Job experts = job_of_parameters(parse_count("47B", "test"), parse_count("13B", "test"),
                                        parse_count("2T", "test"));
  EXPECT_TRUE(experts.experts);
  EXPECT_EQ(model_flops(experts), exactly("156000000000000000000000"));  // 6 · 13e9 · 2e12
  EXPECT_EQ(model_flops(job_of_compute_units(exactly("2.5"))), exactly("9000000000000000000"));
  // Llama 3 8B: 32 layers of 4096 · (4096 + 2 · 1024) + 4096² + 3 · 4096 · 14336 = 218,103,808,
  // and a head of 128,256 · 4096: 7,504,658,432 parameters; attention 6 · 32 · 4096 · 8192.
  const Job llama = job_of_model(read_model("llama-3-8b"), 1);
  EXPECT_EQ(llama.active_parameters, exactly("7504658432"));
  EXPECT_EQ(model_flops(llama), exactly("7504658432") * 6 + 6LL * 32 * 4096 * 8192);
}

TEST(QuoteJob, KnownModelsAreThoseOfTheBasket) {
  const Basket basket = load_basket("tb1");
  for (const ModelFamily& family : model_families()) {
    for (const BasketItem& item : basket.items) {
      if (item.name == family.named.name) {
        EXPECT_EQ(model_flops_per_token(item.model), model_flops_per_token(family.named.model));
      }
    }
  }
}

/// The parameters that a configuration gives, as its publisher counts them. Norms, biases and
/// learned positions are left out: below what the counts show.
Rational parameters_of(const ModelFamily& family, const std::string& of) {
  BasketModel model = family.named.model;
  const std::int64_t embedding = model.vocabulary * model.width;
  if (of == "all" && model.experts > 0) model.experts_per_token = model.experts;
  if (of == "layers") return matmul_parameters(model) - embedding;
  return matmul_parameters(model) + (family.head_is_embedding ? 0 : embedding);
}

/// Half a unit of the last digit shown: of "8.03B" 5,000,000.
Rational half_of_last_digit(const std::string& count) {
  const std::size_t point = count.find('.');
  const int decimals = point == std::string::npos ? 0 : static_cast<int>(count.size() - point - 2);
  return parse_count("1" + count.substr(count.size() - 1), count) /
         Rational(2 * power_of_ten(decimals));
}

TEST(QuoteJob, EachKnownModelHasItsSourcesAndThePublishedParameters) {
  EXPECT_EQ(half_of_last_digit("8.03B"), 5'000'000);
  EXPECT_EQ(half_of_last_digit("124M"), 500'000);
  ASSERT_FALSE(model_families().empty());
  for (const ModelFamily& family : model_families()) {
    const std::string& name = family.named.name;
    EXPECT_THAT(family.named.source, HasSubstr("https://")) << name;
    EXPECT_FALSE(family.sources.empty()) << name;
    for (const FigureSource& source : family.sources) {
      EXPECT_THAT(source.address, HasSubstr("https://")) << name;
      EXPECT_FALSE(source.figures.empty()) << name;
    }
    EXPECT_FALSE(family.published.empty()) << name;
    for (const PublishedCount& published : family.published) {
      EXPECT_THAT(published.of, AnyOf("all", "active", "layers")) << name;
      EXPECT_THAT(published.address, HasSubstr("https://")) << name;
      const Rational derived = parameters_of(family, published.of);
      const Rational difference = derived - parse_count(published.count, name);
      EXPECT_LE(abs(difference), half_of_last_digit(published.count))
          << name << ": " << published.of << " " << derived << ", published " << published.count;
    }
  }
}

/// The counts tell wrong configurations apart: each of these was in somebody's table.
TEST(QuoteJob, AWrongConfigurationMissesThePublishedCount) {
  const auto misses = [](const std::string& name, const auto& spoil) {
    for (ModelFamily& family : model_families()) {
      if (family.named.name != name) continue;
      spoil(family.named.model);
      const PublishedCount& published = family.published.front();
      return abs(Rational(parameters_of(family, published.of) -
                          parse_count(published.count, name))) >
             half_of_last_digit(published.count);
    }
    return false;
  };
  EXPECT_TRUE(misses("llama-2-7b", [](BasketModel& model) { model.kv_heads = 8; }));
  EXPECT_TRUE(misses("llama-3-8b", [](BasketModel& model) { model.feed_forward = 11008; }));
  EXPECT_TRUE(misses("qwen2.5-7b", [](BasketModel& model) { model.kv_heads = 28; }));
  EXPECT_TRUE(misses("mixtral-8x7b", [](BasketModel& model) { model.layers = 33; }));
}

TEST(QuoteJob, Counts) {
  EXPECT_EQ(parse_count("7B", "x"), exactly("7000000000"));
  EXPECT_EQ(parse_count("1.5T", "x"), exactly("1500000000000"));
  EXPECT_EQ(parse_count("123", "x"), 123);
  for (const char* wrong : {"", "B", "0", "-1B", "1e9", "7G", "0.5", "1.0005K"}) {
    EXPECT_NE(test::refusal([&] { (void)parse_count(wrong, "--tokens"); }), "") << wrong;
  }
}

TEST(QuoteNearest, ByWidthWithinTheKind) {
  const Basket basket = load_basket("tb1");
  const auto item = [&basket](const Job& job) { return nearest_item(job, basket); };
  EXPECT_EQ(item(seven_billion()).name, "llama-8b-slice");
  EXPECT_NEAR(item(seven_billion()).distance, 0.0276, 0.0001);  // ln(4210.7 / 4096)
  EXPECT_FALSE(item(seven_billion()).beyond_sizes);
  EXPECT_EQ(item(job_of_model(read_model("llama-3-70b"), 1)).name, "llama-70b-slice");
  EXPECT_EQ(item(job_of_model(read_model("llama-3-70b"), 1)).distance, 0.0);
  EXPECT_TRUE(item(job_of_model(read_model("llama-3-70b"), 1)).longer_sequence);  // 8192 > 4096
  const NearestItem mixtral = item(job_of_model(read_model("mixtral-8x7b"), 1));
  EXPECT_EQ(mixtral.name, "moe-slice");
  EXPECT_NEAR(mixtral.distance, 0.6931, 0.0001);  // 4096 / 2048
  EXPECT_TRUE(mixtral.beyond_sizes);
  Job wide = job_of_model(read_model("llama-3-70b"), 1);
  wide.width = 8192 * 1.414;
  EXPECT_FALSE(item(wide).beyond_sizes);
  wide.width = 8192 * 1.415;
  EXPECT_TRUE(item(wide).beyond_sizes);
  wide.width = 768 / 1.415;
  EXPECT_TRUE(item(wide).beyond_sizes);
}

TEST(Quote, HoursCuAndPriceByHand) {
  // 4.2e22 / (3.6e18 · 0.4) = 29,166.67 h; · 0.32 = 9,333.33 CU; · 42 = 392,000 CNY.
  const QuoteRow row = only_offer(quote_input(seven_billion()));
  EXPECT_EQ(row.reason, "");
  EXPECT_EQ(row.item, "llama-8b-slice");
  EXPECT_EQ(row.hours, Rational(87500, 3));
  EXPECT_EQ(row.billed_cu, Rational(28000, 3));
  EXPECT_EQ(row.price_high, 392000);
  EXPECT_EQ(row.price_low, 392000);
  EXPECT_NEAR(row.hours_relative.value_or(0), 0.0125, 1e-12);  // 2.5 · 0.005
  EXPECT_FALSE(row.gang.at_least);
  EXPECT_THAT(row.flags, IsEmpty());
}

TEST(Quote, AJobInCuTakesTheWholeBasket) {
  // 100 CU / 0.4 CU/h = 250 h; billed 250 · 0.32 = 80 CU.
  const QuoteRow row = only_offer(quote_input(job_of_compute_units(100)));
  EXPECT_EQ(row.item, "the whole basket");
  EXPECT_EQ(row.hours, 250);
  EXPECT_EQ(row.billed_cu, 80);
  EXPECT_EQ(row.price_high, 3360);
  EXPECT_NEAR(row.hours_relative.value_or(0), 0.05, 1e-12);  // 0.02 / 0.4
}

TEST(Quote, TheGangHoldsBackOneJob) {
  QuoteInput input = quote_input(seven_billion(), 8);
  measure_gang(input);
  // 4.2e22 / (3.6e18 · 8 · 0.4 · 0.9) = 4,050.926 h; · 8 · 0.32 = 10,370.37 CU.
  const QuoteRow row = only_offer(input);
  EXPECT_EQ(row.hours, Rational(218750, 54));
  EXPECT_EQ(row.billed_cu, Rational(280000, 27));
  EXPECT_EQ(row.gang.factor, exactly("0.9"));
  EXPECT_EQ(row.gang.eta, exactly("0.95"));
  EXPECT_FALSE(row.gang.at_least);
  EXPECT_THAT(row.flags, IsEmpty());
}

/// The slowest device is in the gang's factor already, whose figures the certificate's items are.
TEST(Quote, OfSeveralDevicesTheMeanIsHeldAgainstTheSlowestOnce) {
  QuoteInput input = quote_input(seven_billion(), 8);
  measure_gang(input);
  const Rational hours = only_offer(input).hours;
  Assessment& assessment = input.certificates[0].assessment;
  assessment.many_devices.emplace();
  for (const double share : {0.75, 1.25}) {
    assay::DeviceFigures device;
    for (const ItemFigures& item : assessment.items) {
      device.item_pflops[item.basket_item] = item.pflops * share;
    }
    assessment.many_devices->devices.push_back(device);
  }
  for (ItemFigures& item : assessment.items) item.pflops *= 0.75;
  EXPECT_NEAR(static_cast<double>(only_offer(input).hours / hours), 1.0, 1e-12);
}

TEST(Quote, TheGangIsNeverExtrapolated) {
  QuoteInput input = quote_input(seven_billion(), 9);
  measure_gang(input);
  QuoteRow row = only_offer(input);
  EXPECT_TRUE(row.gang.at_least);
  EXPECT_THAT(row.flags, ElementsAre("beyond-measured-devices"));
  EXPECT_EQ(row.gang.factor, exactly("0.9"));
  input.devices = 4;
  row = only_offer(input);
  EXPECT_FALSE(row.gang.at_least);
  EXPECT_THAT(row.flags, ElementsAre("gang-rate-of-more-devices"));
  input.devices = 1;
  EXPECT_EQ(only_offer(input).gang.factor, 1);
  QuoteInput alone = quote_input(seven_billion(), 2);
  row = only_offer(alone);
  EXPECT_TRUE(row.gang.at_least);
  EXPECT_THAT(row.flags, ElementsAre("no-gang-rate"));
  EXPECT_EQ(row.gang.factor, 1);
}

TEST(Quote, PostedPricesBesideRateCards) {
  QuoteInput input = quote_input(job_of_compute_units(100));
  input.tariffs_file = "tariffs.csv";
  input.tariffs = parse_tariffs(
      "seller,seller_code,sku,unit,price,currency,vat,date,source\n"
      "Seller,,simulated H800,card_hour,8,CNY,excluded,,test\n"
      "Seller,,simulated H800,card_hour,16,CNY,unstated,,test\n"
      "Seller,,simulated H800,core_hour,1,CNY,excluded,,test\n"
      "Nobody,,simulated H800,card_hour,1,CNY,excluded,,test\n",
      "tariffs.csv");
  const Quote quote = make_quote(input);
  ASSERT_EQ(quote.rows.size(), 5U);
  // 250 device-hours: at 8 CNY 2,000; the card 80 CU · 42 = 3,360; at 16 CNY 4,000 at most.
  EXPECT_EQ(quote.rows[0].price_high, 2000);
  EXPECT_EQ(quote.rows[0].offer.source, "tariffs.csv:2");
  EXPECT_EQ(quote.rows[1].offer.basis, "rate card");
  EXPECT_EQ(quote.rows[2].price_high, 4000);
  EXPECT_EQ(quote.rows[2].price_low, 4000 / (1 + exactly("0.13")));
  EXPECT_THAT(quote.rows[2].flags, Contains("price-unstated"));
  EXPECT_THAT(quote.rows[3].reason, HasSubstr("core-hour"));
  EXPECT_THAT(quote.rows[4].reason, HasSubstr("no certificate"));
}

TEST(Quote, LeastFirstThenBoundsThenNoFigure) {
  QuoteInput input = quote_input(seven_billion(), 8);
  input.certificates.push_back(input.certificates[0]);
  Certificate& ganged = input.certificates[1];
  ganged.certificate_id = "urn:uuid:00000000-0000-4000-8000-000000000002";
  ganged.predicate["other"] = true;
  std::swap(input.certificates[0], input.certificates[1]);
  measure_gang(input);
  input.rate_cards = {quoted_card(input.certificates[1], "1.000000"),
                      quoted_card(input.certificates[0], "42.000000"),
                      quoted_card(input.certificates[0], "41.000000")};
  input.rate_cards.push_back(input.rate_cards[0]);
  input.rate_cards[3]["certificate"]["id"] = "urn:uuid:00000000-0000-4000-8000-000000000003";
  const Quote quote = make_quote(input);
  EXPECT_EQ(quote.rows[0].offer.high, 41);
  EXPECT_EQ(quote.rows[1].offer.high, 42);
  EXPECT_TRUE(quote.rows[2].gang.at_least);
  EXPECT_THAT(quote.rows[3].reason, HasSubstr("not among those given"));
}

TEST(Quote, CertificatesThatCarryNone) {
  const auto reason = [](const std::function<void(QuoteInput&)>& change) {
    QuoteInput input = quote_input(seven_billion());
    change(input);
    return only_offer(input).reason;
  };
  EXPECT_THAT(reason([](QuoteInput& i) { i.date_utc = "2027-01-01T00:00:00Z"; }),
              HasSubstr("expired"));
  EXPECT_THAT(reason([](QuoteInput& i) { i.date_utc = "2025-01-01T00:00:00Z"; }),
              HasSubstr("not yet issued"));
  EXPECT_THAT(reason([](QuoteInput& i) { i.basket = load_basket("tb1-lite"); }),
              HasSubstr("another basket"));
  EXPECT_THAT(reason([](QuoteInput& i) {
                i.revocations[i.certificates[0].certificate_id] = {"2026-05-01T00:00:00Z", "lost"};
              }),
              HasSubstr("revoked from 2026-05-01T00:00:00Z: lost"));
  EXPECT_THAT(reason([](QuoteInput& i) { i.certificates[0].assessment.items.clear(); }),
              HasSubstr("no figure of the basket item"));
}

TEST(Quote, IndicativeIsFlagged) {
  QuoteInput input = quote_input(seven_billion());
  input.certificates[0].assessment.grade = "indicative";
  input.rate_cards = {quoted_card(input.certificates[0])};
  EXPECT_THAT(only_offer(input).flags, ElementsAre("uncertified", "rate-indicative"));
}

TEST(Quote, DocumentHasItsForm) {
  QuoteInput input =
      quote_input(job_of_model(read_model("mixtral-8x7b"), parse_count("1T", "x")), 8);
  const Quote quote = make_quote(input);
  const json document = to_json(quote, input);
  EXPECT_NO_THROW(validate(document, "quote", "quote"));
  EXPECT_EQ(document["nearest"]["item"], "moe-slice");
  const std::string table = quote_table(quote, input);
  EXPECT_THAT(table, HasSubstr("moe-slice"));
  EXPECT_THAT(table, HasSubstr(">= "));
  EXPECT_THAT(table, HasSubstr("no gang was measured"));
  input = quote_input(job_of_compute_units(1));
  EXPECT_NO_THROW(validate(to_json(make_quote(input), input), "quote", "quote"));
}

TEST(QuoteModel, DocumentsThatAreRefused) {
  const auto refused = [](const std::function<void(json&)>& change) {
    json document = {{"schema", {{"name", "assay.model"}, {"version", 1}}},
                     {"name", "mine"},
                     {"source", nullptr},
                     {"model",
                      {{"layers", 2},
                       {"width", 64},
                       {"heads", 4},
                       {"kv_heads", 2},
                       {"head_size", 16},
                       {"feed_forward", 128},
                       {"sequence", 32},
                       {"vocabulary", 100},
                       {"activation", "swiglu"},
                       {"experts", 0},
                       {"experts_per_token", 0},
                       {"shared_experts", 0},
                       {"expert_feed_forward", 0}}}};
    change(document);
    return test::refusal([&] { (void)model_from_json(document, "model.json"); });
  };
  EXPECT_EQ(refused([](json&) {}), "");
  EXPECT_THAT(refused([](json& d) { d["model"]["kv_heads"] = 3; }),
              HasSubstr("multiple of kv_heads"));
  EXPECT_THAT(refused([](json& d) { d["model"]["experts"] = 8; }), HasSubstr("positive together"));
  EXPECT_THAT(refused([](json& d) { d["model"]["layers"] = 0; }), HasSubstr("/model/layers"));
  EXPECT_THAT(refused([](json& d) { d["model"].erase("width"); }), HasSubstr("width"));
  EXPECT_THAT(refused([](json& d) { d["model"]["colour"] = 1; }), HasSubstr("colour"));
  EXPECT_THAT(refused([](json& d) { d["model"]["feed_forward"] = 0; }), HasSubstr("feed_forward"));
  EXPECT_THAT(test::refusal([] { (void)read_model("llama-3-8"); }),
              HasSubstr("did you mean 'llama-3-8b'"));
}

}  // namespace
}  // namespace assay::pricing
