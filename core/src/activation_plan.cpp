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
  std::vector<Lifetime> found;
  for (ValueId id = 0; id < static_cast<ValueId>(program.values().size()); ++id) {
    const Value& value = program.value(id);
    if (!planned(value)) continue;
    Lifetime life{.id = id, .bytes = (bytes_of(value) + 63) / 64 * 64, .first = end, .last = -1};
    for (int i = 0; i < end; ++i) {
      const Op& op = program.ops()[static_cast<std::size_t>(i)];
      for (const auto* operands : {&op.inputs, &op.outputs}) {
        if (std::count(operands->begin(), operands->end(), id) == 0) continue;
        const OpSpan span = spans.empty() ? OpSpan{i, i} : spans[static_cast<std::size_t>(i)];
        life.first = std::min(life.first, span.first);
        life.last = std::max(life.last, span.last);
      }
    }
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
  std::vector<Lifetime> placed;
  for (const Lifetime& life : lives) {
    std::int64_t offset = 0;
    // `placed` is sorted by offset, so one pass finds the first gap.
    for (const Lifetime& other : placed) {
      if (other.last < life.first || other.first > life.last) continue;
      const std::int64_t start = plan.offsets[static_cast<std::size_t>(other.id)];
      if (offset + life.bytes <= start) break;
      offset = std::max(offset, start + other.bytes);
    }
    plan.offsets[static_cast<std::size_t>(life.id)] = offset;
    plan.bytes = std::max(plan.bytes, offset + life.bytes);
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), offset, [&](std::int64_t value, const Lifetime& other) {
          return value < plan.offsets[static_cast<std::size_t>(other.id)];
        });
    placed.insert(after, life);
  }
  return plan;
}

}  // namespace minnow
