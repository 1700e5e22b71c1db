#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace minnow {

/// Zeroed memory at a multiple of 64 bytes. `what` goes into the message ("a tensor"), as does
/// `detail` (its shape). A large block that the machine cannot back is refused before it is
/// touched: Linux would grant it and end the process later.
/// @throws ResourceExhausted (MN-M08).
std::shared_ptr<std::byte> allocate_host(std::int64_t bytes, std::string_view what,
                                         std::string_view detail = {});

}  // namespace minnow
