#include "kernels/gemm/cpu_product.h"

#include <cstdlib>
#include <mutex>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace assay::gemm {
namespace {

using Memory = dnnl::memory;

dnnl::cpu_isa isa_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::v2:
      return dnnl::cpu_isa::sse41;
    case CpuLevel::v3:
      return dnnl::cpu_isa::avx2;
    case CpuLevel::avx512:
      return dnnl::cpu_isa::avx512_core_vnni;  // VNNI where the processor has it
    case CpuLevel::avx512_bf16:
      return dnnl::cpu_isa::avx512_core_bf16;
    case CpuLevel::amx:
      return dnnl::cpu_isa::all;
  }
  return dnnl::cpu_isa::all;
}

Memory::data_type type_of(Element element) {
  switch (element) {
    case Element::fp32:
      return Memory::data_type::f32;
    case Element::bf16:
      return Memory::data_type::bf16;
    case Element::int8:
      return Memory::data_type::s8;
    case Element::int32:
      return Memory::data_type::s32;
    default:
      return Memory::data_type::undef;  // refused by require_valid()
  }
}

/// A matrix (rows, columns), stored as it is or transposed; a variable extent stays a row count
/// in memory, so the strides are known.
Memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed, Element element) {
  const Memory::dims strides = transposed ? Memory::dims{1, rows} : Memory::dims{columns, 1};
  return {{rows, columns}, type_of(element), strides};
}

/// From this many rows on, packing the weights anew in each run pays (see cpu_product.h).
constexpr std::int64_t kRowsWorthPacking = 512;

bool worth_packing(const Product& product) {
  return !product.a_transposed && product.m >= kRowsWorthPacking;
}

bool is_weight_gradient(const Product& product) {
  return product.a_transposed && !product.b_transposed && product.input != Element::int8;
}

void require_valid(const Product& product) {
  if (const auto refusal = extent_refusal(product)) throw input_error(*refusal, text_of(product));
  const bool floating = product.output == Element::fp32 ||
                        (product.output == Element::bf16 && product.input == Element::bf16);
  const bool integer = product.input == Element::int8 && product.output == Element::int32;
  const bool floating_input = product.input == Element::fp32 || product.input == Element::bf16;
  if (!(floating_input ? floating : integer)) {
    throw input_error("no such combination of element types", text_of(product));
  }
}

}  // namespace

void use_level(CpuLevel level) {
  static std::mutex mutex;
  static std::optional<CpuLevel> chosen;
  const std::scoped_lock lock(mutex);
  if (chosen == level) return;
  if (chosen.has_value()) {
    throw check_error("oneDNN already runs at level " + std::string(name(*chosen)) +
                          " and can't change to " + std::string(name(level)),
                      "matrix products", "use one CPU level in a process");
  }
  if (dnnl::set_max_cpu_isa(isa_of(level)) != dnnl::status::success) {
    throw check_error("oneDNN can't be held to level " + std::string(name(level)),
                      "matrix products", "it was used before, or built without that control");
  }
  chosen = level;
}

std::string library_text() {
  const dnnl_version_t* version = dnnl::version();
  std::string isa = "unknown";
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      isa = "sse41";
      break;
    case dnnl::cpu_isa::avx:
      isa = "avx";
      break;
    case dnnl::cpu_isa::avx2:
      isa = "avx2";
      break;
    case dnnl::cpu_isa::avx2_vnni:
      isa = "avx2_vnni";
      break;
    case dnnl::cpu_isa::avx512_core:
      isa = "avx512_core";
      break;
    case dnnl::cpu_isa::avx512_core_vnni:
      isa = "avx512_core_vnni";
      break;
    case dnnl::cpu_isa::avx512_core_bf16:
      isa = "avx512_core_bf16";
      break;
    case dnnl::cpu_isa::avx512_core_amx:
      isa = "avx512_core_amx";
      break;
    default:
      break;
  }
  return "oneDNN " + std::to_string(version->major) + '.' + std::to_string(version->minor) + '.' +
         std::to_string(version->patch) + ' ' + isa;
}

void Workspace::Free::operator()(void* memory) const {
  std::free(memory);
}

