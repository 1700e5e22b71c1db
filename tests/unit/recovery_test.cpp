// A fit whose device runs out of memory, dies, or whose numbers do: it goes on, or it stops with
// everything kept.

#include "faulty_device.h"
#include "message_of.h"
#include "problems.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace minnow::testing {
namespace {

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

TEST_F(Recovery, NothingHappensToADeviceThatWorks) {
  const Outcome plain = undisturbed();
  const Outcome outcome = train(replaceable_device(faults));
  expect_same(outcome, plain);
  EXPECT_TRUE(notices.empty());
  EXPECT_EQ(outcome.report.device_requested, "auto");
  EXPECT_EQ(outcome.report.device_used, "faulty:0");
  EXPECT_FALSE(outcome.report.fallback);
  EXPECT_EQ(outcome.report.retries, 0);
  ASSERT_EQ(outcome.report.steps_per_device.size(), 1U);
  EXPECT_EQ(outcome.report.steps_per_device[0].steps, outcome.history.steps);
  EXPECT_GT(outcome.report.needed.total(), 0);
}

TEST_F(Recovery, MemoryThatIsMissingOnceIsAskedForAgain) {
  const Outcome plain = undisturbed();
  for (const char* call : {"arena", "upload", "compile", "run", "wait"}) {
    for (const int nth : {1, 2, 3, 9}) {
      faults = {};
      faults.fail(call, nth, Fault::out_of_memory);
      const Outcome outcome = train(required_device(faults), {.snapshot = {.steps = 3}});
      expect_same(outcome, plain);
      EXPECT_TRUE(notices.empty()) << call << nth;
      EXPECT_EQ(outcome.report.retries, faults.count(call) >= nth ? 1 : 0) << call << nth;
      EXPECT_EQ(outcome.report.microbatch, 0);
    }
  }
}

TEST_F(Recovery, MemoryThatStaysMissingIsMetBySlicesOfTheSameBatch) {
  const Outcome plain = undisturbed();
  faults.fail("compile", 1, Fault::out_of_memory);
  faults.fail("compile", 2, Fault::out_of_memory);
  const Outcome outcome = train(required_device(faults));
  EXPECT_EQ(outcome.report.microbatch, 16);
  EXPECT_EQ(outcome.report.retries, 1);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, "MN-M02");
  EXPECT_EQ(notices[0].what,
            "out of memory on faulty:0 at step 1; continuing with micro-batches of 16 (batch stays "
            "32).");
  EXPECT_EQ(notices[0].evidence, "compile -> injected");
  EXPECT_EQ(notices[0].effect, "nothing lost");
  EXPECT_EQ(outcome.history.steps, plain.history.steps);
  for (std::size_t i = 0; i < plain.history.epochs.size(); ++i) {
    EXPECT_NEAR(outcome.history.epochs[i].train.loss, plain.history.epochs[i].train.loss, 1e-6);
  }
}

TEST_F(Recovery, SlicesCanBeForbidden) {
  faults.fail("compile", 1, Fault::out_of_memory, true);
  EXPECT_THROW(train(required_device(faults), {.microbatch = kMicrobatchOff}), ResourceExhausted);
  EXPECT_TRUE(notices.empty());
  EXPECT_EQ(faults.count("compile"), 2);  // asked for once more, and then given up
}

TEST_F(Recovery, WithoutSnapshotsStepsThatRunOutOfMemoryEndTheRun) {
  faults.fail("wait", 4, Fault::out_of_memory);  // whether its steps were done is not known
  try {
    train(replaceable_device(faults), {.snapshot = {.steps = 0, .seconds = 0}});
    FAIL() << "nothing was thrown";
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.effect(),
              "no snapshot was wanted: the model keeps the weights that were read from the device "
              "last");
  }
  EXPECT_TRUE(notices.empty());
}

TEST_F(Recovery, ADeviceThatRefusesToBeLeftEndsTheRun) {
  // In the middle of steps, and before those of the first validation.
  for (const auto& [call, nth] : {std::pair("run", 3), std::pair("compile", 2)}) {
    faults = {};
    faults.fail(call, nth, Fault::refused);
    faults.fail("read", 1, Fault::refused, true);
    EXPECT_THROW(train(replaceable_device(faults), {.snapshot = {.steps = 0, .seconds = 0}}),
                 DeviceError)
        << call;
    EXPECT_TRUE(notices.empty()) << call;  // the CPU would go on from weights of long ago
  }
}

