#include "explain/explain.h"

#include <minnow/error_codes.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "explain/markdown.h"
#include "terminal/exit_codes.h"
#include "terminal/json_text.h"
#include "terminal/numbers.h"
#include "terminal/printable.h"

namespace minnow::command {
namespace {

int exit_number(const ErrorCode& code) { return static_cast<int>(exit_of(code)); }

std::string error_of(const ErrorCode& code) {
  if (code.type.empty()) return exit_of(code) == Exit::ok ? "none, a note: work goes on" : "none";
  return std::string(code.type);
}

std::string text_of(const ErrorCode& code) {
  return cat(code.code, "  ", code.title, "\n  shows:    ", code.evidence,
             "\n  remedy:   ", code.remedy, "\n  error:    ", error_of(code),
             "\n  exit:     ", exit_number(code), "\n");
}

Json json_of(const ErrorCode& code) {
  return {{"code", code.code.c_str()},
          {"title", code.title},
          {"shows", code.evidence},
          {"remedy", code.remedy},
          {"error", text_or_null(std::string(code.type))},
          {"exit", exit_number(code)}};
}

std::string markdown() {
  std::string text =
      "# Error codes\n\n"
      "The code closes the first line of a message; `minnow explain MN-D02` prints its row. The\n"
      "table is the output of `minnow explain --markdown`. *Exit* is that of the minnow command: "
      "64\n"
      "instead of 65 for what was typed on the command line. A code without an error is a note:\n"
      "work goes on.\n\n";
  text += markdown_row({"code", "cause", "the message shows", "remedy", "error", "exit"}) +
          "|---|---|---|---|---|---|\n";
  for (const auto& code : error_codes()) {
    text += markdown_row({code.code, code.title, code.evidence, code.remedy,
                          code.type.empty() ? "-" : code.type, std::to_string(exit_number(code))});
  }
  return text;
}

// Insertions, deletions and changes of a letter between two short words (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::string short_form(std::string_view code) {
  std::string form(code);
  std::transform(form.begin(), form.end(), form.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
  });
  return form.starts_with("MN-") ? form.substr(3) : form;
}

// Codes that differ by a letter or so, the nearest only.
std::vector<std::string> near(const std::string& wanted) {
  std::vector<std::string> names;
  std::size_t least = 2;
  for (const auto& code : error_codes()) {
    const std::size_t away = distance(short_form(wanted), short_form(code.code));
    if (away > least) continue;
    if (away < least) names.clear();
    least = away;
    names.emplace_back(code.code);
  }
  constexpr std::size_t kMost = 6;
  if (names.size() > kMost) names.resize(kMost);
  return names;
}

}  // namespace

Exit run_explain(const Arguments& arguments, Terminal& terminal) {
  const auto& [wanted, as_markdown] = arguments.explain;
  if (as_markdown) {
    terminal.out.write(markdown());
    return Exit::ok;
  }
  std::string text;
  if (wanted.empty()) {
    for (const auto& code : error_codes()) {
      text +=
          terminal.json ? json_line(json_of(code)) : cat(padded(code.code, 9), code.title, "\n");
    }
  } else if (const ErrorCode* code = find_error_code(wanted); code != nullptr) {
    text = terminal.json ? json_line(json_of(*code)) : text_of(*code);
  } else {
    const auto names = near(wanted);
    usage_error(cat("there is no code ", printable(wanted, terminal.utf8), "."),
                names.empty() ? "" : cat("near it: ", joined(names)),
                "minnow explain lists all codes");
  }
  terminal.out.write(text);
  return Exit::ok;
}

}  // namespace minnow::command
