#pragma once

/// The update rules: what an optimizer makes of a parameter, its gradient and its state. One small
/// struct each with its constants and its arithmetic, compiled for every device from here, and
/// listed in `UpdateRules`.
///
/// Of a rule: states() numbers are kept per parameter, at most kStates. prepare() makes the
/// constants of one step (which counts from 1) in double; apply() updates one number; bound() says
/// how far a step can take the numbers, from how far they are.

#include <minnow/elementary.h>
#include <minnow/type_list.h>

#include <cmath>
#include <cstdint>
#include <variant>

namespace minnow {

/// The largest absolute values in an arena. As long as they and what a step computes on the way
/// stay below kLargestNumber, everything is finite.
struct Magnitudes {
  double parameter = 0;
  double state[2] = {0, 0};
};
inline constexpr double kLargestNumber = 1e38;  // float32 ends at 3.4e38

MINNOW_FORMULA double larger(double a, double b) { return a < b ? b : a; }

/// velocity = momentum * velocity - rate * g; p += velocity, or with Nesterov's form
/// p += momentum * velocity - rate * g; g includes weight_decay * p.
struct SgdRule {
  static constexpr int kStates = 1;
  float momentum = 0.0F;
  bool nesterov = false;
  float weight_decay = 0.0F;
  bool decays_biases = false;

  constexpr int states() const { return momentum == 0.0F ? 0 : 1; }

  struct Step {
    float rate;
    float momentum;
    float decay;
    bool nesterov;
  };
  MINNOW_FORMULA Step prepare(float rate, std::uint64_t, bool decays) const {
    return {rate, momentum, decays ? weight_decay : 0.0F, nesterov};
  }
  MINNOW_FORMULA static void apply(const Step& step, float g, float& p, float& velocity, float&) {
    const float move = step.rate * (g + step.decay * p);
    velocity = step.momentum * velocity - move;
    p += step.nesterov ? step.momentum * velocity - move : velocity;
  }
  /// Of a step whose gradients are at most `g`: false when its numbers might not be finite.
  MINNOW_FORMULA static bool bound(const Step& step, double g, Magnitudes& size) {
    const double gradient = g + step.decay * size.parameter;
    const double move = step.rate * gradient;
    size.state[0] = step.momentum * size.state[0] + move;
    size.parameter += size.state[0] + move;
    return gradient < kLargestNumber && size.parameter < kLargestNumber;
  }
};

/// beta^step. Keras takes the power of a float32 in float32: 1 - 0.999 is then off by 1.3e-5, and
/// without the same here losses would differ from its by 2e-5 after 20 steps. From the step and not
/// from power to power: the same bits however a run is cut.
MINNOW_FORMULA double power_of_beta(double beta, std::uint64_t step, bool in_float) {
  if (!in_float) return ::pow(beta, static_cast<double>(step));
  const auto rounded = static_cast<double>(static_cast<float>(beta));
  return static_cast<double>(static_cast<float>(::pow(rounded, static_cast<double>(step))));
}

/// Kingma and Ba, "Adam" (ICLR 2015). `corrected_epsilon` false (Keras):
/// p -= rate*sqrt(1-b2^t)/(1-b1^t) * m/(sqrt(v)+eps); true (PyTorch): eps is added to
/// sqrt(v/(1-b2^t)). `weight_decay` is decoupled: p shrinks by rate * weight_decay of itself first
/// (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019).
struct AdamRule {
  static constexpr int kStates = 2;
  double beta1 = 0.9;
  double beta2 = 0.999;
  float epsilon = 1e-7F;
  bool corrected_epsilon = false;
  bool approximate = false;  // where a device has a faster form with a small error
  float weight_decay = 0.0F;
  bool decays_biases = false;

  constexpr int states() const { return 2; }

