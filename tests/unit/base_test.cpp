#include <minnow/base/block_layout.h>
#include <minnow/base/environment.h>
#include <minnow/base/files.h>
#include <minnow/base/text.h>

#include <gtest/gtest.h>
#include <stdlib.h>

#include <set>
#include <string>
#include <vector>

#include "machine_of_files.h"

namespace minnow::testing {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, SplitLeavesEmptyPartsOut) {
  EXPECT_EQ(split("  a b\n\tc ", " \n\t"), (Parts{"a", "b", "c"}));
  EXPECT_EQ(split("a", ","), Parts{"a"});
  EXPECT_TRUE(split("", ",").empty());
  EXPECT_TRUE(split(",,", ",").empty());
}

TEST(Text, FieldsKeepEmptyParts) {
  EXPECT_EQ(fields("a,,b", ','), (Parts{"a", "", "b"}));
  EXPECT_EQ(fields(",", ','), (Parts{"", ""}));
  EXPECT_EQ(fields("", ','), Parts{""});
}

TEST(Text, TrimmedLosesBlanksAtBothEnds) {
  EXPECT_EQ(trimmed(" \ta b\n"), "a b");
  EXPECT_EQ(trimmed(" \n "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(Text, CatWritesNumbersShort) {
  EXPECT_EQ(cat("a", 'b', 12, -3L, 0.25, 1e-7F), "ab12-30.251e-07");
}

TEST(BlockLayout, SaysWhereEachPartBegins) {
  BlockLayout layout(64);
  EXPECT_EQ(layout.bytes(), 0);
  EXPECT_EQ(layout.add(100), 0);
  EXPECT_EQ(layout.add(0), 128);
  EXPECT_EQ(layout.add(64), 128);
  EXPECT_EQ(layout.add(1), 192);
  EXPECT_EQ(layout.bytes(), 256);
}

TEST(Environment, NotSetAndEmptyAreTold) {
  unsetenv("MINNOW_TRACE");
  EXPECT_EQ(environment("MINNOW_TRACE"), std::nullopt);
  EXPECT_EQ(setting("MINNOW_TRACE"), "");
  setenv("MINNOW_TRACE", "", 1);
  EXPECT_EQ(environment("MINNOW_TRACE"), "");
  setenv("MINNOW_TRACE", "2", 1);
  EXPECT_EQ(environment("MINNOW_TRACE"), "2");
  EXPECT_EQ(setting("MINNOW_TRACE"), "2");
  unsetenv("MINNOW_TRACE");
}

TEST(Environment, EachVariableIsDescribedOnce) {
  std::set<std::string_view> names;
  for (const EnvironmentVariable& variable : kEnvironment) {
    EXPECT_TRUE(names.insert(variable.name).second) << variable.name;
    for (const auto text : {variable.values, variable.meaning, variable.reader}) {
      EXPECT_FALSE(text.empty()) << variable.name;
    }
  }
}

using Files = MachineOfFiles;

TEST_F(Files, AreThoseOfTheTreeThatStandsForTheMachine) {
  file("etc/b", "one\ntwo\n");
  file("etc/a", "");
  EXPECT_EQ(rooted("/etc"), (root_ / "etc").string());
  EXPECT_EQ(read_system_file(rooted("/etc/b")), "one\ntwo\n");
  EXPECT_EQ(read_system_file(rooted("/etc/c")), "");
  EXPECT_EQ(names_in(rooted("/etc")), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(names_in(rooted("/none")).empty());
  EXPECT_TRUE(exists(rooted("/etc/a")));
  EXPECT_FALSE(exists(rooted("/etc/c")));
  EXPECT_EQ(folder_of("/etc/b"), "/etc");
  EXPECT_EQ(folder_of("b"), "");
  EXPECT_EQ(name_in("/etc/b"), "b");
}

}  // namespace
}  // namespace minnow::testing
