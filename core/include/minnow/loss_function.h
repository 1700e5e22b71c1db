#pragma once

/// The loss functions that a program can hold, each by its formula. Those of single elements are
/// one small struct each, compiled for every device from here, and go through the list
/// `ElementLosses`; the cross-entropies over classes need a whole row and have kernels of their
/// own. All are means over the batch, those of single elements over the columns too.

#include <minnow/elementary.h>
#include <minnow/type_list.h>

#include <cmath>
#include <cstdint>
#include <string_view>

namespace minnow {

enum class LossKind : std::uint8_t {
  mean_squared_error,
  mean_absolute_error,
  huber,
  binary_cross_entropy,          // of probabilities
  sigmoid_binary_cross_entropy,  // of logits
  cross_entropy,                 // of probabilities, along each row
  softmax_cross_entropy,         // of logits
};

/// How a row is found right, for the accuracy.
enum class Accuracy : std::uint8_t {
  none,
  above_half,  // every prediction is on its target's side of 1/2
  above_zero,  // every prediction is on the side of 0 on which its target is of 1/2
  largest,     // the largest prediction is the label's
};

struct LossTraits {
  LossKind kind;
  std::string_view name;
  Accuracy accuracy = Accuracy::none;
  bool has_parameter = false;  // more than 0
  float parameter = 0.0F;      // unless another is given
};

struct LossFunction {
  LossKind kind = LossKind::mean_squared_error;
  float parameter = 0.0F;
  float weight = 1.0F;  // of a term in a sum of losses

  friend bool operator==(const LossFunction&, const LossFunction&) = default;
};

// The formulas: the loss of one element and its slope by the prediction x, with target t. T is
// float or double; p is the parameter.

/// (x - t)^2
struct MeanSquaredError {
  static constexpr LossTraits kTraits{LossKind::mean_squared_error, "mean squared error"};
  template <class T>
  MINNOW_FORMULA static T value(T x, T t, float) {
    return (x - t) * (x - t);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, T t, float) {
    return (x - t) * 2.0F;
  }
};

/// |x - t|, with a slope of 0 where they are equal.
struct MeanAbsoluteError {
  static constexpr LossTraits kTraits{LossKind::mean_absolute_error, "mean absolute error"};
  template <class T>
  MINNOW_FORMULA static T value(T x, T t, float) {
    return elementary::absolute(x - t);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, T t, float) {
    return x > t ? T{1} : x < t ? T{-1} : x - t;  // a NaN stays one
  }
};

/// Half the square up to a distance of p, beyond it p (distance - p/2). Huber, "Robust estimation
/// of a location parameter" (1964).
struct Huber {
  static constexpr LossTraits kTraits{LossKind::huber, "Huber loss", Accuracy::none, true, 1.0F};
  template <class T>
  MINNOW_FORMULA static T value(T x, T t, float p) {
    const T distance = elementary::absolute(x - t);
    return distance <= p ? distance * distance * 0.5F : (distance - p * 0.5F) * p;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, T t, float p) {
    const T difference = x - t;
    return difference > p ? T{p} : difference < -p ? T{-p} : difference;
  }
};

/// -t log x - (1 - t) log(1 - x) with x clipped to [1e-7, 1 - 1e-7], as Keras does; the clip passes
/// no gradient outside its range.
struct BinaryCrossEntropy {
  static constexpr LossTraits kTraits{LossKind::binary_cross_entropy, "binary cross-entropy",
                                      Accuracy::above_half};
  static constexpr float kLow = 1e-7F;
  static constexpr float kHigh = 1.0F - 1e-7F;
  template <class T>
  MINNOW_FORMULA static T value(T x, T t, float) {
    const T q = x < kLow ? T{kLow} : x > kHigh ? T{kHigh} : x;
    return -t * elementary::log(q) - (T{1} - t) * elementary::log(T{1} - q);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, T t, float) {
    return x < kLow || x > kHigh ? T{} : (x - t) / (x * (T{1} - x));
  }
};

/// The same of the logit x, whose sigmoid is the probability: max(x, 0) - x t + log(1 + exp(-|x|)).
struct SigmoidBinaryCrossEntropy {
  static constexpr LossTraits kTraits{LossKind::sigmoid_binary_cross_entropy,
                                      "binary cross-entropy", Accuracy::above_zero};
  template <class T>
  MINNOW_FORMULA static T value(T x, T t, float) {
    return (x < T{} ? T{} : x) - x * t +
           elementary::log1p(elementary::exp(-elementary::absolute(x)));
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, T t, float) {
    return elementary::logistic(x) - t;
  }
};

/// In the order of the kinds.
using ElementLosses = TypeList<MeanSquaredError, MeanAbsoluteError, Huber, BinaryCrossEntropy,
                               SigmoidBinaryCrossEntropy>;

template <class... Fs>
constexpr LossTraits traits_of(LossKind kind, TypeList<Fs...>) {
  LossTraits found{kind, "categorical cross-entropy", Accuracy::largest};
  ((Fs::kTraits.kind == kind ? void(found = Fs::kTraits) : void()), ...);
  return found;
}
constexpr LossTraits traits_of(LossKind kind) { return traits_of(kind, ElementLosses{}); }

template <class... Fs>
constexpr bool in_order_of_kinds(TypeList<Fs...>) {
  int next = 0;
  const bool ordered = ((static_cast<int>(Fs::kTraits.kind) == next++) && ...);
  return ordered && next == static_cast<int>(LossKind::cross_entropy);
}
static_assert(in_order_of_kinds(ElementLosses{}),
              "ElementLosses has one struct for each kind before cross_entropy, in their order");

/// Of single elements, and not of whole rows.
MINNOW_HOST_DEVICE constexpr bool is_element_loss(LossKind kind) {
  return kind < LossKind::cross_entropy;
}

/// f(F{}) for the struct F of `kind`; false for one of a whole row.
template <class F, class... Fs>
MINNOW_FORMULA bool visit_element_loss(LossKind kind, TypeList<Fs...>, const F& f) {
  return ((kind == Fs::kTraits.kind && (f(Fs{}), true)) || ...);
}

}  // namespace minnow
