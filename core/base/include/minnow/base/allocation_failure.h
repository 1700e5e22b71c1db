#pragma once

#include <minnow/base/host_memory.h>

#include <cstdint>
#include <string_view>

namespace minnow {

/// A block that cannot be had: `what` is it for ("a tensor"), `detail` says more of it (its shape).
/// @throws ResourceExhausted (MN-M08), which says what is available.
[[noreturn]] void throw_not_enough_host_memory(std::int64_t bytes, std::string_view what,
                                               std::string_view detail = {});
[[noreturn]] void throw_not_enough_host_memory(std::int64_t bytes, std::string_view what,
                                               std::string_view detail, const HostMemory& host);

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
