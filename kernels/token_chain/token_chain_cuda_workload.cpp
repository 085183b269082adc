#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/token_chain/token_chain_cuda.h"
#include "kernels/token_chain/token_chain_workload.h"

namespace assay::token_chain {
namespace {

struct DeviceBuffers {
  TokenLaw law;
  DeviceLaw device_law;
  cuda::Buffer<Place> place;
  cuda::Buffer<std::int32_t> tokens;

  DeviceBuffers(const cuda::Stream& stream, const Shape& shape, const InputKey& key)
      : law(make_token_law(key.key, shape.vocabulary)),
        device_law(stream, law),
        place(stream, std::vector<Place>{{}}),
        tokens(stream.device(), static_cast<std::size_t>(shape.rows * shape.length)) {}
};

}  // namespace

Workload cuda_workload(const Shape& shape) {
  Workload w = declare(shape);
  w.cuda_bytes_issued =
      cuda::issued_on_every_device(draw_bytes_issued(shape.rows * shape.length, shape.vocabulary));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    auto b = std::make_shared<const DeviceBuffers>(stream, shape, key);
    Instance instance;
    cuda::set_iteration(instance, stream, [=, &stream] {
      next_draw(stream, b->place.data(), 0);
      draw(stream, b->device_law.view(), b->place.data(), shape.rows, shape.length,
           b->tokens.data());
    });
    instance.verify = [=, &stream] {
      const std::uint64_t drawn = b->place.to_host(stream)[0].draw;
      return std::vector<Check>{tokens_check(shape, b->law, drawn, 0, b->tokens.to_host(stream))};
    };
    return instance;
  };
  return w;
}

}  // namespace assay::token_chain
