#include "reference.h"

#include <algorithm>
#include <cmath>

namespace minnow::testing {
namespace {

struct Interpreter {
  const Program& program;
  ReferenceResult result;

  Numbers& at(ValueId id) { return result.values[static_cast<std::size_t>(id)]; }
  std::size_t rows(ValueId id) const { return static_cast<std::size_t>(program.value(id).rows); }
  std::size_t cols(ValueId id) const { return static_cast<std::size_t>(program.value(id).cols); }
  void make(ValueId id) { at(id).assign(rows(id) * cols(id), 0.0); }

  void linear(const Op& op) {
    const ValueId x = op.inputs[0], w = op.inputs[1], y = op.outputs[0];
    make(y);
    for (std::size_t r = 0; r < rows(y); ++r) {
      for (std::size_t o = 0; o < cols(y); ++o) {
        double sum = op.inputs.size() > 2 ? at(op.inputs[2])[o] : 0.0;
        for (std::size_t i = 0; i < cols(x); ++i) {
          sum += at(x)[r * cols(x) + i] * at(w)[o * cols(x) + i];
        }
        at(y)[r * cols(y) + o] = op.relu ? std::max(sum, 0.0) : sum;
      }
    }
  }

  void linear_input_grad(const Op& op) {
    const ValueId dy = op.inputs[0], w = op.inputs[1], dx = op.outputs[0];
    make(dx);
    for (std::size_t r = 0; r < rows(dx); ++r) {
      for (std::size_t i = 0; i < cols(dx); ++i) {
        double sum = 0;
        for (std::size_t o = 0; o < cols(dy); ++o) {
          sum += at(dy)[r * cols(dy) + o] * at(w)[o * cols(dx) + i];
        }
        const bool open = op.inputs.size() < 3 || at(op.inputs[2])[r * cols(dx) + i] > 0;
        at(dx)[r * cols(dx) + i] = open ? sum : 0.0;
      }
    }
  }

  void linear_weight_grad(const Op& op) {
    const ValueId dy = op.inputs[0], x = op.inputs[1], dw = op.outputs[0];
    if (!op.accumulate) make(dw);
    for (std::size_t o = 0; o < cols(dy); ++o) {
      for (std::size_t i = 0; i < cols(x); ++i) {
        for (std::size_t r = 0; r < rows(dy); ++r) {
          at(dw)[o * cols(x) + i] += at(dy)[r * cols(dy) + o] * at(x)[r * cols(x) + i];
        }
      }
    }
  }

  /// f(value of input 0, value of input 1 in the same place) for each element.
  template <class F>
  void elementwise(const Op& op, F f) {
    const ValueId a = op.inputs[0], out = op.outputs[0];
    make(out);
    for (std::size_t i = 0; i < at(out).size(); ++i) {
      const Numbers* b = op.inputs.size() > 1 ? &at(op.inputs[1]) : nullptr;
      at(out)[i] = f(at(a)[i], b == nullptr ? 0.0 : (*b)[i % b->size()]);
    }
  }

  Numbers softmax_row(const Numbers& x, std::size_t row, std::size_t width) const {
    Numbers p(x.begin() + static_cast<std::ptrdiff_t>(row * width),
              x.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
    const double largest = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& value : p) sum += value = std::exp(value - largest);
    for (double& value : p) value /= sum;
    return p;
  }

  void softmax(const Op& op) {
    const ValueId x = op.inputs[0], y = op.outputs[0];
    make(y);
    for (std::size_t r = 0; r < rows(y); ++r) {
      const Numbers p = softmax_row(at(x), r, cols(x));
      std::copy(p.begin(), p.end(), at(y).begin() + static_cast<std::ptrdiff_t>(r * cols(x)));
    }
  }

  void softmax_grad(const Op& op) {
    const ValueId dy = op.inputs[0], y = op.inputs[1], dx = op.outputs[0];
    make(dx);
    for (std::size_t r = 0; r < rows(dx); ++r) {
      for (std::size_t i = 0; i < cols(dx); ++i) {
        for (std::size_t j = 0; j < cols(dx); ++j) {
          const double yi = at(y)[r * cols(dx) + i], yj = at(y)[r * cols(dx) + j];
          at(dx)[r * cols(dx) + i] += at(dy)[r * cols(dx) + j] * yj * ((i == j ? 1.0 : 0.0) - yi);
        }
      }
    }
  }

  Numbers target_row(ValueId target, std::size_t row, std::size_t width) {
    Numbers y(width, 0.0);
    if (program.value(target).dtype == DType::i32) {
      y[static_cast<std::size_t>(at(target)[row])] = 1.0;
    } else {
      for (std::size_t i = 0; i < width; ++i) y[i] = at(target)[row * width + i];
    }
    return y;
  }