TEST_F(Recovery, ADeviceWithoutRoomDoesNotTakeOver) {
  Faults others;
  others.free_bytes = 1000;
  const Device device = required_device(faults).with_request(
      "auto", std::nullopt, [&] { return required_device(others); });
  faults.fail("wait", 4, Fault::lost);
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), device);
  try {
    trainer.fit(x, y, {.snapshot = {.steps = 2}, .on_batch_end = [](auto&) {}});
    FAIL() << "nothing was thrown";
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.code(), "MN-M10");
    EXPECT_EQ(error.cause(),
              "faulty:0 cannot go on, and faulty:0 has too little memory to take over.");
    EXPECT_NE(error.evidence().find("wait -> injected; faulty:0 needs "), std::string::npos);
    EXPECT_NE(error.evidence().find(", free 1000 B (the test says so)"), std::string::npos)
        << error.evidence();
    EXPECT_EQ(error.effect(), "the model keeps the weights after step 2; 2 steps lost");
  }
  EXPECT_FALSE(trainer.report().fallback);
  EXPECT_EQ(others.count("arena"), 0);
}

TEST_F(Recovery, WithoutMemoryForASingleRowTheCpuTakesOver) {
  const Outcome plain = undisturbed();
  faults.fail("compile", 1, Fault::out_of_memory, true);
  const Outcome outcome = train(replaceable_device(faults));
  expect_same(outcome, plain);
  ASSERT_EQ(notices.size(), 6U);  // slices of 16, 8, 4, 2, 1 rows, then the CPU
  EXPECT_EQ(notices[5].what, "out of memory on faulty:0 at step 1; continuing on the CPU.");
  EXPECT_EQ(outcome.report.device_used, "cpu");
  ASSERT_TRUE(outcome.report.fallback);
  EXPECT_EQ(outcome.report.fallback->failure.code, "MN-M02");
  EXPECT_EQ(outcome.report.microbatch, 0);
}

TEST_F(Recovery, ADeviceThatDiesIsReplacedFromTheLastSnapshot) {
  const Outcome plain = undisturbed();
  for (const char* call : {"arena", "upload", "compile", "run", "wait", "read"}) {
    for (const int nth : {1, 2, 3, 9, 17}) {
      faults = {};
      notices.clear();
      faults.fail(call, nth, Fault::lost);
      const Outcome outcome = train(replaceable_device(faults), {.snapshot = {.steps = 4}});
      expect_same(outcome, plain);
      if (faults.count(call) < nth) continue;
      ASSERT_EQ(notices.size(), 1U) << call << nth;
      EXPECT_EQ(notices[0].code, "MN-K01");
      EXPECT_EQ(outcome.report.device_used, "cpu") << call << nth;
      EXPECT_LE(outcome.report.repeated_steps, 4) << call << nth;
      std::int64_t steps = 0;
      for (const auto& on : outcome.report.steps_per_device) steps += on.steps;
      EXPECT_GE(steps, plain.history.steps);
      EXPECT_LE(steps, plain.history.steps + 4);
    }
  }
}

TEST_F(Recovery, TheMessageSaysWhatIsRecomputed) {
  faults.fail("wait", 9, Fault::lost);  // five batches an epoch: steps 1 to 5, a validation, 6 to 8
  train(replaceable_device(faults), {.snapshot = {.steps = 3}});
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].what,
            "the GPU stopped working for this process at step 9; continuing on the CPU from step "
            "6.");
  EXPECT_EQ(notices[0].evidence, "wait -> injected");
  EXPECT_EQ(notices[0].effect, "2 steps recomputed; nothing else lost");
}

TEST_F(Recovery, ARequiredDeviceThatDiesStopsTheRunWithTheLastSnapshotKept) {
  std::vector<std::vector<float>> after;  // by step
  Model twin = small_classifier();
  Trainer undisturbed(twin, cross_entropy(), adam(), open("cpu"));
  after.push_back(all_weights(twin));
  undisturbed.fit(x, y, {.on_batch_end = [&](auto&) { after.push_back(all_weights(twin)); }});

  Model model = small_classifier();
  const Device device = required_device(faults);
  Trainer trainer(model, cross_entropy(), adam(), device);
  faults.fail("wait", 6, Fault::lost);
  EXPECT_FALSE(device.health());
  try {
    trainer.fit(x, y, {.snapshot = {.steps = 4}, .on_batch_end = [](auto&) {}});
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_TRUE(error.lost());
    EXPECT_EQ(error.effect(), "the model keeps the weights after step 4; 2 steps lost");
  }
  EXPECT_EQ(all_weights(model), after[4]);
  EXPECT_FALSE(trainer.report().fallback);
  ASSERT_TRUE(device.health());
  EXPECT_EQ(device.health()->code, "MN-K01");
  EXPECT_THROW(trainer.predict(x), DeviceError);
  // What is left goes on elsewhere.
  Trainer other(model, cross_entropy(), adam(), open("cpu"));
  EXPECT_NO_THROW(other.fit(x, y));
}

