#pragma once

#include <string>
#include <string_view>

namespace minnow::machine {

/// The first "N.N" or "N.N.N"; empty when there is none.
std::string first_version(std::string_view text);

/// "39.9 MB", as the vendors count.
std::string megabytes(double bytes);

}  // namespace minnow::machine
