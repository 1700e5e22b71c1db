#include "arguments/check_arguments.h"

#include <minnow/open.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "arguments/arguments.h"
#include "bench/plan.h"
#include "data/dataset.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr int kMostThreads = 1024;
constexpr std::int64_t kMostRounds = 1000;
constexpr double kLongestRound = 60.0;

std::string number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

void require_positive(const char* option, std::optional<std::int64_t> value) {
  if (!value || *value >= 1) return;
  usage_error(std::string(option) + "=" + std::to_string(*value) + " is below 1.");
}

void check_data(const Arguments& arguments) {
  const auto& data = arguments.data;
  const bool files = !data.x.empty() || !data.y.empty();
  if (arguments.command == Command::summary && !arguments.model.empty()) {
    if (files || !data.dataset.empty() || !arguments.training.layers.empty()) {
      usage_error("--model is a complete model: no --dataset, --x, --y or --layers beside it.");
    }
    return;
  }
  if (files == !data.dataset.empty()) {
    usage_error(files ? "--dataset and --x, --y exclude each other."
                      : "no data: neither --dataset nor --x and --y.",
                {}, "--dataset=NAME (" + dataset_names() + "), or --x=FILE --y=FILE");
  }
  if (files && (data.x.empty() || data.y.empty())) usage_error("--x and --y go together.");
  if (data.test_x.empty() != data.test_y.empty()) usage_error("--test-x and --test-y go together.");
  if (!files && !data.test_x.empty()) usage_error("--test-x and --test-y need --x and --y.");
  if (!files && data.standardize) {
    usage_error("--standardize is for --x; a data set of a name brings its own scaling.");
  }
}

void check_training(const TrainingArguments& training) {
  require_positive("--epochs", training.epochs);
  require_positive("--batch", training.batch);
  const double rate = training.learning_rate.value_or(1.0);
  if (!(static_cast<float>(rate) > 0.0F) || !std::isfinite(static_cast<float>(rate))) {
    usage_error("--lr=" + number(rate) + " is not a number above 0.");
  }
  if (training.optimizer != "adam" && training.optimizer != "adam-torch" &&
      training.optimizer != "sgd") {
    usage_error("--optimizer=" + training.optimizer + " is unknown.", {}, "adam, adam-torch, sgd");
  }
  if (training.momentum && training.optimizer != "sgd") {
    usage_error("--momentum is for --optimizer=sgd; adam has its own.");
  }
  if (training.momentum && !(*training.momentum >= 0.0 && *training.momentum < 1.0)) {
    usage_error("--momentum=" + number(*training.momentum) + " is outside 0 <= momentum < 1.");
  }
  const double split = training.validation_split;
  if (!(split >= 0.0 && split < 1.0)) {
    usage_error("--validation-split=" + number(split) + " is outside 0 <= split < 1.");
  }
  if (training.patience && *training.patience < 0) {
    usage_error("--patience=" + std::to_string(*training.patience) + " is below 0.");
  }
  if (training.patience && split == 0.0) {
    usage_error("--patience watches the validation loss, and there is none.", {},
                "--validation-split=0.1");
  }
}

void check_bench(const BenchArguments& bench) {
  require_positive("--width-batch", bench.width_batch);
  require_positive("--epoch-rows", bench.epoch_rows);
  if (bench.rounds < 1 || bench.rounds > kMostRounds) {
    usage_error(cat("--rounds=", bench.rounds, " is outside 1..", kMostRounds, "."));
  }
  if (!(bench.round_seconds > 0.0 && bench.round_seconds <= kLongestRound)) {
    usage_error("--round-seconds=" + number(bench.round_seconds) +
                " is outside 0 < seconds <= " + number(kLongestRound) + ".");
  }
  make_plan(bench);
}

// "cuda:1" names a device of the table as "cuda" does; whether it is there is doctor's to say.
void check_doctor(const DoctorArguments& doctor) {
  if (doctor.strict.empty()) return;
  const auto known = device_names();
  const auto base = doctor.strict.substr(0, doctor.strict.find(':'));
  const bool found = std::find(known.begin(), known.end(), base) != known.end();
  if (found && base != "auto") return;
  usage_error(cat("--strict=", doctor.strict, ": \"", doctor.strict, "\" is no device."),
              "auto takes any device that works", "--strict=cuda, or cuda:1, the second GPU");
}

void check_explain(const Arguments& arguments) {
  if (!arguments.explain.markdown) return;
  if (arguments.common.json) usage_error("--markdown and --json exclude each other.");
  if (!arguments.explain.code.empty()) usage_error("--markdown is the table of all codes.");
}

}  // namespace

void check_arguments(const Arguments& arguments) {
  const int threads = arguments.common.threads;
  if (threads < 0 || threads > kMostThreads) {
    usage_error(cat("--threads=", threads, " is outside 0..", kMostThreads, "."), {},
                "0 or nothing: as many as the process may use");
  }
  if (arguments.command == Command::predict) {
    const auto row = arguments.predict.row.value_or(0);
    if (row < 0) usage_error("--row=" + std::to_string(row) + " is below 0.");
    return;
  }
  if (arguments.command == Command::bench) return check_bench(arguments.bench);
  if (arguments.command == Command::devices) return;
  if (arguments.command == Command::explain) return check_explain(arguments);
  if (arguments.command == Command::doctor) return check_doctor(arguments.doctor);
  check_data(arguments);
  check_training(arguments.training);
}

}  // namespace minnow::command
