#pragma once

/// The command line as plain values. Only this folder knows the parser.

#include <minnow/backend.h>
#include <minnow/trainer.h>

#include <cstdint>
#include <optional>
#include <string>

#include "terminal/terminal.h"

namespace minnow::command {

struct CommonArguments {
  std::string device = "auto";
  int threads = 0;  // 0: as many as the process may use
  Precision precision = Precision::fp32;
  bool tune = false;
  std::uint64_t memory_limit = 0;  // bytes; 0: none
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  ColorChoice color = ColorChoice::automatic;
};

struct DataArguments {
  std::string dataset = {};  // a name, or:
  std::string x = {};        // files
  std::string y = {};
  std::string test_x = {};
  std::string test_y = {};
  bool standardize = false;
  std::uint64_t seed = 1;  // of the data that is made, of the weights, of the shuffle
};

/// What is not given is the library's.
struct OptimizerArguments {
  std::string name = "adam";
  std::optional<double> learning_rate = {};
  std::optional<double> momentum = {};
  bool nesterov = false;
  std::optional<double> weight_decay = {};
  bool decay_biases = false;
};

/// What is not given depends on the data set: recipes.h.
struct TrainingArguments {
  std::string layers = {};
  std::optional<std::int64_t> epochs = {};
  std::optional<std::int64_t> batch = {};
  OptimizerArguments optimizer = {};
  std::string loss = "auto";
  double validation_split = 0.0;
  std::optional<std::int64_t> patience = {};
  bool shuffle = true;
  std::string out = {};  // empty: the next free place under runs/; "none": nowhere
  std::int64_t microbatch = 0;
  OnNotFinite on_not_finite = OnNotFinite::stop;
  SnapshotOptions snapshot = {};
};

struct PredictArguments {
  std::string model = {};
  std::string x = {};
  std::string out = {};  // empty: CSV on standard output
  std::optional<std::int64_t> row = {};
  bool argmax = false;
};

/// Lists as they were typed: bench_plan.h reads them.
struct BenchArguments {
  std::string compare = "cpu,cuda";
  std::string net = "784-128-10";
  std::string batches = "1,32,128,1024";
  std::string widths = "32,128,512,2048";  // or "none"
  std::int64_t width_batch = 32;
  std::int64_t rounds = 7;
  double round_seconds = 0.2;
  std::int64_t epoch_rows = 60'000;
  OptimizerArguments optimizer = {};
  bool skip_missing = false;
  std::string csv = {};
};

struct DoctorArguments {
  bool self_test = false;
  std::string strict = {};  // a device that has to be usable
};

struct ExplainArguments {
  std::string code = {};  // empty: all of them
  bool markdown = false;
};

enum class Command { text, train, predict, summary, bench, devices, doctor, explain };

struct Arguments {
  Command command = Command::text;
  std::string text = {};  // of --help and --version
  CommonArguments common = {};
  DataArguments data = {};
  TrainingArguments training = {};
  PredictArguments predict = {};
  BenchArguments bench = {};
  DoctorArguments doctor = {};
  ExplainArguments explain = {};
  std::string model = {};  // of summary
};

/// @throws UsageError, for values that check_arguments() refuses, too.
Arguments parse_arguments(int argc, char** argv);
}  // namespace minnow::command
