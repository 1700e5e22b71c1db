#pragma once

/// The types of a table, in the order of its kinds.

namespace minnow {

template <class... Types>
struct TypeList {};

}  // namespace minnow
