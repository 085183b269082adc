#pragma once
/// Choices that are made once for several devices and processes, so that all run the same code: by
/// what a choice depends on, one line each. May be used by several threads.
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace assay::cuda {

class ChoiceBook {
 public:
  explicit ChoiceBook(std::map<std::string, std::string> made = {}) : made_(std::move(made)) {}

  /// The choice under those conditions. Where there is none it is made by choose(), and others who
  /// ask wait for it.
  [[nodiscard]] std::string choice(const std::string& conditions,
                                   const std::function<std::string()>& choose) {
    const std::lock_guard lock(mutex_);
    const auto found = made_.find(conditions);
    if (found != made_.end()) return found->second;
    return made_.emplace(conditions, choose()).first->second;
  }
  [[nodiscard]] std::map<std::string, std::string> all() const {
    const std::lock_guard lock(mutex_);
    return made_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> made_;
};

}  // namespace assay::cuda
