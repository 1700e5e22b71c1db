#include <minnow/minnow.h>

#include <algorithm>

#include "expect.h"

namespace minnow::test {
namespace {

const std::vector<std::string> kToy = {"train", "--dataset=toy"};

std::string control_characters(const std::string& text) {
  std::string found;
  for (const char letter : text) {
    if (static_cast<unsigned char>(letter) < 0x20 && letter != '\n') found += letter;
  }
  return found;
}

TEST(Streams, APipeGetsNoControlCharacters) {
  const Place place;
  for (const auto& locale : {"LC_ALL=C", "LC_ALL=C.UTF-8"}) {
    const auto outcome = run(place, kToy, {.environment = {locale, "TERM=xterm-256color"}});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_EQ(control_characters(outcome.out), "");
    EXPECT_EQ(control_characters(outcome.err), "");
  }
}

TEST(Streams, AsciiUnlessTheLocaleIsUtf8) {
  const Place place;
  const auto plain = run(place, kToy, {.environment = {"LC_ALL=C"}});
  for (const char letter : plain.out + plain.err) {
    ASSERT_LT(static_cast<unsigned char>(letter), 0x80U) << plain.err;
  }
  const auto rich = run(place, kToy, {.environment = {"LC_ALL=C.UTF-8"}});
  EXPECT_TRUE(contains(rich.err, " · "));
}

TEST(Streams, ResultsThatCannotBeWrittenAreAFailure) {
  const Place place;
  const auto outcome = run(place, kToy, {.out = Sink::full});
  EXPECT_EQ(outcome.exit, 74);
  EXPECT_TRUE(contains(outcome.err, "results could not be written to standard output. [MN-P01]"));
  EXPECT_TRUE(contains(outcome.err, "No space left on device"));
  EXPECT_TRUE(place.has("runs/toy-0001/model.safetensors"));
}

TEST(Streams, ClosedStreamsChangeNothing) {
  const Place place;
  const std::string weights = [&] {
    run(place, kToy);
    return place.read("runs/toy-0001/model.safetensors");
  }();
  ASSERT_FALSE(weights.empty());
  EXPECT_EQ(run(place, kToy, {.err = Sink::closed}).exit, 0);
  EXPECT_EQ(run(place, kToy, {.err = Sink::full}).exit, 0);
  EXPECT_EQ(run(place, kToy, {.out = Sink::closed}).exit, 0);
  EXPECT_EQ(run(place, kToy, {.out = Sink::closed, .err = Sink::closed}).exit, 0);
  for (const std::string number : {"2", "3", "4", "5"}) {
    EXPECT_EQ(place.read("runs/toy-000" + number + "/model.safetensors"), weights) << number;
  }
}

TEST(Streams, AReaderThatLeavesDoesNotStopTheRun) {
  const Place place;
  Process process(place, {"train", "--dataset=friedman1", "--epochs=20", "--json"}, {});
  process.wait_for_lines(1);
  process.close_output();
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(place.has("runs/friedman1-0001/model.safetensors"));
}

TEST(Terminal, ABarThatFits) {
  const Place place;
  const auto outcome = run_on_terminal(place, {"train", "--dataset=friedman1", "--epochs=4"}, 100,
                                       {"TERM=xterm-256color", "LC_ALL=C.UTF-8"});
  EXPECT_EQ(outcome.exit, 0) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "\r"));
  EXPECT_TRUE(contains(outcome.out, "\x1b[K"));
  EXPECT_TRUE(contains(outcome.out, "━━━━━━━━━━"));
  EXPECT_TRUE(contains(outcome.out, "epoch 4/4"));
  EXPECT_TRUE(contains(outcome.out, "±"));
}

TEST(Terminal, AsciiBarWithoutColour) {
  const Place place;
  const auto outcome = run_on_terminal(place, kToy, 100, {"TERM=xterm", "LC_ALL=C", "NO_COLOR=1"});
  EXPECT_EQ(outcome.exit, 0) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "===================="));
  EXPECT_EQ(count_of(outcome.out, "\x1b[3"), 0U);
  EXPECT_EQ(count_of(outcome.out, "\x1b[1m"), 0U);
}

