#pragma once

/// The model of a run on its way to a file.

#include <minnow/model.h>

#include <optional>

#include "output/output_place.h"
#include "terminal/exit_codes.h"
#include "terminal/terminal.h"
#include "train/run.h"

namespace minnow::command {

/// Before the first step. @throws what saving the model would.
void check_place(const Model& model, const OutputPlace& place, const Run& run);

/// After the last one. run.out is where the model is; when that is not its place, or nowhere, why
/// is printed and returned.
std::optional<Problem> save(const Model& model, OutputPlace& place, Run& run, Terminal& terminal);

}  // namespace minnow::command
