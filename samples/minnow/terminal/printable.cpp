#include "terminal/printable.h"

#include <array>
#include <cstdint>
#include <utility>

#include "terminal/terminal.h"

namespace minnow::command {
namespace {

struct Character {
  std::size_t bytes = 0;  // 0: no UTF-8
  std::uint32_t code = 0;
};

// At the beginning of a text that is not empty (RFC 3629).
Character first_character(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return {.bytes = 1, .code = lead};
  const std::size_t bytes = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
  if (lead < 0xC2U || lead > 0xF4U || text.size() < bytes) return {};
  std::uint32_t code = lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800U && code <= 0xDFFFU;
  if (code < kLeast.at(bytes) || code > 0x10FFFFU || surrogate) return {};
  return {.bytes = bytes, .code = code};
}

// Controls (C0, DEL, C1), ends of a line, and what turns the direction of the text around.
bool steers(std::uint32_t code) {
  return code < 0x20U || (code >= 0x7FU && code <= 0x9FU) || code == 0x200EU || code == 0x200FU ||
         (code >= 0x2028U && code <= 0x202EU) || (code >= 0x2066U && code <= 0x2069U);
}

std::string escaped(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char letter : bytes) {
    const auto byte = static_cast<unsigned char>(letter);
    text += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return text;
}

// What texts of minnow are written with.
std::string in_ascii(std::string_view character) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames = {
      {{"±", "+-"}, {"·", "|"}, {"—", "-"}, {"–", "-"}, {"×", "x"}, {"Δ", "d"}}};
  for (const auto& [from, to] : kNames) {
    if (from == character) return std::string(to);
  }
  return escaped(character);
}

}  // namespace

std::string printable(std::string_view text, bool utf8) {
  std::string result;
  while (!text.empty()) {
    const Character next = first_character(text);
    const std::string_view bytes = text.substr(0, next.bytes == 0 ? 1 : next.bytes);
    if (next.bytes == 0 || steers(next.code)) {
      result += escaped(bytes);
    } else {
      result += next.bytes == 1 || utf8 ? std::string(bytes) : in_ascii(bytes);
    }
    text.remove_prefix(bytes.size());
  }
  return result;
}

}  // namespace minnow::command
