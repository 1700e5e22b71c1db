#pragma once

// Fits on a device that fails, beside the same fit undisturbed.

#include <gtest/gtest.h>

#include <vector>

#include "faulty_device.h"
#include "problems.h"

namespace minnow::testing {

class Recovery : public ::testing::Test {
 protected:
  struct Outcome {
    History history;
    RunReport report;
    std::vector<float> weights;
  };

  Outcome train(const Device& device, FitOptions options = {}) {
    Model model = small_classifier();
    Trainer trainer(model, cross_entropy(), adam(), device);
    options.on_notice = [this](const Failure& notice) { notices.push_back(notice); };
    options.epochs = 4;
    options.validation_split = 0.2;
    // So that runs are cut where the test expects it, and not by the clock.
    if (!options.on_batch_end) options.on_batch_end = [](const BatchResult&) {};
    Outcome outcome{trainer.fit(x, y, options), trainer.report(), all_weights(model)};
    return outcome;
  }

  Outcome undisturbed() {
    const Outcome outcome = train(open("cpu"));
    EXPECT_TRUE(notices.empty());
    return outcome;
  }

  // The faulty device computes on the CPU: what was disturbed is the same to the bit.
  static void expect_same(const Outcome& a, const Outcome& b) {
    EXPECT_EQ(a.weights, b.weights);
    EXPECT_EQ(a.history.steps, b.history.steps);
    ASSERT_EQ(a.history.epochs.size(), b.history.epochs.size());
    for (std::size_t i = 0; i < a.history.epochs.size(); ++i) {
      EXPECT_EQ(a.history.epochs[i].epoch, b.history.epochs[i].epoch);
      EXPECT_EQ(a.history.epochs[i].train.loss, b.history.epochs[i].train.loss) << i;
      EXPECT_EQ(a.history.epochs[i].validation->loss, b.history.epochs[i].validation->loss) << i;
    }
  }

  Faults faults;
  std::vector<Failure> notices;
  const Tensor x = random_tensor({200, 10}, 1);
  const Tensor y = labels_of(x, 3);
};

}  // namespace minnow::testing
