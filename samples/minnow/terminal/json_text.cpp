#include "terminal/json_text.h"

namespace minnow::command {

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json error_json(const Failure& failure) {
  return {{"code", failure.code.c_str()},
          {"cause", failure.what},
          {"evidence", text_or_null(failure.evidence)},
          {"remedy", text_or_null(failure.remedy)},
          {"effect", text_or_null(failure.effect)}};
}

}  // namespace minnow::command
