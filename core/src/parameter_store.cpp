#include "parameter_store.h"

#include <minnow/base/text.h>
#include <minnow/error.h>
#include <minnow/random.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace minnow {
namespace {

void fill_uniform(std::span<float> values, double limit, std::uint64_t seed, std::uint64_t stream) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto words = random_words(seed, stream, i / 4);
    const double unit = to_unit_float(words.word[i % 4]);
    values[i] = static_cast<float>((2.0 * unit - 1.0) * limit);
  }
}

// Box and Muller (1958): two uniforms make two normals.
void fill_normal(std::span<float> values, double deviation, std::uint64_t seed,
                 std::uint64_t stream) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto words = random_words(seed, stream, i / 2);
    const double radius = std::sqrt(-2.0 * std::log(1.0 - to_unit_float(words.word[0])));
    const double angle = 2.0 * std::numbers::pi * to_unit_float(words.word[1]);
    const double normal = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    values[i] = static_cast<float>(deviation * normal);
  }
}

Tensor initial_values(const ParameterSpec& spec, std::uint64_t seed, std::uint64_t stream) {
  Tensor tensor(Shape{spec.rows, spec.cols});
  const auto values = tensor.mutable_data<float>();
  const auto fan_in = static_cast<double>(spec.cols);
  const auto fan_out = static_cast<double>(spec.rows);
  switch (spec.init) {
    case Init::zeros:
      break;
    case Init::glorot_uniform:
      fill_uniform(values, std::sqrt(6.0 / (fan_in + fan_out)), seed, stream);
      break;
    case Init::he_uniform:
      fill_uniform(values, std::sqrt(6.0 / fan_in), seed, stream);
      break;
    case Init::he_normal:
      fill_normal(values, std::sqrt(2.0 / fan_in), seed, stream);
      break;
    case Init::given:
      return spec.given.to(DType::f32).reshape({spec.rows, spec.cols}).clone();
  }
  return tensor;
}

}  // namespace

void copy_values(const std::vector<Tensor>& from, std::vector<Tensor>& to) {
  for (std::size_t slot = 0; slot < from.size(); ++slot) {
    if (slot == to.size()) {
      to.push_back(from[slot].clone());
      continue;
    }
    const auto values = from[slot].data<float>();
    std::copy(values.begin(), values.end(), to[slot].mutable_data<float>().begin());
  }
}

ParameterStore::ParameterStore(const std::vector<ParameterSpec>& specs, std::uint64_t seed) {
  for (std::size_t slot = 0; slot < specs.size(); ++slot) {
    values_.push_back(initial_values(specs[slot], seed, slot));
  }
}

const std::vector<Tensor>& ParameterStore::values() {
  if (holder_ != nullptr) {
    holder_->pull(values_);
    holder_ = nullptr;
  }
  return values_;
}

void ParameterStore::set(int slot, const Tensor& values) {
  this->values();
  const auto from = values.data<float>();
  const auto to = values_[static_cast<std::size_t>(slot)].mutable_data<float>();
  std::copy(from.begin(), from.end(), to.begin());
  ++version_;
}

void ParameterStore::forget_holder() noexcept {
  holder_ = nullptr;
  ++version_;
}

void ParameterStore::replace(const std::vector<Tensor>& values) {
  holder_ = nullptr;
  copy_values(values, values_);
  ++version_;
}

void ParameterStore::mark_newer_on(Holder* holder) noexcept {
  holder_ = holder;
  ++version_;
}

void ParameterStore::release(Holder* holder) noexcept {
  if (holder_ != holder) return;
  try {
    values();
  } catch (...) {
    holder_ = nullptr;
  }
}

}  // namespace minnow
