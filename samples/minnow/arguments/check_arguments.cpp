#include "arguments/check_arguments.h"

#include <minnow/open.h>

#include <algorithm>

#include "arguments/arguments.h"
#include "bench/plan.h"
#include "data/dataset.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"
#include "train/losses.h"
#include "train/optimizers.h"

namespace minnow::command {
namespace {

void check_data(const Arguments& arguments) {
  const auto& data = arguments.data;
  const bool files = !data.x.empty() || !data.y.empty();
  if (arguments.command == Command::summary && !arguments.model.empty()) {
    const auto& training = arguments.training;
    if (files || !data.dataset.empty() || !training.layers.empty() || training.loss != "auto") {
      usage_error(
          "--model is a complete model: no --dataset, --x, --y, --layers or --loss beside it.");
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
  check_optimizer(training.optimizer);
  check_loss(training.loss);
  if (training.patience && training.validation_split == 0.0) {
    usage_error("--patience watches the validation loss, and there is none.", {},
                "--validation-split=0.1");
  }
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
  if (arguments.command == Command::predict) return;
  if (arguments.command == Command::devices) return;
  if (arguments.command == Command::explain) return check_explain(arguments);
  if (arguments.command == Command::doctor) return check_doctor(arguments.doctor);
  if (arguments.command == Command::bench) {
    check_optimizer(arguments.bench.optimizer);
    make_plan(arguments.bench);
    return;
  }
  check_data(arguments);
  check_training(arguments.training);
}

}  // namespace minnow::command
