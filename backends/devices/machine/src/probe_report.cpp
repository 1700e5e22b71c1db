#include "machine/probe_report.h"

#include <minnow/base/text.h>

#include <charconv>

namespace minnow::machine {
namespace {

void set_number(std::int64_t& number, std::string_view value) {
  std::int64_t read = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), read);
  if (error == std::errc{} && end == value.data() + value.size()) number = read;
}

bool set_failure(std::optional<Failure>& failure, std::string_view key, std::string_view value) {
  if (!failure) failure.emplace();
  if (key == "code") {
    failure->code = Code::of(value);
  } else if (key == "what") {
    failure->what = value;
  } else if (key == "evidence") {
    failure->evidence = value;
  } else if (key == "remedy") {
    failure->remedy = value;
  } else if (key == "effect") {
    failure->effect = value;
  } else {
    return false;
  }
  return true;
}

void set(Finding& finding, std::string_view key, std::string_view value) {
  constexpr std::string_view kFailure = "failure.";
  std::int64_t verdict = 0;
  if (key == "text") {
    finding.text = value;
  } else if (key == "verdict") {
    set_number(verdict, value);
    if (verdict >= 0 && verdict <= 3) finding.verdict = static_cast<Verdict>(verdict);
  } else if (key.starts_with(kFailure)) {
    set_failure(finding.failure, key.substr(kFailure.size()), value);
  }
}

void set(LibraryFact& library, std::string_view key, std::string_view value) {
  if (key == "built_against") library.built_against = value;
  if (key == "found") library.found = value;
  if (key == "path") library.path = value;
  if (key == "problem") library.problem = value;
}

void set(ProbedDevice& device, std::string_view key, std::string_view value) {
  constexpr std::string_view kFailure = "failure.";
  DeviceFact& fact = device.fact;
  if (key == "kind") fact.kind = value;
  if (key == "description") fact.description = value;
  if (key == "pci") fact.pci = value;
  if (key == "compute") fact.compute = value;
  if (key == "reason") fact.reason = value;
  if (key == "usable") fact.usable = value == "1";
  if (key == "memory_total") set_number(fact.memory_total, value);
  if (key == "memory_free") set_number(fact.memory_free, value);
  if (key.starts_with(kFailure)) {
    set_failure(device.failure, key.substr(kFailure.size()), value);
  }
}

// "finding.text" is about the finding that the latest line "finding" began.
template <class T>
bool apply_to_last(std::vector<T>& list, std::string_view prefix, std::string_view key,
                   std::string_view value) {
  if (!key.starts_with(prefix)) return false;
  if (!list.empty()) set(list.back(), key.substr(prefix.size()), value);
  return true;
}

}  // namespace

void ProbeReport::apply(std::string_view key, std::string_view value) {
  if (key == kProbeHello) started = value == kProbeProtocol;
  if (!started) return;
  if (apply_to_last(findings, "finding.", key, value) ||
      apply_to_last(libraries, "library.", key, value) ||
      apply_to_last(devices, "device.", key, value)) {
    return;
  }
  if (key == "end") complete = true;
  if (key == "topic") topic = value;
  if (key == "file") file = value;
  if (key == "driver_library") driver_library = value;
  if (key == "driver_cuda") driver_cuda = value;
  if (key == "step") {
    step = value;
    file.clear();
  }
  if (key == "finding") findings.emplace_back().topic = value;
  if (key == "library") libraries.emplace_back().name = value;
  if (key == "device") devices.emplace_back().fact.name = value;
}

const Finding* ProbeReport::finding(std::string_view name) const {
  for (const Finding& one : findings) {
    if (one.topic == name) return &one;
  }
  return nullptr;
}

void Reporter::step(std::string_view what, std::string_view file) const {
  emit_("step", what);
  if (!file.empty()) emit_("file", file);
}

void Reporter::failure(std::string_view of, const Failure& failure) const {
  emit_(cat(of, ".failure.code"), failure.code);
  emit_(cat(of, ".failure.what"), failure.what);
  emit_(cat(of, ".failure.evidence"), failure.evidence);
  emit_(cat(of, ".failure.remedy"), failure.remedy);
  emit_(cat(of, ".failure.effect"), failure.effect);
}

void Reporter::finding(const Finding& finding) const {
  emit_("finding", finding.topic);
  emit_("finding.verdict", cat(static_cast<int>(finding.verdict)));
  emit_("finding.text", finding.text);
  if (finding.failure) failure("finding", *finding.failure);
}

void Reporter::library(const LibraryFact& library) const {
  emit_("library", library.name);
  emit_("library.built_against", library.built_against);
  emit_("library.found", library.found);
  emit_("library.path", library.path);
  emit_("library.problem", library.problem);
}

void Reporter::device(const ProbedDevice& device) const {
  const DeviceFact& fact = device.fact;
  emit_("device", fact.name);
  emit_("device.kind", fact.kind);
  emit_("device.description", fact.description);
  emit_("device.pci", fact.pci);
  emit_("device.compute", fact.compute);
  emit_("device.memory_total", cat(fact.memory_total));
  emit_("device.memory_free", cat(fact.memory_free));
  emit_("device.usable", fact.usable ? "1" : "0");
  emit_("device.reason", fact.reason);
  if (device.failure) failure("device", *device.failure);
}

std::string escaped(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

std::string unescaped(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      value += text[i] == 'n' ? '\n' : text[i];
    } else {
      value += text[i];
    }
  }
  return value;
}

}  // namespace minnow::machine
