// Times of single ops, each a program of its own.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench.h"

namespace minnow::bench {
namespace {

struct Shape {
  std::int64_t rows;
  std::int64_t inputs;
  std::int64_t outputs;

  std::string text() const {
    return std::to_string(rows) + "x" + std::to_string(inputs) + "x" + std::to_string(outputs);
  }
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {32, 784, 128}, {1024, 784, 128}, {32, 128, 10}, {1024, 128, 10}, {1024, 1024, 1024}};
  return all;
}

struct OpCase {
  std::string kind;
  std::function<Program(const Shape&)> record;
};

constexpr ActivationKind kRelu = ActivationKind::relu;

Program layer_program(const Shape& shape) {
  return Program(shape.rows, {{.name = "weight", .rows = shape.outputs, .cols = shape.inputs},
                              {.name = "bias", .rank = 1, .cols = shape.outputs}});
}

Program linear(const Shape& shape) {
  Program program = layer_program(shape);
  const auto x = program.input("x", shape.rows, shape.inputs);
  const auto y = program.linear(x, program.parameter(0));
  program.keep(program.activate({kRelu}, program.add_bias(y, program.parameter(1))));
  return fuse(program);
}

Program input_grad(const Shape& shape) {
  Program program = layer_program(shape);
  const auto x = program.input("x", shape.rows, shape.inputs);
  const auto dy = program.input("dy", shape.rows, shape.outputs);
  const auto dx = program.linear_input_grad(dy, program.parameter(0));
  program.keep(program.activate_grad({kRelu}, dx, x, x));
  return fuse(program);
}

Program weight_grad(const Shape& shape) {
  Program program = layer_program(shape);
  const auto x = program.input("x", shape.rows, shape.inputs);
  const auto dy = program.input("dy", shape.rows, shape.outputs);
  program.linear_weight_grad(dy, x, program.gradient(0));
  return program;
}

Program loss_and_gradient(const Shape& shape) {
  Program program(shape.rows, {});
  const auto logits = program.input("logits", shape.rows, shape.outputs);
  const auto target = program.input("target", shape.rows, 1, DType::i32);
  program.keep(program.loss({LossKind::softmax_cross_entropy}, logits, target, true));
  return program;
}

Program adam_update(const Shape& shape) {
  Program program = layer_program(shape);
  program.update(adam()->rule());
  return program;
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all{{"linear", linear},
                                       {"linear_input_grad", input_grad},
                                       {"linear_weight_grad", weight_grad},
                                       {"softmax_cross_entropy", loss_and_gradient},
                                       {"adam", adam_update}};
  return all;
}

std::vector<float> random_values(const Value& value) {
  const Tensor values = random_rows(value.rows, value.cols);
  const auto data = values.data<float>();
  if (value.dtype == DType::i32) return std::vector<float>(data.size(), 0.0F);  // labels
  return {data.begin(), data.end()};
}

void op(::benchmark::State& state, const OpCase& op_case, const Shape& shape,
        const Device& device) {
  const Program program = op_case.record(shape);
  const auto arena = device.backend().create_arena(program.parameters(), states_of(program.rule()));
  arena->set_learning_rate(1e-3F);
  const auto executable = device.backend().compile(program, *arena);
  for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
    const Value& value = program.value(id);
    if (value.kind == ValueKind::input) executable->write(id, random_values(value));
    if (value.slot < 0) continue;
    const bool parameter = value.kind == ValueKind::parameter;
    arena->write(parameter ? Arena::Part::parameters : Arena::Part::gradients, value.slot,
                 random_values(value));
  }
  // Few enough that a benchmark of slow steps does not overrun by much.
  const std::int64_t steps = std::min<std::int64_t>(64, executable->max_steps());
  executable->run(steps);
  executable->wait();
  while (state.KeepRunningBatch(steps)) {
    executable->run(steps);
    executable->wait();
    state.SetIterationTime(executable->device_seconds());
  }
  state.SetLabel(device.info().description);
}

}  // namespace

void register_ops(const Opener& open, const std::string& device) {
  for (const OpCase& op_case : op_cases()) {
    for (const Shape& shape : shapes()) {
      const bool loss = op_case.kind == "softmax_cross_entropy";
      if (loss && shape.inputs != 128) continue;                   // its inputs do not count
      if (op_case.kind == "adam" && shape.rows != 1024) continue;  // nor do its rows
      add("op/" + op_case.kind + "/" + shape.text() + "/" + device, [=, &op_case,
                                                                     &shape](auto& state) {
        op(state, op_case, shape, open());
      })->UseManualTime();
    }
  }
}

}  // namespace minnow::bench
