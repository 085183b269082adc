/// The training step: its definition against finite differences, and the CPU's step against the
/// definition, for every family. oneDNN can be held to one level in a process, so the best is run.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/token_law.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/transformer/model.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {

/// How GoogleTest names a family in its messages.
void PrintTo(const ModelConfig& model, std::ostream* out) {  // NOLINT: GoogleTest's name
  *out << model.name;
}

namespace {

CpuDevice device() {
  return {detect_cpu_level(), 2};
}

ModelConfig gpt2_like() {
  ModelConfig model = gpt2_124m();
  model.name = "gpt2-like";
  model.layers = 2;
  model.width = 24;
  model.heads = 3;
  model.kv_heads = 3;
  model.head_size = 8;
  model.feed_forward = 40;
  model.sequence = 12;
  model.vocabulary = 50;
  return model;
}

ModelConfig llama_like(bool tied) {
  ModelConfig model = gpt2_like();
  model.name = tied ? "llama-like tied" : "llama-like";
  model.heads = 4;
  model.kv_heads = 2;
  model.norm = Norm::rmsnorm;
  model.activation = Activation::swiglu;
  model.positions = Positions::rotary;
  model.rotary_theta = 10000.0;
  model.tied_head = tied;
  model.biases = false;
  return model;
}

ModelConfig moe_like(std::int64_t shared_experts) {
  ModelConfig model = llama_like(false);
  model.name = shared_experts > 0 ? "moe-like shared" : "moe-like";
  model.kv_heads = 4;
  model.feed_forward = 0;
  model.experts = 6;
  model.experts_per_token = 2;
  model.shared_experts = shared_experts;
  model.expert_feed_forward = 20;
  return model;
}

std::vector<ModelConfig> families() {
  return {gpt2_like(), llama_like(true), llama_like(false), moe_like(2), moe_like(0)};
}

StepOptions options_of(const ModelConfig& model, Precision precision) {
  StepOptions options;
  options.model = model;
  options.batch = 2;
  options.sequence = model.sequence;
  options.precision = precision;
  return options;
}

std::vector<Precision> precisions() {
  if (has_bf16(detect_cpu_level())) return {Precision::fp32, Precision::bf16};
  return {Precision::fp32};
}

std::string label(const testing::TestParamInfo<ModelConfig>& info) {
  std::string text = info.param.name;
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return text;
}

/// One thread where nothing else is asked for: models this small have nothing to share, and on a
/// busy machine each barrier would wait for the scheduler.
class Families : public testing::TestWithParam<ModelConfig> {
 protected:
  Families() { omp_set_num_threads(1); }
  ~Families() override { omp_set_num_threads(before_); }

 private:
  int before_ = omp_get_max_threads();
};
INSTANTIATE_TEST_SUITE_P(All, Families, testing::ValuesIn(families()), label);

// --- the definition --------------------------------------------------------------------------

/// Random parameters of a size that makes every part matter (GPT-2's initial values would leave
/// attention almost uniform), and random tokens.
struct Problem {
  ParameterList list;
  std::vector<double> parameters;
  std::vector<std::int32_t> rows;
  StepInputs inputs;

