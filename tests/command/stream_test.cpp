#include <minnow/minnow.h>

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
  EXPECT_TRUE(contains(run(place, {"train", "--help"}).out, "--validation-split"));
  EXPECT_TRUE(contains(run(place, {"help", "predict"}).out, "--argmax"));
}

}  // namespace
}  // namespace minnow::test
