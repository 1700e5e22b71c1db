#pragma once

/// The kinds of operations of a program, and everything that is decided by a kind: one table.
/// Activations, losses and update rules have tables of their own (activation.h, loss_function.h,
/// update_rule.h): each is one kind here, and which of them an op is stands in the op.

#include <minnow/export.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace minnow {

enum class OpKind : std::uint8_t {
  gather,              // ()                 -> x, [target]     rows of the bound data
  linear,              // x, w, [bias]       -> y               y = f(x w^T [+ bias])
  linear_input_grad,   // dy, w, [saved]     -> dx              dx = dy w [f'(saved)]
  linear_weight_grad,  // dy, x              -> dw              dw = [dw +] dy^T x
  add_bias,            // x, bias            -> y
  bias_grad,           // dy                 -> db              [db +] column sums
  add,                 // a, b               -> y               y = a + b
  activate,            // x                  -> y               y = f(x)
  activate_grad,       // dy, saved          -> dx              dx = dy f'(saved)
  softmax,             // x                  -> y               along each row
  softmax_grad,        // dy, y              -> dx
  loss,                // prediction, target -> loss, [correct], [gradient]
  update,              // all parameters     -> all parameters
};

enum class OpFamily : std::uint8_t {
  data,     // brings the batch in
  product,  // a product of two matrices
  unary,    // of each element by itself
  row,      // of each row by itself
  sum,      // over rows
  loss,
  update,
};

/// What an op's gradient reads of the forward pass.
enum class Saved : std::uint8_t {
  nothing,
  input,
  output,
  by_function,  // of an activation: its table says which
};

struct OpTraits {
  OpKind kind;
  std::string_view name;
  OpFamily family;
  Saved saved = Saved::nothing;
};

/// In the order of the kinds.
inline constexpr OpTraits kOps[] = {
    {OpKind::gather, "gather", OpFamily::data},
    {OpKind::linear, "linear", OpFamily::product, Saved::input},
    {OpKind::linear_input_grad, "linear_input_grad", OpFamily::product},
    {OpKind::linear_weight_grad, "linear_weight_grad", OpFamily::product},
    {OpKind::add_bias, "add_bias", OpFamily::unary},
    {OpKind::bias_grad, "bias_grad", OpFamily::sum},
    {OpKind::add, "add", OpFamily::unary},
    {OpKind::activate, "activate", OpFamily::unary, Saved::by_function},
    {OpKind::activate_grad, "activate_grad", OpFamily::unary},
    {OpKind::softmax, "softmax", OpFamily::row, Saved::output},
    {OpKind::softmax_grad, "softmax_grad", OpFamily::row},
    {OpKind::loss, "loss", OpFamily::loss},
    {OpKind::update, "update", OpFamily::update},
};
static_assert(
    [] {
      for (std::size_t i = 0; i < std::size(kOps); ++i) {
        if (kOps[i].kind != static_cast<OpKind>(i)) return false;
      }
      return std::size(kOps) == static_cast<std::size_t>(OpKind::update) + 1;
    }(),
    "kOps has one line for each kind, in their order");

constexpr const OpTraits& traits_of(OpKind kind) noexcept {
  return kOps[static_cast<std::size_t>(kind)];
}
constexpr std::string_view name_of(OpKind kind) noexcept { return traits_of(kind).name; }
constexpr bool is_product(OpKind kind) noexcept {
  return traits_of(kind).family == OpFamily::product;
}
constexpr bool is_loss(OpKind kind) noexcept { return traits_of(kind).family == OpFamily::loss; }
constexpr bool is_update(OpKind kind) noexcept {
  return traits_of(kind).family == OpFamily::update;
}
/// Whether an op sums over the rows of a batch, so that slices add to what is there.
constexpr bool sums_rows(OpKind kind) noexcept {
  return kind == OpKind::linear_weight_grad || traits_of(kind).family == OpFamily::sum;
}

}  // namespace minnow
