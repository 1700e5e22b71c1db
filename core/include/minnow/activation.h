#pragma once

/// The activations: functions of each element by itself. One small struct each, with the formula of
/// its value and of its slope, compiled for every device from here; everything else (names, layers,
/// fusion, kernels, model files, tests) goes through the list `Activations`.
///
///     minnow::Activation f{minnow::ActivationKind::leaky_relu, 0.2F};
///     minnow::text_of(f);                             // "leaky_relu(0.2)"
///     minnow::parse_activation("elu");                // alpha is 1 unless it is given

#include <minnow/elementary.h>
#include <minnow/export.h>
#include <minnow/op.h>
#include <minnow/type_list.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace minnow {

enum class ActivationKind : std::uint8_t {
  identity,
  relu,
  leaky_relu,
  elu,
  sigmoid,
  tanh,
  softplus,
  silu,
  gelu,
  custom,  // two functions of a program's own: not in the list, on the CPU only
};

/// Errors are against double precision, in units in the last place (ulp), over all floats; denormal
/// numbers and results below 2^-119 count as zero. Every slope is within 3 ulp of the largest of 1,
/// the parameter and the slope itself. tests/unit/elementary_test.cpp goes through the floats.
struct ActivationTraits {
  ActivationKind kind;
  std::string_view name;
  float ulp = 0.0F;             // the value's largest error
  Saved saved = Saved::output;  // what the slope is a function of
  bool has_parameter = false;   // 0 or more
  float parameter = 0.0F;       // unless another is given
};

/// Two functions of a program's own, over `count` numbers. `slope` multiplies `dy` by the slope at
/// the input x into dx, which may be dy.
struct CustomActivation {
  std::string name;
  std::function<void(const float* x, float* y, std::int64_t count)> value;
  std::function<void(const float* dy, const float* x, float* dx, std::int64_t count)> slope;
};

struct Activation {
  ActivationKind kind = ActivationKind::identity;
  float parameter = 0.0F;
  std::shared_ptr<const CustomActivation> custom = {};  // with ActivationKind::custom

  friend bool operator==(const Activation&, const Activation&) = default;
};

// The formulas. T is float, a vector of floats, or double; p is the parameter.

struct Identity {
  static constexpr ActivationTraits kTraits{ActivationKind::identity, "identity"};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return x;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T, float) {
    return elementary::splat<T>(1.0F);
  }
};

/// max(0, x); NaN stays NaN.
struct Relu {
  static constexpr ActivationTraits kTraits{ActivationKind::relu, "relu"};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return (x < T{}) ? T{} : x;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float) {
    return (y > T{}) ? elementary::splat<T>(1.0F) : T{};
  }
};

/// x, below zero p x.
struct LeakyRelu {
  static constexpr ActivationTraits kTraits{
      ActivationKind::leaky_relu, "leaky_relu", 1.0F, Saved::output, true, 0.01F};
  template <class T>
  MINNOW_FORMULA static T value(T x, float p) {
    return (x < T{}) ? x * p : x;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float p) {
    return (y > T{}) ? elementary::splat<T>(1.0F) : elementary::splat<T>(p);
  }
};

/// x, below zero p (exp(x) - 1).
struct Elu {
  static constexpr ActivationTraits kTraits{ActivationKind::elu, "elu", 2.0F,
                                            Saved::output,       true,  1.0F};
  template <class T>
  MINNOW_FORMULA static T value(T x, float p) {
    return (x < T{}) ? elementary::expm1((x < T{}) ? x : T{}) * p : x;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float p) {
    return (y > T{}) ? elementary::splat<T>(1.0F) : y + p;
  }
};

/// 1 / (1 + exp(-x)).
struct Sigmoid {
  static constexpr ActivationTraits kTraits{ActivationKind::sigmoid, "sigmoid", 3.0F};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return elementary::logistic(x);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float) {
    return y - y * y;
  }
};

