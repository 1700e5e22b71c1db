#pragma once

/// What all JSON that the command writes has in common.

#include <minnow/error.h>

#include <nlohmann/json.hpp>
#include <string>

namespace minnow::command {

using Json = nlohmann::ordered_json;

/// Ends in "\n". A number that is not finite is null, bytes that are no UTF-8 are replaced.
std::string json_line(const Json& json);
Json text_or_null(const std::string& text);
Json error_json(const Failure& failure);

}  // namespace minnow::command
