#include <dlfcn.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "expect.h"

namespace minnow::test {
namespace {

// Small enough that what is tested is the command and not the machine.
const std::vector<std::string> kSmall = {
    "bench",           "--net=20-8-3", "--batches=1,4",        "--widths=8,16",
    "--width-batch=4", "--rounds=3",   "--round-seconds=0.01", "--epoch-rows=64"};

std::vector<std::string> small(const std::vector<std::string>& more) {
  auto arguments = kSmall;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

bool driver_installed() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver != nullptr) dlclose(driver);
  return driver != nullptr;
}

// The line that begins so, without its end of line; empty when there is none.
std::string line_with(const std::string& text, const std::string& beginning) {
  for (const auto& line : lines_of(text)) {
    if (line.rfind(beginning, 0) == 0) return line;
  }
  return {};
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char letter : line) {
    if (letter == ',') {
      cells.emplace_back();
    } else {
      cells.back() += letter;
    }
  }
  return cells;
}

// Blanks in a row become one.
std::string squeezed(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter != ' ' || (!result.empty() && result.back() != ' ')) result += letter;
  }
  return result;
}

TEST(Bench, TableOfTwoDevices) {
  const Place place;
  const auto outcome =
      run(place, small({"--compare=cpu,cpu"}), {.environment = {"LC_ALL=C.UTF-8"}});
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  ASSERT_GT(lines.size(), 12U) << outcome.out;
  EXPECT_EQ(lines[0],
            "train step, 20-8-3, float32, adam, seed 1; median of 3 rounds x >= 0.01 s after "
            "warm-up, rounds alternate");
  EXPECT_EQ(lines[1].rfind("cpu = ", 0), 0U) << lines[1];
  EXPECT_EQ(lines[2].rfind("cpu#2 = cpu, ", 0), 0U) << lines[2];
  EXPECT_EQ(squeezed(lines[3]), "cpu cpu#2, ms/step speed-up with max|Δ| after");
  EXPECT_EQ(squeezed(lines[4]),
            "batch ms/step (±σ) kernels data resident with transfers (±σ) transfers [95% CI] "
            "100 steps");
  EXPECT_EQ(squeezed(lines[5]).rfind("1 0.", 0), 0U) << lines[5];
  EXPECT_EQ(squeezed(lines[6]).rfind("4 0.", 0), 0U) << lines[6];
  EXPECT_EQ(squeezed(lines[7]).rfind("width ms/step (±σ) kernels", 0), 0U) << lines[7];
  EXPECT_TRUE(contains(lines[7], "at batch 4"));
  // The same device twice: the same bits.
  for (const std::size_t row : {5U, 6U, 8U, 9U}) {
    EXPECT_EQ(lines[row].substr(lines[row].size() - 2), " 0") << lines[row];
    EXPECT_TRUE(contains(lines[row], "x "));
  }
  EXPECT_NE(line_with(outcome.out, "crossover: "), "") << outcome.out;
  EXPECT_NE(line_with(outcome.out, "end to end, 1 epoch of 64 rows at batch 4"), "");
  EXPECT_NE(line_with(outcome.out, "first use of cpu#2 "), "");
  EXPECT_EQ(lines.back(),
            "repeat: minnow bench --compare=cpu,cpu --net=20-8-3 --batches=1,4 --widths=8,16 "
            "--width-batch=4 --epoch-rows=64 --seed=1 --rounds=3 --round-seconds=0.01");
  EXPECT_TRUE(contains(outcome.err, "measured 3/3  20-16-3 batch 4"));  // one row is in both grids
  EXPECT_TRUE(place.empty());
}

