/// Which of cuBLASLt's algorithms runs a product: chosen by time, once, recorded, and taken over by
/// other devices and later processes. On the host's version of the library, whose clock is told how
/// long each algorithm takes.
#include "kernels/gemm/algorithm_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "kernels/cuda/choice_book.h"
#include "ptx/gemm_run.h"
#include "ptx/host_blas.h"
#include "ptx_device/device.h"

namespace assay::gemm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kWorkspaceBytes = 4096;
constexpr std::int64_t kRows = 200;

Operation product(std::int64_t rows) {
  return {forward(rows, 16, 24, Element::bf16, false)};
}

std::string note(const CudaPlan& plan, const std::string& name) {
  for (const auto& [key, text] : plan.notes()) {
    if (key == name) return text;
  }
  return "no note " + name;
}

/// The line of the error that `call` throws.
template <class Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.line();
  }
  return "";
}

/// A process: a library made anew, whose algorithms take so long, and a device.
class Process {
 public:
  explicit Process(std::vector<host_blas::Proposal> proposals, cuda::ChoiceBook* book = nullptr,
                   int patch_level = 0, std::int64_t refused_from = 0) {
    ptx_device::Options device_options;
    device_options.device_count = 2;
    ptx_device::configure(device_options);
    driver_ = host_blas::with_clock(ptx_device::driver());
    host_blas::Options options;
    options.architecture = device_options.architecture;
    options.patch_level = patch_level;
    options.proposals = std::move(proposals);
    options.refused_from = refused_from;
    host_blas::configure(driver_, options);
    for (int ordinal = 0; ordinal < 2; ++ordinal) {
      auto& device = devices_.emplace_back(std::make_unique<cuda::Device>(driver_, ordinal));
      device->share_choices(book);
      streams_.push_back(std::make_unique<cuda::Stream>(*device));
    }
    devices_[0]->make_current();
    library_ =
        std::make_unique<cuda::blas::Context>(cuda::blas::make_context(host_blas::library()));
    workspace_ = std::make_unique<cuda::Buffer<std::byte>>(*devices_[0], kWorkspaceBytes);
  }

  [[nodiscard]] CudaPlan plan(const Operation& operation = product(kRows),
                              std::size_t workspace_bytes = kWorkspaceBytes,
                              std::size_t device = 0) {
    return {*library_, *devices_[device], operation, {workspace_->data(), workspace_bytes}};
  }
  /// Chooses for, and runs, the product of `rows` rows; expects the right output. Returns the index
  /// of the proposal that ran it.
  int run(CudaPlan& plan, bool choose, std::int64_t extent = 0, std::size_t device = 0) {
    devices_[device]->make_current();
    const Problem<Bf16, Bf16, Bf16> problem(product(extent == 0 ? kRows : extent));
    for (const Check& check :
         problem.checks(problem.run(*streams_[device], plan, choose, extent))) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
    return host_blas::observed().last_algorithm;
  }
  int choose_and_run(std::size_t device = 0) {
    CudaPlan made = plan(product(kRows), kWorkspaceBytes, device);
    return run(made, true, 0, device);
  }

 private:
  cuda::DriverTable driver_{};
  std::vector<std::unique_ptr<cuda::Device>> devices_;
  std::vector<std::unique_ptr<cuda::Stream>> streams_;
  std::unique_ptr<cuda::blas::Context> library_;
  std::unique_ptr<cuda::Buffer<std::byte>> workspace_;
};

TEST(AlgorithmChoice, IsTheFastestOfTheProposalsAndIsRecorded) {
  Process process({{.seconds = 3e-3}, {.seconds = 1e-3}, {.seconds = 2e-3}});
  CudaPlan plan = process.plan();
  EXPECT_EQ(process.run(plan, true), 1);
  EXPECT_EQ(note(plan, "candidates_s"), "3.000e-03, 1.000e-03, 2.000e-03");
  EXPECT_THAT(note(plan, "algorithm"), StartsWith("id 1 "));
  EXPECT_EQ(note(plan, "library"), "cuBLASLt 13.0.0");
  EXPECT_EQ(note(plan, "choice"), plan.choice());
  // It was timed once: from now on a run is one product.
  const int timed = host_blas::observed().runs;
  EXPECT_EQ(process.run(plan, false), 1);
  EXPECT_EQ(host_blas::observed().runs, timed + 1);
}

