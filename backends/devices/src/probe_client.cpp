#include "probe_client.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <vector>

#include "child_process.h"
#include "machine/damage.h"
#include "own_file.h"

namespace minnow {
namespace {

// The last lines that it wrote, on one line.
std::string last_words(const std::string& text) {
  constexpr std::size_t kMax = 300;
  std::string words = text;
  while (words.ends_with('\n')) words.pop_back();
  if (words.size() > kMax) words = "..." + words.substr(words.size() - kMax);
  std::replace(words.begin(), words.end(), '\n', ' ');
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  std::replace_if(words.begin(), words.end(), unprintable, '?');
  return words.empty() ? "" : cat("; it wrote: ", words);
}

std::string ending(const ChildResult& child, std::chrono::milliseconds limit) {
  if (child.timed_out) {
    return cat("minnow-probe gave no answer in ", static_cast<double>(limit.count()) / 1000, " s");
  }
  if (child.signal != 0) return cat("minnow-probe was ended by ", signal_name(child.signal));
  if (child.exit_status >= 0) {
    return cat("minnow-probe ended with status ", child.exit_status, " before its answer did");
  }
  return "minnow-probe ended before its answer did";
}

Failure death(const machine::ProbeReport& report, const ChildResult& child,
              std::chrono::milliseconds limit) {
  if (!child.timed_out && !report.file.empty()) {
    const std::string crash = child.signal == 0
                                  ? " ended the probe"
                                  : " crashed the probe with " + signal_name(child.signal);
    if (auto damage = machine::damage_by_size(report.file, crash)) return *std::move(damage);
  }
  Failure failure{.code = "MN-D14",
                  .what = {},
                  .evidence = ending(child, limit) + last_words(child.errors),
                  .remedy = "look at nvidia-smi and dmesg; a driver that hangs needs a reboot",
                  .effect = "nothing was opened"};
  if (!report.started || report.step.empty()) {
    failure.what = "GPU not used: minnow-probe gave no answer that can be read.";
    failure.remedy = "install libminnow and minnow-probe of one build";
    return failure;
  }
  failure.what = cat(report.topic == "cudnn" ? "cuDNN is not used" : "GPU not used", ": its check ",
                     child.timed_out ? "hung" : "crashed", " while ", report.step, ".");
  if (!report.file.empty()) failure.evidence = cat(report.file, ": ", failure.evidence);
  if (!child.timed_out && !report.file.empty()) failure.remedy = machine::reinstall(report.file);
  return failure;
}

std::string find_probe() {
  if (auto named = setting("MINNOW_PROBE"); !named.empty()) return named;
  const std::filesystem::path folder = std::filesystem::path(own_file()).parent_path();
  for (const auto& place :
       {folder, folder / MINNOW_PROBE_FOLDER, folder / "../libexec/minnow", folder / "../bin"}) {
    const std::string file = (place / "minnow-probe").lexically_normal();
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

std::chrono::milliseconds time_limit() {
  int limit = 10000;
  const std::string wanted = setting("MINNOW_PROBE_TIMEOUT_MS");
  int given = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), given);
  if (error == std::errc{} && end == wanted.data() + wanted.size() && given > 0) limit = given;
  return std::chrono::milliseconds(limit);
}

void read_lines(std::string_view text, machine::ProbeReport& report) {
  // Of a probe that died the last line may be half a line.
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    const std::size_t space = std::min(line.find(' '), line.size());
    report.apply(line.substr(0, space),
                 machine::unescaped(line.substr(std::min(space + 1, line.size()))));
    text.remove_prefix(end + 1);
  }
}

}  // namespace

ProbeRun run_probe(const std::string& plugin, bool everything) {
  ProbeRun run;
  const std::string file = find_probe();
  if (file.empty()) {
    run.not_started = "minnow-probe was not found";
    return run;
  }
  std::vector<std::string> command{file};
  if (!plugin.empty()) command.push_back(plugin);
  if (everything) command.emplace_back("--everything");
  const auto start = std::chrono::steady_clock::now();
  const auto limit = time_limit();
  const ChildResult child = run_child(command, limit);
  run.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  // The loader ends a program that lacks a library so.
  constexpr int kNotLoaded = 127;
  if (child.start_error != 0) {
    run.not_started = cat(file, " cannot be started: ", std::strerror(child.start_error));
    return run;
  }
  read_lines(child.output, run.report);
  if (!run.report.started && child.exit_status == kNotLoaded) {
    run.not_started = cat(file, " cannot be started", last_words(child.errors));
  } else if (!run.report.complete) {
    run.died = death(run.report, child, limit);
  }
  return run;
}

}  // namespace minnow
