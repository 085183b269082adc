#include "results/edition/basket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/edition_data.h"
#include "results/edition/model_flops.h"

namespace assay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// All parameters, counted another way than the FLOPs are: tensor by tensor.
std::int64_t parameters(const BasketModel& m) {
  const std::int64_t norm = m.norm == "layernorm" ? 2 * m.width : m.width;
  const std::int64_t bias = m.biases ? 1 : 0;
  std::int64_t total = m.vocabulary * m.width * (m.tied_head ? 1 : 2) + norm;
  if (m.positions == "learned") total += m.sequence * m.width;
  for (std::int64_t layer = 0; layer < m.layers; ++layer) {
    total += 2 * norm;
    for (const std::int64_t out :
         {m.heads * m.head_size, m.kv_heads * m.head_size, m.kv_heads * m.head_size}) {
      total += m.width * out + bias * out;
    }
    total += m.heads * m.head_size * m.width + bias * m.width;
    const auto feed_forward = [&](std::int64_t size) {
      const std::int64_t ups = m.activation == "swiglu" ? 2 : 1;
      return ups * (m.width * size + bias * size) + size * m.width + bias * m.width;
    };
    if (m.feed_forward > 0) total += feed_forward(m.feed_forward);
    for (std::int64_t expert = 0; expert < m.experts + m.shared_experts; ++expert) {
      total += feed_forward(m.expert_feed_forward);
    }
    total += m.width * m.experts;
  }
  return total;
}

double head_share(const BasketModel& m) {
  return 6.0 * static_cast<double>(m.vocabulary * m.width) /
         static_cast<double>(model_flops_per_token(m));
}

TEST(Basket, Tb1IsTheFrozenBundle) {
  const Basket basket = load_basket("tb1");
  EXPECT_EQ(basket.precision, "bf16");
  std::vector<std::string> names;
  std::vector<double> shares;
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> flops_per_token;
  for (const BasketItem& item : basket.items) {
    names.push_back(item.name);
    shares.push_back(item.share);
    tokens.push_back(item.tokens_per_step);
    flops_per_token.push_back(model_flops_per_token(item.model));
    EXPECT_FALSE(item.comment.empty()) << item.name;
  }
  EXPECT_THAT(names, ElementsAre("gpt2-124m", "llama-1b", "llama-8b-slice", "llama-70b-slice",
                                 "moe-slice"));
  EXPECT_THAT(shares, ElementsAre(0.10, 0.20, 0.30, 0.25, 0.15));
  EXPECT_THAT(tokens, ElementsAre(65536, 32768, 16384, 16384, 16384));
  // A CU is made of these: a change here is a change of the unit.
  EXPECT_THAT(flops_per_token,
              ElementsAre(797815296, 7817134080, 6031933440, 5416943616, 614203392));
}

TEST(Basket, Gpt2HasItsParameters) {
  EXPECT_EQ(parameters(load_basket("tb1").items.at(0).model), 124439808);
}

TEST(Basket, Tb1FitsCardsOf24Gigabytes) {
  for (const BasketItem& item : load_basket("tb1").items) {
    const double gigabytes = 18.0 * static_cast<double>(parameters(item.model)) / 1e9;
    EXPECT_LT(gigabytes, 22.25) << item.name;  // 22.2 to one decimal
    if (item.name == "llama-1b") {
      EXPECT_NEAR(gigabytes, 22.2, 0.05);
    }
  }
}

TEST(Basket, LiteStepsAreSmall) {
  for (const BasketItem& item : load_basket("tb1-lite").items) {
    EXPECT_LE(item.tokens_per_step * model_flops_per_token(item.model), 10'000'000'000)
        << item.name;
  }
}

TEST(Basket, LiteIsLikeItsParent) {
  const Basket parent = load_basket("tb1");
  const Basket lite = load_basket("tb1-lite");
  ASSERT_EQ(parent.items.size(), lite.items.size());
  for (std::size_t i = 0; i < lite.items.size(); ++i) {
    const BasketModel& small = lite.items[i].model;
    const BasketModel& large = parent.items[i].model;
    SCOPED_TRACE(lite.items[i].name);
    EXPECT_EQ(lite.items[i].share, parent.items[i].share);
    EXPECT_EQ(small.head_size, large.head_size);
    EXPECT_NEAR(head_share(small), head_share(large), 0.005);
    EXPECT_EQ(small.norm, large.norm);
    EXPECT_EQ(small.activation, large.activation);
    EXPECT_EQ(small.positions, large.positions);
    EXPECT_EQ(small.tied_head, large.tied_head);
    EXPECT_EQ(small.biases, large.biases);
    EXPECT_EQ(small.experts > 0, large.experts > 0);
    EXPECT_EQ(small.experts_per_token, large.experts_per_token);
    EXPECT_EQ(small.kv_heads == small.heads, large.kv_heads == large.heads);
  }
}

TEST(Basket, SliceVocabulariesFollowTheirRule) {
  const auto rule = [](std::int64_t vocabulary, std::int64_t kept, std::int64_t layers) {
    const std::int64_t exact = (vocabulary * kept + layers - 1) / layers;
    return (exact + 63) / 64 * 64;
  };
  const Basket basket = load_basket("tb1");
  EXPECT_EQ(basket.items[2].model.vocabulary, rule(128256, 4, 32));
  EXPECT_EQ(basket.items[3].model.vocabulary, rule(128256, 1, 80));
  EXPECT_EQ(basket.items[4].model.vocabulary, rule(102400, 1, 27));
}

TEST(Basket, UnknownNameListsTheNames) {
  try {
    (void)load_basket("tb9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.line(), HasSubstr("tb1, tb1-lite"));
  }
}

nlohmann::json lite_json() {
  return parse_json(embedded_edition_data("tb1-lite.json"), "tb1-lite.json");
}

void expect_refused(const nlohmann::json& basket, const std::string& says) {
  try {
    (void)basket_from_json(basket, "edited.json");
    FAIL() << says;
  } catch (const Error& error) {
    EXPECT_THAT(error.line(), HasSubstr(says));
    EXPECT_THAT(error.line(), HasSubstr("edited.json"));
  }
}

TEST(Basket, SharesSumToOneExactly) {
  nlohmann::json basket = lite_json();
  basket["items"][0]["share"] = "0.11";
  expect_refused(basket, "1.01");
  basket["items"][0]["share"] = 0.10;
  expect_refused(basket, "share");
}

TEST(Basket, RefusesWhatContradictsItself) {
  nlohmann::json basket = lite_json();
  basket["items"][1]["model"]["kv_heads"] = 3;
  expect_refused(basket, "kv_heads");
  basket = lite_json();
  basket["items"][1]["tokens_per_step"] = 300;
  expect_refused(basket, "tokens_per_step");
  basket = lite_json();
  basket["items"][4]["model"]["experts_per_token"] = 33;
  expect_refused(basket, "experts_per_token");
  basket = lite_json();
  basket["items"][1]["name"] = "gpt2-lite";
  expect_refused(basket, "twice");
  basket = lite_json();
  basket["items"][1]["model"]["layer"] = 1;
  expect_refused(basket, "layer");
}

TEST(Basket, DigestNamesTheContent) {
  const std::string before = load_basket("tb1-lite").digest;
  EXPECT_EQ(before.size(), 64U);
  nlohmann::json basket = lite_json();
  EXPECT_EQ(basket_from_json(basket, "same").digest, before);
  basket["items"][0]["tokens_per_step"] = 512;
  EXPECT_NE(basket_from_json(basket, "edited").digest, before);
}

}  // namespace
}  // namespace assay
