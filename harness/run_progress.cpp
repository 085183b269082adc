#include "harness/run_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

namespace assay::harness {

RunProgress::RunProgress(const Plan& plan, std::function<void(const std::string&)> write,
                         std::function<std::int64_t()> now_ns)
    : plan_(plan), write_(std::move(write)), now_ns_(std::move(now_ns)) {
  for (const PlannedProcess& process : plan.processes) planned_s_ += process.expected_seconds();
}

RunProgress::~RunProgress() {
  if (write_) write_("\r\x1b[K");
}

void RunProgress::begin_process(std::size_t place) {
  process_ = place;
  item_.reset();
}

void RunProgress::line(const std::string& text) {
  std::istringstream words(text);
  std::string verb;
  std::size_t place = 0;
  if (!(words >> verb >> place) || place >= plan_.processes[process_].items.size()) return;
  if (verb == "begin") {
    item_ = place;
    item_began_ns_ = now_ns_();
  } else if (verb == "end") {
    finished_planned_s_ += expected_seconds(plan_.processes[process_].items[place]);
    finished_actual_s_ += static_cast<double>(now_ns_() - item_began_ns_) * 1e-9;
    item_.reset();
  }
}

std::optional<std::string> RunProgress::running() const {
  if (!item_) return std::nullopt;
  return plan_.processes[process_].items[*item_].workload;
}

double RunProgress::done() const {
  double done_s = finished_planned_s_;
  if (item_) {
    const double elapsed_s = static_cast<double>(now_ns_() - item_began_ns_) * 1e-9;
    done_s += std::min(elapsed_s, expected_seconds(plan_.processes[process_].items[*item_]));
  }
  return planned_s_ > 0.0 ? std::min(1.0, done_s / planned_s_) : 0.0;
}

double RunProgress::seconds_left() const {
  const double pace = finished_planned_s_ > 0.0
                          ? std::clamp(finished_actual_s_ / finished_planned_s_, 0.1, 10.0)
                          : 1.0;
  return planned_s_ * (1.0 - done()) * pace;
}

std::string RunProgress::text() const {
  constexpr int kWidth = 24;
  constexpr std::size_t kNameWidth = 40;
  const double share = done();
  const auto filled = static_cast<std::size_t>(std::lround(share * kWidth));
  const auto left = static_cast<long>(std::ceil(seconds_left()));
  return fmt::format("[{:.<{}}] {:3.0f} %  process {}/{}  {:<{}.{}}  {}:{:02} left",
                     std::string(filled, '#'), kWidth, 100.0 * share, process_ + 1,
                     plan_.processes.size(), running().value_or("starting"), kNameWidth, kNameWidth,
                     left / 60, left % 60);
}

void RunProgress::draw() {
  constexpr std::int64_t kEveryNs = 200'000'000;
  if (!write_ || (drawn_ns_ != 0 && now_ns_() - drawn_ns_ < kEveryNs)) return;
  drawn_ns_ = now_ns_();
  write_("\r\x1b[K" + text());
}

}  // namespace assay::harness
