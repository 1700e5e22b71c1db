// A fit whose device runs out of memory, before the first step or in the middle.

#include "recovery.h"

#include <string>

namespace minnow::testing {
namespace {

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
  EXPECT_EQ(notices[0].code, Code("MN-M02"));
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
    EXPECT_EQ(error.code(), Code("MN-M10"));
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
  EXPECT_EQ(outcome.report.fallback->failure.code, Code("MN-M02"));
  EXPECT_EQ(outcome.report.microbatch, 0);
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
    EXPECT_EQ(error.code(), Code("MN-M01"));
    EXPECT_EQ(error.cause(), "this model does not fit on faulty:0 with batch 400.");
    EXPECT_EQ(error.evidence().find("needs "), 0U) << error.what();
    for (const char* part : {" = parameters ", " + gradients ", " + optimizer ", " + activations ",
                             " + data ", " + workspace ", "; free 130.0 KiB of 130.0 KiB"}) {
      EXPECT_NE(error.evidence().find(part), std::string::npos) << part << error.what();
    }
    EXPECT_EQ(error.needed_bytes(), error.alternatives().needed.total());
    EXPECT_GT(error.needed_bytes(), error.free_bytes());
    const std::int64_t batch = error.alternatives().largest_batch;
    ASSERT_GT(batch, 0);
    ASSERT_GT(error.alternatives().microbatch, 0);
    EXPECT_EQ(error.remedy(),
              "slices of " + std::to_string(error.alternatives().microbatch) +
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
  EXPECT_EQ(told[0].code, Code("MN-M01"));
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
  EXPECT_EQ(notices[0].code, Code("MN-M01"));
  EXPECT_EQ(notices[0].effect, "training on the CPU");
  ASSERT_TRUE(outcome.report.fallback);
  EXPECT_EQ(outcome.report.fallback->step, 0);
  EXPECT_EQ(outcome.report.needed.total(), plain.report.needed.total());
  EXPECT_EQ(faults.count("arena") + faults.count("upload") + faults.count("compile"), 0);
}

}  // namespace
}  // namespace minnow::testing
