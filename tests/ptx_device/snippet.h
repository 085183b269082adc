#pragma once
/// For tests: PTX files of snippets/ on a freshly configured device.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "ptx_device/device.h"

namespace assay::ptx_device {

/// The text of snippets/<name>.
inline std::string snippet_text(const std::string& name) {
  std::ifstream file(std::string(SNIPPET_FOLDER) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The same, with one line's worth replaced.
inline std::string snippet_text(const std::string& name, const std::string& marker,
                                const std::string& replacement) {
  std::string text = snippet_text(name);
  // The last one: earlier ones are in comments.
  const std::size_t at = text.rfind(marker);
  EXPECT_NE(at, std::string::npos) << name;
  return text.replace(at, marker.size(), replacement);
}

/// A module on a device of its own. Memory is read and written through arrays of T.
class Snippet {
 public:
  explicit Snippet(const std::string& ptx, const Options& options = {}) {
    configure(options);
    EXPECT_EQ(driver().initialise(0), cuda::kSuccess);
    cuda::ContextHandle context = nullptr;
    EXPECT_EQ(driver().primary_context_retain(&context, 0), cuda::kSuccess);
    EXPECT_EQ(driver().context_set_current(context), cuda::kSuccess);
    load_result_ = driver().module_load_data(&module_, ptx.c_str());
  }

  [[nodiscard]] cuda::Result load_result() const { return load_result_; }
  [[nodiscard]] cuda::ModuleHandle module() const { return module_; }

  cuda::FunctionHandle function(const std::string& name) {
    cuda::FunctionHandle function = nullptr;
    EXPECT_EQ(driver().module_get_function(&function, module_, name.c_str()), cuda::kSuccess)
        << text_of(cuda::kInvalidPtx);
    return function;
  }

  template <class T>
  cuda::DevicePointer upload(const std::vector<T>& values) {
    cuda::DevicePointer pointer = 0;
    const std::size_t bytes = values.size() * sizeof(T);
    EXPECT_EQ(driver().memory_allocate(&pointer, bytes), cuda::kSuccess);
    EXPECT_EQ(driver().copy_to_device_async(pointer, values.data(), bytes, nullptr),
              cuda::kSuccess);
    return pointer;
  }
  template <class T>
  std::vector<T> download(cuda::DevicePointer pointer, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(driver().copy_to_host_async(values.data(), pointer, count * sizeof(T), nullptr),
              cuda::kSuccess)
        << last_fault();
    return values;
  }

  template <class... Parameter>
  cuda::Result launch(const std::string& kernel, unsigned grid, unsigned block, unsigned shared,
                      Parameter... parameters) {
    std::array<void*, sizeof...(Parameter) + 1> pointers{static_cast<void*>(&parameters)...};
    return driver().launch_kernel(function(kernel), grid, 1, 1, block, 1, 1, shared, nullptr,
                                  pointers.data(), nullptr);
  }

  static std::string text_of(cuda::Result result) {
    const char* text = nullptr;
    driver().get_error_string(result, &text);
    return text == nullptr ? "" : text;
  }

 private:
  cuda::ModuleHandle module_ = nullptr;
  cuda::Result load_result_ = cuda::kSuccess;
};

/// What a body in block.ptx does: a word per thread, or a fault.
struct BlockRun {
  cuda::Result result = cuda::kSuccess;
  std::string fault;
  std::vector<std::uint32_t> out;
  Counters counters;
};

/// Runs instructions in block.ptx with `threads` threads, one block. in: 256 words, 0 to 255.
inline BlockRun run_block(const std::string& instructions, unsigned threads,
                          const Options& options = {}, unsigned dynamic_bytes = 0) {
  Snippet snippet(snippet_text("block.ptx", "INSTRUCTIONS", instructions), options);
  EXPECT_EQ(snippet.load_result(), cuda::kSuccess) << Snippet::text_of(snippet.load_result());
  std::vector<std::uint32_t> words(256);
  for (std::uint32_t i = 0; i < 256; ++i) words[i] = i;
  const cuda::DevicePointer in = snippet.upload(words);
  const cuda::DevicePointer out = snippet.upload(std::vector<std::uint32_t>(threads));
  BlockRun run;
  run.result = snippet.launch("block", 1, threads, dynamic_bytes, in, out);
  run.fault = last_fault();
  run.counters = take_counters();
  if (run.result == cuda::kSuccess) run.out = snippet.download<std::uint32_t>(out, threads);
  return run;
}

}  // namespace assay::ptx_device
