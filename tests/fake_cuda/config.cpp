// The grammar of FAKE_CUDA and fakecuda_config(): settings and faults, separated by ',' or ';'.

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "state.h"

namespace fakecuda {
namespace {

[[noreturn]] void reject(const std::string& item, const std::string& why) {
  throw std::invalid_argument("'" + item + "': " + why);
}

template <class T>
T to_number(const std::string& text, const std::string& item) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) reject(item, "'" + text + "' is not a number");
  return value;
}

bool to_bool(const std::string& text, const std::string& item) {
  if (text != "0" && text != "1") reject(item, "wants 0 or 1");
  return text == "1";
}

std::size_t to_bytes(std::string text, const std::string& item) {
  unsigned shift = 0;
  if (!text.empty()) {
    if (text.back() == 'K') shift = 10;
    if (text.back() == 'M') shift = 20;
    if (text.back() == 'G') shift = 30;
  }
  if (shift > 0) text.pop_back();
  constexpr std::size_t kMost = std::size_t{8} << 30U;
  const auto value = to_number<std::size_t>(text, item);
  if (value > kMost >> shift) reject(item, "the fake has at most 8G");
  return value << shift;
}

std::set<unsigned> to_set(const std::string& text, const std::string& item) {
  std::set<unsigned> values;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t plus = std::min(text.find('+', at), text.size());
    values.insert(to_number<unsigned>(text.substr(at, plus - at), item));
    at = plus + 1;
  }
  return values;
}

// False when `key` is no setting.
bool apply_setting(Settings& settings, const std::string& key, const std::string& value,
                   const std::string& item) {
  if (key == "devices") {
    settings.devices = to_number<int>(value, item);
  } else if (key == "mem") {
    settings.memory = to_bytes(value, item);
  } else if (key == "drv") {
    settings.driver = to_number<int>(value, item);
  } else if (key == "rt") {
    settings.runtime = to_number<int>(value, item);
  } else if (key == "dnn") {
    settings.dnn = to_number<std::size_t>(value, item);
  } else if (key == "lt") {
    settings.lt = to_number<std::size_t>(value, item);
  } else if (key == "cc") {
    settings.cc = to_number<int>(value, item);
  } else if (key == "sms") {
    settings.sms = to_number<int>(value, item);
  } else if (key == "pools") {
    settings.pools = to_number<int>(value, item);
  } else if (key == "mode") {
    if (value != "eager" && value != "deferred") reject(item, "wants eager or deferred");
    settings.eager = value == "eager";
  } else if (key == "guard") {
    settings.guard = to_bool(value, item);
  } else if (key == "order") {
    settings.reverse = to_bool(value, item);
  } else if (key == "lt_refuse") {
    settings.lt_refuse = to_set(value, item);
  } else if (key == "lt_wrong") {
    settings.lt_wrong = to_set(value, item);
  } else if (key == "lt_tf32") {
    settings.lt_tf32 = to_bool(value, item);
  } else if (key == "lt_bias_any") {
    settings.lt_bias_any = to_bool(value, item);
  } else if (key == "lt_relu_nan") {
    settings.lt_relu_nan = to_bool(value, item);
  } else if (key == "dnn_graph") {
    settings.dnn_graph = to_bool(value, item);
  } else {
    return false;
  }
  return true;
}

// target[@N|@N+]=code[!], split at the last '=' already.
Fault to_fault(std::string target, std::string code, const std::string& item) {
  Fault fault;
  if (!code.empty() && code.back() == '!') {
    fault.sticky = true;
    code.pop_back();
  }
  fault.code = code == "auto" ? Fault::kAutomatic : to_number<int>(code, item);
  if (const std::size_t at = target.rfind('@'); at != std::string::npos) {
    std::string number = target.substr(at + 1);
    fault.from = !number.empty() && number.back() == '+';
    if (fault.from) number.pop_back();
    fault.at = to_number<long>(number, item);
    target.resize(at);
  }
  constexpr std::string_view kKernel = "kernel:";
  if (target.starts_with(kKernel)) {
    fault.target = Fault::Target::kKernel;
    fault.name = target.substr(kKernel.size());
    if (fault.code == Fault::kAutomatic) fault.code = cudaErrorLaunchFailure;
  } else if (target == "call") {
    fault.target = Fault::Target::kAnyCall;
  } else {
    fault.name = target;
    const Api* const api = find_api(target);
    if (api == nullptr) reject(item, "is neither a setting nor an entry point of the fake");
    if (fault.code == Fault::kAutomatic) fault.code = api->automatic;
  }
  if (fault.at < 1) reject(item, "calls are counted from 1");
  if (fault.code == 0) reject(item, "0 is success");
  return fault;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace

Config parse_config(const std::string& text) {
  Config config;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t stop = std::min(text.find_first_of(",;", at), text.size());
    const std::string item = trimmed(text.substr(at, stop - at));
    at = stop + 1;
    if (item.empty() || item == "1" || item == "on") continue;  // FAKE_CUDA=1 just switches it on
    const std::size_t equals = item.rfind('=');
    if (equals == std::string::npos) reject(item, "has no '='");
    const std::string key = item.substr(0, equals);
    const std::string value = item.substr(equals + 1);
    if (!apply_setting(config.settings, key, value, item)) {
      config.faults.push_back(to_fault(key, value, item));
    }
  }
  return config;
}

}  // namespace fakecuda