  void loss(const Op& op) {
    const ValueId x = op.inputs[0], target = op.inputs[1];
    const std::size_t width = cols(x), count = rows(x);
    const std::size_t gradient_at = op.kind == OpKind::mse ? 1 : 2;
    const ValueId gradient = op.outputs.size() > gradient_at ? op.outputs[gradient_at] : kNoValue;
    if (gradient != kNoValue) make(gradient);
    const auto n = static_cast<double>(program.batch());
    for (std::size_t r = 0; r < count; ++r) {
      const Numbers y = target_row(target, r, width);
      const double* in = at(x).data() + r * width;
      Numbers by_input(width, 0.0);
      if (op.kind == OpKind::mse) {
        const double scale = n * static_cast<double>(width);
        for (std::size_t i = 0; i < width; ++i) {
          result.loss += (in[i] - y[i]) * (in[i] - y[i]) / scale;
          by_input[i] = 2 * (in[i] - y[i]) / scale;
        }
      } else if (op.kind == OpKind::softmax_cross_entropy) {
        const Numbers p = softmax_row(at(x), r, width);
        double weight = 0;
        for (const double value : y) weight += value;
        for (std::size_t i = 0; i < width; ++i) {
          if (y[i] != 0) result.loss -= y[i] * std::log(p[i]) / n;
          by_input[i] = (weight * p[i] - y[i]) / n;
        }
      } else {
        double sum = 0;
        for (std::size_t i = 0; i < width; ++i) sum += in[i];
        Numbers by_q(width, 0.0);
        double dot = 0;
        for (std::size_t i = 0; i < width; ++i) {
          const double q = in[i] / sum;
          result.loss -= y[i] * std::log(std::clamp(q, 1e-7, 1 - 1e-7)) / n;
          if (q >= 1e-7 && q <= 1 - 1e-7) by_q[i] = -y[i] / q;
          dot += by_q[i] * q;
        }
        for (std::size_t i = 0; i < width; ++i) by_input[i] = (by_q[i] - dot) / sum / n;
      }
      const auto best_in = std::max_element(in, in + width) - in;
      const auto best_y = std::max_element(y.begin(), y.end()) - y.begin();
      if (op.kind != OpKind::mse && best_in == best_y) result.correct += 1;
      if (gradient == kNoValue) continue;
      std::copy(by_input.begin(), by_input.end(),
                at(gradient).begin() + static_cast<std::ptrdiff_t>(r * width));
    }
  }

  void run(const Op& op) {
    switch (op.kind) {
      case OpKind::gather:
        return;  // x and target are given
      case OpKind::linear:
        return linear(op);
      case OpKind::linear_input_grad:
        return linear_input_grad(op);
      case OpKind::linear_weight_grad:
        return linear_weight_grad(op);
      case OpKind::bias_grad: {
        const ValueId dy = op.inputs[0];
        if (!op.accumulate) make(op.outputs[0]);
        for (std::size_t i = 0; i < at(dy).size(); ++i) {
          at(op.outputs[0])[i % cols(dy)] += at(dy)[i];
        }
        return;
      }
      case OpKind::add_bias:
        return elementwise(op, [](double x, double b) { return x + b; });
      case OpKind::relu:
        return elementwise(op, [](double x, double) { return std::max(x, 0.0); });
      case OpKind::relu_grad:
        return elementwise(op, [](double dy, double y) { return y > 0 ? dy : 0.0; });
      case OpKind::softmax:
        return softmax(op);
      case OpKind::softmax_grad:
        return softmax_grad(op);
      case OpKind::mse:
      case OpKind::cross_entropy:
      case OpKind::softmax_cross_entropy:
        return loss(op);
      case OpKind::adam:
      case OpKind::sgd:
        return;  // reference_update()
    }
  }
};

}  // namespace

ReferenceResult interpret(const Program& program, std::vector<Numbers> given) {
  given.resize(program.values().size());
  Interpreter interpreter{program, {.values = std::move(given)}};
  for (const Op& op : program.ops()) interpreter.run(op);
  return std::move(interpreter.result);
}

void reference_update(OpKind kind, const UpdateRule& rule, double rate, std::int64_t t,
                      const Numbers& g, Numbers& p, std::vector<Numbers>& states) {
  const double b1 = rule.beta1, b2 = rule.beta2, eps = rule.epsilon;
  const double c1 = 1 - std::pow(b1, static_cast<double>(t));
  const double c2 = 1 - std::pow(b2, static_cast<double>(t));
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (kind == OpKind::sgd) {
      double step = -rate * g[i];
      if (!states.empty()) step = states[0][i] = rule.momentum * states[0][i] + step;
      p[i] += step;
      continue;
    }
    double& m = states[0][i];
    double& v = states[1][i];
    m = b1 * m + (1 - b1) * g[i];
    v = b2 * v + (1 - b2) * g[i] * g[i];
    p[i] -= rule.corrected_epsilon ? rate * (m / c1) / (std::sqrt(v / c2) + eps)
                                   : rate * std::sqrt(c2) / c1 * m / (std::sqrt(v) + eps);
  }
}

}  // namespace minnow::testing
