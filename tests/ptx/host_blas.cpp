#include "ptx/host_blas.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "ptx/host_blas_product.h"

namespace assay::host_blas {
namespace {

using namespace cuda::blas;

constexpr std::uint64_t kMark = 0x484f5354424c4153;  // what marks an algorithm as ours

struct Preferences {
  std::optional<std::uint64_t> workspace_bytes;
  std::optional<std::uint32_t> reduction_schemes;
  std::map<PreferenceAttribute, std::uint32_t> alignments;
};

/// The library behind the table.
struct Library {
  const cuda::DriverTable* driver = nullptr;
  Options options;
  Observed observed;
  double clock_s = 0.0;
  std::map<cuda::EventHandle, double> events;
  std::map<const void*, std::unique_ptr<int>> contexts;
  std::map<const void*, std::unique_ptr<LayoutState>> layouts;
  std::map<const void*, std::unique_ptr<MultiplicationState>> multiplications;
  std::map<const void*, std::unique_ptr<Preferences>> preferences;
  std::vector<std::string> misuses;
};

Library& instance() {
  static Library library;
  return library;
}

/// Ranks of a gang call from a thread each.
std::recursive_mutex& mutex() {
  static std::recursive_mutex the_mutex;
  return the_mutex;
}

template <class T, class Handle>
Status make(std::map<const void*, std::unique_ptr<T>>& all, Handle* handle, T state) {
  if (handle == nullptr) return kInvalidValue;
  auto made = std::make_unique<T>(std::move(state));
  *handle = reinterpret_cast<Handle>(made.get());
  all.emplace(made.get(), std::move(made));
  return kSuccess;
}
template <class T>
Status destroy(const char* call, std::map<const void*, std::unique_ptr<T>>& all,
               const void* handle) {
  if (all.erase(handle) == 0) {
    instance().misuses.push_back(std::string(call) + " of what is not there");
    return kInvalidValue;
  }
  return kSuccess;
}
template <class T>
T* find(const std::map<const void*, std::unique_ptr<T>>& all, const void* handle) {
  const auto found = all.find(handle);
  return found == all.end() ? nullptr : found->second.get();
}

Status create(Handle* handle) {
  const std::lock_guard lock(mutex());
  return make(instance().contexts, handle, 0);
}
Status destroy_context(Handle handle) {
  const std::lock_guard lock(mutex());
  return destroy("cublasLtDestroy", instance().contexts, handle);
}
Status get_property(Property property, int* value) {
  const std::lock_guard lock(mutex());
  *value = property == Property::major_version   ? 13
           : property == Property::minor_version ? 0
                                                 : instance().options.patch_level;
  return kSuccess;
}
const char* get_status_name(Status status) {
  return status == kSuccess ? "SUCCESS" : status == kInternalError ? "INTERNAL" : "REFUSED";
}
const char* get_status_string(Status) {
  return "by the host's version";
}

Status layout_create(LayoutHandle* layout, DataType type, std::uint64_t rows, std::uint64_t columns,
                     std::int64_t leading_dimension) {
  const std::lock_guard lock(mutex());
  return make(instance().layouts, layout, LayoutState{type, rows, columns, leading_dimension});
}
Status layout_destroy(LayoutHandle layout) {
  const std::lock_guard lock(mutex());
  return destroy("cublasLtMatrixLayoutDestroy", instance().layouts, layout);
}

Status multiplication_create(MultiplicationHandle* multiplication, ComputeType compute,
                             DataType scale) {
  const std::lock_guard lock(mutex());
  MultiplicationState state;
  state.compute = compute;
  state.scale = scale;
  return make(instance().multiplications, multiplication, state);
}
Status multiplication_destroy(MultiplicationHandle multiplication) {
  const std::lock_guard lock(mutex());
  return destroy("cublasLtMatmulDescDestroy", instance().multiplications, multiplication);
}

/// Stores an attribute of exactly that size.
template <class T>
Status store(T& to, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return kInvalidValue;
  std::memcpy(&to, value, bytes);
  return kSuccess;
}

Status multiplication_set_attribute(MultiplicationHandle multiplication,
                                    MultiplicationAttribute attribute, const void* value,
                                    std::size_t bytes) {
  const std::lock_guard lock(mutex());
  MultiplicationState* const state = find(instance().multiplications, multiplication);
  if (state == nullptr) return kInvalidValue;
  switch (attribute) {
    case MultiplicationAttribute::transpose_a:
      return store(state->transpose_a, value, bytes);
    case MultiplicationAttribute::transpose_b:
      return store(state->transpose_b, value, bytes);
    case MultiplicationAttribute::epilogue:
      return store(state->epilogue, value, bytes);
    case MultiplicationAttribute::bias_pointer:
      return store(state->bias, value, bytes);
    case MultiplicationAttribute::aux_pointer:
      return store(state->aux, value, bytes);
    case MultiplicationAttribute::aux_leading_dimension:
      return store(state->aux_leading_dimension, value, bytes);
    case MultiplicationAttribute::a_scale_pointer:
      return store(state->a_scale, value, bytes);
    case MultiplicationAttribute::b_scale_pointer:
      return store(state->b_scale, value, bytes);
    case MultiplicationAttribute::fast_accumulation:
      return store(state->fast_accumulation.emplace(), value, bytes);
    case MultiplicationAttribute::bias_type:
      return store(state->bias_type.emplace(), value, bytes);
  }
  return kInvalidValue;
}

Status preference_create(PreferenceHandle* preference) {
  const std::lock_guard lock(mutex());
  return make(instance().preferences, preference, Preferences{});
}
Status preference_destroy(PreferenceHandle preference) {
  const std::lock_guard lock(mutex());
  return destroy("cublasLtMatmulPreferenceDestroy", instance().preferences, preference);
}
Status preference_set_attribute(PreferenceHandle preference, PreferenceAttribute attribute,
                                const void* value, std::size_t bytes) {
  const std::lock_guard lock(mutex());
  Preferences* const state = find(instance().preferences, preference);
  if (state == nullptr) return kInvalidValue;
  switch (attribute) {
    case PreferenceAttribute::workspace_bytes:
      return store(state->workspace_bytes.emplace(), value, bytes);
    case PreferenceAttribute::reduction_schemes:
      return store(state->reduction_schemes.emplace(), value, bytes);
    default:
      return store(state->alignments[attribute], value, bytes);
  }
}

/// The product that the handles describe, or nothing where one of them is not there.
std::optional<Description> described(Handle handle, MultiplicationHandle multiplication,
                                     LayoutHandle a, LayoutHandle b, LayoutHandle c,
                                     LayoutHandle d) {
  const Library& library = instance();
  const auto* const state = find(library.multiplications, multiplication);
  const auto* const layout_a = find(library.layouts, a);
  const auto* const layout_b = find(library.layouts, b);
  const auto* const layout_c = find(library.layouts, c);
  const auto* const layout_d = find(library.layouts, d);
  if (find(library.contexts, handle) == nullptr || state == nullptr || layout_a == nullptr ||
      layout_b == nullptr || layout_c == nullptr || layout_d == nullptr) {
    return std::nullopt;
  }
  return Description{*state, *layout_a, *layout_b, *layout_c, *layout_d};
}

Algorithm algorithm_of_proposal(std::size_t index) {
  return {{kMark, index, 0, 0, 0, 0, 0, 0}};
}
/// The proposal that an algorithm stands for; null for any other.
const Proposal* proposal_of(const Algorithm* algorithm) {
  const auto& proposals = instance().options.proposals;
  const bool ours =
      algorithm != nullptr && algorithm->data[0] == kMark && algorithm->data[1] < proposals.size();
  return ours ? &proposals[algorithm->data[1]] : nullptr;
}

Status get_heuristic(Handle handle, MultiplicationHandle multiplication, LayoutHandle a,
                     LayoutHandle b, LayoutHandle c, LayoutHandle d, PreferenceHandle preference,
                     int requested, HeuristicResult results[], int* found) {
  const std::lock_guard lock(mutex());
  Library& library = instance();
  const auto description = described(handle, multiplication, a, b, c, d);
  const Preferences* const wanted = find(library.preferences, preference);
  if (!description || wanted == nullptr || requested <= 0) return kInvalidValue;
  if (const Status refused = refusal(*description, library.options.architecture)) return refused;
  library.observed.reduction_schemes = wanted->reduction_schemes;
  library.observed.workspace_bytes = wanted->workspace_bytes;
  // Our products take operands from 16 bytes on, and must have said so.
  for (const auto attribute :
       {PreferenceAttribute::alignment_a_bytes, PreferenceAttribute::alignment_b_bytes,
        PreferenceAttribute::alignment_c_bytes, PreferenceAttribute::alignment_d_bytes}) {
    const auto alignment = wanted->alignments.find(attribute);
    if (alignment == wanted->alignments.end() || alignment->second > kPointerAlignment) {
      return kInvalidValue;
    }
  }
  *found = 0;
  for (std::size_t i = 0; i < library.options.proposals.size() && *found < requested; ++i) {
    const Proposal& proposal = library.options.proposals[i];
    results[(*found)++] = {
        algorithm_of_proposal(i), proposal.workspace_bytes, proposal.state, 0.5F, {}};
  }
  return kSuccess;
}

Status algorithm_check(Handle handle, MultiplicationHandle multiplication, LayoutHandle a,
                       LayoutHandle b, LayoutHandle c, LayoutHandle d, const Algorithm* algorithm,
                       HeuristicResult* result) {
  const std::lock_guard lock(mutex());
  const Library& library = instance();
  const auto description = described(handle, multiplication, a, b, c, d);
  const Proposal* const proposal = proposal_of(algorithm);
  if (!description || proposal == nullptr) return kInvalidValue;
  if (const Status refused = refusal(*description, library.options.architecture)) return refused;
  const auto extents = static_cast<std::int64_t>(description->d.rows + description->d.columns);
  if (library.options.refused_from > 0 && extents >= library.options.refused_from) {
    return kNotSupported;
  }
  *result = {*algorithm, proposal->workspace_bytes, kSuccess, 0.5F, {}};
  return kSuccess;
}

Status algorithm_get_config(const Algorithm* algorithm, ConfigAttribute attribute, void* value,
                            std::size_t bytes, std::size_t* written) {
  const std::lock_guard lock(mutex());
  const bool short_value =
      attribute == ConfigAttribute::inner_shape || attribute == ConfigAttribute::cluster_shape;
  if (proposal_of(algorithm) == nullptr || bytes != (short_value ? 2 : 4)) return kInvalidValue;
  std::memset(value, 0, bytes);
  if (attribute == ConfigAttribute::id) std::memcpy(value, &algorithm->data[1], bytes);
  *written = bytes;
  return kSuccess;
}
Status algorithm_get_capability(const Algorithm* algorithm, CapabilityAttribute, void* value,
                                std::size_t bytes, std::size_t* written) {
  const std::lock_guard lock(mutex());
  const Proposal* const proposal = proposal_of(algorithm);
  if (proposal == nullptr) return kInvalidValue;
  *written = bytes;
  std::uint64_t flags = proposal->numerical_flags;
  return store(flags, value, bytes) == kSuccess
             ? (std::memcpy(value, &proposal->numerical_flags, bytes), kSuccess)
             : kInvalidValue;
}

/// Scales of any of the types that they have.
struct OwnScales {
  double alpha = 0.0;
  double beta = 0.0;
};
OwnScales copy_of(const Description& description, const Scales& scales) {
  const std::size_t bytes = description.multiplication.scale == DataType::fp64 ? 8 : 4;
  OwnScales own;
  std::memcpy(&own.alpha, scales.alpha, bytes);
  std::memcpy(&own.beta, scales.beta, bytes);
  return own;
}

Status multiply(Handle handle, MultiplicationHandle multiplication, const void* alpha,
                const void* a, LayoutHandle a_layout, const void* b, LayoutHandle b_layout,
                const void* beta, const void* c, LayoutHandle c_layout, void* d,
                LayoutHandle d_layout, const Algorithm* algorithm, void* workspace,
                std::size_t workspace_bytes, cuda::StreamHandle stream) {
  const std::lock_guard lock(mutex());
  Library& library = instance();
  const auto description =
      described(handle, multiplication, a_layout, b_layout, c_layout, d_layout);
  const Proposal* const proposal = proposal_of(algorithm);
  if (!description || proposal == nullptr) return kInvalidValue;
  if (const Status refused = refusal(*description, library.options.architecture)) return refused;
  if (proposal->run != kSuccess) return proposal->run;
  const bool has_workspace = proposal->workspace_bytes == 0 ||
                             (workspace != nullptr && is_aligned(workspace, kPointerAlignment));
  if (proposal->workspace_bytes > workspace_bytes || !has_workspace) return kInvalidValue;
  const Pointers pointers{a, b, c, d};
  if (const Status refused = refusal(*description, {alpha, beta}, pointers)) return refused;
  // Scales are the host's: they are read now, whenever the product is computed.
  const auto work = [=, driver = library.driver, product = *description,
                     scales = copy_of(*description, {alpha, beta})] {
    compute(*driver, nullptr, product, {&scales.alpha, &scales.beta}, pointers);
  };
  if (library.options.enqueue == nullptr) {
    work();
  } else if (library.options.enqueue(stream, work) != cuda::kSuccess) {
    return kExecutionFailed;
  }
  library.clock_s += proposal->seconds;
  library.observed.last_algorithm = static_cast<int>(algorithm->data[1]);
  library.observed.compute = description->multiplication.compute;
  library.observed.fast_accumulation = description->multiplication.fast_accumulation;
  ++library.observed.runs;
  return kSuccess;
}

}  // namespace

void configure(const cuda::DriverTable& driver, const Options& options) {
  instance() = Library{};
  instance().driver = &driver;
  instance().options = options;
}

const Table& library() {
  static const Table kTable = {
      .create = create,
      .destroy = destroy_context,
      .get_property = get_property,
      .get_status_name = get_status_name,
      .get_status_string = get_status_string,
      .layout_create = layout_create,
      .layout_destroy = layout_destroy,
      .multiplication_create = multiplication_create,
      .multiplication_destroy = multiplication_destroy,
      .multiplication_set_attribute = multiplication_set_attribute,
      .preference_create = preference_create,
      .preference_destroy = preference_destroy,
      .preference_set_attribute = preference_set_attribute,
      .get_heuristic = get_heuristic,
      .algorithm_check = algorithm_check,
      .algorithm_get_config = algorithm_get_config,
      .algorithm_get_capability = algorithm_get_capability,
      .multiply = multiply,
  };
  return kTable;
}

const Observed& observed() {
  return instance().observed;
}

cuda::DriverTable with_clock(const cuda::DriverTable& driver) {
  static cuda::DriverTable inner;
  inner = driver;
  cuda::DriverTable table = driver;
  table.event_record = [](cuda::EventHandle event, cuda::StreamHandle stream) {
    const std::lock_guard lock(mutex());
    instance().events[event] = instance().clock_s;
    return inner.event_record(event, stream);
  };
  table.event_elapsed_time = [](float* milliseconds, cuda::EventHandle first,
                                cuda::EventHandle second) {
    const std::lock_guard lock(mutex());
    const auto& events = instance().events;
    *milliseconds = static_cast<float>(1e3 * (events.at(second) - events.at(first)));
    return cuda::kSuccess;
  };
  return table;
}

std::vector<std::string> leaks() {
  const Library& library = instance();
  std::vector<std::string> all = library.misuses;
  const auto report = [&](const auto& objects, const char* what) {
    if (!objects.empty()) all.push_back(std::to_string(objects.size()) + " " + what);
  };
  report(library.contexts, "contexts");
  report(library.layouts, "layouts");
  report(library.multiplications, "product descriptions");
  report(library.preferences, "preferences");
  return all;
}

}  // namespace assay::host_blas
