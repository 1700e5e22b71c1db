// --optimizer and its options: what they make, what is said of them, and what is refused.

#include <minnow/minnow.h>

#include "data/dataset.h"
#include "expect.h"

namespace minnow::test {
namespace {

struct Case {
  std::vector<std::string> options;
  OptimizerPtr optimizer;
};

std::vector<Case> cases() {
  return {
      {{}, adam()},
      {{"--optimizer=adam", "--lr=0.01"}, adam({.learning_rate = 0.01F})},
      {{"--optimizer=adam-torch"}, adam({.preset = AdamPreset::torch})},
      {{"--optimizer=adamw"}, adamw()},
      {{"--optimizer=adamw", "--weight-decay=0.1", "--decay-biases"},
       adamw({.weight_decay = 0.1F, .decay_biases = true})},
      {{"--optimizer=adamw", "--weight-decay=0"}, adam()},
      {{"--optimizer=adamw-torch"}, adamw({.preset = AdamPreset::torch})},
      {{"--optimizer=sgd"}, sgd()},
      {{"--optimizer=sgd", "--momentum=0.9", "--nesterov", "--weight-decay=0.001"},
       sgd({.momentum = 0.9F, .nesterov = true, .weight_decay = 0.001F})},
      {{"--optimizer=rmsprop", "--momentum=0.5"}, rmsprop({.momentum = 0.5F})},
      {{"--optimizer=rmsprop-torch", "--weight-decay=0.01", "--decay-biases"},
       rmsprop({.preset = RmspropPreset::torch, .weight_decay = 0.01F, .decay_biases = true})},
  };
}

TEST(Optimizers, EachIsTheLibrarysAndSaysSo) {
  const Place place;
  const command::Dataset toy = command::load_dataset("toy", 1);
  for (const auto& [options, optimizer] : cases()) {
    const std::string text = optimizer->str();
    SCOPED_TRACE(text);
    std::vector<std::string> arguments = {"train", "--dataset=toy", "--json",
                                          "--out=m.safetensors"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto outcome = run(place, arguments);
    ASSERT_EQ(outcome.exit, 0) << outcome.err;
    EXPECT_EQ(run_of(outcome)["optimizer"], text);
    EXPECT_EQ(read_safetensors(place / "m.safetensors").metadata["optimizer"], text);
    Model model(10, {dense(10), relu(), dense(1)}, {.seed = 1});
    Trainer trainer(model, mse(), optimizer, open("cpu"));
    trainer.fit(toy.x_train, toy.y_train, {.epochs = 2});
    const Model saved = load_model(place / "m.safetensors");
    for (const auto& name : model.weight_names()) {
      const Tensor expected = model.weight(name);
      const Tensor got = saved.weight(name);
      for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
        ASSERT_EQ(got.data<float>()[i], expected.data<float>()[i]) << name << " " << i;
      }
    }
  }
}

TEST(Optimizers, TheDataSetsRateIsForAdamAlone) {
  const Place place;
  const auto told = [&](const std::string& optimizer) {
    const auto outcome = run(place, {"train", "--dataset=friedman1", "--epochs=1", "--json",
                                     "--out=none", "--optimizer=" + optimizer});
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    return run_of(outcome)["optimizer"].get<std::string>();
  };
  for (const std::string name : {"adam", "adam-torch", "adamw", "adamw-torch"}) {
    EXPECT_TRUE(contains(told(name), " lr=0.003 "));
  }
  EXPECT_EQ(told("sgd"), sgd()->str());
  EXPECT_EQ(told("rmsprop"), rmsprop()->str());
  EXPECT_EQ(told("rmsprop-torch"), rmsprop({.preset = RmspropPreset::torch})->str());
}

TEST(Optimizers, WhatMakesNoSenseIsRefusedWithTheRemedy) {
  struct Refusal {
    std::vector<std::string> options;
    std::string message, remedy;
  };
  const Refusal refusals[] = {
      {{"--optimizer=rmsporp"},
       "--optimizer=rmsporp is unknown.",
       "remedy:   did you mean rmsprop? There are adam, adam-torch, adamw, adamw-torch, sgd, "
       "rmsprop, rmsprop-torch\n"},
      {{"--optimizer=lion"}, "--optimizer=lion is unknown.", "remedy:   There are adam, "},
      {{"--momentum=0.9"},
       "--momentum is for --optimizer=sgd, rmsprop, rmsprop-torch.",
       "remedy:   --optimizer=sgd, or without --momentum\n"},
      {{"--optimizer=rmsprop", "--momentum=0.9", "--nesterov"},
       "--nesterov is for --optimizer=sgd.",
       "remedy:   --optimizer=sgd, or without --nesterov\n"},
      {{"--weight-decay=0.1"},
       "--weight-decay is for --optimizer=adamw, adamw-torch, sgd, rmsprop, rmsprop-torch.",
       "remedy:   --optimizer=adamw, or without --weight-decay\n"},
      {{"--optimizer=adam-torch", "--decay-biases"},
       "--decay-biases is for --optimizer=adamw, ",
       "evidence: --optimizer=adam-torch\n"},
      {{"--optimizer=sgd", "--decay-biases"},
       "--decay-biases needs a weight decay, and there is none.",
       "remedy:   --weight-decay=0.01\n"},
      {{"--optimizer=adamw", "--decay-biases", "--weight-decay=0"},
       "--decay-biases needs a weight decay, and there is none.",
       "--weight-decay=0.01"},
      {{"--optimizer=sgd", "--nesterov"},
       "--nesterov looks ahead along the momentum, and there is none.",
       "remedy:   --momentum=0.9\n"},
      {{"--optimizer=sgd", "--momentum=1"}, "--momentum=1 is no number from 0 to below 1.", ""},
      {{"--optimizer=sgd", "--momentum=0.99999999999"},
       "SGD's momentum is 1.",
       "give 0 or more and less than 1"},
      {{"--optimizer=adamw", "--weight-decay=-1"}, "--weight-decay=-1 is no number from 0.", ""},
      {{"--optimizer=sgd", "--weight-decay=1e300"},
       "--weight-decay=1e300 is no number from 0.",
       ""},
      {{"--optimizer=sgd", "--weight-decay=nan"}, "--weight-decay=nan is no number from 0.", ""},
      {{"--lr=1e-60"}, "--lr=1e-60 is no number above 0.", ""},
  };
  const Place place;
  for (const std::string command : {"train", "summary", "bench"}) {
    for (const auto& [options, message, remedy] : refusals) {
      std::vector<std::string> arguments = {command};
      if (command != "bench") arguments.push_back("--dataset=toy");
      arguments.insert(arguments.end(), options.begin(), options.end());
      const auto outcome = run(place, arguments);
      expect_failure(outcome, 64, message);
      EXPECT_TRUE(contains(outcome.err, remedy));
      EXPECT_TRUE(place.empty());
    }
  }
}

TEST(Optimizers, HelpNamesThemWithTheirDefaults) {
  const Place place;
  for (const std::string command : {"train", "summary", "bench"}) {
    const std::string help = run(place, {command, "--help"}).out;
    EXPECT_TRUE(
        contains(help, "adam, adam-torch, adamw, adamw-torch, sgd, rmsprop, rmsprop-torch"));
    EXPECT_TRUE(contains(help, "0.001; sgd: 0.01]"));
    EXPECT_TRUE(contains(help, "Of sgd, rmsprop, rmsprop-torch [0]"));
    EXPECT_TRUE(contains(help, "[0; adamw: 0.01; adamw-torch: 0.01]"));
  }
}

TEST(Optimizers, SummarySaysWhatAStepIsAndHowAModelWasTrained) {
  const Place place;
  auto outcome = run(place, {"summary", "--dataset=toy", "--optimizer=sgd", "--loss=huber(2)"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "step with sgd lr=0.01, Huber loss (2)\n"));
  EXPECT_TRUE(contains(outcome.out, "optimizer 0 B"));
  EXPECT_EQ(count_of(outcome.out, "trained with"), 0U);

  run(place,
      {"train", "--dataset=toy", "--optimizer=rmsprop", "--loss=mae", "-q", "--out=m.safetensors"});
  outcome = run(place, {"summary", "--model=m.safetensors"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "\nstep with adam lr=0.001 "));
  EXPECT_TRUE(
      contains(outcome.out, "\ntrained with data toy, loss mean absolute error, optimizer " +
                                rmsprop()->str() + ", seed 1, steps 8\n"));
  const auto summary =
      json_of(run(place, {"summary", "--model=m.safetensors", "--json"}).out).at(0)["summary"];
  EXPECT_EQ(summary["optimizer"], adam()->str());
  EXPECT_EQ(summary["loss"], "mean squared error");
  EXPECT_EQ(summary["trained"]["optimizer"], rmsprop()->str());
  EXPECT_EQ(summary["trained"]["loss"], "mean absolute error");
  save_model(load_model(place / "m.safetensors"), place / "bare.safetensors");
  outcome = run(place, {"summary", "--model=bare.safetensors"});
  EXPECT_EQ(count_of(outcome.out, "trained with"), 0U) << outcome.out;
  expect_failure(run(place, {"summary", "--model=m.safetensors", "--loss=mse"}), 64,
                 "--model is a complete model: no --dataset, --x, --y, --layers or --loss beside");
}

TEST(Optimizers, BenchTimesTheOneThatIsNamed) {
  const Place place;
  const std::vector<std::string> arguments = {
      "bench",      "--compare=cpu",         "--net=4-8-2",     "--batches=2",
      "--rounds=1", "--round-seconds=0.001", "--epoch-rows=16", "--widths=none",
      "-q",         "--optimizer=sgd",       "--momentum=0.5",  "--nesterov"};
  auto outcome = run(place, arguments);
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "float32, sgd, seed 1;"));
  EXPECT_TRUE(contains(outcome.out, " --optimizer=sgd --momentum=0.5 --nesterov\n"));
  auto json = arguments;
  json.push_back("--json");
  EXPECT_EQ(run_of(run(place, json))["optimizer"],
            sgd({.momentum = 0.5F, .nesterov = true})->str());
}

}  // namespace
}  // namespace minnow::test
