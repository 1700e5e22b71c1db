#include "arguments/arguments.h"

#include <minnow/minnow.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "arguments/check_arguments.h"
#include "arguments/number_options.h"
#include "arguments/recovery_options.h"
#include "bench/plan.h"
#include "data/dataset.h"
#include "explain/environment.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"
#include "train/architecture.h"
#include "train/losses.h"
#include "train/optimizers.h"

namespace minnow::command {
namespace {

constexpr std::int64_t kMost = 1'000'000'000;  // products of two still fit into 63 bits
constexpr Range<std::int64_t> kPositive{1, kMost};

constexpr const char* kFooter =
    "Results go to standard output, everything else to standard error.\n"
    "minnow explain CODE says more about the code at the end of a message,\n"
    "minnow help environment what environment variables do.\n"
    "Exit status: 0 ok, 64 usage, 65 bad data, 69 device unavailable, 70 internal error,\n"
    "73 output cannot be created, 74 a file cannot be opened, read or written,\n"
    "75 not enough memory, 130 interrupted (train saves the model).";

std::string version_text() {
  return std::string("minnow ") + MINNOW_VERSION + "\ncompiler " + MINNOW_COMPILER + "\ndevices  " +
         joined(device_names()) + "\n";
}

void add_device(CLI::App& app, CommonArguments& common) {
  app.add_option("--device", common.device, "Where to run: " + joined(device_names()) + " [auto]");
}

void add_color(CLI::App& app, CommonArguments& common) {
  static const std::map<std::string, ColorChoice> kChoices = {{"auto", ColorChoice::automatic},
                                                              {"always", ColorChoice::always},
                                                              {"never", ColorChoice::never}};
  app.add_option("--color", common.color, "auto, always or never [auto]")
      ->transform(CLI::Transformer(kChoices).description(""));
}

void add_common(CLI::App& app, CommonArguments& common) {
  add_whole(app, "--threads", common.threads, Range<int>{0, 1024},
            "CPU threads [as many as the process may use]");
  static const std::map<std::string, Precision> kPrecisions = {
      {"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}};
  app.add_option_function<std::string>(
         "--precision",
         [&common](const std::string& name) {
           const auto found = kPrecisions.find(name);
           if (found == kPrecisions.end()) {
             throw CLI::ValidationError("--precision", name + " is none of fp32, tf32, bf16");
           }
           common.precision = found->second;
         },
         "What products compute in: fp32, tf32 on a GPU, or bf16 there and on a CPU with AMX "
         "[fp32]")
      ->type_name("TEXT");
  app.add_flag("--tune", common.tune, "On a GPU: time the ways to compute each product first");
  add_memory_limit(app, common);
  auto* quiet = app.add_flag("-q,--quiet", common.quiet, "No banner, no header, no progress");
  app.add_flag("-v,--verbose", common.verbose, "Also what each operation of a step became")
      ->excludes(quiet);
  add_color(app, common);
}

void add_seed(CLI::App& app, DataArguments& data, const std::string& help) {
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  add_whole(app, "--seed", data.seed, Range<std::uint64_t>{0, kLargest}, help);
}

void add_data(CLI::App& app, DataArguments& data) {
  app.add_option("--dataset", data.dataset, dataset_names());
  app.add_option("--x", data.x, "Features: .npy, .csv, .csv.gz or IDX (...-ubyte, ...-ubyte.gz)");
  app.add_option("--y", data.y, "Labels (whole numbers) or values, one row for each row of --x");
  app.add_option("--test-x", data.test_x, "Features of a test set");
  app.add_option("--test-y", data.test_y, "Its labels or values");
  app.add_flag("--standardize", data.standardize,
               "Mean 0, deviation 1 for each feature of --x; the model keeps the numbers");
  add_seed(app, data, "Of made data, weights and shuffle [1]");
}

constexpr const char* kBelowOne = "from 0 to below 1";
bool below_one(double value) { return value >= 0.0 && value < 1.0; }

void add_optimizer(CLI::App& app, OptimizerArguments& optimizer, const std::string& rate) {
  const auto of = [](const char* option) { return "Of " + optimizer_names(option); };
  app.add_option("--optimizer", optimizer.name, optimizer_names() + " [adam]");
  const auto is_rate = [](double value) {
    return static_cast<float>(value) > 0.0F && std::isfinite(static_cast<float>(value));
  };
  add_number(app, "--lr", optimizer.learning_rate, "above 0", is_rate,
             "Learning rate [" + rate + default_rates() + "]");
  add_number(app, "--momentum", optimizer.momentum, kBelowOne, below_one,
             of("--momentum") + " [0]");
  app.add_flag("--nesterov", optimizer.nesterov, of("--nesterov") + ": momentum that looks ahead");
  const auto is_decay = [](double value) {
    return value >= 0.0 && std::isfinite(static_cast<float>(value));
  };
  add_number(app, "--weight-decay", optimizer.weight_decay, "from 0", is_decay,
             of("--weight-decay") + " [" + default_decays() + "]");
  app.add_flag("--decay-biases", optimizer.decay_biases,
               of("--decay-biases") + ": biases lose by the weight decay, too");
}

void add_model(CLI::App& app, TrainingArguments& training) {
  app.add_option("--layers", training.layers,
                 "Such as 128,relu,10,softmax: a number is a dense layer, between them " +
                     layer_names() + " [the data set's]");
  app.add_option("--loss", training.loss,
                 loss_names() +
                     " [auto: by the last layer, categorical for softmax, binary for "
                     "sigmoid, else mse]");
  add_whole(app, "--batch", training.batch, kPositive, "Rows in a step [the data set's, or 32]");
  add_optimizer(app, training.optimizer, "the data set's for Adam, or ");
}

void add_train(CLI::App& app, Arguments& arguments) {
  auto& training = arguments.training;
  add_data(app, arguments.data);
  add_model(app, training);
  add_whole(app, "--epochs", training.epochs, kPositive,
            "Passes over the data [the data set's, or 10]");
  add_number(app, "--validation-split", training.validation_split, kBelowOne, below_one,
             "Part of the rows, the last ones, to validate with [0]");
  add_whole(app, "--patience", training.patience, Range<std::int64_t>{0, kMost},
            "Stop when so many epochs brought no better validation loss; keep the best");
  app.add_flag("--shuffle,!--no-shuffle", training.shuffle, "New order in each epoch [on]");
  app.add_option("--out", training.out,
                 "Model file, or none [runs/<data set>-NNNN/model.safetensors]");
  add_recovery(app, training);
  app.add_flag("--json", arguments.common.json, "JSON Lines on standard output");
  add_device(app, arguments.common);
  add_common(app, arguments.common);
}

void add_predict(CLI::App& app, Arguments& arguments) {
  auto& predict = arguments.predict;
  app.add_option("--model", predict.model, "A model that train saved")->required();
  app.add_option("--x", predict.x, "Features: .npy, .csv, .csv.gz or IDX")->required();
  app.add_option("--out", predict.out, "FILE.npy or FILE.csv [CSV on standard output]");
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  add_whole(app, "--row", predict.row, Range<std::int64_t>{0, kLast},
            "Only this row, counted from 0");
  app.add_flag("--argmax", predict.argmax,
               "The number of the likeliest class only; after one sigmoid 1 above 1/2, else 0");
  add_device(app, arguments.common);
  add_common(app, arguments.common);
}

void add_summary(CLI::App& app, Arguments& arguments) {
  app.add_option("--model", arguments.model,
                 "A model that train saved, instead of data and layers");
  add_data(app, arguments.data);
  add_model(app, arguments.training);
  app.add_flag("--json", arguments.common.json, "One JSON object on standard output");
  add_device(app, arguments.common);
  add_common(app, arguments.common);
}

void add_bench(CLI::App& app, Arguments& arguments) {
  auto& bench = arguments.bench;
  app.add_option("--compare", bench.compare,
                 "1 to 4 devices (" + joined(device_names()) +
                     "); the first is what the others are compared with [cpu,cuda]");
  app.add_option("--net", bench.net, "Inputs, hidden widths and outputs [784-128-10]");
  app.add_option("--batches", bench.batches, "Batch sizes, at the net's own width [1,32,128,1024]");
  app.add_option("--widths", bench.widths, "Of all hidden layers, or none [32,128,512,2048]");
  add_whole(app, "--width-batch", bench.width_batch, Range<std::int64_t>{1, kLargestSize},
            "Batch of the widths, of the first use and of the epoch end to end [32]");
  add_whole(app, "--epoch-rows", bench.epoch_rows, kPositive,
            "Rows of the epoch end to end [60000]");
  add_optimizer(app, bench.optimizer, "");
  add_whole(app, "--rounds", bench.rounds, Range<std::int64_t>{1, 1000},
            "Rounds of each column, in turn [7]");
  const auto is_length = [](double seconds) { return seconds > 0.0 && seconds <= 60.0; };
  add_number(app, "--round-seconds", bench.round_seconds, "above 0 up to 60", is_length,
             "Length of a round, at least [0.2]");
  add_seed(app, arguments.data, "Of weights and data [1]");
  app.add_flag("--skip-missing", bench.skip_missing,
               "A device that cannot be opened is no failure");
  app.add_option("--csv", bench.csv, "The table as a file");
  app.add_flag("--json", arguments.common.json, "JSON Lines on standard output");
  add_common(app, arguments.common);
}

void add_devices(CLI::App& app, Arguments& arguments) {
  app.add_flag("--json", arguments.common.json, "One JSON object on standard output");
  add_color(app, arguments.common);
}

void add_doctor(CLI::App& app, Arguments& arguments) {
  auto& doctor = arguments.doctor;
  app.add_flag("--self-test", doctor.self_test,
               "Also train 784-128-10 on every device and compare the weights");
  app.add_option("--strict", doctor.strict,
                 "A device that has to be usable (cuda, cuda:1): 69 when it is not");
  app.add_flag("--json", arguments.common.json, "One JSON object on standard output");
  add_color(app, arguments.common);
}

void add_explain(CLI::App& app, Arguments& arguments) {
  auto& explain = arguments.explain;
  app.add_option("code", explain.code, "Such as MN-D02 or d02 [all codes]");
  app.add_flag("--json", arguments.common.json, "A JSON object for each code");
  app.add_flag("--markdown", explain.markdown, "All codes as the table of docs/errors.md");
}

constexpr const char* kDoctorFooter =
    "Exit status of doctor: 0 without a problem, 1 with one. It trains nothing without "
    "--self-test.\n\n";

constexpr const char* kBenchFooter =
    "A time is the median of the rounds, and +- is 1.4826 times their median absolute deviation.\n"
    "The interval of a speed-up is the bootstrap's over the rounds. --precision is for the "
    "devices\n"
    "after the first when the first is a CPU.\n\n";

std::string help_text(const CLI::App& app, const std::string& topic, bool markdown) {
  if (topic == "environment") return markdown ? environment_markdown() : environment_text();
  if (markdown) usage_error("--markdown is for help environment.");
  if (topic.empty()) {  // app.help() would be that of the command called help
    return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
  }
  const auto about = [&](const CLI::App* command) { return command->get_name() == topic; };
  for (const auto* command : app.get_subcommands(about)) return command->help(app.get_name());
  usage_error("no command is called " + topic + ".", {}, "minnow help");
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("minnow trains small networks of dense layers, and runs them.", "minnow");
  app.footer(kFooter);
  app.set_version_flag("--version", version_text());
  app.require_subcommand(0, 1);
  auto* train = app.add_subcommand("train", "Train a model and save it");
  auto* predict = app.add_subcommand("predict", "Run a saved model on rows of features");
  auto* summary = app.add_subcommand("summary", "Layers, parameters and the memory of a step");
  auto* help = app.add_subcommand(
      "help", "This text; help COMMAND: its options; help environment: variables");
  auto* bench = app.add_subcommand("bench", "Time a training step on devices and compare them");
  auto* devices = app.add_subcommand("devices", "What there is to train on");
  auto* doctor = app.add_subcommand("doctor", "Can it train, on what, and if not, why");
  auto* explain = app.add_subcommand("explain", "What a code such as MN-D02 means and what helps");
  for (auto* command : {train, predict, summary, help, devices, explain}) command->footer(kFooter);
  doctor->footer(std::string(kDoctorFooter) + kFooter);
  bench->footer(std::string(kBenchFooter) + kFooter);
  add_train(*train, arguments);
  add_predict(*predict, arguments);
  add_summary(*summary, arguments);
  add_bench(*bench, arguments);
  add_devices(*devices, arguments);
  add_doctor(*doctor, arguments);
  add_explain(*explain, arguments);
  std::string topic;
  bool markdown = false;
  help->add_option("topic", topic, "A command, or environment [this text]");
  help->add_flag("--markdown", markdown, "Of environment: the text of docs/environment.md");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    arguments.text = app.help();  // of the subcommand, if one was given
    return arguments;
  } catch (const CLI::CallForVersion&) {
    arguments.text = version_text();
    return arguments;
  } catch (const CLI::ParseError& error) {
    const auto* used = app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
    const std::string name = used == nullptr ? "" : " " + used->get_name();
    std::string what = error.what();
    if (!what.ends_with('.')) what += '.';
    usage_error(what, {}, "minnow" + name + " --help lists the options");
  }

  if (train->parsed()) arguments.command = Command::train;
  if (predict->parsed()) arguments.command = Command::predict;
  if (summary->parsed()) arguments.command = Command::summary;
  if (bench->parsed()) arguments.command = Command::bench;
  if (devices->parsed()) arguments.command = Command::devices;
  if (doctor->parsed()) arguments.command = Command::doctor;
  if (explain->parsed()) arguments.command = Command::explain;
  if (arguments.command != Command::text) {
    check_arguments(arguments);
  } else if (!help->parsed()) {
    usage_error("no command.", {}, "minnow train --dataset=toy, or minnow help");
  } else {
    arguments.text = help_text(app, topic, markdown);
  }
  return arguments;
}

}  // namespace minnow::command
