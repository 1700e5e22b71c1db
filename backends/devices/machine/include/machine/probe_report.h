#pragma once

// What minnow-probe says, line by line: "key value". Each step is announced before it is tried, so
// that the last line names what a process died of.

#include <minnow/device_report.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace minnow::machine {

struct ProbedDevice {
  DeviceFact fact;
  std::optional<Failure> failure;
};

/// The lines put together.
struct ProbeReport {
  bool started = false;   // the first line was the protocol's
  bool complete = false;  // so was the last
  std::string topic;      // of the last step
  std::string step;       // "calling cuInit"
  std::string file;       // that it concerns
  std::string driver_library;
  std::string driver_cuda;  // "13.0"
  std::vector<Finding> findings;
  std::vector<LibraryFact> libraries;
  std::vector<ProbedDevice> devices;

  /// Takes a line in; one that is not understood changes nothing.
  void apply(std::string_view key, std::string_view value);
  /// The finding of a topic; nothing when there is none.
  const Finding* finding(std::string_view topic) const;
};

/// Says things as lines.
class Reporter {
 public:
  using Emit = std::function<void(std::string_view key, std::string_view value)>;
  explicit Reporter(Emit emit) : emit_(std::move(emit)) {}

  void say(std::string_view key, std::string_view value) const { emit_(key, value); }
  void topic(std::string_view name) const { emit_("topic", name); }
  void step(std::string_view what, std::string_view file = {}) const;
  void finding(const Finding& finding) const;
  void library(const LibraryFact& library) const;
  void device(const ProbedDevice& device) const;

 private:
  void failure(std::string_view of, const Failure& failure) const;
  Emit emit_;
};

/// The protocol's first line; a probe of another version is not trusted.
inline constexpr std::string_view kProbeHello = "minnow-probe";
inline constexpr std::string_view kProbeProtocol = "1";

std::string escaped(std::string_view text);  // no line feeds
std::string unescaped(std::string_view text);

}  // namespace minnow::machine