TEST(Bench, OneDeviceHasOneColumn) {
  const Place place;
  const auto outcome = run(place, {"bench", "--compare=cpu", "--net=4-1", "--batches=2", "-q",
                                   "--rounds=1", "--round-seconds=0.001", "--epoch-rows=1"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(contains(outcome.out, " batch   ms/step (+-sigma)\n"));
  EXPECT_EQ(count_of(outcome.out, "speed-up"), 0U);
  EXPECT_EQ(count_of(outcome.out, "width"), 0U);  // there is no hidden layer
}

TEST(Bench, AsciiUnlessTheLocaleIsUtf8) {
  const Place place;
  const auto outcome =
      run(place, small({"--compare=cpu,cpu"}), {.environment = {"LC_ALL=C", "TERM=xterm"}});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "max|delta| after"));
  for (const char letter : outcome.out + outcome.err) {
    ASSERT_LT(static_cast<unsigned char>(letter), 0x80U) << outcome.out;
    ASSERT_TRUE(static_cast<unsigned char>(letter) >= 0x20U || letter == '\n');
  }
}

TEST(Bench, ALineThatIsWrittenOverOnATerminal) {
  const Place place;
  const auto outcome = run_on_terminal(place, small({"--compare=cpu"}), 100,
                                       {"TERM=xterm", "LC_ALL=C", "NO_COLOR=1"});
  EXPECT_EQ(outcome.exit, 0) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "\rsetting 2/3 "));
  EXPECT_TRUE(contains(outcome.out, "20-8-3 batch 4  round 3/3"));
  EXPECT_EQ(count_of(outcome.out, "measured"), 0U);
  // Gone before the results.
  EXPECT_TRUE(contains(outcome.out, "\r\x1b[Ktrain step"));
}

TEST(Bench, JsonLines) {
  const Place place;
  const auto outcome = run(place, small({"--compare=cpu,cpu,cpu", "--json", "--seed=5"}));
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  const auto objects = json_of(outcome.out);
  ASSERT_EQ(objects.size(), 5U) << outcome.out;
  EXPECT_EQ(objects[0]["grid"], "batch");
  EXPECT_EQ(objects[0]["net"], "20-8-3");
  EXPECT_EQ(objects[0]["batch"], 1);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& devices = objects[i]["devices"];
    ASSERT_EQ(devices.size(), 3U);
    EXPECT_EQ(devices[0]["device"], "cpu");
    EXPECT_FALSE(devices[0].contains("speedup"));
    EXPECT_EQ(devices[2]["device"], "cpu#3");
    for (const auto& device : devices) {
      EXPECT_GT(device["transfers_ms"], 0.0);
      EXPECT_GE(device["transfers_spread_ms"], 0.0);
      EXPECT_EQ(device["transfers_rounds_ms"].size(), 3U);
      EXPECT_GT(device["resident_ms"], 0.0);
      EXPECT_LE(device["kernels_ms"], device["resident_ms"]);
    }
    EXPECT_GT(devices[1]["speedup"], 0.0);
    EXPECT_LE(devices[1]["speedup_95"][0], devices[1]["speedup_95"][1]);
    EXPECT_EQ(devices[1]["max_weight_difference"], 0.0);
  }
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["command"], "bench");
  EXPECT_EQ(run_object["seed"], 5);
  EXPECT_EQ(run_object["exit"], 0);
  EXPECT_FALSE(run_object.contains("error"));
  const auto& device = run_object["devices"][1];
  EXPECT_EQ(device["precision"], "fp32");
  EXPECT_GT(device["first_use_seconds"], 0.0);
  EXPECT_GT(device["end_to_end_seconds"], device["first_use_seconds"]);
  EXPECT_TRUE(device["crossover"]["batch"]["text"].is_string());
  EXPECT_TRUE(device["pays_back"].contains("steps"));
}

TEST(Bench, CsvReplacesTheFile) {
  const Place place;
  place.write("table.csv", "old");
  const auto outcome = run(place, small({"--compare=cpu,cpu", "--csv=table.csv"}));
  ASSERT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "results: table.csv\n"));
  const auto lines = lines_of(place.read("table.csv"));
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines[0],
            "grid,net,batch,device,precision,transfers_ms,transfers_spread_ms,resident_ms,"
            "resident_spread_ms,kernels_ms,speedup,speedup_low,speedup_high,"
            "max_weight_difference,error");
  for (const auto& line : lines) EXPECT_EQ(cells_of(line).size(), 15U) << line;
  EXPECT_EQ(lines[1].rfind("batch,20-8-3,1,cpu,fp32,0.", 0), 0U) << lines[1];
  EXPECT_EQ(lines[8].rfind("width,20-16-3,4,cpu#2,fp32,0.", 0), 0U) << lines[8];
  EXPECT_GT(std::stod(cells_of(lines[8])[10]), 0.0);
  EXPECT_EQ(cells_of(lines[8])[13], "0");
}