TEST_F(Recovery, WithoutSnapshotsALostDeviceEndsTheRun) {
  faults.fail("wait", 4, Fault::lost);
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), replaceable_device(faults));
  const auto first = all_weights(model);
  try {
    trainer.fit(x, y, {.snapshot = {.steps = 0, .seconds = 0}, .on_batch_end = [](auto&) {}});
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.effect(),
              "no snapshot was wanted: the model keeps the weights that were read from the device "
              "last");
  }
  EXPECT_EQ(trainer.report().snapshots, 0);
  EXPECT_EQ(all_weights(model), first);
}

TEST_F(Recovery, ARefusedCallMovesTheRunToTheCpu) {
  const Outcome plain = undisturbed();
  faults.fail("wait", 4, Fault::refused);
  const Outcome outcome = train(replaceable_device(faults), {.snapshot = {.steps = 2}});
  expect_same(outcome, plain);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, "MN-K04");
  EXPECT_EQ(notices[0].what,
            "the GPU refused a call at step 5; continuing on the CPU from step 2.");
}

TEST_F(Recovery, ARefusedCallOfARequiredDeviceGoesBackToTheSnapshot) {
  Model model = small_classifier(), twin = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults));
  Trainer undisturbed(twin, cross_entropy(), adam(), open("cpu"));
  faults.fail("wait", 4, Fault::refused);
  EXPECT_THROW(
      trainer.fit(x, y, {.shuffle = false, .snapshot = {.steps = 2}, .on_batch_end = [](auto&) {}}),
      DeviceError);
  EXPECT_EQ(trainer.steps(), 2);
  for (const int first : {0, 32}) {
    undisturbed.step(x.rows(first, first + 32), y.rows(first, first + 32));
  }
  EXPECT_EQ(all_weights(model), all_weights(twin));
  // Its optimizer went back as well: both go on alike.
  trainer.step(x, y);
  undisturbed.step(x, y);
  EXPECT_EQ(all_weights(model), all_weights(twin));
}

TEST_F(Recovery, ABatchThatDoesNotFitIsRefusedBeforeTheFirstStep) {
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults));
  faults.free_bytes = 130 << 10;
  const Tensor many = random_tensor({400, 10}, 1);
  try {
    trainer.fit(many, labels_of(many, 3), {.batch_size = 400});
    FAIL() << "nothing was thrown";
  } catch (const ResourceExhausted& error) {
    EXPECT_EQ(error.code(), "MN-M01");
    EXPECT_EQ(error.cause(), "this model does not fit on faulty:0 with batch 400.");
    EXPECT_EQ(error.evidence().find("needs "), 0U) << error.what();
    for (const char* part : {" = parameters ", " + gradients ", " + optimizer ", " + activations ",
                             " + data ", " + workspace ", "; free 130.0 KiB of 130.0 KiB"}) {
      EXPECT_NE(error.evidence().find(part), std::string::npos) << part << error.what();
    }
    EXPECT_EQ(error.needed_bytes(), error.fit().needed.total());
    EXPECT_GT(error.needed_bytes(), error.free_bytes());
    const std::int64_t batch = error.fit().largest_batch;
    ASSERT_GT(batch, 0);
    ASSERT_GT(error.fit().microbatch, 0);
    EXPECT_EQ(error.remedy(),
              "slices of " + std::to_string(error.fit().microbatch) +
                  " rows keep batch 400 and need " +
                  error.remedy().substr(
                      error.remedy().find("need ") + 5,
                      error.remedy().find(" (micro") - error.remedy().find("need ") - 5) +
                  " (microbatch), or batch " + std::to_string(batch) + ", the largest that fits");
    // It says the truth: this batch fits, and one more row does not.
    EXPECT_NO_THROW(trainer.fit(many, labels_of(many, 3), {.batch_size = batch}));
    EXPECT_THROW(trainer.fit(many, labels_of(many, 3), {.batch_size = batch + 1}),
                 ResourceExhausted);
  }
  EXPECT_GT(faults.count("arena"), 0);
}

TEST_F(Recovery, ABatchThatDoesNotFitGoesThroughInSlicesWhenAsked) {
  Model model = small_classifier(), twin = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults));
  Trainer whole(twin, cross_entropy(), adam(), open("cpu"));
  faults.free_bytes = 130 << 10;
  const Tensor many = random_tensor({400, 10}, 1);
  const auto labels = labels_of(many, 3);
  std::vector<Failure> told;
  const History sliced = trainer.fit(
      many, labels, {.batch_size = 400, .microbatch = kMicrobatchAuto, .on_notice = [&](auto& n) {
                       told.push_back(n);
                     }});
  const History plain = whole.fit(many, labels, {.batch_size = 400});
  EXPECT_NEAR(sliced.epochs[0].train.loss, plain.epochs[0].train.loss, 1e-6);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code, "MN-M01");
  EXPECT_EQ(told[0].effect, "it goes through in slices of " +
                                std::to_string(trainer.report().microbatch) +
                                " rows; batch stays 400");
  // What the report says is what is held, not what did not fit.
  EXPECT_LE(trainer.report().needed.total(), faults.free_bytes);
}

