#pragma once
/// The functional device with one module loaded, for its own tests: buffers as vectors, launches,
/// and what a launch is refused or ended for.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include "ptx_device/device.h"

namespace assay::ptx_device {

/// A snippet's text, its line `mark` replaced by `text` where a mark is given.
inline std::string snippet(const std::string& name, const std::string& mark = {},
                           const std::string& text = {}) {
  std::ifstream file(std::filesystem::path(SNIPPET_FOLDER) / name);
  std::string all(std::istreambuf_iterator<char>(file), {});
  EXPECT_FALSE(all.empty()) << "no snippet " << name;
  if (mark.empty()) return all;
  const std::string line = "  " + mark + "\n";
  const std::size_t at = all.find(line);
  EXPECT_NE(at, std::string::npos) << name << " has no line " << mark;
  return all.replace(at, line.size(), text + "\n");
}

class TestMachine {
 public:
  TestMachine(const Options& options, const std::string& ptx) : driver_(driver()), ptx_(ptx) {
    configure(options);
    require(driver_.initialise(0));
    require(driver_.primary_context_retain(&context_, 0));
    require(driver_.context_set_current(context_));
    loaded_ = driver_.module_load_data(&module_, ptx_.c_str());
  }

  /// What loading the module returned.
  [[nodiscard]] cuda::Result loaded() const { return loaded_; }

  template <class T>
  cuda::DevicePointer buffer(const std::vector<T>& values) {
    cuda::DevicePointer pointer = 0;
    require(driver_.memory_allocate(&pointer, values.size() * sizeof(T)));
    require(
        driver_.copy_to_device_async(pointer, values.data(), values.size() * sizeof(T), stream()));
    return pointer;
  }
  template <class T>
  std::vector<T> read(cuda::DevicePointer pointer, std::size_t n) {
    std::vector<T> values(n);
    require(driver_.copy_to_host_async(values.data(), pointer, n * sizeof(T), stream()));
    return values;
  }

  struct Shape {
    unsigned blocks = 1;
    unsigned threads = 32;
    unsigned shared_bytes = 0;
  };
  /// What launching the kernel returned. Parameters are addresses of their values.
  cuda::Result launch(const char* kernel, const Shape& shape, std::vector<void*> parameters) {
    cuda::FunctionHandle function = nullptr;
    require(loaded_);
    require(driver_.module_get_function(&function, module_, kernel));
    return driver_.launch_kernel(function, shape.blocks, 1, 1, shape.threads, 1, 1,
                                 shape.shared_bytes, stream(), parameters.data(), nullptr);
  }

  cuda::StreamHandle stream() {
    if (stream_ == nullptr) require(driver_.stream_create(&stream_, 0));
    return stream_;
  }
  const cuda::DriverTable& table() { return driver_; }
  cuda::ModuleHandle module() { return module_; }

  void require(cuda::Result result) {
    if (result == cuda::kSuccess) return;
    const char* text = nullptr;
    driver_.get_error_string(result, &text);
    FAIL() << "driver call returned " << result << ": " << (text == nullptr ? "" : text);
  }

 private:
  const cuda::DriverTable& driver_;
  std::string ptx_;
  cuda::ContextHandle context_ = nullptr;
  cuda::ModuleHandle module_ = nullptr;
  cuda::StreamHandle stream_ = nullptr;
  cuda::Result loaded_ = cuda::kSuccess;
};

}  // namespace assay::ptx_device