TEST(Bench, CsvThatCannotBeWrittenIsFoundBeforeMeasuring) {
  const Place place;
  const auto outcome = run(place, small({"--compare=cpu", "--csv=no/such/table.csv"}));
  expect_failure(outcome, 73, "no/such/table.csv cannot be written. [MN-P05]");
  EXPECT_EQ(count_of(outcome.err, "measured"), 0U);
  EXPECT_EQ(outcome.out, "");
}

TEST(Bench, ARowWithoutMemoryDoesNotStopTheOthers) {
  const Place place;
  const auto outcome = run(place, {"bench", "--compare=cpu,cpu", "--net=100000-2-2",
                                   "--batches=16777216,4", "--widths=none", "--rounds=1",
                                   "--round-seconds=0.001", "--epoch-rows=4", "--csv=table.csv"});
  EXPECT_EQ(outcome.exit, 75) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, " 16777216   no memory"));
  EXPECT_TRUE(contains(outcome.out, "\n        4   "));
  EXPECT_EQ(count_of(outcome.err, "[MN-M"), 1U) << outcome.err;
  EXPECT_EQ(cells_of(lines_of(place.read("table.csv"))[1]).back().rfind("MN-M", 0), 0U);
}

class MissingDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    if (driver_installed()) GTEST_SKIP() << "an NVIDIA driver is installed";
  }
};

TEST_F(MissingDevice, TheOthersAreMeasuredAndTheExitIs69) {
  const Place place;
  const auto outcome = run(place, small({"--compare=cpu,cuda,cuda:1"}));
  expect_failure(outcome, 69, "GPU not used: no NVIDIA driver is installed. [MN-D01]");
  EXPECT_TRUE(contains(outcome.err, "  effect:   cuda was not measured"));
  EXPECT_TRUE(contains(outcome.out, " batch   ms/step (+-sigma)\n"));
  EXPECT_EQ(count_of(outcome.out, "cuda"), 2U) << outcome.out;  // in the line that repeats
}

TEST_F(MissingDevice, SkipMissing) {
  const Place place;
  const auto outcome = run(place, small({"--skip-missing"}));
  expect_failure(outcome, 0, "GPU not used: no NVIDIA driver is installed. [MN-D01]");
  EXPECT_TRUE(contains(outcome.out, " batch   ms/step (+-sigma)\n"));
}

TEST_F(MissingDevice, Json) {
  const Place place;
  const auto outcome = run(place, small({"--compare=cuda,cpu", "--json"}));
  EXPECT_EQ(outcome.exit, 69) << outcome.err;
  const auto objects = json_of(outcome.out);
  ASSERT_EQ(objects.size(), 5U);
  ASSERT_EQ(objects[0]["devices"].size(), 1U);
  EXPECT_EQ(objects[0]["devices"][0]["device"], "cpu");
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["exit"], 69);
  EXPECT_EQ(run_object["error"]["code"], "MN-D01");
  EXPECT_EQ(run_object["devices"][0]["error"]["code"], "MN-D01");
}

TEST_F(MissingDevice, NothingIsLeftToMeasure) {
  const Place place;
  const auto outcome = run(place, small({"--compare=cuda"}));
  EXPECT_EQ(outcome.exit, 69);
  EXPECT_EQ(outcome.out, "");
}

TEST(Bench, InterruptedShowsWhatIsThere) {
  const Place place;
  Process process(place,
                  {"bench", "--compare=cpu,cpu", "--net=20-8-3", "--batches=1,4", "--json",
                   "--widths=none", "--rounds=1000", "--round-seconds=10", "--epoch-rows=4"},
                  {});
  // One row takes hours.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process.send(SIGINT);
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 130) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "minnow: interrupted.\n  effect:   0 of 2 settings"));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["interrupted"], true);
  EXPECT_EQ(run_object["exit"], 130);
}

