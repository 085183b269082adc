#include <memory>

#include "kernels/token_chain/token_chain_cuda.h"
#include "kernels/token_chain/token_chain_workload.h"

namespace assay::token_chain {
namespace {

struct DeviceBuffers {
  TokenLaw law;
  DeviceLaw device_law;
  cuda::Buffer<std::uint64_t> draw;
  cuda::Buffer<std::int32_t> tokens;

  DeviceBuffers(const cuda::Stream& stream, const Shape& shape, const InputKey& key)
      : law(make_token_law(key.key, shape.vocabulary)),
        device_law(stream, law),
        draw(stream, std::vector<std::uint64_t>{0}),
        tokens(stream.device(), static_cast<std::size_t>(shape.rows * shape.length)) {}
};

}  // namespace

Workload cuda_workload(const Shape& shape) {
  Workload w = declare(shape);
  w.cuda_bytes_issued = draw_bytes_issued(shape.rows * shape.length, shape.vocabulary);
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    auto b = std::make_shared<const DeviceBuffers>(stream, shape, key);
    Instance instance;
    instance.iterate = [=, &stream] {
      advance(stream, b->draw.data());
      draw(stream, b->device_law.view(), b->draw.data(), 0, shape.rows, shape.length,
           b->tokens.data());
      stream.synchronize();
    };
    instance.verify = [=, &stream] {
      const std::uint64_t drawn = b->draw.to_host(stream)[0];
      return std::vector<Check>{tokens_check(shape, b->law, drawn, 0, b->tokens.to_host(stream))};
    };
    return instance;
  };
  return w;
}

}  // namespace assay::token_chain
