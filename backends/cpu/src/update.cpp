#include "update.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>
#include <vector>

#include "layout.h"

namespace minnow::cpu {
namespace {

/// A part of the arena whose parameters are all subject to weight decay, or none is.
struct Region {
  std::int64_t begin;
  std::int64_t end;
};

template <class Rule>
class RuleUpdate final : public Update {
 public:
  RuleUpdate(const Rule& rule, void (*kernel)(const void*, const UpdateSpan&),
             const KernelTable& kernels, CpuArena& arena, int workers)
      : rule_(rule),
        kernel_(kernel),
        kernels_(kernels),
        arena_(arena),
        // Without a difference between them, one call of a kernel does for all.
        weights_end_(decays(rule, 2) == decays(rule, 1) ? arena.floats() : arena.weight_floats()),
        regions_{{{0, weights_end_}, {weights_end_, arena.floats()}}},
        largest_(static_cast<std::size_t>(workers)) {}

  void look(int worker, int workers) noexcept override {
    if (worker == 0) {
      const auto step = static_cast<std::uint64_t>(arena_.steps() + 1);
      for (std::size_t i = 0; i < regions_.size(); ++i) {
        if (empty(i)) continue;
        steps_[i] = rule_.prepare(arena_.learning_rate(), step, decays(rule_, i == 0 ? 2 : 1));
      }
      before_ = arena_.magnitudes();
    }
    float largest = 0;
    const float* g = arena_.all(Arena::Part::gradients);
    for_owned(worker, workers, [&](std::size_t, std::int64_t begin, std::int64_t end) {
      const float here = kernels_.largest_magnitude(g + begin, end - begin);
      if (!(here <= largest)) largest = std::isnan(largest) ? largest : here;
    });
    largest_[static_cast<std::size_t>(worker)] = largest;
  }

  bool apply(int worker, int workers) noexcept override {
    Magnitudes after;
    if (!suffices(workers, after)) return false;
    for_owned(worker, workers, [&](std::size_t region, std::int64_t begin, std::int64_t end) {
      kernel_(&steps_[region], span(begin, end));
    });
    if (worker == 0) after_ = after;
    return true;
  }

  void finish_step() noexcept override {
    arena_.set_magnitudes(after_);
    arena_.set_steps(arena_.steps() + 1);
  }

  bool resolve() noexcept override {
    Magnitudes exact;
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      if (!stays_finite(i, regions_[i].begin, regions_[i].end, exact)) return false;
    }
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      kernel_(&steps_[i], span(regions_[i].begin, regions_[i].end));
    }
    after_ = exact;
    return true;
  }

  std::string first_not_finite() const override {
    const auto& parameters = arena_.parameters();
    for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
      const std::int64_t begin = arena_.offset(static_cast<int>(slot));
      const std::size_t region = begin < weights_end_ ? 0 : 1;
      Magnitudes unused;
      if (!stays_finite(region, begin, begin + slice_floats(parameters[slot]), unused)) {
        return "update of " + parameters[slot].name;
      }
    }
    return "";
  }

 private:
  /// f(region, begin, end) for a worker's part of all slices: that which it made gradients of.
  template <class Function>
  void for_owned(int worker, int workers, Function f) const {
    if (workers == 1) {
      for (std::size_t i = 0; i < regions_.size(); ++i) {
        if (!empty(i)) f(i, regions_[i].begin, regions_[i].end);
      }
      return;
    }
    for (std::size_t slot = 0; slot < arena_.parameters().size(); ++slot) {
      const Share part = share_of_slice(arena_.parameters()[slot], worker, workers);
      const std::int64_t offset = arena_.offset(static_cast<int>(slot));
      const std::size_t region = offset < weights_end_ ? 0 : 1;
      f(region, offset + part.begin, offset + part.end);
    }
  }

  bool empty(std::size_t region) const { return regions_[region].begin == regions_[region].end; }

  UpdateSpan span(std::int64_t begin, std::int64_t end) const {
    const auto at = [&](Arena::Part part) {
      float* all = arena_.all(part);
      return all == nullptr ? nullptr : all + begin;
    };
    return {.p = at(Arena::Part::parameters),
            .g = at(Arena::Part::gradients),
            .state0 = at(Arena::Part::state0),
            .state1 = at(Arena::Part::state1),
            .states = rule_.states(),
            .count = end - begin};
  }

  /// Whether the bounds say that everything stays finite, and what they are after the step.
  bool suffices(int workers, Magnitudes& after) const noexcept {
    double largest = 0;
    for (int worker = 0; worker < workers; ++worker) {
      const double here = largest_[static_cast<std::size_t>(worker)];
      if (!(here <= largest)) largest = std::isnan(largest) ? largest : here;
    }
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      if (empty(i)) continue;
      Magnitudes region = before_;
      if (!Rule::bound(steps_[i], largest, region)) return false;
      raise(after, region);
    }
    return true;
  }

  static void raise(Magnitudes& most, const Magnitudes& by) noexcept {
    most.parameter = std::max(most.parameter, by.parameter);
    for (int i = 0; i < 2; ++i) most.state[i] = std::max(most.state[i], by.state[i]);
  }

  /// By copies, and by the kernel itself: the same bits. Raises `most` by what it finds.
  bool stays_finite(std::size_t region, std::int64_t begin, std::int64_t end,
                    Magnitudes& most) const noexcept {
    constexpr std::int64_t kBlock = 256;
    alignas(64) float copies[3][kBlock];
    for (std::int64_t at = begin; at < end; at += kBlock) {
      UpdateSpan block = span(at, std::min(at + kBlock, end));
      float** const parts[3] = {&block.p, &block.state0, &block.state1};
      for (int i = 0; i < 1 + block.states; ++i) {
        std::copy_n(*parts[i], block.count, copies[i]);
        *parts[i] = copies[i];
      }
      kernel_(&steps_[region], block);
      double found[3] = {0, 0, 0};
      for (int i = 0; i < 1 + block.states; ++i) {
        found[i] = kernels_.largest_magnitude(copies[i], block.count);
        if (!std::isfinite(found[i])) return false;
      }
      raise(most, {.parameter = found[0], .state = {found[1], found[2]}});
    }
    return true;
  }

  Rule rule_;
  void (*kernel_)(const void*, const UpdateSpan&);
  const KernelTable& kernels_;
  CpuArena& arena_;
  std::int64_t weights_end_;
  std::array<Region, 2> regions_;  // weights, and what is not decayed with them; one may be empty
  // Of the running step: written before its barrier by worker 0, or by each worker its own.
  std::array<typename Rule::Step, 2> steps_{};
  Magnitudes before_;
  std::vector<float> largest_;  // gradient, by worker
  Magnitudes after_;
};

}  // namespace

std::unique_ptr<Update> make_update(const UpdateRule& rule, const KernelTable& kernels,
                                    CpuArena& arena, int workers) {
  return std::visit(
      [&](const auto& kind) -> std::unique_ptr<Update> {
        return std::make_unique<RuleUpdate<std::decay_t<decltype(kind)>>>(
            kind, kernels.updates.numbers[rule.index()], kernels, arena, workers);
      },
      rule);
}

}  // namespace minnow::cpu
