#pragma once

#include "arguments/arguments.h"

namespace minnow::command {

/// Values out of range, and options that do not go together. @throws UsageError.
void check_arguments(const Arguments& arguments);

}  // namespace minnow::command
