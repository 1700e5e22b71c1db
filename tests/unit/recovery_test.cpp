// A fit whose device dies, or whose numbers do: it goes on, or it stops with everything kept.

#include "recovery.h"

#include <cmath>

namespace minnow::testing {
namespace {

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
      EXPECT_EQ(notices[0].code, Code("MN-K01"));
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
  EXPECT_EQ(device.health()->code, Code("MN-K01"));
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
  EXPECT_EQ(notices[0].code, Code("MN-K04"));
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

TEST_F(Recovery, AFitThatWasOverStaysOver) {
  const FitOptions options{
      .epochs = 9,
      .early_stopping =
          EarlyStopping{.patience = 0, .min_delta = 1e3, .restore_best_weights = false},
      .snapshot = {.steps = 0, .seconds = 1000}};
  Model model = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults));
  faults.fail("read", 1, Fault::out_of_memory);  // the weights, after the last epoch
  const History history = trainer.fit(x, y, options);
  EXPECT_EQ(trainer.report().retries, 1);
  EXPECT_EQ(history.end, FitEnd::early_stopping);
  EXPECT_EQ(history.epochs.size(), 2U);
}

TEST_F(Recovery, AFitThatDidNothingUsesUpNoShuffle) {
  Model model = small_classifier(), twin = small_classifier();
  Trainer trainer(model, cross_entropy(), adam(), required_device(faults));
  Trainer undisturbed(twin, cross_entropy(), adam(), open("cpu"));
  faults.fail("compile", 1, Fault::refused);
  EXPECT_THROW(trainer.fit(x, y), DeviceError);
  trainer.fit(x, y);
  undisturbed.fit(x, y);
  EXPECT_EQ(all_weights(model), all_weights(twin));
}

TEST_F(Recovery, WhatACallbackThrowsIsNotMended) {
  for (const bool lost : {false, true}) {
    const DeviceError mine({.code = "MN-X01", .what = "mine."}, "call", "status", lost);
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
  EXPECT_EQ(notices[0].code, Code("MN-N05"));
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
