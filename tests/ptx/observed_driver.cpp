#include "ptx/observed_driver.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "kernels/cuda/images.h"

namespace assay::cuda_test {
namespace {

/// The table's functions have no user pointer, so what they share is one per process.
struct Observer {
  cuda::DriverTable inner;
  cuda::DriverTable table;
  std::map<cuda::FunctionHandle, std::string> entries;
  Launches launches;
  Launches all_launches;
  std::set<std::string> entries_of_device;
  /// What a file holds, by its path; modules may refer to it.
  std::map<std::string, std::string> substitutes;
};

Observer& observer() {
  static Observer instance;
  return instance;
}

/// The file that stands in for an embedded image, or nullptr.
const char* substitute_of(const void* image) {
  for (const auto& [family, fatbin] : cuda::images()) {
    if (fatbin.data() == image) {
      return std::getenv(("ASSAY_TEST_IMAGE_" + std::string(family)).c_str());
    }
  }
  return nullptr;
}

const void* bytes_of_file(const std::string& path) {
  std::string& bytes = observer().substitutes[path];
  if (bytes.empty()) {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    if (bytes.empty()) {
      throw input_error("there is no such image", path, "build the tests, or unset the variable");
    }
  }
  return bytes.data();
}

cuda::Result module_load_data(cuda::ModuleHandle* module, const void* image) {
  const char* const substitute = substitute_of(image);
  return observer().inner.module_load_data(
      module, substitute == nullptr ? image : bytes_of_file(substitute));
}

cuda::Result module_get_function(cuda::FunctionHandle* function, cuda::ModuleHandle module,
                                 const char* name) {
  const cuda::Result result = observer().inner.module_get_function(function, module, name);
  if (result == cuda::kSuccess) observer().entries[*function] = name;
  return result;
}

cuda::Result launch_kernel(cuda::FunctionHandle function, unsigned grid_x, unsigned grid_y,
                           unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                           unsigned shared_bytes, cuda::StreamHandle stream, void** parameters,
                           void** extra) {
  const std::string& entry = observer().entries[function];
  const BlockShape shape{.threads = block_x * block_y * block_z,
                         .dynamic_shared_bytes = shared_bytes};
  observer().launches[entry].insert(shape);
  observer().all_launches[entry].insert(shape);
  observer().entries_of_device.insert(entry);
  return observer().inner.launch_kernel(function, grid_x, grid_y, grid_z, block_x, block_y, block_z,
                                        shared_bytes, stream, parameters, extra);
}

cuda::Result copy_to_host_async(void* to, cuda::DevicePointer from, std::size_t bytes,
                                cuda::StreamHandle stream) {
  const cuda::Result result = observer().inner.copy_to_host_async(to, from, bytes, stream);
  const char* const path = std::getenv("ASSAY_TEST_COPIES");
  if (path != nullptr && result == cuda::kSuccess) {
    observer().inner.stream_synchronize(stream);
    std::ofstream file(path, std::ios::binary | std::ios::app);
    const nlohmann::json header{{"bytes", bytes}, {"entries", observer().entries_of_device}};
    file << header.dump() << '\n';
    file.write(static_cast<const char*>(to), static_cast<std::streamsize>(bytes));
  }
  return result;
}

}  // namespace

const cuda::DriverTable& observed(const cuda::DriverTable& inner) {
  Observer& o = observer();
  o.inner = inner;
  o.table = inner;
  o.entries_of_device.clear();
  o.table.module_load_data = module_load_data;
  o.table.module_get_function = module_get_function;
  o.table.launch_kernel = launch_kernel;
  o.table.copy_to_host_async = copy_to_host_async;
  return o.table;
}

Launches take_launches() {
  return std::exchange(observer().launches, {});
}

Launches take_all_launches() {
  return std::exchange(observer().all_launches, {});
}

}  // namespace assay::cuda_test
