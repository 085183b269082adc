#include <fmt/format.h>

#include <memory>

#include "base/error.h"
#include "kernels/cuda/iteration.h"
#include "kernels/links/links.h"
#include "kernels/links/node.h"

namespace assay::links {
namespace {

using cuda::nccl::Communicator;
using cuda::nccl::DataType;

/// The node outlives the communicators on it.
struct Collectives {
  Collectives(cuda::Stream& stream, int devices, const cuda::nccl::Table& library)
      : node(stream, ordinals_with(stream, devices)),
        table(library),
        ranks(cuda::nccl::make_communicators(library, ordinals_with(stream, devices))) {}

  Node node;
  const cuda::nccl::Table& table;
  std::vector<Communicator> ranks;
};

/// Floats of a rank's input, and of its output, where S has `whole` of them.
std::int64_t input_count(Collective operation, std::int64_t whole, int devices) {
  return operation == Collective::all_gather ? whole / devices : whole;
}
std::int64_t output_count(Collective operation, std::int64_t whole, int devices) {
  return operation == Collective::reduce_scatter ? whole / devices : whole;
}

/// Element i of what rank `rank` must hold afterwards.
float expected(Collective operation, std::int64_t seed, std::int64_t rank, std::int64_t devices,
               std::int64_t part, std::int64_t i) {
  const auto sum = [&](std::int64_t at) {
    float total = 0.0F;
    for (std::int64_t r = 0; r < devices; ++r) total += element(seed, r, at);
    return total;
  };
  switch (operation) {
    case Collective::all_reduce:
      return sum(i);
    case Collective::all_gather:
      return element(seed, i / part, i % part);
    case Collective::reduce_scatter:
      return sum(rank * part + i);
    case Collective::all_to_all:
      return element(seed, i / part, rank * part + i % part);
  }
  throw input_error("no such collective", std::to_string(static_cast<int>(operation)));
}

void enqueue(Collective operation, Communicator& communicator, const Rank& rank, std::int64_t whole,
             std::int64_t part) {
  const cuda::Stream& stream = *rank.stream;
  const auto part_count = static_cast<std::size_t>(part);
  switch (operation) {
    case Collective::all_reduce:
      return communicator.all_reduce(stream, rank.from.data(), rank.to.data(),
                                     static_cast<std::size_t>(whole), DataType::fp32);
    case Collective::all_gather:
      return communicator.all_gather(stream, rank.from.data(), rank.to.data(), part_count,
                                     DataType::fp32);
    case Collective::reduce_scatter:
      return communicator.reduce_scatter(stream, rank.from.data(), rank.to.data(), part_count,
                                         DataType::fp32);
    case Collective::all_to_all:
      return communicator.all_to_all(stream, rank.from.data(), rank.to.data(), part_count,
                                     DataType::fp32);
  }
}

Instance make_instance(Collective operation, int devices, std::int64_t whole, cuda::Stream& stream,
                       std::int64_t seed, const cuda::nccl::Table& table) {
  auto all = std::make_shared<Collectives>(stream, devices, table);
  const std::int64_t part = whole / devices;
  all->node.each([&](Rank& rank, std::size_t r) {
    std::vector<float> values(static_cast<std::size_t>(input_count(operation, whole, devices)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = element(seed, static_cast<std::int64_t>(r), static_cast<std::int64_t>(i));
    }
    rank.from = cuda::Buffer<float>(*rank.stream, values);
    rank.to = cuda::Buffer<float>(
        *rank.device, static_cast<std::size_t>(output_count(operation, whole, devices)));
    rank.to.fill_zero(*rank.stream);
    rank.stream->synchronize();
  });
  Instance instance;
  instance.notes.emplace_back("nccl", cuda::nccl::version_text(table));
  instance.notes.emplace_back("gang_devices", std::to_string(devices));
  cuda::set_iteration(instance, stream, [=, &stream] {
    all->node.ordered([&] {
      cuda::nccl::Group group(all->table);
      for (std::size_t r = 0; r < all->node.size(); ++r) {
        enqueue(operation, all->ranks[r], all->node.rank(r), whole, part);
      }
      group.end();
    });
  });
  instance.verify = [=] {
    for (Communicator& communicator : all->ranks) communicator.check_async_error();
    std::vector<Check> checks;
    all->node.each([&](Rank& rank, std::size_t r) {
      Check check = elements_that_differ(rank.to.to_host(*rank.stream), [&](std::int64_t i) {
        return expected(operation, seed, static_cast<std::int64_t>(r), devices, part, i);
      });
      check.name = fmt::format("{} on rank {}", check.name, r);
      checks.push_back(std::move(check));
    });
    return checks;
  };
  return instance;
}

constexpr const char* operation_name(Collective operation) {
  return operation == Collective::all_reduce       ? "all_reduce"
         : operation == Collective::all_gather     ? "all_gather"
         : operation == Collective::reduce_scatter ? "reduce_scatter"
                                                   : "all_to_all";
}

}  // namespace

Workload collective_workload(Collective operation, int devices, std::int64_t bytes,
                             const cuda::nccl::Table* table) {
  Workload w =
      declare(operation_name(operation), {{"devices", devices}, {"bytes", bytes}}, bytes, devices);
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(operation, devices, bytes / 4, stream, drawn_seed(key),
                         table != nullptr ? *table : cuda::nccl::system_library());
  };
  return w;
}

}  // namespace assay::links