void Workspace::reserve(std::size_t bytes) {
  if (bytes <= bytes_) return;
  data_.reset(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
  bytes_ = data_ ? bytes : 0;
  if (!data_) throw std::bad_alloc();
}

struct CpuProduct::Prepared {
  Product product;
  std::shared_ptr<Workspace> workspace;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
  std::optional<dnnl::reorder> packing;  ///< of B, where that pays

  Prepared(const Product& requested, std::shared_ptr<Workspace> shared)
      : product(requested), workspace(std::move(shared)) {
    // A weight gradient's k is declared variable even where it is not: that selects the kernel
    // that is the fastest for it (see cpu_product.h).
    const bool hide_k = product.k == kVariable || is_weight_gradient(product);
    const std::int64_t m = product.m == kVariable ? DNNL_RUNTIME_DIM_VAL : product.m;
    const std::int64_t k = hide_k ? DNNL_RUNTIME_DIM_VAL : product.k;
    const Memory::desc a = matrix(m, k, product.a_transposed, product.input);
    const Memory::desc b = matrix(k, product.n, product.b_transposed, product.input);
    const Memory::desc d = matrix(m, product.n, false, product.output);
    const bool packs = worth_packing(product);
    const Memory::desc wanted_b =
        packs ? Memory::desc(b.dims(), b.data_type(), Memory::format_tag::any) : b;
    dnnl::primitive_attr attributes;
    if (product.accumulate) {
      dnnl::post_ops add;
      add.append_sum(1.0F);
      attributes.set_post_ops(add);
    }
    if (product.bias) {
      description = {{a, wanted_b, bias_desc(), d}, attributes, engine};
    } else {
      description = {{a, wanted_b, d}, attributes, engine};
    }
    primitive = dnnl::matmul(description);
    if (packs && description.weights_desc() != b) {
      workspace->reserve(description.weights_desc().get_size());
      packing.emplace(dnnl::reorder::primitive_desc(engine, b, engine, description.weights_desc()));
    }
  }

  [[nodiscard]] Memory::desc bias_desc() const {
    return {{1, product.n}, type_of(product.input), Memory::dims{product.n, 1}};
  }

  [[nodiscard]] Memory operand(const Memory::desc& desc, const void* data) const {
    return {desc, engine, const_cast<void*>(data)};
  }

  void execute(const void* a, const void* b, const void* bias, void* d, std::int64_t variable) {
    const std::int64_t m = product.m == kVariable ? variable : product.m;
    const std::int64_t k = product.k == kVariable ? variable : product.k;
    Memory weights = operand(matrix(k, product.n, product.b_transposed, product.input), b);
    if (packing.has_value()) {
      Memory packed = operand(description.weights_desc(), workspace->data());
      packing->execute(stream, weights, packed);
      weights = packed;
    }
    std::unordered_map<int, Memory> arguments = {
        {DNNL_ARG_SRC, operand(matrix(m, k, product.a_transposed, product.input), a)},
        {DNNL_ARG_WEIGHTS, weights},
        {DNNL_ARG_DST, operand(matrix(m, product.n, false, product.output), d)}};
    if (product.bias) arguments.emplace(DNNL_ARG_BIAS, operand(bias_desc(), bias));
    primitive.execute(stream, arguments);
    stream.wait();
  }
};

CpuProduct::CpuProduct(CpuLevel level, const Product& product,
                       std::shared_ptr<Workspace> workspace) {
  require_valid(product);
  use_level(level);
  try {
    prepared_ = std::make_unique<Prepared>(product, std::move(workspace));
  } catch (const dnnl::error& error) {
    throw check_error(std::string("oneDNN: ") + error.what(), text_of(product));
  }
}
CpuProduct::~CpuProduct() = default;
CpuProduct::CpuProduct(CpuProduct&&) noexcept = default;
CpuProduct& CpuProduct::operator=(CpuProduct&&) noexcept = default;

const Product& CpuProduct::product() const {
  return prepared_->product;
}

std::string CpuProduct::kernel() const {
  return prepared_->description.impl_info_str();
}

void CpuProduct::require_elements(Element input, Element output) const {
  if (input == prepared_->product.input && output == prepared_->product.output) return;
  throw input_error(
      "run with operands of " + std::string(name(input)) + " and " + std::string(name(output)),
      text_of(prepared_->product));
}

void CpuProduct::execute(const void* a, const void* b, const void* bias, void* d,
                         std::int64_t variable) const {
  try {
    prepared_->execute(a, b, bias, d, variable);
  } catch (const dnnl::error& error) {
    throw check_error(std::string("oneDNN: ") + error.what(), text_of(prepared_->product));
  }
}

}  // namespace assay::gemm
