#include <minnow/minnow.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "data/dataset.h"
#include "expect.h"

namespace minnow::test {
namespace {

// Its one line as an object.
nlohmann::json only_json(const Outcome& outcome) {
  const auto objects = json_of(outcome.out);
  EXPECT_EQ(objects.size(), 1U) << outcome.out << outcome.err;
  return objects.empty() ? nlohmann::json::object() : objects.front();
}

TEST(Doctor, SaysWhatItSaysInJson) {
  const Place place;
  const auto text = run(place, {"doctor"}, {.environment = {"LC_ALL=C.UTF-8"}});
  const auto outcome = run(place, {"doctor", "--json"});
  const auto doctor = only_json(outcome)["doctor"];
  EXPECT_EQ(outcome.exit, text.exit);
  EXPECT_EQ(doctor["exit"], text.exit);
  EXPECT_EQ(text.exit, doctor["problems"] == 0 ? 0 : 1);
  EXPECT_EQ(count_of(text.out, "\n ✗ "), doctor["problems"].get<std::size_t>()) << text.out;
  const std::string version = doctor["version"], chosen = doctor["auto"];
  EXPECT_TRUE(contains(text.out, "minnow doctor " + version + " — "));
  for (const auto& check : doctor["checks"]) {
    const std::string topic = check["topic"];
    EXPECT_TRUE(contains(text.out, " " + topic + " "));
  }
  EXPECT_TRUE(contains(text.out, "   --device=auto -> " + chosen + "   "));
  EXPECT_EQ(text.err, "");
  EXPECT_TRUE(place.empty());
}

TEST(Doctor, TheCpuIsUsable) {
  const Place place;
  const auto doctor = only_json(run(place, {"doctor", "--json"}))["doctor"];
  EXPECT_EQ(doctor["checks"][0]["topic"], "CPU");
  EXPECT_EQ(doctor["checks"][0]["verdict"], "good");
  EXPECT_EQ(doctor["devices"][0]["name"], "cpu");
  EXPECT_EQ(doctor["devices"][0]["usable"], true);
  EXPECT_EQ(run(place, {"doctor", "--strict=cpu"}).exit, doctor["exit"]);
}

TEST(Doctor, NamesTheDataSetsThatCanBeLoaded) {
  const Place place;
  const auto doctor = only_json(run(place, {"doctor", "--json"}))["doctor"];
  const std::string data = doctor["checks"].back()["text"];
  EXPECT_EQ(doctor["checks"].back()["topic"], "data");
  const std::string loadable = data.substr(0, data.find('\n'));
  for (const auto& info : command::dataset_infos()) {
    EXPECT_EQ(contains(loadable, info.name), command::dataset_installed(info.name)) << data;
    EXPECT_TRUE(contains(data, info.name));
  }
  EXPECT_TRUE(contains(loadable, "friedman1, toy"));
}

TEST(Doctor, StrictRequiresTheDevice) {
  const Place place;
  const bool cuda = only_json(run(place, {"doctor", "--json"}))["doctor"]["cuda"].is_string();
  const auto outcome = run(place, {"doctor", "--strict=cuda"});
  EXPECT_EQ(outcome.exit == 69, !cuda) << outcome.out << outcome.err;
  EXPECT_EQ(contains(outcome.err, "minnow: --strict=cuda: cuda cannot be used"), !cuda);
  EXPECT_TRUE(contains(outcome.out, " result: "));
  const auto far = run(place, {"doctor", "--strict=cuda:99", "--json"});
  EXPECT_EQ(far.exit, 69);
  EXPECT_EQ(only_json(far)["doctor"]["exit"], 69);
}

TEST(Doctor, SelfTestComparesWeights) {
  const Place place;
  const auto outcome = run(place, {"doctor", "--self-test"}, {.environment = {"LC_ALL=C.UTF-8"}});
  EXPECT_TRUE(contains(outcome.out, " ✓ self-test  784-128-10, 20 steps on "));
  EXPECT_TRUE(contains(outcome.out, ": max|Δw| "));
  EXPECT_TRUE(contains(outcome.out, " (limit 2.0e-05)\n"));
  EXPECT_EQ(count_of(run(place, {"doctor"}).out, "self-test"), 0U);
}

TEST(Doctor, IsQuick) {
  const Place place;
  const bool cuda = only_json(run(place, {"doctor", "--json"}))["doctor"]["driver"].is_string();
  if (cuda) GTEST_SKIP() << "a driver is here, and starting CUDA takes its time";
  // The best of five: the machine may be busy.
  auto least = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run(place, {"doctor"});
    least = std::min(least, std::chrono::steady_clock::now() - start);
  }
  EXPECT_LT(least, std::chrono::milliseconds(200));
}

TEST(Doctor, AsciiAndNoColourWhereTheTerminalHasNone) {
  const Place place;
  const auto dumb = run_on_terminal(place, {"doctor"}, 80, {"TERM=dumb", "LC_ALL=C"});
  EXPECT_TRUE(contains(dumb.out, " [ok] CPU        "));
  EXPECT_EQ(dumb.out.find('\x1b'), std::string::npos);
  for (const char letter : dumb.out) ASSERT_LT(static_cast<unsigned char>(letter), 0x80U);
  const auto rich = run_on_terminal(place, {"doctor"}, 80, {"TERM=xterm", "LC_ALL=C.UTF-8"});
  EXPECT_TRUE(contains(rich.out, " \x1b[32m✓\x1b[0m CPU        "));
  const auto piped = run(place, {"doctor"}, {.environment = {"TERM=xterm", "LC_ALL=C.UTF-8"}});
  EXPECT_TRUE(contains(piped.out, " ✓ CPU        "));
  EXPECT_EQ(piped.out.find('\x1b'), std::string::npos);
}

TEST(Doctor, OutputThatIsNotWanted) {
  const Place place;
  const int exit = run(place, {"doctor"}).exit;
  EXPECT_EQ(run(place, {"doctor"}, {.out = Sink::closed}).exit, exit);
  const auto full = run(place, {"devices"}, {.out = Sink::full});
  expect_failure(full, 74, "results could not be written to standard output. [MN-P01]");
  EXPECT_EQ(full.err.find("model"), std::string::npos) << "there is no model:\n" << full.err;
}

TEST(Devices, ListsTheCpuFirst) {
  const Place place;
  const auto outcome = run(place, {"devices"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_EQ(lines[0].rfind("NAME ", 0), 0U) << lines[0];
  EXPECT_EQ(lines[1].rfind("cpu ", 0), 0U) << lines[1];
  EXPECT_TRUE(contains(lines[1], " yes"));
  const auto object = only_json(run(place, {"devices", "--json"}));
  EXPECT_EQ(object["devices"].size(), lines.size() - 1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_TRUE(contains(lines[i], object["devices"][i - 1]["description"]));
  }
  EXPECT_TRUE(contains(outcome.out, "yes (what auto picks)"));
}

}  // namespace
}  // namespace minnow::test
