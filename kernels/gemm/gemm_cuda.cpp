#include "kernels/gemm/gemm_cuda.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <initializer_list>

#include "base/error.h"
#include "kernels/cuda/choice_book.h"
#include "kernels/gemm/blas_terms.h"

namespace assay::gemm {
namespace {

using cuda::blas::Algorithm;
using cuda::blas::DataType;
using cuda::blas::MultiplicationAttribute;
using cuda::blas::PreferenceAttribute;
using cuda::blas::ReductionScheme;
using cuda::blas::Status;
using cuda::blas::Transpose;

/// Proposals of the heuristic that are timed.
constexpr int kProposals = 8;
/// Operands begin at multiples of this, which the heuristic is told.
constexpr std::uint32_t kOperandAlignment = 16;
constexpr std::uint32_t kWorkspaceAlignment = 256;
/// The smallest extent that an algorithm is chosen for.
constexpr std::int64_t kLeastChosenExtent = 64;

bool is_fp8(const Product& product) {
  return product.input == Element::fp8_e4m3 || product.input == Element::fp8_e5m2;
}

bool is_variable(const Product& product) {
  return product.m == kVariable || product.k == kVariable;
}

const Operation& supported(const Operation& operation, int compute_capability) {
  if (const auto why = refusal(operation, compute_capability)) {
    throw input_error(*why, identity(operation));
  }
  return operation;
}

bool is_aligned(const void* address, std::uint32_t alignment) {
  return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

/// Whether the library merely doesn't run this algorithm here; another one may.
bool is_refusal(Status status) {
  return status == cuda::blas::kNotSupported || status == cuda::blas::kInvalidValue ||
         status == cuda::blas::kArchitectureMismatch;
}

/// "1.2e-03, -, 1.4e-03", the heuristic's order.
std::string times_text(const std::vector<Candidate>& candidates) {
  std::vector<std::string> texts;
  texts.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    texts.push_back(candidate.seconds ? fmt::format("{:.3e}", *candidate.seconds) : "-");
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::size_t recommended_workspace_bytes(int compute_capability) {
  constexpr std::size_t kMebibyte = std::size_t{1} << 20U;
  return (compute_capability >= 90 ? 32 : 4) * kMebibyte;
}

CudaPlan::CudaPlan(const cuda::blas::Context& library, const cuda::Device& device,
                   const Operation& operation, const DeviceWorkspace& workspace)
    : library_(library),
      table_(library.table()),
      compute_capability_(device.facts().compute_capability),
      operation_(supported(operation, compute_capability_)),
      workspace_(workspace),
      multiplication_(cuda::blas::make_multiplication(table_, compute_type(operation.product.input),
                                                      sum_type(operation.product.input))) {
  const Product& product = operation_.product;
  if (!is_aligned(workspace.data, kWorkspaceAlignment)) {
    throw input_error("the workspace must begin at a multiple of 256 bytes", identity(operation_));
  }
  const auto set_attribute = [&](MultiplicationAttribute attribute, const auto& value) {
    cuda::blas::set(multiplication_, attribute, value);
  };
  const auto transpose = [](bool transposed) {
    return transposed ? Transpose::yes : Transpose::no;
  };
  set_attribute(MultiplicationAttribute::transpose_a, transpose(product.b_transposed));
  set_attribute(MultiplicationAttribute::transpose_b, transpose(product.a_transposed));
  set_attribute(MultiplicationAttribute::epilogue, epilogue_of(operation_));
  if (product.bias || operation_.bias_gradient) {
    set_attribute(MultiplicationAttribute::bias_type, data_type(bias_element(product)));
  }
  if (has_saved(operation_)) {
    set_attribute(MultiplicationAttribute::aux_leading_dimension, product.n);
  }
  if (is_fp8(product)) {
    set_attribute(MultiplicationAttribute::fast_accumulation, std::int8_t{0});
  }
  // The library judges alignments by the addresses set: until operands come, any that fits them.
  point_to({.bias = workspace.data, .saved = workspace.data, .bias_gradient = workspace.data});
}

Product CudaPlan::with_extent(std::int64_t extent) const {
  Product product = operation_.product;
  if (product.m == kVariable) product.m = extent;
  if (product.k == kVariable) product.k = extent;
  return product;
}

CudaPlan::Layouts CudaPlan::layouts_of(const Product& product) const {
  // A row-major (rows, columns) matrix, as the library sees it.
  const auto layout = [&](Element element, std::int64_t rows, std::int64_t columns) {
    return cuda::blas::make_layout(table_, data_type(element), columns, rows);
  };
  const auto& [m, n, k] = std::array{product.m, product.n, product.k};
  return {.a = product.a_transposed ? layout(product.input, k, m) : layout(product.input, m, k),
          .b = product.b_transposed ? layout(b_element(product), n, k)
                                    : layout(b_element(product), k, n),
          .d = layout(product.output, m, n)};
}

std::optional<Candidate> CudaPlan::candidate_of(const cuda::blas::HeuristicResult& result) const {
  const std::uint64_t flags = numerical_flags(table_, result.algorithm);
  if (result.workspace_bytes > workspace_.bytes ||
      !keeps_precision(operation_.product.input, flags)) {
    return std::nullopt;
  }
  return Candidate{result.algorithm, result.workspace_bytes, result.waves, std::nullopt};
}

std::vector<Candidate> CudaPlan::proposals(const Layouts& layouts, int most) const {
  const auto preference = cuda::blas::make_preference(table_);
  const auto set_preference = [&](PreferenceAttribute attribute, const auto& value) {
    cuda::blas::set(preference, attribute, value);
  };
  set_preference(PreferenceAttribute::workspace_bytes,
                 static_cast<std::uint64_t>(workspace_.bytes));
  const Product& product = operation_.product;
  const bool stores_sums = data_type(product.output) == sum_type(product.input);
  set_preference(PreferenceAttribute::reduction_schemes,
                 stores_sums ? ReductionScheme::any : ReductionScheme::compute_type);
  for (const PreferenceAttribute attribute :
       {PreferenceAttribute::alignment_a_bytes, PreferenceAttribute::alignment_b_bytes,
        PreferenceAttribute::alignment_c_bytes, PreferenceAttribute::alignment_d_bytes}) {
    set_preference(attribute, kOperandAlignment);
  }
  std::vector<cuda::blas::HeuristicResult> results(static_cast<std::size_t>(most));
  int found = 0;
  const Status status = table_.get_heuristic(
      library_.handle(), multiplication_.handle(), layouts.b.handle(), layouts.a.handle(),
      layouts.d.handle(), layouts.d.handle(), preference.handle(), most, results.data(), &found);
  cuda::blas::check(table_, status, "cublasLtMatmulAlgoGetHeuristic", identity(operation_));
  results.resize(static_cast<std::size_t>(found));
  std::vector<Candidate> candidates;
  for (const auto& result : results) {
    if (result.state != cuda::blas::kSuccess) continue;
    if (const auto candidate = candidate_of(result)) candidates.push_back(*candidate);
  }
  if (candidates.empty()) {
    throw check_error("cuBLASLt proposes no algorithm that keeps the precision and the workspace",
                      identity(operation_));
  }
  return candidates;
}

std::optional<Candidate> CudaPlan::checked(const Layouts& layouts,
                                           const Algorithm& algorithm) const {
  cuda::blas::HeuristicResult result{};
  const Status status = table_.algorithm_check(
      library_.handle(), multiplication_.handle(), layouts.b.handle(), layouts.a.handle(),
      layouts.d.handle(), layouts.d.handle(), &algorithm, &result);
  if (is_refusal(status)) return std::nullopt;
  cuda::blas::check(table_, status, "cublasLtMatmulAlgoCheck", identity(operation_));
  result.algorithm = algorithm;
  return candidate_of(result);
}

void CudaPlan::require(const Operands& operands) const {
  const auto refuse = [&](const std::string& what) {
    return input_error(what, identity(operation_));
  };
  const auto expect = [&](const char* name, const void* address, bool wanted) {
    if ((address != nullptr) != wanted) {
      throw refuse(fmt::format("{} is {}", name, wanted ? "missing" : "no operand of this"));
    }
    if (!is_aligned(address, kOperandAlignment)) {
      throw refuse(fmt::format("{} must begin at a multiple of 16 bytes", name));
    }
  };
  expect("a", operands.a, true);
  expect("b", operands.b, true);
  expect("d", operands.d, true);
  expect("bias", operands.bias, operation_.product.bias);
  expect("saved", operands.saved, has_saved(operation_));
  expect("bias_gradient", operands.bias_gradient, operation_.bias_gradient);
  const bool scaled = operands.a_scale != nullptr || operands.b_scale != nullptr;
  if (scaled && !is_fp8(operation_.product)) throw refuse("only FP8 operands have scales");
}

void CudaPlan::point_to(const Operands& operands) const {
  const auto point = [&](MultiplicationAttribute attribute, const void* address) {
    cuda::blas::set(multiplication_, attribute, address);
  };
  if (operation_.product.bias) point(MultiplicationAttribute::bias_pointer, operands.bias);
  if (operation_.bias_gradient) {
    point(MultiplicationAttribute::bias_pointer, operands.bias_gradient);
  }
  if (has_saved(operation_)) point(MultiplicationAttribute::aux_pointer, operands.saved);
  if (is_fp8(operation_.product)) {  // our b is the library's A
    point(MultiplicationAttribute::a_scale_pointer, operands.b_scale);
    point(MultiplicationAttribute::b_scale_pointer, operands.a_scale);
  }
}

Status CudaPlan::enqueue(const cuda::Stream& stream, const Operands& operands,
                         const Layouts& layouts, const Algorithm& algorithm) const {
  const Product& product = operation_.product;
  return table_.multiply(library_.handle(), multiplication_.handle(), factor(product.input, true),
                         operands.b, layouts.b.handle(), operands.a, layouts.a.handle(),
                         factor(product.input, product.accumulate), operands.d, layouts.d.handle(),
                         operands.d, layouts.d.handle(), &algorithm, workspace_.data,
                         workspace_.bytes, stream.handle());
}

CudaPlan::Choice CudaPlan::choose_for(const cuda::Stream& stream, const Operands& operands,
                                      std::int64_t extent) const {
  const Layouts layouts = layouts_of(with_extent(extent));
  Choice choice;
  choice.candidates = proposals(layouts, kProposals);
  time_candidates(stream, choice.candidates, [&](std::size_t i) {
    const Status status = enqueue(stream, operands, layouts, choice.candidates[i].algorithm);
    if (is_refusal(status)) return false;
    cuda::blas::check(table_, status, "cublasLtMatmul", identity(operation_));
    return true;
  });
  const auto best = fastest(choice.candidates);
  if (!best) {
    throw check_error("cublasLtMatmul runs none of the algorithms that cuBLASLt proposes",
                      identity(operation_));
  }
  choice.chosen = choice.candidates[*best];
  return choice;
}

void CudaPlan::choose(const cuda::Stream& stream, const Operands& operands, std::int64_t largest) {
  cuda::ChoiceBook* const book = stream.device().choice_book();
  if (book == nullptr) return choose_anew(stream, operands, largest);
  bool is_new = false;
  const std::string shared = book->choice(fmt::format("{} up to {}", conditions(), largest), [&] {
    is_new = true;
    choose_anew(stream, operands, largest);
    return choice();
  });
  if (!is_new) adopt(shared);
}

void CudaPlan::choose_anew(const cuda::Stream& stream, const Operands& operands,
                           std::int64_t largest) {
  require(operands);
  point_to(operands);
  std::map<std::int64_t, Choice> choices;
  if (!is_variable(operation_.product)) {
    choices.emplace(0, choose_for(stream, operands, 0));
  } else {
    if (largest <= 0) {
      throw input_error("the largest variable extent is asked for", identity(operation_));
    }
    std::int64_t extent = std::min(kLeastChosenExtent, largest);
    choices.emplace(extent, choose_for(stream, operands, extent));
    while (extent < largest) {
      extent = std::min(2 * extent, largest);
      choices.emplace(extent, choose_for(stream, operands, extent));
    }
  }
  choices_ = std::move(choices);
  fitted_.clear();
}

std::string CudaPlan::conditions() const {
  return fmt::format("cublaslt{}/sm{}/workspace{}/{}/", cuda::blas::version_text(table_),
                     compute_capability_, workspace_.bytes, identity(operation_));
}

std::string CudaPlan::choice() const {
  if (choices_.empty()) throw check_error("no algorithm was chosen", identity(operation_));
  std::vector<std::string> parts;
  for (const auto& [extent, choice] : choices_) {
    parts.push_back(fmt::format("{}:{}", extent, to_text(choice.chosen.algorithm)));
  }
  return conditions() + fmt::format("{}", fmt::join(parts, ","));
}

void CudaPlan::adopt(std::string_view choice) {
  const std::string expected = conditions();
  if (!choice.starts_with(expected)) {
    throw input_error("the algorithm was chosen under other conditions", std::string(choice),
                      "here they are " + expected);
  }
  std::map<std::int64_t, Choice> choices;
  for (std::string_view rest = choice.substr(expected.size()); !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    std::int64_t extent = -1;
    const auto [end, error] = std::from_chars(part.begin(), part.end(), extent);
    const bool fits = is_variable(operation_.product) ? extent > 0 : extent == 0;
    if (error != std::errc() || end == part.end() || *end != ':' || !fits) {
      throw input_error("no choice of an algorithm", std::string(choice));
    }
    const auto colon = static_cast<std::size_t>(end - part.begin());
    const Algorithm algorithm = algorithm_of(part.substr(colon + 1));
    const auto candidate = checked(layouts_of(with_extent(extent)), algorithm);
    if (!candidate) throw input_error("cuBLASLt refuses the algorithm here", std::string(choice));
    choices[extent].chosen = *candidate;
  }
  if (choices.empty()) throw input_error("no choice of an algorithm", std::string(choice));
  choices_ = std::move(choices);
  fitted_.clear();
}

CudaPlan::Fitted CudaPlan::fit(std::int64_t extent) const {
  auto choice = choices_.lower_bound(extent);
  if (choice == choices_.end()) choice = std::prev(choices_.end());
  const Algorithm& algorithm = choice->second.chosen.algorithm;
  Layouts layouts = layouts_of(with_extent(extent));
  const bool serves = !is_variable(operation_.product) || checked(layouts, algorithm).has_value();
  const Algorithm taken = serves ? algorithm : proposals(layouts, 1).front().algorithm;
  return {std::move(layouts), taken};
}

void CudaPlan::sum_nothing(const cuda::Stream& stream, const Operands& operands) const {
  const Product& product = operation_.product;
  const auto zero = [&](void* to, std::int64_t elements) {
    cuda::fill_bytes(stream, reinterpret_cast<cuda::DevicePointer>(to), 0,
                     static_cast<std::size_t>(elements * bytes_of(product.output)));
  };
  if (!product.accumulate) zero(operands.d, product.m * product.n);
  if (operation_.bias_gradient) zero(operands.bias_gradient, product.m);
}

void CudaPlan::run(const cuda::Stream& stream, const Operands& operands, std::int64_t extent) {
  require(operands);
  if (choices_.empty()) throw check_error("no algorithm was chosen", identity(operation_));
  const Product& product = operation_.product;
  if (extent < 0 || (extent > 0 && !is_variable(product))) {
    throw input_error(fmt::format("the extent {} is none of this product's", extent),
                      identity(operation_));
  }
  if (extent == 0 && product.m == kVariable) return;
  if (extent == 0 && product.k == kVariable) return sum_nothing(stream, operands);
  point_to(operands);
  auto fitted = fitted_.find(extent);
  if (fitted == fitted_.end()) fitted = fitted_.emplace(extent, fit(extent)).first;
  const cuda::LaunchSpan span(
      stream, stream.observer() != nullptr ? "gemm " + identity(operation_) : std::string());
  cuda::blas::check(table_,
                    enqueue(stream, operands, fitted->second.layouts, fitted->second.algorithm),
                    "cublasLtMatmul", identity(operation_));
  span.end();
}

std::vector<std::pair<std::string, std::string>> CudaPlan::notes() const {
  std::vector<std::pair<std::string, std::string>> all = {
      {"library", "cuBLASLt " + cuda::blas::version_text(table_)}, {"choice", choice()}};
  for (const auto& [extent, choice] : choices_) {
    const std::string of_extent = extent == 0 ? "" : fmt::format(" for {} rows", extent);
    all.emplace_back("algorithm" + of_extent, description(table_, choice.chosen));
    all.emplace_back("precision" + of_extent,
                     precision_text(numerical_flags(table_, choice.chosen.algorithm)));
    all.emplace_back("candidates_s" + of_extent,
                     choice.candidates.empty() ? "adopted" : times_text(choice.candidates));
  }
  return all;
}

}  // namespace assay::gemm
