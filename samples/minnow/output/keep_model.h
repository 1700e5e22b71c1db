#pragma once

/// A trained model is kept also where its place cannot be written any more.

#include <minnow/model.h>

#include <map>
#include <optional>
#include <string>

#include "terminal/exit_codes.h"

namespace minnow::command {

struct Kept {
  std::string path = {};                // where the model is; empty: nowhere
  std::optional<Problem> problem = {};  // why it is not where it was to be, and what to do
};

/// Saves at `path`; where that fails, in a new folder: beside it, here, in $TMPDIR, /var/tmp, /tmp
/// or, in memory, /dev/shm, whichever takes it first. Nothing that is there is replaced.
Kept keep_model(const Model& model, const std::string& path,
                const std::map<std::string, std::string>& metadata);

}  // namespace minnow::command