TEST(Bench, InterruptedAfterARow) {
  const Place place;
  Process process(
      place,
      {"bench", "--compare=cpu,cpu", "--net=20-8-3", "--batches=1,1000000", "--json",
       "--widths=none", "--rounds=1", "--round-seconds=0.01", "--epoch-rows=4", "--csv=table.csv"},
      {});
  process.wait_for_lines(1);
  process.send(SIGTERM);
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 130) << outcome.err;
  EXPECT_EQ(json_of(outcome.out).size(), 2U);
  EXPECT_EQ(lines_of(place.read("table.csv")).size(), 3U);
}

TEST(Bench, Help) {
  const Place place;
  const auto outcome = run(place, {"bench", "--help"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_TRUE(contains(outcome.out, "--compare"));
  EXPECT_TRUE(contains(outcome.out, "median absolute deviation"));
  EXPECT_TRUE(contains(outcome.out, "bootstrap"));
  EXPECT_EQ(count_of(outcome.out, "--device "), 0U);
}

struct Usage {
  std::string argument;
  std::string message;
};

std::ostream& operator<<(std::ostream& stream, const Usage& usage) {
  return stream << usage.argument;
}

class BenchUsage : public ::testing::TestWithParam<Usage> {};

TEST_P(BenchUsage, Exits64AtOnce) {
  const Place place;
  const auto outcome = run(place, {"bench", GetParam().argument});
  expect_failure(outcome, 64, GetParam().message);
  EXPECT_EQ(count_of(outcome.err, "[MN-"), 1U) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(place.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Command, BenchUsage,
    ::testing::Values(
        Usage{"--compare=cpu,tpu", "--compare=cpu,tpu: \"tpu\" is no device."},
        Usage{"--compare=cpu,", "--compare=cpu,: \"\" is no device."},
        Usage{"--compare=cpu:1", "\"cpu:1\" is no device."},
        Usage{"--compare=cpu,cpu,cpu,cpu,cpu", "names 5 devices; it takes up to 4."},
        Usage{"--batches=0", "--batches=0: \"0\" is no number from 1 to 16,777,216."},
        Usage{"--batches=1,,4", "--batches=1,,4: \"\" is no number from 1"},
        Usage{"--batches=1,x", "\"x\" is no number from 1"},
        Usage{"--batches=-4", "\"-4\" is no number from 1"},
        Usage{"--widths=12.5", "\"12.5\" is no number from 1"},
        Usage{"--widths=99999999999", "\"99999999999\" is no number from 1"},
        Usage{"--net=784", "--net=784 has no layer: inputs and outputs are needed."},
        Usage{"--net=a-b", "--net=a-b: \"a\" is no number from 1"},
        Usage{"--net=10-0-1", "\"0\" is no number from 1"},
        Usage{"--width-batch=0", "--width-batch=0 is no whole number from 1 to 16777216."},
        Usage{"--epoch-rows=0", "--epoch-rows=0 is no whole number from 1 to 1000000000."},
        Usage{"--rounds=0", "--rounds=0 is no whole number from 1 to 1000."},
        Usage{"--rounds=many", "--rounds"},
        Usage{"--round-seconds=0", "--round-seconds=0 is no number above 0 up to 60."},
        Usage{"--round-seconds=nan", "--round-seconds=nan is no number"},
        Usage{"--threads=-1", "--threads=-1 is no whole number from 0 to 1024."},
        Usage{"--precision=fp8", "--precision"}, Usage{"--device=cpu", "--device=cpu"}));

TEST(BenchUsageErrors, EmptyLists) {
  const Place place;
  for (const std::string option : {"--compare", "--net", "--batches", "--widths"}) {
    const auto outcome = run(place, {"bench", option, ""});
    EXPECT_EQ(outcome.exit, 64) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, option));
  }
}

TEST(BenchUsageErrors, ACpuComputesInOnePrecision) {
  const Place place;
  expect_failure(run(place, small({"--compare=cpu,cpu", "--precision=tf32"})), 64,
                 "the CPU cannot compute in tf32. [MN-U01]");
  EXPECT_EQ(run(place, small({"--compare=cpu", "--precision=tf32", "-q"})).exit, 0);
}

}  // namespace
}  // namespace minnow::test
