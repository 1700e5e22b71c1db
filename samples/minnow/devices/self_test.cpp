#include "devices/self_test.h"

#include <minnow/minnow.h>

#include "bench/measure.h"
#include "bench/plan.h"
#include "bench/random_data.h"
#include "terminal/exit_codes.h"
#include "terminal/numbers.h"

namespace minnow::command {
namespace {

constexpr std::int64_t kSteps = 20;
constexpr std::int64_t kBatch = 32;
constexpr std::uint64_t kSeed = 1;
// What the tests allow a GPU in fp32. Adding in another order makes 1e-6 of it; one wrong gradient
// is a step of Adam: 1e-3.
constexpr double kTolerance = 2e-5;

std::vector<Tensor> weights_after_training(const std::string& name, bool fuse) {
  const Net net{.sizes = {784, 128, 10}};
  RandomData data(net, kSeed);
  const Tensor x = data.x(kSteps * kBatch);
  const Tensor y = data.y(kSteps * kBatch);
  Model model = net.model(kSeed);
  Trainer trainer(model, net.loss(), adam(), minnow::open(name), {.fuse = fuse});
  for (std::int64_t row = 0; row < kSteps * kBatch; row += kBatch) {
    trainer.step(x.rows(row, row + kBatch), y.rows(row, row + kBatch));
  }
  std::vector<Tensor> weights;
  for (const auto& weight : model.weight_names()) weights.push_back(model.weight(weight));
  return weights;
}

Finding problem(std::string text, Failure failure) {
  return {.topic = "self-test",
          .verdict = Verdict::problem,
          .text = std::move(text),
          .failure = std::move(failure)};
}

Finding failed(const std::string& way) {
  Failure failure = current_problem().failure;
  return problem(cat("784-128-10 ", way, ": ", failure.what), failure);
}

}  // namespace

Finding compare_weights(const std::vector<Tensor>& weights, const std::vector<Tensor>& reference,
                        const std::string& way) {
  const double difference = largest_difference(weights, reference);
  const std::string what = cat("784-128-10, ", kSteps, " steps ", way, ": ");
  const std::string numbers =
      cat("max|Δw| ", scientific(difference), " (limit ", scientific(kTolerance), ")");
  if (difference <= kTolerance) {
    return {.topic = "self-test", .verdict = Verdict::good, .text = what + numbers};
  }
  return problem(what + "the weights differ",
                 {.code = "MN-K05",
                  .what = what + "the weights differ.",
                  .evidence = numbers,
                  .remedy = "use another device, and report this with minnow doctor --json"});
}

std::vector<Finding> self_test(const DeviceReport& report) {
  std::vector<std::string> others;
  for (const auto& device : report.devices) {
    if (device.usable && device.name != "cpu") others.push_back(device.name);
  }
  std::vector<Tensor> reference;
  try {
    reference = weights_after_training("cpu", true);
    if (others.empty()) {
      Finding finding = compare_weights(reference, weights_after_training("cpu", false),
                                        "on cpu, fused against plain");
      finding.text += "\nno other device to compare with: this is the cpu against itself";
      return {std::move(finding)};
    }
  } catch (...) {
    return {failed("on cpu")};
  }
  std::vector<Finding> findings;
  for (const auto& name : others) {
    const std::string way = cat("on ", name, " against cpu");
    try {
      findings.push_back(compare_weights(weights_after_training(name, true), reference, way));
    } catch (...) {
      findings.push_back(failed(way));
    }
  }
  return findings;
}

}  // namespace minnow::command
