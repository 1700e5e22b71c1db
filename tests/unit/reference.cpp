#include "reference.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace minnow::testing {
namespace {

double activated(const Activation& f, double x) {
  if (f.kind == ActivationKind::custom) {  // its functions are in float
    auto y = static_cast<float>(x);
    f.custom->value(&y, &y, 1);
    return y;
  }
  double y = 0;
  visit_activation(f.kind, Activations{}, [&](auto formula) { y = formula.value(x, f.parameter); });
  return y;
}

double activated_grad(const Activation& f, double dy, double saved) {
  if (f.kind == ActivationKind::custom) {
    const auto x = static_cast<float>(saved);
    auto dx = static_cast<float>(dy);
    f.custom->slope(&dx, &x, &dx, 1);
    return dx;
  }
  double dx = 0;
  visit_activation(f.kind, Activations{}, [&](auto formula) {
    dx = activation_gradient<decltype(formula)>(dy, saved, f.parameter);
  });
  return dx;
}

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
        at(y)[r * cols(y) + o] = activated(op.activation, sum);
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
        const std::size_t element = r * cols(dx) + i;
        at(dx)[element] = op.inputs.size() < 3
                              ? sum
                              : activated_grad(op.activation, sum, at(op.inputs[2])[element]);
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

  static Numbers softmax_row(const Numbers& x, std::size_t row, std::size_t width) {
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

  /// One number per output. A label of several classes is a one-hot row; of one output it is the
  /// number 0 or 1.
  Numbers target_row(const Op& op, std::size_t row, std::size_t width) {
    const ValueId target = op.inputs[1];
    Numbers y(width, 0.0);
    if (program.value(target).dtype == DType::i32 &&
        traits_of(op.loss.kind).accuracy == Accuracy::largest) {
      y[static_cast<std::size_t>(at(target)[row])] = 1.0;
    } else {
      for (std::size_t i = 0; i < width; ++i) y[i] = at(target)[row * width + i];
    }
    return y;
  }

  struct RowLoss {
    double loss = 0;
    Numbers gradient;  // by the predictions of the row
  };

  static RowLoss softmax_cross_entropy(const Numbers& x, const Numbers& y) {
    const Numbers p = softmax_row(x, 0, x.size());
    double weight = 0;
    for (const double value : y) weight += value;
    RowLoss row{.gradient = Numbers(x.size())};
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (y[i] != 0) row.loss -= y[i] * std::log(p[i]);
      row.gradient[i] = weight * p[i] - y[i];
    }
    return row;
  }

