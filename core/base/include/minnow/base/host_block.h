#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace minnow {

/// Zeroed memory at a multiple of 64 bytes. `what` goes into the message ("a tensor"), as does
/// `detail` (its shape). @throws ResourceExhausted (MN-M08).
std::shared_ptr<std::byte> allocate_host(std::int64_t bytes, std::string_view what,
                                         std::string_view detail = {});

/// Refuses a large block that the machine cannot back: Linux would grant it and end the process
/// when it is written. allocate_host() has asked. @throws ResourceExhausted (MN-M08).
void require_host_memory(std::int64_t bytes, std::string_view what, std::string_view detail = {});

}  // namespace minnow