struct Tanh {
  static constexpr ActivationTraits kTraits{ActivationKind::tanh, "tanh", 3.0F};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return elementary::tanh(x);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float) {
    return elementary::splat<T>(1.0F) - y * y;
  }
};

/// log(1 + exp(x)).
struct Softplus {
  static constexpr ActivationTraits kTraits{ActivationKind::softplus, "softplus", 3.0F};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return elementary::log1p(elementary::exp(-elementary::absolute(x))) + ((x < T{}) ? T{} : x);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T y, float) {
    return -elementary::expm1(-y);
  }
};

/// x / (1 + exp(-x)), also called swish.
struct Silu {
  static constexpr ActivationTraits kTraits{ActivationKind::silu, "silu", 4.0F, Saved::input};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return x * elementary::logistic(x);
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, float) {
    const T y = elementary::logistic(x);
    return y + y * (x * elementary::logistic(-x));  // not 1 - y, which x would enlarge
  }
};

/// x times the standard normal distribution's integral up to x: the exact form, not the one by
/// tanh.
struct Gelu {
  static constexpr ActivationTraits kTraits{ActivationKind::gelu, "gelu", 8.0F, Saved::input};
  template <class T>
  MINNOW_FORMULA static T value(T x, float) {
    return x * elementary::normal(x).integral;
  }
  template <class T>
  MINNOW_FORMULA static T slope(T x, float) {
    const elementary::Normal<T> normal = elementary::normal(x);
    return normal.integral + x * normal.density;
  }
};

/// In the order of the kinds.
using Activations = TypeList<Identity, Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softplus, Silu, Gelu>;

template <class... Fs>
constexpr auto traits_of(TypeList<Fs...>) {
  struct Table {
    ActivationTraits entries[sizeof...(Fs)];
  };
  return Table{{Fs::kTraits...}};
}
inline constexpr auto kActivations = traits_of(Activations{});
static_assert(
    [] {
      int next = 0;
      for (const ActivationTraits& traits : kActivations.entries) {
        if (static_cast<int>(traits.kind) != next++) return false;
      }
      return next == static_cast<int>(ActivationKind::custom);
    }(),
    "Activations has one struct for each kind, in their order");

/// f(F{}) for the struct F of `kind`, which is not custom.
template <class F, class... Fs>
MINNOW_FORMULA void visit_activation(ActivationKind kind, TypeList<Fs...>, const F& f) {
  (void)((kind == Fs::kTraits.kind && (f(Fs{}), true)) || ...);
}

/// dy times the slope; where the slope is zero the gradient is, whatever dy is.
template <class F, class T>
MINNOW_FORMULA T activation_gradient(T dy, T saved, float parameter) {
  const T slope = F::slope(saved, parameter);
  return (slope == T{}) ? T{} : dy * slope;
}

/// Of a custom one its slope is a function of the input.
constexpr Saved saved_by(ActivationKind kind) noexcept {
  return kind == ActivationKind::custom
             ? Saved::input
             : kActivations.entries[static_cast<std::size_t>(kind)].saved;
}
constexpr bool has_parameter(ActivationKind kind) noexcept {
  return kind != ActivationKind::custom &&
         kActivations.entries[static_cast<std::size_t>(kind)].has_parameter;
}
/// @throws InvalidArgument for a parameter that is no finite number of 0 or more, or for one where
/// the activation has none.
MINNOW_API void require_parameter(const Activation& activation);

/// "tanh", "leaky_relu"; a custom one's own name.
MINNOW_API std::string_view name_of(const Activation& activation) noexcept;
/// With its parameter, if it has one: "leaky_relu(0.01)".
MINNOW_API std::string text_of(const Activation& activation);
/// From such a text; nothing when it names none. @throws InvalidArgument for a parameter that is no
/// finite number of 0 or more, or for one where the activation has none.
MINNOW_API std::optional<Activation> parse_activation(std::string_view text);
/// Every name that parse_activation() knows: "relu, leaky_relu, ...".
MINNOW_API std::string activation_names();

}  // namespace minnow
