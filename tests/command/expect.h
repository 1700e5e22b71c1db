#pragma once

/// What the tests of the command look for in its output.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "process.h"

namespace minnow::test {

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << part << "\" is not in:\n" << text;
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// Line by line; a line that is no JSON fails the test.
inline std::vector<nlohmann::json> json_of(const std::string& text) {
  std::vector<nlohmann::json> objects;
  for (const auto& line : lines_of(text)) {
    objects.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_TRUE(objects.back().is_object()) << "no JSON object: " << line;
  }
  return objects;
}

/// The "run" of the last line.
inline nlohmann::json run_of(const Outcome& outcome) {
  const auto objects = json_of(outcome.out);
  if (objects.empty() || !objects.back().contains("run")) {
    ADD_FAILURE() << "no run object in:\n" << outcome.out << outcome.err;
    return nlohmann::json::object();
  }
  return objects.back()["run"];
}

/// Exit status and one message that is printed once.
inline void expect_failure(const Outcome& outcome, int exit, const std::string& message) {
  EXPECT_EQ(outcome.exit, exit) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, message));
  EXPECT_EQ(count_of(outcome.err, message), 1U) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "minnow: "));
}

/// Rows of "a,b,c" as CSV.
inline std::string csv(const std::vector<std::vector<double>>& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      text += std::to_string(row[i]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace minnow::test