TEST(AlgorithmChoice, OfEqualsIsTheHeuristicsFirst) {
  EXPECT_EQ(Process({{.seconds = 2e-3}, {.seconds = 1e-3}, {.seconds = 1e-3}}).choose_and_run(), 1);
}

TEST(AlgorithmChoice, LeavesOutWhatDoesNotRunHere) {
  const host_blas::Proposal slow{.seconds = 9e-3};
  const auto fast = [] { return host_blas::Proposal{.seconds = 1e-3}; };
  auto reported = fast(), refused = fast(), large = fast(), narrow = fast();
  reported.state = cuda::blas::kNotSupported;
  refused.run = cuda::blas::kNotSupported;
  large.workspace_bytes = kWorkspaceBytes + 1;
  narrow.numerical_flags = cuda::blas::kSumsFp16;
  for (const auto& [what, excluded] :
       {std::pair{"the heuristic says so", reported}, std::pair{"running it says so", refused},
        std::pair{"more workspace", large}, std::pair{"sums in FP16", narrow}}) {
    SCOPED_TRACE(what);
    EXPECT_EQ(Process({excluded, slow}).choose_and_run(), 1);
    EXPECT_THAT(refusal_of([&] { Process({excluded}).choose_and_run(); }), HasSubstr("cuBLASLt"));
  }
  // As much workspace as there is does run.
  large.workspace_bytes = kWorkspaceBytes;
  EXPECT_EQ(Process({slow, large}).choose_and_run(), 1);
}

TEST(AlgorithmChoice, IsSharedByDevicesThroughTheBook) {
  cuda::ChoiceBook book;
  Process process({{.seconds = 3e-3}, {.seconds = 1e-3}}, &book);
  EXPECT_EQ(process.choose_and_run(0), 1);
  const int timed = host_blas::observed().runs;
  EXPECT_EQ(process.choose_and_run(1), 1);
  EXPECT_EQ(host_blas::observed().runs, timed + 1);
  EXPECT_EQ(book.all().size(), 1U);
}

TEST(AlgorithmChoice, OfALaterProcessIsTheFirstOnesWhateverTheClockSays) {
  cuda::ChoiceBook first;
  EXPECT_EQ(Process({{.seconds = 3e-3}, {.seconds = 1e-3}}, &first).choose_and_run(), 1);
  cuda::ChoiceBook later(first.all());
  Process process({{.seconds = 1e-3}, {.seconds = 3e-3}}, &later);
  CudaPlan plan = process.plan();
  EXPECT_EQ(process.run(plan, true), 1);
  EXPECT_EQ(host_blas::observed().runs, 1);
  EXPECT_EQ(note(plan, "candidates_s"), "adopted");
  EXPECT_EQ(later.all(), first.all());
}

/// What a choice depends on is part of its line, so that no other product takes it over.
TEST(AlgorithmChoice, HoldsForTheConditionsThatItWasMadeUnder) {
  cuda::ChoiceBook first;
  Process({{.seconds = 1e-3}}, &first).choose_and_run();
  const std::string made = first.all().begin()->second;

  cuda::ChoiceBook newer(first.all());
  Process({{.seconds = 1e-3}}, &newer, 1).choose_and_run();
  EXPECT_EQ(newer.all().size(), 2U) << "of another version of the library";

  cuda::ChoiceBook others(first.all());
  Process process({{.seconds = 1e-3}, {.seconds = 2e-3}}, &others);
  CudaPlan smaller = process.plan(product(kRows), kWorkspaceBytes / 2);
  process.run(smaller, true);
  EXPECT_EQ(others.all().size(), 2U) << "of another workspace";
  Operation with_bias = product(kRows);
  with_bias.product.bias = true;
  CudaPlan other = process.plan(with_bias);
  EXPECT_THAT(refusal_of([&] { other.adopt(made); }), HasSubstr("under other conditions"));

  CudaPlan same = process.plan();
  EXPECT_THAT(refusal_of([&] { process.run(same, false); }), HasSubstr("no algorithm was chosen"));
  const std::string conditions = made.substr(0, made.rfind('/') + 1);
  EXPECT_THAT(refusal_of([&] { same.adopt(conditions); }), HasSubstr("no choice of an algorithm"));
  EXPECT_THAT(refusal_of([&] { same.adopt(made.substr(0, made.size() - 1)); }),
              HasSubstr("128 hexadecimal digits"));
  EXPECT_THAT(
      refusal_of([&] { same.adopt(conditions + "64:" + made.substr(made.rfind(':') + 1)); }),
      HasSubstr("no choice of an algorithm"));
  const std::string unknown = conditions + "0:" + std::string(128, '0');
  EXPECT_THAT(refusal_of([&] { same.adopt(unknown); }), HasSubstr("refuses the algorithm here"));
  same.adopt(made);
  EXPECT_EQ(same.choice(), made);
  EXPECT_EQ(process.run(same, false), 0);
}

