// The table of environment variables: it is what minnow reads, and what help and docs show.

#include <minnow/base/environment.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "expect.h"

namespace minnow::test {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Who reads what is read in a folder, in the words of the table.
const std::map<std::string, std::string> kReaders = {{"core/src", "libminnow"},
                                                     {"core/base/src", "libminnow"},
                                                     {"backends/src", "libminnow"},
                                                     {"backends/cpu", "libminnow"},
                                                     {"backends/devices/machine", "libminnow"},
                                                     {"backends/devices/probe", "minnow-probe"},
                                                     {"backends/devices/src", "libminnow"},
                                                     {"backends/cuda", "CUDA backend"},
                                                     {"samples/minnow", "command"}};

// Those whose sources name the variable. A name that is not in the table does not compile
// (tests/refused), and getenv() is called in one place (script/check-walls).
std::set<std::string> readers_of(std::string_view variable) {
  const std::string quoted = "\"" + std::string(variable) + "\"";
  std::set<std::string> readers;
  for (const auto& [folder, reader] : kReaders) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(MINNOW_SOURCES) / folder)) {
      if (entry.path().extension() != ".cpp") continue;
      if (content_of(entry.path()).find(quoted) != std::string::npos) readers.insert(reader);
    }
  }
  return readers;
}

TEST(Environment, EveryVariableOfTheTableIsReadByWhomItNames) {
  for (const auto& variable : kEnvironment) {
    const auto readers = readers_of(variable.name);
    EXPECT_FALSE(readers.empty()) << variable.name << " is read by nobody";
    for (const auto& reader : readers) {
      EXPECT_NE(variable.reader.find(reader), std::string_view::npos)
          << reader << " reads " << variable.name;
    }
    EXPECT_EQ(variable.reader.find("command") != std::string_view::npos,
              readers.count("command") == 1)
        << variable.name;
  }
}

TEST(Environment, HelpShowsEveryVariable) {
  const Place place;
  const auto outcome = run(place, {"help", "environment"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  for (const auto& variable : kEnvironment) {
    const std::string name(variable.name);
    EXPECT_TRUE(contains(outcome.out, "\n" + name + "=" + std::string(variable.values) + "\n"));
    EXPECT_TRUE(contains(outcome.out, "\n    " + std::string(variable.meaning) + "\n"));
  }
  for (const auto& line : lines_of(outcome.out)) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Environment, ThePageIsMadeFromTheTable) {
  const Place place;
  const auto outcome = run(place, {"help", "environment", "--markdown"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(content_of(MINNOW_SOURCES "/docs/environment.md"), outcome.out)
      << "docs/environment.md has to be the output of: minnow help environment --markdown";
}

TEST(Environment, OnlyItsHelpHasAPage) {
  const Place place;
  expect_failure(run(place, {"help", "train", "--markdown"}), 64,
                 "--markdown is for help environment. [MN-U01]");
}

}  // namespace
}  // namespace minnow::test
