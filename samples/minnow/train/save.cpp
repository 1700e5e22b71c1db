#include "train/save.h"

#include <minnow/model_file.h>

#include <map>
#include <string>
#include <utility>

#include "output/keep_model.h"
#include "terminal/print_failure.h"

namespace minnow::command {
namespace {

std::map<std::string, std::string> metadata_of(const Run& run) {
  return {{"loss", run.loss},
          {"optimizer", run.optimizer},
          {"data", run.data},
          {"seed", std::to_string(run.seed)},
          {"steps", std::to_string(run.steps)}};
}

}  // namespace

void check_place(const Model& model, const OutputPlace& place, const Run& run) {
  if (!place.path().empty()) check_save(model, place.path(), metadata_of(run));
}

std::optional<Problem> save(const Model& model, OutputPlace& place, Run& run, Terminal& terminal) {
  if (run.steps == 0 || place.path().empty()) return {};
  Kept kept = keep_model(model, place.path(), metadata_of(run));
  run.out = std::move(kept.path);
  if (!run.out.empty()) run.files.push_back(run.out);
  if (kept.problem) {
    run.not_saved = run.out.empty();
    place.keep();
    print_failure(kept.problem->failure, terminal);
  }
  return kept.problem;
}

}  // namespace minnow::command