  struct Step {
    float rate;     // lr * sqrt(1 - beta2^t) / (1 - beta1^t)
    float share1;   // 1 - beta1: the gradient's share of m
    float share2;   // 1 - beta2
    float epsilon;  // times sqrt(1 - beta2^t) for the corrected form
    float keep;     // what the decay leaves of p
    bool approximate;
  };
  MINNOW_FORMULA Step prepare(float rate, std::uint64_t step, bool decays) const {
    const double power1 = power_of_beta(beta1, step, !corrected_epsilon);
    const double power2 = power_of_beta(beta2, step, !corrected_epsilon);
    const double correction = ::sqrt(1.0 - power2);
    const double lr = static_cast<double>(rate);
    return {
        static_cast<float>(lr * correction / (1.0 - power1)),
        static_cast<float>(1.0 - beta1),
        static_cast<float>(1.0 - beta2),
        static_cast<float>(static_cast<double>(epsilon) * (corrected_epsilon ? correction : 1.0)),
        decays ? static_cast<float>(1.0 - lr * static_cast<double>(weight_decay)) : 1.0F,
        approximate};
  }
  MINNOW_FORMULA static void apply(const Step& step, float g, float& p, float& m, float& v) {
    m += (g - m) * step.share1;
    v += (g * g - v) * step.share2;
    p = p * step.keep - step.rate * m / (::sqrtf(v) + step.epsilon);
  }
  MINNOW_FORMULA static bool bound(const Step& step, double g, Magnitudes& size) {
    size.state[0] = larger(size.state[0], g);
    size.state[1] = larger(size.state[1], g * g);
    const double move = step.rate * size.state[0];
    size.parameter = size.parameter * larger(1.0, -step.keep) + move / step.epsilon;
    return size.state[0] + g < kLargestNumber && size.state[1] < kLargestNumber &&
           move < kLargestNumber && size.parameter < kLargestNumber;
  }
};

/// Hinton, "Neural Networks for Machine Learning", lecture 6e (2012): v = decay v + (1-decay) g^2;
/// p -= rate g / (sqrt(v) + eps), or with `epsilon_inside` (Keras) rate g / sqrt(v + eps). With
/// momentum the step is velocity = momentum velocity + that. g includes weight_decay * p.
struct RmspropRule {
  static constexpr int kStates = 2;
  double decay = 0.9;
  float epsilon = 1e-7F;
  bool epsilon_inside = true;
  float momentum = 0.0F;
  float weight_decay = 0.0F;
  bool decays_biases = false;

  constexpr int states() const { return momentum == 0.0F ? 1 : 2; }

  struct Step {
    float rate;
    float share;  // 1 - decay
    float inside;
    float outside;
    float momentum;
    float decay;
  };
  MINNOW_FORMULA Step prepare(float rate, std::uint64_t, bool decays) const {
    return {rate,
            static_cast<float>(1.0 - decay),
            epsilon_inside ? epsilon : 0.0F,
            epsilon_inside ? 0.0F : epsilon,
            momentum,
            decays ? weight_decay : 0.0F};
  }
  MINNOW_FORMULA static void apply(const Step& step, float g, float& p, float& v, float& velocity) {
    const float gradient = g + step.decay * p;
    v += (gradient * gradient - v) * step.share;
    velocity =
        step.momentum * velocity + step.rate * gradient / (::sqrtf(v + step.inside) + step.outside);
    p -= velocity;
  }
  MINNOW_FORMULA static bool bound(const Step& step, double g, Magnitudes& size) {
    const double gradient = g + step.decay * size.parameter;
    size.state[0] = larger(size.state[0], gradient * gradient);
    const double least = ::sqrt(static_cast<double>(step.inside)) + step.outside;
    const double move = step.rate * gradient;
    size.state[1] = step.momentum * size.state[1] + move / least;
    size.parameter += size.state[1];
    return size.state[0] < kLargestNumber && move < kLargestNumber &&
           size.parameter < kLargestNumber;
  }
};

using UpdateRules = TypeList<SgdRule, AdamRule, RmspropRule>;

template <class... Rules>
constexpr int count_of(TypeList<Rules...>) {
  return sizeof...(Rules);
}
inline constexpr int kUpdateRules = count_of(UpdateRules{});

template <class... Rules>
std::variant<Rules...> variant_of(TypeList<Rules...>);
using UpdateRule = decltype(variant_of(UpdateRules{}));

/// Numbers that are kept per parameter.
inline int states_of(const UpdateRule& rule) {
  return std::visit([](const auto& kind) { return kind.states(); }, rule);
}
/// Whether its weight decay reaches a parameter: weights only, unless biases are wanted too.
template <class Rule>
MINNOW_HOST_DEVICE constexpr bool decays(const Rule& rule, int rank) {
  return rule.weight_decay != 0.0F && (rank > 1 || rule.decays_biases);
}

}  // namespace minnow
