#include "kernels/embedding/embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::embedding {
namespace {

template <class T>
struct Buffers {
  std::vector<std::int32_t> tokens;
  std::vector<T> wte, wpe, x;  ///< forward
  std::vector<T> dx;           ///< backward
  std::vector<float> dwte, dwpe;
};

std::size_t size_of(std::int64_t rows, std::int64_t width) {
  return static_cast<std::size_t>(rows * width);
}

/// The vocabulary rows that tokens name, so that the definition runs on those alone.
struct Compacted {
  std::vector<std::int32_t> named;   ///< the distinct tokens, rising
  std::vector<std::int32_t> tokens;  ///< each token's place in `named`
};

Compacted compacted(const std::vector<std::int32_t>& tokens) {
  Compacted result;
  result.named = tokens;
  std::sort(result.named.begin(), result.named.end());
  result.named.erase(std::unique(result.named.begin(), result.named.end()), result.named.end());
  for (const std::int32_t token : tokens) {
    const auto place = std::lower_bound(result.named.begin(), result.named.end(), token);
    result.tokens.push_back(static_cast<std::int32_t>(place - result.named.begin()));
  }
  return result;
}

template <class Element>
std::vector<Element> named_rows(const std::vector<Element>& table, const Compacted& compact,
                                std::int64_t width) {
  std::vector<Element> rows;
  for (const std::int32_t token : compact.named) {
    const auto row = table.begin() + token * width;
    rows.insert(rows.end(), row, row + width);
  }
  return rows;
}

template <class T>
std::vector<Check> verify_forward(const Shape& shape, const Buffers<T>& b) {
  const Compacted compact = compacted(b.tokens);
  const std::vector<T> rows = named_rows(b.wte, compact, shape.width);
  const auto run = [&](const auto& wte, const auto& wpe) {
    auto x = wte;
    x.assign(b.x.size(), 0);
    forward_reference(shape, compact.tokens.data(), wte.data(), wpe.data(), x.data());
    return x;
  };
  return {compare_with_control("x", to_double(b.x),
                               stored_as<T>(run(to_single(rows), to_single(b.wpe))),
                               run(to_double(rows), to_double(b.wpe)))};
}

template <class Real>
struct Gradients {
  std::vector<Real> dwte, dwpe;
};

/// Largest magnitude in rows of dwte that no token names: exactly 0.
double largest_elsewhere(const std::vector<float>& dwte, const Compacted& compact,
                         const Shape& shape) {
  double largest = 0.0;
  auto next = compact.named.begin();
  for (std::int64_t row = 0; row < shape.vocabulary; ++row) {
    if (next != compact.named.end() && *next == row) {
      ++next;
      continue;
    }
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const auto value =
          static_cast<double>(dwte[size_of(row, shape.width) + static_cast<std::size_t>(i)]);
      if (!(std::abs(value) <= largest)) largest = std::abs(value);
      if (std::isnan(value)) return std::numeric_limits<double>::quiet_NaN();
    }
  }
  return largest;
}

template <class T>
std::vector<Check> verify_backward(const Shape& shape, const Buffers<T>& b) {
  const Compacted compact = compacted(b.tokens);
  const auto run = [&](const auto& dx) {
    using Real = typename std::decay_t<decltype(dx)>::value_type;
    Gradients<Real> g{
        std::vector<Real>(compact.named.size() * static_cast<std::size_t>(shape.width)),
        std::vector<Real>(b.dwpe.size())};
    backward_reference(shape, compact.tokens.data(), dx.data(), g.dwte.data(), g.dwpe.data());
    return g;
  };
  const auto exact = run(to_double(b.dx));
  const auto control = run(to_single(b.dx));
  return {
      compare_with_control("dwte", to_double(named_rows(b.dwte, compact, shape.width)),
                           stored_as<float>(control.dwte), exact.dwte),
      compare_with_control("dwpe", to_double(b.dwpe), stored_as<float>(control.dwpe), exact.dwpe),
      {"dwte of tokens that do not occur", largest_elsewhere(b.dwte, compact, shape), 0.0}};
}

template <class T>
Instance make_forward(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto b = std::make_shared<Buffers<T>>();
  const std::int64_t positions = shape.batch * shape.sequence;
  b->tokens = integer_input(key.key, 1, positions, static_cast<std::int32_t>(shape.vocabulary));
  b->wte = normal_input<T>(key.key, 2, shape.vocabulary * shape.width, 0.0, 0.02);
  b->wpe = normal_input<T>(key.key, 3, shape.sequence * shape.width, 0.0, 0.02);
  b->x.resize(size_of(positions, shape.width));
  const auto forward = kernels_for<CpuKernels<T>>(device.level).forward;
  Instance instance;
  instance.iterate = [=] {
    forward(shape, b->tokens.data(), b->wte.data(), b->wpe.data(), b->x.data());
  };
  instance.verify = [=] { return verify_forward(shape, *b); };
  return instance;
}

template <class T>
Instance make_backward(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto b = std::make_shared<Buffers<T>>();
  const std::int64_t positions = shape.batch * shape.sequence;
  b->tokens = integer_input(key.key, 1, positions, static_cast<std::int32_t>(shape.vocabulary));
  b->dx = normal_input<T>(key.key, 4, positions * shape.width);
  b->dwte.resize(size_of(shape.vocabulary, shape.width));
  b->dwpe.resize(size_of(shape.sequence, shape.width));
  const auto backward = kernels_for<CpuKernels<T>>(device.level).backward;
  Instance instance;
  instance.iterate = [=] {
    backward(shape, b->tokens.data(), b->dx.data(), b->dwte.data(), b->dwpe.data());
  };
  // Gradients grow with each iteration, so the check starts them from zero and runs one more.
  instance.verify = [=, iterate = instance.iterate] {
    std::fill(b->dwte.begin(), b->dwte.end(), 0.0F);
    std::fill(b->dwpe.begin(), b->dwpe.end(), 0.0F);
    iterate();
    return verify_backward(shape, *b);
  };
  return instance;
}

Workload workload(bool forward, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto positions = static_cast<std::uint64_t>(shape.batch * shape.sequence);
  const auto sequence = static_cast<std::uint64_t>(shape.sequence);
  const auto width = static_cast<std::uint64_t>(shape.width);
  Workload w;
  w.family = "embedding";
  w.operation = forward ? "forward" : "backward";
  w.problem = {{"batch", shape.batch},
               {"sequence", shape.sequence},
               {"width", shape.width},
               {"vocabulary", shape.vocabulary}};
  w.precision = precision;
  w.tokens = positions;
  w.flops = (forward ? 1 : 2) * positions * width;
  w.bytes = forward ? 4 * positions + (2 * positions + sequence) * width * element
                    : 4 * positions + positions * width * (element + 8) + sequence * width * 8;
  w.inputs = forward ? "tokens uniform over the vocabulary; tables normal(0, 0.02), by Philox"
                     : "tokens uniform over the vocabulary; dx normal(0, 1), by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    if (precision == Precision::bf16) {
      return forward ? make_forward<Bf16>(shape, device, key)
                     : make_backward<Bf16>(shape, device, key);
    }
    return forward ? make_forward<float>(shape, device, key)
                   : make_backward<float>(shape, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  const Shape gpt2{2, 512, 768, 50257};
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    all.push_back(workload(true, gpt2, precision));
    all.push_back(workload(false, gpt2, precision));
  }
  return all;
}

}  // namespace assay::embedding
