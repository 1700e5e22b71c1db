#pragma once

#include "data/dataset.h"

namespace minnow::command {

/// Images (rows, 28, 28) u8 and labels of 10 kinds of clothes. `paths`: images and labels to train
/// with, images and labels to test with. @throws IoError, FormatError.
Dataset read_fashion_mnist(const std::vector<std::string>& paths);

}  // namespace minnow::command
