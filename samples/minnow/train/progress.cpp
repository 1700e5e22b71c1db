#include "train/progress.h"

#include <algorithm>

#include "terminal/numbers.h"
#include "terminal/print_failure.h"
#include "train/json_lines.h"
#include "train/report.h"

namespace minnow::command {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr const char* kErase = "\x1b[K";  // to the end of the line

// While it runs: tenths are enough.
std::string clock_text(double seconds) {
  return seconds < 0.1 ? cat(fixed(seconds, 1), "s") : seconds_text(seconds);
}

// "12/100" with "12" as wide as "100".
std::string of(std::int64_t part, std::int64_t all) {
  const std::string last = std::to_string(all);
  return cat(right_aligned(std::to_string(part), last.size()), "/", last);
}

void add_accuracy(std::vector<Part>& parts, int rank, const char* name,
                  const std::optional<double>& accuracy) {
  if (accuracy) parts.push_back({rank, cat(" ", name, " ", percent(*accuracy, 1))});
}

}  // namespace

Progress::Progress(Terminal& terminal, const Run& run)
    : terminal_(terminal),
      run_(run),
      bar_(terminal.bar && !terminal.quiet),
      epoch_start_(Clock::now()),
      last_update_(epoch_start_ - kInterval) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown_) terminal_.err.write(cat("\r", kErase));
  shown_ = false;
}

void Progress::show(std::vector<Part> parts, double done) {
  const auto width = static_cast<std::size_t>(std::max(20, terminal_.width() - 1));
  terminal_.err.write(
      cat("\r", bar_line(std::move(parts), done, width, terminal_.symbols, terminal_.err_color),
          kErase));
  shown_ = true;
}

void Progress::batch(const BatchResult& batch) {
  const auto now = Clock::now();
  if (!bar_ || now - last_update_ < kInterval) return;
  last_update_ = now;
  const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
  const double done = static_cast<double>(batch.batch) / static_cast<double>(batch.batches);
  std::vector<Part> parts = {
      {9, cat("epoch ", of(batch.epoch, run_.epochs))},
      {5, cat(" ", of(batch.batch, batch.batches))},
      {3, cat("  ", right_aligned(clock_text(seconds), 5))},
      {4, cat("  eta ", clock_text(seconds / done - seconds))},
      {8, cat("   loss ", with_error(batch.loss, batch.loss_error, terminal_.symbols.plus_minus))}};
  add_accuracy(parts, 7, "acc", batch.accuracy);
  show(std::move(parts), done);
}

void Progress::epoch(const EpochResult& epoch) {
  if (terminal_.json) {
    clear();  // both streams may be one terminal
    terminal_.out.write(epoch_json(epoch));
  } else if (bar_) {
    show(parts_of(epoch), 1.0);
    terminal_.err.write("\n");
    shown_ = false;
  } else {
    terminal_.note(epoch_line(epoch, run_));
  }
  epoch_start_ = Clock::now();
}

void Progress::notice(const Failure& failure) {
  clear();
  print_failure(failure, terminal_);
}

std::vector<Part> Progress::parts_of(const EpochResult& epoch) const {
  const auto& train = epoch.train;
  const double rate = epoch.seconds > 0 ? static_cast<double>(run_.train_rows) / epoch.seconds : 0;
  std::vector<Part> parts = {
      {9, cat("epoch ", of(epoch.epoch, run_.epochs))},
      {3, cat(" ", of(epoch.steps, epoch.steps))},
      {5, cat("  ", right_aligned(seconds_text(epoch.seconds), 5))},
      {4, cat("  ", grouped(static_cast<std::int64_t>(rate)), "/s")},
      {8, cat("  loss ", with_error(train.loss, train.loss_error, terminal_.symbols.plus_minus))}};
  add_accuracy(parts, 7, "acc", train.accuracy);
  if (epoch.validation) {
    parts.push_back({6, cat("  val_loss ", loss_text(epoch.validation->loss))});
    add_accuracy(parts, 6, "val_acc", epoch.validation->accuracy);
  }
  if (epoch.best) parts.push_back({7, cat("  ", terminal_.symbols.best)});
  return parts;
}

}  // namespace minnow::command
