#pragma once

/// What train does with a data set unless told otherwise. The documents' models keep the documents'
/// values; the others come close to what is published for a network of that size.

#include <cstdint>
#include <optional>
#include <string>

#include "arguments/arguments.h"

namespace minnow::command {

struct Recipe {
  std::string dataset = {};
  std::string layers = {};  // empty: made from the data
  std::int64_t epochs = 10;
  std::optional<double> learning_rate = {};  // Adam's
  std::string reference = {};  // what others' networks of that size reach on test rows
  std::int64_t batch = 32;
};

/// Of a data set by name; the defaults for one without a recipe, and for files.
Recipe recipe_of(const std::string& dataset);

}  // namespace minnow::command
