#pragma once

#include <cstddef>

namespace fakecuda {

// Whether the whole range is page-locked memory of this runtime.
bool is_pinned(const void* pointer, std::size_t bytes);

}  // namespace fakecuda
