#pragma once
/// Our reporter for Google Benchmark: names without `/iterations:1/manual_time`, no CPU column (the
/// library's CPU time is that of its one empty iteration), our own build type instead of the
/// library's. Formats: console (as runs end), json and csv (when all have ended).
#include <benchmark/benchmark.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace assay::harness {

enum class BenchFormat { console, json, csv };
/// Errors: std::invalid_argument for another word than the three.
[[nodiscard]] BenchFormat bench_format(const std::string& word);

class BenchReporter : public benchmark::BenchmarkReporter {
 public:
  /// `write` takes pieces of text in order. With `own_unit` the console keeps the unit that the
  /// user asked for, else it chooses one for each line.
  BenchReporter(BenchFormat format, std::function<void(const std::string&)> write,
                bool own_unit = false);

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

  struct RunError {
    std::string name;
    std::string text;
  };
  /// Of the first run that reported one.
  [[nodiscard]] const std::optional<RunError>& first_error() const { return first_error_; }

 private:
  BenchFormat format_;
  std::function<void(const std::string&)> write_;
  bool own_unit_;
  std::optional<RunError> first_error_;
  std::size_t name_width_ = 0;
  std::string context_;
  std::vector<Run> runs_;
};

}  // namespace assay::harness