TEST(Terminal, NarrowLinesDoNotWrap) {
  const Place place;
  const auto outcome = run_on_terminal(place, kToy, 40, {"TERM=xterm", "LC_ALL=C", "NO_COLOR=1"});
  EXPECT_EQ(outcome.exit, 0);
  for (const auto& line : lines_of(outcome.out)) {
    if (line.rfind("\repoch ", 0) != 0) continue;
    EXPECT_LT(line.find('\x1b'), 41U) << line;
  }
}

TEST(Terminal, ColumnsIsItsWidth) {
  const Place place;
  const auto longest_bar = [&](const std::string& columns) {
    const auto outcome = run_on_terminal(
        place, kToy, 100, {"TERM=xterm", "LC_ALL=C", "NO_COLOR=1", "COLUMNS=" + columns});
    EXPECT_EQ(outcome.exit, 0) << outcome.out;
    std::size_t longest = 0;
    for (const auto& line : lines_of(outcome.out)) {
      if (line.rfind("\repoch ", 0) == 0) longest = std::max(longest, line.find('\x1b') - 1);
    }
    return longest;
  };
  const auto own = longest_bar("");
  EXPECT_GT(own, 40U);
  EXPECT_LE(longest_bar("40"), 40U);
  for (const auto* none : {"0", "-3", "many", "99999999999999999999"}) {
    EXPECT_EQ(longest_bar(none), own) << none;
  }
}

TEST(Terminal, AFilesNameDoesNotSteerIt) {
  const Place place;
  const std::string name = "a\nb\x1b[2Jc\xff.csv";
  const std::string shown = R"(a\x0ab\x1b[2Jc\xff.csv)";
  const auto steers = [](const std::string& text) {
    return text.find('\x1b') != std::string::npos || text.find('\xff') != std::string::npos ||
           text.find("a\nb") != std::string::npos;
  };
  place.write("y.csv", "0\n1\n");
  const auto missing = run(place, {"train", "--x=" + name, "--y=y.csv"});
  expect_failure(missing, 74, shown + " cannot be opened. [MN-P08]");
  EXPECT_FALSE(steers(missing.err)) << missing.err;

  const auto typed = run(place, {"train", "--dataset=toy", "--epochs=" + name});
  expect_failure(typed, 64, "--epochs=" + shown + " is no whole number");
  EXPECT_FALSE(steers(typed.err)) << typed.err;

  place.write(name, "1,2\n3,4,5\n");
  const auto damaged = run(place, {"train", "--x=" + name, "--y=y.csv"});
  expect_failure(damaged, 65, shown);
  EXPECT_FALSE(steers(damaged.err)) << damaged.err;

  const auto saved = run(place, {"train", "--dataset=toy", "--out=" + name});
  EXPECT_EQ(saved.exit, 0) << saved.err;
  EXPECT_TRUE(contains(saved.out, "saved    " + shown + "\n"));
  EXPECT_FALSE(steers(saved.out + saved.err)) << saved.out;
  EXPECT_TRUE(place.has(name));

  const auto table =
      run(place, {"bench", "--compare=cpu", "--net=4-4-1", "--batches=1", "--widths=none",
                  "--rounds=1", "--round-seconds=0.001", "--epoch-rows=10", "--csv=" + name});
  EXPECT_EQ(table.exit, 0) << table.err;
  EXPECT_TRUE(contains(table.out, "results: " + shown + "\n"));
  EXPECT_FALSE(steers(table.out + table.err)) << table.out;
}

TEST(Terminal, ADumbOneGetsLines) {
  const Place place;
  const auto outcome = run_on_terminal(place, kToy, 80, {"TERM=dumb"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_EQ(count_of(outcome.out, "\x1b"), 0U);
  EXPECT_TRUE(contains(outcome.out, "epoch 2/2 4 steps"));
}

TEST(Help, GoesToStandardOutput) {
  const Place place;
  const std::vector<std::vector<std::string>> asks = {
      {"--help"}, {"help"}, {"train", "--help"}, {"help", "predict"}, {"--version"}};
  for (const auto& ask : asks) {
    const auto outcome = run(place, ask);
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(contains(outcome.out, "minnow"));
  }
  EXPECT_EQ(run(place, {"help"}).out, run(place, {"--help"}).out);
  EXPECT_EQ(run(place, {"help", "train"}).out, run(place, {"train", "--help"}).out);
  EXPECT_TRUE(contains(run(place, {"train", "--help"}).out, "--validation-split"));
  EXPECT_TRUE(contains(run(place, {"help", "predict"}).out, "--argmax"));
}

}  // namespace
}  // namespace minnow::test