TEST_F(Recovery, ABatchThatDoesNotFitTrainsOnTheCpuUnderAuto) {
  faults.free_bytes = 1000;
  const Outcome plain = undisturbed();
  const Outcome outcome = train(replaceable_device(faults));
  expect_same(outcome, plain);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].code, "MN-M01");
  EXPECT_EQ(notices[0].effect, "training on the CPU");
  ASSERT_TRUE(outcome.report.fallback);
  EXPECT_EQ(outcome.report.fallback->step, 0);
  EXPECT_EQ(outcome.report.needed.total(), plain.report.needed.total());
  EXPECT_EQ(faults.count("arena") + faults.count("upload") + faults.count("compile"), 0);
}

TEST_F(Recovery, AnOperationThatTheDeviceLacksIsNamed) {
  faults.unsupported = "the test took it away";
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults), {.fuse = false});
  EXPECT_EQ(message_of<InvalidArgument>([&] { trainer.step(x, y); }),
            "faulty:0 cannot run relu of relu_1. [MN-U03]\n"
            "  evidence: the test took it away\n"
            "  effect:   nothing was run");
  EXPECT_EQ(faults.count("compile"), 0);
}

TEST_F(Recovery, WhatACallbackThrowsIsNotMended) {
  for (const bool lost : {false, true}) {
    const DeviceError mine(
        {.code = "MN-X01", .what = "mine.", .evidence = {}, .remedy = {}, .effect = {}}, "call",
        "status", lost);
    EXPECT_THROW(train(replaceable_device(faults), {.on_batch_end = [&](auto&) { throw mine; }}),
                 DeviceError);
    EXPECT_TRUE(notices.empty());
  }
  EXPECT_THROW(train(open("cpu"), {.on_batch_end = [](auto&) { throw 7; }}), int);
}

TEST_F(Recovery, NumbersThatExplodeAreRolledBackWithHalfTheRate) {
  const Tensor target = random_tensor({200, 1}, 2);
  Model model(10, {dense(16), relu(), dense(1)}, {.seed = 1});
  Trainer trainer(model, mse(), sgd({.learning_rate = 4.0F}), open("cpu"));
  const History history = trainer.fit(
      x, target,
      {.epochs = 30, .on_not_finite = OnNotFinite::rollback, .on_notice = [&](auto& notice) {
         notices.push_back(notice);
       }});
  EXPECT_EQ(history.epochs.size(), 30U);
  ASSERT_GE(notices.size(), 1U);
  EXPECT_LE(notices.size(), 3U);
  EXPECT_EQ(notices[0].code, "MN-N05");
  EXPECT_NE(notices[0].evidence.find(", gradient norm "), std::string::npos) << notices[0].evidence;
  for (const char* part : {"rolled back to the ", "; learning rate now 2; epoch ",
                           " starts again (rollback 1 of 3)"}) {
    EXPECT_NE(notices[0].effect.find(part), std::string::npos) << notices[0].effect;
  }
  EXPECT_EQ(trainer.report().rollbacks, static_cast<std::int64_t>(notices.size()));
  EXPECT_EQ(trainer.learning_rate(), 4.0F / static_cast<float>(1 << notices.size()));
  EXPECT_TRUE(std::isfinite(history.epochs.back().train.loss));
}

TEST_F(Recovery, ThreeRollbacksAreTheMost) {
  const Tensor target = random_tensor({200, 1}, 2);
  Model model(10, {dense(16), relu(), dense(1)}, {.seed = 1});
  Trainer trainer(model, mse(), sgd({.learning_rate = 1e9F}), open("cpu"));
  EXPECT_THROW(trainer.fit(x, target, {.epochs = 30, .on_not_finite = OnNotFinite::rollback}),
               NumericError);
  EXPECT_EQ(trainer.report().rollbacks, 3);
  for (const float weight : all_weights(model)) EXPECT_TRUE(std::isfinite(weight));
}

TEST_F(Recovery, SnapshotsAreTakenAsOftenAsAsked) {
  const Outcome outcome = train(required_device(faults), {.snapshot = {.steps = 3, .seconds = 0}});
  EXPECT_EQ(outcome.history.steps, 20);
  EXPECT_EQ(outcome.report.snapshots, 1 + 20 / 3);
  EXPECT_EQ(train(open("cpu"), {.snapshot = {.steps = 3}}).report.snapshots, 0);
}

}  // namespace
}  // namespace minnow::testing
