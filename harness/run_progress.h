#pragma once
/// A bar with the time left, from the lines that measuring processes write.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "harness/suite.h"

namespace assay::harness {

class RunProgress {
 public:
  /// `write` draws (standard error of a terminal); empty: nothing is drawn, lines are still read.
  RunProgress(const Plan& plan, std::function<void(const std::string&)> write,
              std::function<std::int64_t()> now_ns);
  /// Takes the bar away.
  ~RunProgress();
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  void begin_process(std::size_t place);
  /// A line of measure_process.h; others are ignored.
  void line(const std::string& text);
  /// Draws, at most five times a second.
  void draw();

  /// The workload that began and did not end: where a crash happened.
  [[nodiscard]] std::optional<std::string> running() const;
  /// Share of the whole run that is done, in [0, 1], by planned time.
  [[nodiscard]] double done() const;
  /// Seconds left: what is planned, corrected by how long finished items really took.
  [[nodiscard]] double seconds_left() const;
  /// The bar as it stands: "[####......] 41 %  process 2/3  gemm/...  1:05 left".
  [[nodiscard]] std::string text() const;

 private:
  const Plan& plan_;
  std::function<void(const std::string&)> write_;
  std::function<std::int64_t()> now_ns_;
  double planned_s_ = 0.0;           ///< of the whole run
  double finished_planned_s_ = 0.0;  ///< of the items that ended
  double finished_actual_s_ = 0.0;
  std::size_t process_ = 0;
  std::optional<std::size_t> item_;
  std::int64_t item_began_ns_ = 0;
  std::int64_t drawn_ns_ = 0;
};

}  // namespace assay::harness
