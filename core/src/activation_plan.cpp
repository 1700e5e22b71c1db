#include <minnow/activation_plan.h>

#include <algorithm>

namespace minnow {
namespace {

struct Lifetime {
  ValueId id;
  std::int64_t bytes;
  int first;
  int last;
};

bool planned(const Value& value) {
  return value.kind != ValueKind::parameter && value.kind != ValueKind::gradient;
}

std::vector<Lifetime> lifetimes(const Program& program,
                                const std::function<std::int64_t(const Value&)>& bytes_of,
                                const std::vector<OpSpan>& spans) {
  const int end = static_cast<int>(program.ops().size());
  std::vector<OpSpan> uses(program.values().size(), {.first = end, .last = -1});
  for (int i = 0; i < end; ++i) {
    const Op& op = program.ops()[static_cast<std::size_t>(i)];
    const OpSpan span = spans.empty() ? OpSpan{i, i} : spans[static_cast<std::size_t>(i)];
    for (const auto* operands : {&op.inputs, &op.outputs}) {
      for (const ValueId id : *operands) {
        OpSpan& use = uses[static_cast<std::size_t>(id)];
        use = {std::min(use.first, span.first), std::max(use.last, span.last)};
      }
    }
  }
  std::vector<Lifetime> found;
  for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
    const Value& value = program.value(id);
    if (!planned(value)) continue;
    const OpSpan use = uses[static_cast<std::size_t>(id)];
    Lifetime life{
        .id = id, .bytes = (bytes_of(value) + 63) / 64 * 64, .first = use.first, .last = use.last};
    // Written before the run, or read after it.
    if (value.kind == ValueKind::input) life.first = 0;
    if (value.keep || value.kind != ValueKind::activation) life.last = end;
    if (value.kind == ValueKind::input || life.last >= life.first) found.push_back(life);
  }
  return found;
}

}  // namespace

ActivationPlan plan_activations(const Program& program,
                                const std::function<std::int64_t(const Value&)>& bytes_of,
                                const std::vector<OpSpan>& spans) {
  ActivationPlan plan;
  plan.offsets.assign(program.values().size(), -1);
  auto lives = lifetimes(program, bytes_of, spans);
  // Largest first, each at the lowest place that no value alive at the same time takes.
  std::stable_sort(lives.begin(), lives.end(),
                   [](const Lifetime& a, const Lifetime& b) { return a.bytes > b.bytes; });
  struct Place {
    std::int64_t begin;
    std::int64_t end;
  };
  // By op, so that a value of one slice never looks at those of the others; the last entry is the
  // time after the run.
  std::vector<std::vector<Place>> taken(program.ops().size() + 1);
  std::vector<Place> others;
  for (const Lifetime& life : lives) {
    others.clear();
    for (int i = life.first; i <= life.last; ++i) {
      const auto& places = taken[static_cast<std::size_t>(i)];
      others.insert(others.end(), places.begin(), places.end());
    }
    std::sort(others.begin(), others.end(),
              [](const Place& a, const Place& b) { return a.begin < b.begin; });
    Place place{0, life.bytes};
    for (const Place& other : others) {
      if (place.end <= other.begin) break;
      if (other.end > place.begin) place = {other.end, other.end + life.bytes};
    }
    for (int i = life.first; i <= life.last; ++i) {
      taken[static_cast<std::size_t>(i)].push_back(place);
    }
    plan.offsets[static_cast<std::size_t>(life.id)] = place.begin;
    plan.bytes = std::max(plan.bytes, place.end);
  }
  return plan;
}

}  // namespace minnow
