#include "results/edition/loss_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "base/token_law.h"

namespace assay {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kKey = 12345;
constexpr std::int32_t kVocabulary = 544;

/// A run that learns: from ln V towards a floor above H, with the noise of fresh tokens.
TrainingRecord honest(int steps = 120) {
  TrainingRecord record;
  record.vocabulary = kVocabulary;
  record.token_key = kKey;
  record.log_vocabulary = std::log(static_cast<double>(kVocabulary));
  record.entropy_rate_nats = entropy_rate_nats(make_token_law(kKey, kVocabulary));
  const double floor = record.entropy_rate_nats + 0.4;
  for (int step = 0; step < steps; ++step) {
    const double noise =
        philox_uniform(philox(7, static_cast<std::uint64_t>(step), 0).word[0]) - 0.5;
    record.losses.push_back(floor + (record.log_vocabulary - floor) * std::exp(-step / 40.0) +
                            0.1 * noise);
    record.gradient_norms.push_back(0.3 + 4.0 * std::exp(-step / 10.0));
  }
  return record;
}

TEST(LossGate, PassesARunThatLearns) {
  EXPECT_THAT(loss_gate_failures(honest()), IsEmpty());
  EXPECT_THAT(loss_gate_failures(honest(2000)), IsEmpty());
  const TrainingRecord record = honest();
  EXPECT_GT(record.losses.front(), final_loss(record));
}

TEST(LossGate, PassesARunAtTheEntropyRate) {
  // A perfect model sits at H, half of its tenths below.
  TrainingRecord record = honest(1000);
  for (std::size_t step = 100; step < record.losses.size(); ++step) {
    record.losses[step] = record.entropy_rate_nats + (step % 2 == 0 ? 0.05 : -0.06);
  }
  EXPECT_THAT(loss_gate_failures(record), IsEmpty());
}

TEST(LossGate, ConstantLoss) {
  TrainingRecord record = honest();
  record.losses.assign(record.losses.size(), record.log_vocabulary);
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("did not fall")));
}

TEST(LossGate, NoiseAroundLnVIsNoFall) {
  TrainingRecord record = honest();
  for (std::size_t step = 0; step < record.losses.size(); ++step) {
    record.losses[step] = record.log_vocabulary + (step % 3 == 0 ? 0.05 : -0.03);
  }
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("did not fall")));
}

TEST(LossGate, NotANumber) {
  TrainingRecord record = honest();
  record.losses[57] = std::nan("");
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("step 58")));
  record = honest();
  record.gradient_norms[3] = std::numeric_limits<double>::infinity();
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("gradient norm of step 4")));
}

TEST(LossGate, BelowTheEntropyRate) {
  TrainingRecord record = honest();
  for (double& loss : record.losses) {
    loss = record.log_vocabulary + (loss - record.log_vocabulary) * 1.3 * record.log_vocabulary /
                                       (record.log_vocabulary - record.entropy_rate_nats - 0.4) *
                                       0.5;
  }
  record.losses.front() = record.log_vocabulary;
  EXPECT_LT(final_loss(record), record.entropy_rate_nats);
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("below what the tokens allow")));
}

TEST(LossGate, MemorisedBatch) {
  // One batch over and over: loss and gradients go to zero together.
  TrainingRecord record = honest(400);
  for (std::size_t step = 0; step < record.losses.size(); ++step) {
    const double left = std::exp(-static_cast<double>(step) / 20.0);
    record.losses[step] = record.log_vocabulary * left;
    record.gradient_norms[step] = 4.0 * left;
  }
  const auto failures = loss_gate_failures(record);
  EXPECT_THAT(failures, Contains(HasSubstr("below what the tokens allow")));
  EXPECT_THAT(failures, Contains(HasSubstr("gradient vanished")));
}

TEST(LossGate, WrongFirstLoss) {
  TrainingRecord record = honest();
  record.losses.front() = 1.06 * record.log_vocabulary;
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("first loss")));
  record.losses.front() = 0.94 * record.log_vocabulary;
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("first loss")));
}

TEST(LossGate, EntropyRateIsDerivedAgain) {
  TrainingRecord record = honest();
  record.entropy_rate_nats -= 0.01;
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("entropy rate is recorded")));
  record = honest();
  record.token_key += 1;
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("entropy rate is recorded")));
  record = honest();
  record.log_vocabulary += 0.001;
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("ln V")));
  record = honest();
  record.vocabulary = 1;
  EXPECT_THAT(loss_gate_failures(record), Contains(HasSubstr("no token law")));
}

TEST(LossGate, TooShortToJudge) {
  EXPECT_THAT(loss_gate_failures(honest(19)), ElementsAre(HasSubstr("19 steps")));
  TrainingRecord record = honest();
  record.gradient_norms.pop_back();
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("119 gradient norms")));
  record.gradient_norms.assign(record.losses.size(), 0.0);
  EXPECT_THAT(loss_gate_failures(record), ElementsAre(HasSubstr("vanished")));
}

}  // namespace
}  // namespace assay
