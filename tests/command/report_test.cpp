// The header and the closing lines of train: what they say, and that a terminal does not wrap them.

#include "train/report.h"

#include <minnow/minnow.h>

#include <algorithm>

#include "expect.h"

namespace minnow::test {
namespace {

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (const auto& line : lines_of(text)) widest = std::max(widest, command::columns(line));
  return widest;
}

command::Terminal terminal_of(bool utf8) {
  command::Terminal terminal;
  terminal.symbols = command::symbols_of(utf8);
  return terminal;
}

// The longest of everything: a fit that a GPU began and the CPU ended.
command::Run long_run() {
  command::Run run{.device_requested = "auto",
                   .device_used = "cuda:0",
                   .device_description =
                       "NVIDIA GeForce RTX 4090 Laptop GPU, 15.4 GiB of 16.0 GiB free, driver "
                       "for CUDA 13.0, runtime 12.8",
                   .device_skipped = "the NVIDIA driver is too old for this build",
                   .precision = "bf16",
                   .seed = 18446744073709551615U,
                   .data = "fashion-mnist",
                   .features = "28x28 -> 784, scaled by 1/255",
                   .train_rows = 54'000'000,
                   .validation_rows = 6'000'000,
                   .test_rows = 10'000'000,
                   .optimizer = "adam-torch lr=0.000125 beta=0.9,0.999 eps=1e-08",
                   .preset = "torch",
                   .loss = "categorical cross-entropy",
                   .squared = true,
                   .epochs = 1000,
                   .batch = 32,
                   .keeps_best = true,
                   .reference = "rmse 1.46, the noise alone is 1"};
  run.history.best_epoch = 1;
  run.history.epochs.push_back({.epoch = 1});
  run.history.epochs[0].validation = Evaluation{.loss = 0.2422, .accuracy = 0.909, .rows = 100};
  run.report.steps_per_device = {{"cuda:0", 1'234'567'890}, {"cpu", 123'456'789}};
  run.report.repeated_steps = 1024;
  run.test = Evaluation{.loss = 3460, .loss_error = 95.5, .rows = 10'000'000};
  run.out = "model.safetensors";
  return run;
}

TEST(Report, TheHeaderSaysWhatRunsAndWhatItTakes) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()});
  const MemoryPlan plan{.parameters = 410'000, .gradients = 410'000, .optimizer = 820'000};
  const std::string text = command::header(long_run(), model, plan, terminal_of(false));
  EXPECT_EQ(text, R"(run      requested auto, used cuda:0   bf16   seed 18446744073709551615
         preset torch
data     fashion-mnist  54,000,000 train | 6,000,000 val | 10,000,000 test
         28x28 -> 784, scaled by 1/255   batch 32
model    layer        output     params   memory   parameters   400.4 KiB
         dense_1         128    100,480            gradients    400.4 KiB
         relu_1          128          0            optimizer    800.8 KiB
         dense_2          10      1,290            activations        0 B
         softmax_1        10          0            workspace          0 B
         total 101,770 parameters                  total         1.56 MiB
train    adam-torch lr=0.000125 beta=0.9,0.999 eps=1e-08 |
         categorical cross-entropy | 1000 epochs
)");
}

TEST(Report, NothingIsWiderThan80Columns) {
  const Model model(784, {dense(128), relu(), dense(10), softmax()});
  for (const bool utf8 : {false, true}) {
    const auto terminal = terminal_of(utf8);
    const command::Run run = long_run();
    const std::string text =
        command::banner(run, terminal) + "\n" + command::header(run, model, {}, terminal);
    EXPECT_LE(widest_line(text), 80U) << text;
    const std::string closing = command::results(run, terminal);
    EXPECT_LE(widest_line(closing), 80U) << closing;
    EXPECT_TRUE(contains(closing,
                         "\n         ran on cuda:0 (1,234,567,890 steps), then cpu "
                         "(123,456,789 steps),\n         1,024 of them repeated\n"));
  }
}

TEST(Report, ARunOnATerminalOf80ColumnsIsNotWrapped) {
  const Place place;
  for (const char* data : {"toy", "friedman1"}) {
    const auto outcome = run_on_terminal(
        place, {"train", std::string("--dataset=") + data, "--epochs=1", "--validation-split=0.2"},
        80, {"TERM=xterm", "LC_ALL=C.UTF-8", "NO_COLOR=1"});
    EXPECT_EQ(outcome.exit, 0) << outcome.out;
    for (auto line : lines_of(outcome.out)) {  // each ends in "\r\n"; the bar's are left out
      if (line.starts_with('\r')) continue;
      line.pop_back();
      EXPECT_LE(command::columns(line), 80U) << line;
    }
  }
}

}  // namespace
}  // namespace minnow::test