  static RowLoss cross_entropy(const Numbers& x, const Numbers& y) {
    double sum = 0;
    for (const double value : x) sum += value;
    RowLoss row{.gradient = Numbers(x.size(), 0.0)};
    double dot = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double q = x[i] / sum;
      row.loss -= y[i] * std::log(std::clamp(q, 1e-7, 1 - 1e-7));
      if (q >= 1e-7 && q <= 1 - 1e-7) row.gradient[i] = -y[i] / q;
      dot += row.gradient[i] * q;
    }
    for (double& value : row.gradient) value = (value - dot) / sum;
    return row;
  }

  /// Of single elements: the mean over the row.
  static RowLoss element_loss(const LossFunction& function, const Numbers& x, const Numbers& y) {
    RowLoss row{.gradient = Numbers(x.size())};
    const auto width = static_cast<double>(x.size());
    visit_element_loss(function.kind, ElementLosses{}, [&](auto formula) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        row.loss += formula.value(x[i], y[i], function.parameter) / width;
        row.gradient[i] = formula.slope(x[i], y[i], function.parameter) / width;
      }
    });
    return row;
  }

  static RowLoss row_loss(const LossFunction& function, const Numbers& x, const Numbers& y) {
    switch (function.kind) {
      case LossKind::mean_squared_error:
      case LossKind::mean_absolute_error:
      case LossKind::huber:
      case LossKind::binary_cross_entropy:
      case LossKind::sigmoid_binary_cross_entropy:
        return element_loss(function, x, y);
      case LossKind::cross_entropy:
        return cross_entropy(x, y);
      case LossKind::softmax_cross_entropy:
        return softmax_cross_entropy(x, y);
    }
    return {};
  }

  static bool right(Accuracy accuracy, const Numbers& x, const Numbers& y) {
    const auto same_side = [&](double middle) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        if ((x[i] > middle) != (y[i] > 0.5)) return false;
      }
      return true;
    };
    const auto largest = [](const Numbers& row) {
      return std::max_element(row.begin(), row.end()) - row.begin();
    };
    switch (accuracy) {
      case Accuracy::none:
        return false;
      case Accuracy::above_half:
        return same_side(0.5);
      case Accuracy::above_zero:
        return same_side(0.0);
      case Accuracy::largest:
        return largest(x) == largest(y);
    }
    return false;
  }

  void loss(const Op& op) {
    const ValueId x = op.inputs[0], gradient = program.gradient_of_loss(op);
    const std::size_t width = cols(x);
    const double share = op.loss.weight / static_cast<double>(program.batch());
    if (gradient != kNoValue) make(gradient);
    for (std::size_t r = 0; r < rows(x); ++r) {
      const auto begin = at(x).begin() + static_cast<std::ptrdiff_t>(r * width);
      const Numbers predicted(begin, begin + static_cast<std::ptrdiff_t>(width));
      const Numbers target = target_row(op, r, width);
      const RowLoss row = row_loss(op.loss, predicted, target);
      result.loss += share * row.loss;
      if (op.term == 0)
        result.correct += right(traits_of(op.loss.kind).accuracy, predicted, target);
      if (gradient == kNoValue) continue;
      for (std::size_t i = 0; i < width; ++i) {
        at(gradient)[r * width + i] = share * row.gradient[i];
      }
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
      case OpKind::add:
        return elementwise(op, [](double a, double b) { return a + b; });
      case OpKind::activate:
        return elementwise(op, [&](double x, double) { return activated(op.activation, x); });
      case OpKind::activate_grad:
        return elementwise(
            op, [&](double dy, double saved) { return activated_grad(op.activation, dy, saved); });
      case OpKind::softmax:
        return softmax(op);
      case OpKind::softmax_grad:
        return softmax_grad(op);
      case OpKind::loss:
        return loss(op);
      case OpKind::update:
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

namespace {

/// One number and what the rule keeps of it.
struct Updated {
  double rate;
  std::int64_t step;
  int rank;
  double g;
  double& p;
  std::vector<double> state;

  template <class Rule>
  double decay(const Rule& rule) const {
    return rank > 1 || rule.decays_biases ? static_cast<double>(rule.weight_decay) : 0.0;
  }

  void operator()(const SgdRule& rule) {
    const double move = -rate * (g + decay(rule) * p);
    if (rule.momentum == 0.0F) {
      p += move;
      return;
    }
    double& velocity = state[0];
    velocity = rule.momentum * velocity + move;
    p += rule.nesterov ? rule.momentum * velocity + move : velocity;
  }

  void operator()(const AdamRule& rule) {
    double& m = state[0];
    double& v = state[1];
    const double c1 = 1 - std::pow(rule.beta1, static_cast<double>(step));
    const double c2 = 1 - std::pow(rule.beta2, static_cast<double>(step));
    p -= rate * decay(rule) * p;
    m = rule.beta1 * m + (1 - rule.beta1) * g;
    v = rule.beta2 * v + (1 - rule.beta2) * g * g;
    p -= rule.corrected_epsilon ? rate * (m / c1) / (std::sqrt(v / c2) + rule.epsilon)
                                : rate * std::sqrt(c2) / c1 * m / (std::sqrt(v) + rule.epsilon);
  }

  void operator()(const RmspropRule& rule) {
    const double gradient = g + decay(rule) * p;
    double& v = state[0];
    v = rule.decay * v + (1 - rule.decay) * gradient * gradient;
    const double root =
        rule.epsilon_inside ? std::sqrt(v + rule.epsilon) : std::sqrt(v) + rule.epsilon;
    double move = rate * gradient / root;
    if (rule.momentum != 0.0F) move = state[1] = rule.momentum * state[1] + move;
    p -= move;
  }
};

}  // namespace

void reference_update(const UpdateRule& rule, double rate, std::int64_t step, int rank,
                      const Numbers& g, Numbers& p, std::vector<Numbers>& states) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    Updated number{rate, step, rank, g[i], p[i], {}};
    for (const Numbers& kept : states) number.state.push_back(kept[i]);
    std::visit([&](const auto& kind) { number(kind); }, rule);
    for (std::size_t k = 0; k < states.size(); ++k) states[k][i] = number.state[k];
  }
}

}  // namespace minnow::testing
