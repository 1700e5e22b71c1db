#pragma once

/// Options that take a number. CLI11 reads 010 as 8, 99999999999999999999 as the largest number
/// there is and -1 as the largest without a sign; here a text that is no number of the range is
/// refused, and the range said.

#include <CLI/CLI.hpp>
#include <concepts>
#include <string>

#include "terminal/numbers.h"

namespace minnow::command {

template <std::integral T>
struct Range {
  T low;
  T high;
};

/// A whole number, both ends included. @throws CLI::ValidationError when it is parsed.
template <class T, class Into>
void add_whole(CLI::App& app, const std::string& option, Into& into, Range<T> range,
               const std::string& help) {
  const auto parse = [option, range, &into](const std::string& text) {
    const auto number = number_of<T>(text);
    if (!number || *number < range.low || *number > range.high) {
      throw CLI::ValidationError(
          cat(option, "=", text, " is no whole number from ", range.low, " to ", range.high));
    }
    into = *number;
  };
  app.add_option_function<std::string>(option, parse, help)->type_name("INT");
}

/// A number for which `inside` holds; `range` says so: "from 0 to below 1".
/// @throws CLI::ValidationError when it is parsed.
template <class Into>
void add_number(CLI::App& app, const std::string& option, Into& into, const std::string& range,
                bool (*inside)(double), const std::string& help) {
  const auto parse = [option, range, inside, &into](const std::string& text) {
    const auto number = number_of<double>(text);
    if (!number || !inside(*number)) {
      throw CLI::ValidationError(cat(option, "=", text, " is no number ", range));
    }
    into = *number;
  };
  app.add_option_function<std::string>(option, parse, help)->type_name("FLOAT");
}

}  // namespace minnow::command
