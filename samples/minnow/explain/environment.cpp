#include "explain/environment.h"

#include <minnow/base/environment.h>
#include <minnow/base/text.h>

#include "explain/markdown.h"

namespace minnow::command {

std::string environment_text() {
  std::string text = "Environment variables that minnow reads.\n\n";
  for (const auto& variable : kEnvironment) {
    text += cat(variable.name, "=", variable.values, "\n    ", variable.meaning,
                "\n    read by: ", variable.reader, "\n");
  }
  return cat(text,
             "\nOf a program that runs with raised rights (setuid) no MINNOW_ variable is read.\n"
             "Symbols are UTF-8 or ASCII as the locale says (LC_ALL, LC_CTYPE, LANG).\n");
}

std::string environment_markdown() {
  std::string text =
      "# Environment variables\n\n"
      "All that minnow reads; `minnow help environment` prints them. This page is the output of\n"
      "`minnow help environment --markdown`. In brackets: what holds without the variable.\n\n";
  text += markdown_row({"variable", "values", "meaning", "read by"}) + "|---|---|---|---|\n";
  for (const auto& variable : kEnvironment) {
    text += markdown_row(
        {cat("`", variable.name, "`"), variable.values, variable.meaning, variable.reader});
  }
  return cat(text,
             "\nOf a program that runs with raised rights (setuid) no `MINNOW_` variable is read: "
             "they name\nfiles that are opened and started. Symbols are UTF-8 or ASCII as the "
             "locale says (`LC_ALL`,\n`LC_CTYPE`, `LANG`).\n");
}

}  // namespace minnow::command
