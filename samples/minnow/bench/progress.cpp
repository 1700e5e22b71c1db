#include "bench/progress.h"

#include <algorithm>

#include "terminal/bar.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr const char* kErase = "\x1b[K";  // to the end of the line

}  // namespace

BenchProgress::BenchProgress(Terminal& terminal, std::int64_t settings, std::int64_t rounds)
    : terminal_(terminal),
      bar_(terminal.bar && !terminal.quiet),
      settings_(settings),
      rounds_(rounds) {}

void BenchProgress::show(const std::string& text, double done) {
  if (!bar_) return;
  const auto width = static_cast<std::size_t>(std::max(20, terminal_.width() - 1));
  std::vector<Part> parts = {{9, cat("setting ", std::min(ended_ + 1, settings_), "/", settings_)},
                             {5, cat("  ", text)}};
  terminal_.err.write(
      cat("\r", bar_line(std::move(parts), done, width, terminal_.symbols, terminal_.err_color),
          kErase));
  shown_ = true;
}

void BenchProgress::clear() {
  if (shown_) terminal_.err.write(cat("\r", kErase));
  shown_ = false;
}

void BenchProgress::stage(const std::string& name) { show(name, 0.0); }

void BenchProgress::begin(const Setting& setting) {
  name_ = cat(setting.net.text(), " batch ", setting.batch);
  watch_ = Stopwatch();
  show(cat(name_, "  warm-up"), static_cast<double>(ended_) / static_cast<double>(settings_));
}

void BenchProgress::round(std::int64_t round) {
  const double part = static_cast<double>(round - 1) / static_cast<double>(rounds_);
  show(cat(name_, "  round ", round, "/", rounds_),
       (static_cast<double>(ended_) + part) / static_cast<double>(settings_));
}

void BenchProgress::end() {
  ++ended_;
  clear();
  if (bar_) return;
  terminal_.note(
      cat("measured ", ended_, "/", settings_, "  ", name_, "  ", seconds_text(watch_.seconds())));
}

}  // namespace minnow::command
