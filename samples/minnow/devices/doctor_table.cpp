#include "devices/doctor_table.h"

#include <algorithm>

#include "devices/device_facts.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

constexpr std::size_t kWidth = 100;  // codes end here
constexpr std::size_t kTopicWidth = 11;

struct Mark {
  std::string symbol;
  Color color;
};

Mark mark_of(Verdict verdict, const Symbols& symbols) {
  switch (verdict) {
    case Verdict::good:
      return {symbols.good, Color::green};
    case Verdict::note:
      return {symbols.attention, Color::yellow};
    case Verdict::problem:
      return {symbols.problem, Color::red};
    case Verdict::skipped:
      break;
  }
  return {symbols.skipped, Color::dim};
}

// `right` at the end of the line, or two blanks after a text that is too long.
std::string with_right(const std::string& text, const std::string& right) {
  if (right.empty()) return text;
  const std::size_t taken = columns(right);
  return cat(padded(text, std::max(columns(text) + 2, kWidth - std::min(kWidth, taken))), right);
}

// The lines of a text, each made safe for a terminal.
std::vector<std::string> lines_of(std::string_view text, bool utf8) {
  std::vector<std::string> lines;
  while (true) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(printable(text.substr(0, end), utf8));
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

// Which device it is, and below it what is wrong; one of them when they are the same.
std::string text_of(const Finding& finding) {
  const std::string text = finding.failure ? brief(finding.text) : finding.text;
  const std::string what = finding.failure ? brief(finding.failure->what) : "";
  if (text.empty() || what.empty() || text.find(what) != std::string::npos) {
    return text.empty() ? what : text;
  }
  return cat(text, "\n", what);
}

class Rows {
 public:
  explicit Rows(const Terminal& terminal)
      : terminal_(terminal), indent_(3 + columns(terminal.symbols.good) - 1 + kTopicWidth, ' ') {}

  void add(const Finding& finding) {
    const Mark mark = mark_of(finding.verdict, terminal_.symbols);
    const bool judged = finding.failure.has_value();
    const auto lines = lines_of(text_of(finding), terminal_.utf8);
    const std::string topic = printable(finding.topic, terminal_.utf8);
    const std::string first =
        cat(" ", mark.symbol, " ", padded(topic, std::max(kTopicWidth, columns(topic) + 1)),
            lines.front());
    const std::string code = judged ? cat("[", printable(finding.failure->code, false), "]") : "";
    const std::string row = with_right(first, code);
    text_ += cat(" ", paint(mark.symbol, mark.color, terminal_.out_color),
                 std::string_view(row).substr(1 + mark.symbol.size()), "\n");
    for (std::size_t i = 1; i < lines.size(); ++i) text_ += cat(indent_, lines[i], "\n");
    if (!judged) return;
    part("evidence: ", finding.failure->evidence);
    part("remedy:   ", finding.failure->remedy);
  }

  const std::string& text() const { return text_; }

 private:
  void part(std::string_view label, const std::string& content) {
    if (content.empty()) return;
    std::string_view before = label;
    const std::string blanks(label.size(), ' ');
    for (const auto& line : lines_of(content, terminal_.utf8)) {
      text_ += cat(indent_, before, line, "\n");
      before = blanks;
    }
  }

  const Terminal& terminal_;
  std::string indent_;
  std::string text_;
};

// The CPU's own line says what it is; how much memory is free is a fact of the device.
Finding with_memory(Finding finding, const DeviceReport& report) {
  const DeviceFact* cpu = find_device(report, "cpu");
  const bool said = finding.text.find("GiB") != std::string::npos;
  if (finding.topic != "CPU" || cpu == nullptr || said || cpu->memory_free < 0) return finding;
  const std::string total = cpu->memory_total < 0 ? "" : cat(" of ", gigabytes(cpu->memory_total));
  finding.text.insert(std::min(finding.text.find('\n'), finding.text.size()),
                      cat(", ", gigabytes(cpu->memory_free), total, " GiB free"));
  return finding;
}

// What --device=NAME comes to.
std::string answer(const DeviceReport& report, std::string_view name) {
  if (usable(report, name)) return find_device(report, name)->name;
  return cat("exit ", static_cast<int>(Exit::device));
}

std::string result_line(const DeviceReport& report, const Terminal& terminal) {
  const std::size_t count = problems(report);
  std::string works;
  for (const auto& device : report.devices) {
    if (device.usable) works += cat(works.empty() ? "" : ", ", device.name);
  }
  const std::string judgement = cat(
      count == 0 ? std::string("no problem") : cat(count, count == 1 ? " problem" : " problems"),
      ". Training works on: ", works.empty() ? "no device" : works, ".");
  return cat(" result: ", printable(judgement, terminal.utf8), "   --device=auto -> ",
             printable(answer(report, report.auto_device), terminal.utf8), "   --device=cuda -> ",
             printable(answer(report, "cuda"), terminal.utf8), "\n");
}

}  // namespace

std::string doctor_text(const DeviceReport& report, const Terminal& terminal) {
  const std::string title = cat("minnow doctor ", printable(report.version, terminal.utf8), " ",
                                terminal.symbols.dash, " can it train, and on what?");
  Rows rows(terminal);
  for (const auto& finding : report.findings) rows.add(with_memory(finding, report));
  return cat(with_right(title, printable(report.compiler, terminal.utf8)), "\n", rows.text(),
             result_line(report, terminal));
}

}  // namespace minnow::command
