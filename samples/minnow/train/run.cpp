#include "train/run.h"

#include <cmath>
#include <fstream>

namespace minnow::command {

double accuracy_error(double accuracy, std::int64_t rows) {
  return rows < 1 ? 0.0 : std::sqrt(accuracy * (1.0 - accuracy) / static_cast<double>(rows));
}

RootMeanSquare root_mean_square(const Evaluation& evaluation) {
  const double value = std::sqrt(evaluation.loss);
  return {.value = value, .error = value > 0.0 ? evaluation.loss_error / (2.0 * value) : 0.0};
}

std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    std::int64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace minnow::command
