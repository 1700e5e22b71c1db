#pragma once

#include <new>
#include <string_view>

namespace minnow {

/// What the functions that a program calls make of std::bad_alloc, so that a container that cannot
/// grow is told as a tensor is:
///
///     Tensor Trainer::predict(const Tensor& x) try {
///       ...
///     } catch (const std::bad_alloc&) {
///       throw_allocation_failed("predicting");
///     }
///
/// @throws ResourceExhausted (MN-M08); std::bad_alloc when there is no memory for the message.
[[noreturn]] void throw_allocation_failed(std::string_view doing);

}  // namespace minnow