TEST(AlgorithmChoice, OfAVariableExtentIsThatOfTheNextLargerOne) {
  Process process({{.seconds = 3e-3}, {.seconds = 1e-3}});
  CudaPlan plan = process.plan(product(kVariable));
  EXPECT_EQ(process.run(plan, true, kRows), 1);
  for (const char* const rows : {" for 64 rows", " for 128 rows", " for 200 rows"}) {
    EXPECT_THAT(note(plan, std::string("algorithm") + rows), StartsWith("id 1 "));
  }
  EXPECT_EQ(note(plan, "algorithm for 256 rows"), "no note algorithm for 256 rows");
  EXPECT_EQ(process.run(plan, false, 1), 1);
  CudaPlan adopter = process.plan(product(kVariable));
  adopter.adopt(plan.choice());
  EXPECT_EQ(process.run(adopter, false, 65), 1);
  EXPECT_EQ(adopter.choice(), plan.choice());
}

/// The library refuses the chosen algorithm for an extent: the heuristic's first proposal serves.
TEST(AlgorithmChoice, ThatIsRefusedForAnExtentGivesWayToTheFirstProposal) {
  Process process({{.seconds = 3e-3}, {.seconds = 1e-3}}, nullptr, 0, 24 + 100);
  CudaPlan plan = process.plan(product(kVariable));
  EXPECT_EQ(process.run(plan, true, kRows), 0);
  EXPECT_EQ(process.run(plan, false, 99), 1);
  EXPECT_EQ(process.run(plan, false, 100), 0);
}

TEST(AlgorithmChoice, IsWrittenAs128DigitsAndReadBack) {
  const cuda::blas::Algorithm algorithm{{1, 0xfeedfacecafebeef, 0, 7, 0, 0, 0, ~0ULL}};
  const std::string text = to_text(algorithm);
  EXPECT_EQ(text.substr(0, 32), "0000000000000001feedfacecafebeef");
  const auto read = algorithm_of(text);
  EXPECT_TRUE(std::equal(std::begin(read.data), std::end(read.data), algorithm.data));
  EXPECT_THROW(static_cast<void>(algorithm_of(text.substr(1) + "g")), Error);
}

TEST(ChoiceBook, ChoosesOnceForAllWhoAsk) {
  cuda::ChoiceBook book(std::map<std::string, std::string>{{"known", "from before"}});
  EXPECT_EQ(book.choice("known", [] { return std::string("anew"); }), "from before");
  std::atomic<int> chosen{0};
  std::vector<std::string> answers(4);
  std::vector<std::thread> threads;
  for (std::string& answer : answers) {
    threads.emplace_back([&] {
      answer = book.choice("new", [&] {
        const int mine = ++chosen;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return std::to_string(mine);
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(answers, testing::Each("1"));
  EXPECT_EQ(book.all().size(), 2U);
}

/// What failed to be chosen is not in the book: who asks next chooses.
TEST(ChoiceBook, AChoiceThatFailsIsNotMade) {
  cuda::ChoiceBook book;
  EXPECT_THROW(static_cast<void>(book.choice(
                   "it", []() -> std::string { throw check_error("no algorithm", "it"); })),
               Error);
  EXPECT_EQ(book.choice("it", [] { return std::string("found"); }), "found");
}

}  // namespace
}  // namespace assay::gemm
