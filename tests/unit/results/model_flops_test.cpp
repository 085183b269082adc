#include "results/edition/model_flops.h"

#include <gtest/gtest.h>

#include <cmath>

namespace assay {
namespace {

BasketModel tiny_dense() {
  BasketModel model;
  model.layers = 3;
  model.width = 10;
  model.heads = 4;
  model.kv_heads = 2;
  model.head_size = 5;
  model.feed_forward = 7;
  model.sequence = 11;
  model.vocabulary = 13;
  model.activation = "swiglu";
  return model;
}

TEST(ModelFlops, DenseByHand) {
  // Layer: q, k, v 10·(4 + 2·2)·5 = 400, output 20·10 = 200, SwiGLU 3·10·7 = 210; head 130.
  EXPECT_EQ(matmul_parameters(tiny_dense()), 3 * (400 + 200 + 210) + 130);
  EXPECT_EQ(model_flops_per_token(tiny_dense()), 6 * 2560 + 6 * 3 * 20 * 11);
  EXPECT_EQ(palm_flops_per_token(tiny_dense()), 6 * 2560 + 12 * 3 * 20 * 11);
  BasketModel gelu = tiny_dense();
  gelu.activation = "gelu";
  EXPECT_EQ(matmul_parameters(gelu), 3 * (400 + 200 + 140) + 130);
}

TEST(ModelFlops, TyingBiasesAndPositionsDoNotCount) {
  BasketModel model = tiny_dense();
  model.tied_head = true;
  model.biases = true;
  model.norm = "layernorm";
  model.positions = "learned";
  EXPECT_EQ(model_flops_per_token(model), model_flops_per_token(tiny_dense()));
}

TEST(ModelFlops, OnlyVisitedExpertsCount) {
  BasketModel model = tiny_dense();
  model.feed_forward = 0;
  model.experts = 8;
  model.experts_per_token = 2;
  model.shared_experts = 1;
  model.expert_feed_forward = 6;
  // Router 10·8, three experts of 3·10·6.
  EXPECT_EQ(matmul_parameters(model), 3 * (400 + 200 + 80 + 3 * 180) + 130);
  const std::int64_t before = matmul_parameters(model);
  model.experts = 16;  // twice the experts: only the router grows
  EXPECT_EQ(matmul_parameters(model), before + 3 * 80);
}

TEST(ModelFlops, PublishedFigures) {
  // Whole models: "6·N" with the published parameter counts, less what is only looked up.
  const BasketModel gpt2 = load_basket("tb1").items.at(0).model;
  // 124,439,808 parameters, of which 1024·768 positions, 12 layers' norms and biases
  // (4·768 + 3·768 + 768 + 3072 + 768 each) and the last norm's 1,536 multiply no token.
  const std::int64_t idle = 1024 * 768 + 12 * (4 * 768 + 2304 + 768 + 3072 + 768) + 1536;
  EXPECT_EQ(matmul_parameters(gpt2), 124439808 - idle);
  const BasketModel llama = load_basket("tb1").items.at(1).model;
  // Llama 3.2 1B: 1,235,814,400 parameters, norms (2·16 + 1)·2048.
  EXPECT_EQ(matmul_parameters(llama), 1235814400 - 33 * 2048);
}

}  // namespace
}  // namespace assay
