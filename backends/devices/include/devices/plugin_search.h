#pragma once

#include <string>

namespace minnow {

/// A library that libminnow opens at run time: where MINNOW_PLUGIN_DIR says, beside the file that
/// holds this library's code, or in its ../lib. Empty: nowhere.
std::string find_plugin(const char* file);
/// Where find_plugin() looks, with commas between.
std::string plugin_places(const char* file);

}  // namespace minnow
