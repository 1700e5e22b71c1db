#include "arguments/recovery_options.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr double kLongest = 1e9;  // seconds

std::int64_t microbatch_of(const std::string& text) {
  if (text == "auto") return kMicrobatchAuto;
  if (text == "off") return kMicrobatchOff;
  const auto rows = number_of<std::int64_t>(text);
  if (!rows || *rows < 1) {
    throw CLI::ValidationError("--microbatch", text + " is none of auto, off, or rows from 1 on");
  }
  return *rows;
}

OnNotFinite on_not_finite_of(const std::string& text) {
  if (text == "stop") return OnNotFinite::stop;
  if (text == "rollback") return OnNotFinite::rollback;
  throw CLI::ValidationError("--on-nan", text + " is none of stop, rollback");
}

SnapshotOptions snapshot_of(const std::string& text) {
  if (text == "off") return {.steps = 0, .seconds = 0};
  if (text.ends_with('s')) {
    const auto seconds = number_of<double>(std::string_view(text).substr(0, text.size() - 1));
    if (seconds && *seconds > 0 && *seconds <= kLongest) return {.steps = 0, .seconds = *seconds};
  } else if (const auto steps = number_of<std::int64_t>(text); steps && *steps > 0) {
    return {.steps = *steps, .seconds = 0};
  }
  throw CLI::ValidationError("--snapshot", text + " is none of off, steps (500), seconds (2s)");
}

// Digits and a unit. CLI11 alone would take a number that is too large for the largest there is.
std::uint64_t size_of(const std::string& text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string bytes = text;
  try {
    if (number_of<std::uint64_t>(std::string_view(text).substr(0, digits)) &&
        CLI::AsSizeValue(false)(bytes).empty()) {
      if (const auto size = number_of<std::uint64_t>(bytes)) return *size;
    }
  } catch (const CLI::ValidationError&) {  // no unit, or too many of one
  }
  throw CLI::ValidationError("--memory-limit=" + text + " is no size such as 256M or 2G");
}

template <class T>
CLI::Option* add_parsed(CLI::App& app, const char* name, T& into, T (*parse)(const std::string&),
                        const char* help) {
  return app
      .add_option_function<std::string>(
          name, [&into, parse](const std::string& text) { into = parse(text); }, help)
      ->type_name("TEXT");
}

}  // namespace

void add_recovery(CLI::App& app, TrainingArguments& training) {
  add_parsed(app, "--microbatch", training.microbatch, microbatch_of,
             "Rows that go through at once; the batch stays what it is. A number, auto (when a "
             "batch does not fit), or off [only when memory runs out in the middle]");
  add_parsed(app, "--on-nan", training.on_not_finite, on_not_finite_of,
             "When numbers are not finite any more: stop, or rollback (to the best epoch, half the "
             "learning rate, three times) [stop]");
  add_parsed(app, "--snapshot", training.snapshot, snapshot_of,
             "On a GPU: how often the weights are copied to the host: steps (500), seconds (2s), "
             "or off [1s]");
}

void add_memory_limit(CLI::App& app, CommonArguments& common) {
  add_parsed(app, "--memory-limit", common.memory_limit, size_of,
             "Of the device, such as 256M [what is free]")
      ->type_name("SIZE");
}

}  // namespace minnow::command