  explicit Problem(const ModelConfig& model) : list(list_parameters(model)) {
    parameters.assign(static_cast<std::size_t>(list.total), 0.0);
    for (std::size_t i = 0; i < list.all.size(); ++i) {
      const Parameter& p = list.all[i];
      const auto values = normal_input<double>(31, i, p.elements(), p.constant, 0.3);
      std::copy(values.begin(), values.end(), parameters.begin() + p.offset);
    }
    inputs.config = model;
    inputs.batch = 2;
    inputs.sequence = 6;
    inputs.tokens_of_step = 12;
    rows = integer_input(32, 0, 14, static_cast<std::int32_t>(model.vocabulary));
    inputs.rows = rows.data();
  }
};

TEST_P(Families, DefinitionsGradientsEqualFiniteDifferences) {
  Problem problem(GetParam());
  const auto gradients = step_reference<double>(problem.inputs, problem.parameters, {}).gradients;
  const auto loss = [&] {
    return step_reference<double>(problem.inputs, problem.parameters, {}).loss;
  };
  constexpr double kStep = 1e-5;
  for (const Parameter& p : problem.list.all) {
    const auto sampled = integer_input(33, static_cast<std::uint64_t>(p.offset), 3,
                                       static_cast<std::int32_t>(p.elements()));
    for (std::size_t s = 0; s < sampled.size(); ++s) {
      const auto at = static_cast<std::size_t>(p.offset + sampled[s]);
      const double kept = problem.parameters[at];
      problem.parameters[at] = kept + kStep;
      const double above = loss();
      problem.parameters[at] = kept - kStep;
      const double below = loss();
      problem.parameters[at] = kept;
      EXPECT_NEAR(gradients[at], (above - below) / (2.0 * kStep), 2e-8)
          << p.name << '[' << sampled[s] << ']';
    }
  }
}

TEST_P(Families, EveryParameterHasAGradient) {
  const Problem problem(GetParam());
  const auto gradients = step_reference<double>(problem.inputs, problem.parameters, {}).gradients;
  for (const Parameter& p : problem.list.all) {
    const double squares = std::inner_product(gradients.begin() + p.offset,
                                              gradients.begin() + p.offset + p.elements(),
                                              gradients.begin() + p.offset, 0.0);
    EXPECT_GT(squares, 1e-12) << p.name;
  }
}

// --- the CPU's step against the definition ---------------------------------------------------

TEST_P(Families, CpuGradientsEqualTheDefinitionWithinControl) {
  omp_set_num_threads(2);
  for (const Precision precision : precisions()) {
    const StepOptions options = options_of(GetParam(), precision);
    const auto checks = check_gradients(options, device(), {77});
    EXPECT_GT(checks.size(), list_parameters(GetParam()).all.size());
    for (const Check& check : checks) {
      EXPECT_TRUE(check.passed()) << name(precision) << ' ' << check.name << ": " << check.error
                                  << " > " << check.bound;
    }
  }
}

TEST_P(Families, TwoMicroBatchesEqualOneOfTwiceTheRows) {
  StepOptions whole = options_of(GetParam(), Precision::fp32);
  whole.batch = 4;
  StepOptions cut = whole;
  cut.batch = 2;
  cut.accumulation = 2;
  CpuTrainingStep one(whole, device(), {5});
  CpuTrainingStep two(cut, device(), {5});
  one.iterate();
  two.iterate();
  EXPECT_NEAR(one.observe().loss, two.observe().loss, 1e-6);
  const auto a = one.gradients();
  const auto b = two.gradients();
  for (const Parameter& p : list_parameters(GetParam()).all) {
    double difference = 0.0;
    double scale = 0.0;
    for (auto i = static_cast<std::size_t>(p.offset);
         i < static_cast<std::size_t>(p.offset + p.elements()); ++i) {
      difference = std::max(difference, static_cast<double>(std::abs(a[i] - b[i])));
      scale = std::max(scale, static_cast<double>(std::abs(a[i])));
    }
    // A sum over tokens in two parts: a few roundings of FP32 apart.
    EXPECT_LE(difference, 64.0 * std::ldexp(scale, -24)) << p.name;
  }
}

TEST_P(Families, UpdateIsAdamWOnTheClippedGradient) {
  for (const Precision precision : precisions()) {
    const StepOptions options = options_of(GetParam(), precision);
    CpuTrainingStep step(options, device(), {6});
    const auto before = step.master();
    step.iterate();
    const auto gradients = step.gradients();
    const auto after = step.master();
    const ParameterList list = list_parameters(options.model);
    double squares = 0.0;
    for (const float g : gradients) squares += static_cast<double>(g) * static_cast<double>(g);
    EXPECT_NEAR(step.observe().gradient_norm, std::sqrt(squares), 1e-6 * std::sqrt(squares));
    for (const Parameter& p : list.all) {
      const auto run = [&](auto real) {
        using Real = decltype(real);
        const auto n = static_cast<std::size_t>(p.elements());
        std::vector<Real> g(gradients.begin() + p.offset,
                            gradients.begin() + p.offset + p.elements());
        std::vector<Real> w(before.begin() + p.offset, before.begin() + p.offset + p.elements());
        std::vector<Real> m(n), v(n);
        adamw::Hyperparameters hyperparameters = options.optimizer;
        if (!p.decays) hyperparameters.weight_decay = 0.0F;
        const float clip = adamw::clip_factor(std::sqrt(squares), options.clip_norm);
        adamw::update_reference<Real>(hyperparameters, 1, static_cast<Real>(clip), p.elements(),
                                      g.data(), w.data(), m.data(), v.data());
        return w;
      };
      const std::vector<float> updated(after.begin() + p.offset,
                                       after.begin() + p.offset + p.elements());
      const Check check =
          compare_with_control(p.name, to_double(updated), stored_as<float>(run(0.0F)), run(0.0));
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  }
}

TEST_P(Families, WeightsOfComputationAreTheRoundedMasterWeights) {
  for (const Precision precision : precisions()) {
    CpuTrainingStep step(options_of(GetParam(), precision), device(), {6});
    step.iterate();
    const auto master = step.master();
    const auto weights = step.weights();
    for (std::size_t i = 0; i < master.size(); ++i) {
      const float expected =
          precision == Precision::bf16 ? to_float(to_bf16(master[i])) : master[i];
      ASSERT_EQ(weights[i], static_cast<double>(expected)) << i;
    }
  }
}

TEST_P(Families, LossFallsAndStaysAboveTheEntropyRate) {
  for (const Precision precision : precisions()) {
    StepOptions options = options_of(GetParam(), precision);
    options.batch = 8;
    options.optimizer.learning_rate = 3e-3F;
    CpuTrainingStep step(options, device(), {8});
    std::vector<double> losses;
    for (int i = 0; i < 50; ++i) {
      step.iterate();
      losses.push_back(step.observe().loss);
      EXPECT_GT(step.observe().gradient_norm, 1e-3);
    }
    const double entropy =
        entropy_rate_nats(make_token_law(8, static_cast<std::int32_t>(options.model.vocabulary)));
    const double log_vocabulary = std::log(static_cast<double>(options.model.vocabulary));
    EXPECT_NEAR(losses.front(), log_vocabulary, 0.05 * log_vocabulary);
    const double early = std::accumulate(losses.begin(), losses.begin() + 5, 0.0) / 5.0;
    const double late = std::accumulate(losses.end() - 5, losses.end(), 0.0) / 5.0;
    EXPECT_LT(late, early - 0.3) << name(precision);
    EXPECT_GT(late, entropy - 0.1) << name(precision);
  }
}

TEST_P(Families, EqualKeysGiveEqualWeights) {
  for (const Precision precision : precisions()) {
    const auto hash_after = [&](std::uint64_t key) {
      CpuTrainingStep step(options_of(GetParam(), precision), device(), {key});
      for (int i = 0; i < 3; ++i) step.iterate();
      return step.weight_hash();
    };
    const std::uint64_t hash = hash_after(1);
    EXPECT_EQ(hash_after(1), hash);
    EXPECT_NE(hash_after(1), hash_after(2));
  }
}

// --- the check itself ------------------------------------------------------------------------

/// An honest step must pass whatever the nonce is.
TEST_P(Families, CheckAcceptsManyKeys) {
  for (const Precision precision : precisions()) {
    const StepOptions small = small_sibling(options_of(GetParam(), precision));
    for (std::uint64_t key = 100; key < 103; ++key) {
      for (const Check& check : check_gradients(small, device(), {key})) {
        EXPECT_TRUE(check.passed()) << name(precision) << " key " << key << ' ' << check.name
                                    << ": " << check.error << " > " << check.bound;
      }
    }
  }
}

/// Faults as a wrong kernel would make them must be refused: planted by telling the definition
/// something else than the step computed.
TEST_P(Families, CheckRefusesPlantedFaults) {
  for (const Precision precision : precisions()) {
    const StepOptions options = small_sibling(options_of(GetParam(), precision));
    const ParameterList list = list_parameters(options.model);
    CpuTrainingStep step(options, device(), {91});
    const StepRecord honest = record_iteration(step);
    const auto passes = [](const StepOptions& told, const StepRecord& record) {
      for (const Check& check : compare_with_definition(told, record)) {
        if (!check.passed()) return false;
      }
      return true;
    };
    EXPECT_TRUE(passes(options, honest));

    StepRecord off_by_one_token = honest;
    off_by_one_token.rows.back() = (off_by_one_token.rows.back() + 1) % 96;
    EXPECT_FALSE(passes(options, off_by_one_token)) << name(precision);

    // A dropped tile of a product: 16 of the 64 columns of 4 rows of one weight.
    StepRecord dropped_tile = honest;
    for (std::int64_t row = 0; row < 4; ++row) {
      const auto tile =
          dropped_tile.weights.begin() + list.at(list.layers[1].qkv).offset + row * 64;
      std::fill(tile, tile + 16, 0.0);
    }
    EXPECT_FALSE(passes(options, dropped_tile)) << name(precision);

    // One gradient a tenth short, as if some rows had been left out of a sum.
    StepRecord short_gradient = honest;
    const Parameter& gamma = list.at(list.final_gamma);
    for (std::int64_t i = 0; i < gamma.elements(); ++i) {
      short_gradient.gradients[static_cast<std::size_t>(gamma.offset + i)] *= 0.9F;
    }
    EXPECT_FALSE(passes(options, short_gradient)) << name(precision);

    StepRecord not_a_number = honest;
    not_a_number.losses[0] = std::nanf("");
    EXPECT_FALSE(passes(options, not_a_number)) << name(precision);

    if (options.model.positions == Positions::rotary) {
      StepOptions wrong_theta = options;
      wrong_theta.model.rotary_theta = 100.0;
      EXPECT_FALSE(passes(wrong_theta, honest)) << name(precision);
    }
    if (options.model.experts > 0) {
      StepRecord misrouted = honest;
      std::rotate(misrouted.routing[0].begin(), misrouted.routing[0].begin() + 2,
                  misrouted.routing[0].end());
      EXPECT_FALSE(passes(options, misrouted)) << name(precision);
    }
  }
}

TEST(CpuStep, RefusesWhatItCannotDo) {
  StepOptions options = options_of(gpt2_like(), Precision::bf16);
  EXPECT_THROW(CpuTrainingStep(options, {CpuLevel::v2, 1}, {1}), Error);
  options.precision = Precision::fp32;
  options.batch = std::int64_t{1} << 40;
  EXPECT_THROW(CpuTrainingStep(options, device(), {1}), Error) << "more memory than there is";
}

// --- the model as data -----------------------------------------------------------------------

TEST(Model, Gpt2HasItsPublishedSize) {
  const ModelConfig model = gpt2_124m();
  EXPECT_EQ(list_parameters(model).parameters, 124'439'808);
  // 12 layers of 12·768² and the head.
  EXPECT_EQ(matmul_parameters(model), 12U * 12 * 768 * 768 + 50257U * 768);
  EXPECT_EQ(model_flops_per_token(model, 512), 6 * 123'532'032ULL + 6ULL * 12 * 768 * 512);
  EXPECT_EQ(palm_flops_per_token(model, 512), 6 * 123'532'032ULL + 12ULL * 12 * 768 * 512);
}

TEST(Model, OnlyVisitedExpertsAreCounted) {
  const ModelConfig model = moe_like(2);
  const std::uint64_t attention = 24 * (3 * 32 + 32);
  const std::uint64_t router = 6 * 24;
  const std::uint64_t experts = (2 + 2) * 3 * 24 * 20;
  EXPECT_EQ(matmul_parameters(model), 2 * (attention + router + experts) + 50 * 24);
}

TEST(Model, BadConfigurationsAreRefused) {
  const auto refused = [](const auto& spoil) {
    StepOptions options = options_of(moe_like(2), Precision::fp32);
    spoil(options);
    EXPECT_THROW(require_valid(options), Error);
  };
  refused([](StepOptions& o) { o.batch = 0; });
  refused([](StepOptions& o) { o.sequence = o.model.sequence + 1; });
  refused([](StepOptions& o) { o.accumulation = 0; });
  refused([](StepOptions& o) { o.precision = Precision::int8; });
  refused([](StepOptions& o) { o.clip_norm = 0.0; });
  refused([](StepOptions& o) { o.model.kv_heads = 3; });
  refused([](StepOptions& o) { o.model.head_size = 7; });
  refused([](StepOptions& o) { o.model.experts_per_token = 7; });
  refused([](StepOptions& o) { o.model.feed_forward = 8; });
  refused([](StepOptions& o) { o.model.vocabulary = 1; });
  EXPECT_NO_THROW(require_valid(options_of(moe_like(2), Precision::fp32)));
}

TEST(StepWorkload, SaysWhatItIsAndVerifies) {
  StepOptions options = options_of(gpt2_like(), Precision::fp32);
  options.accumulation = 2;
  const Workload workload = training_step_workload(options);
  EXPECT_EQ(workload.name, "transformer/gpt2-like_step/batch2_sequence12_accumulation2/fp32");
  EXPECT_EQ(workload.tokens, 48U);
  EXPECT_EQ(workload.flops, 48 * model_flops_per_token(options.model, 12));
  const Instance instance = workload.on_cpu(device(), {3});
  instance.iterate();
  for (const Check& check : instance.verify()) EXPECT_TRUE(check.passed()) << check.name;
  ASSERT_TRUE(instance.loss_law.has_value());
  EXPECT_NEAR(instance.observe().loss, instance.loss_law->log_vocabulary, 0.2);
  EXPECT_LT(instance.loss_law->entropy_rate_nats, instance.loss_law->log_vocabulary);
}

}  // namespace
}  // namespace assay::transformer
