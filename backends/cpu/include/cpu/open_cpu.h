#pragma once

#include <minnow/open.h>

#include <memory>

namespace minnow::cpu {

/// This machine's processors. @throws InvalidArgument for tf32, DeviceUnavailable with cause and
/// remedy where bf16 cannot be had.
std::shared_ptr<Backend> open_cpu(const OpenOptions& options);

}  // namespace minnow::cpu
