#pragma once

/// The two streams the command writes and what they can show. Results go to `out`, everything else
/// to `err`. A stream that is closed or full never stops a run.

#include <string>
#include <string_view>

namespace minnow::command {

class Stream {
 public:
  explicit Stream(int fd) : fd_(fd) {}
  /// All of it, at once. After a failure nothing more is written.
  void write(std::string_view text);
  void line(std::string_view text) { write(std::string(text) + "\n"); }
  /// errno of the write that failed; 0 when none did, or when the reader has gone (`| head`).
  int error() const noexcept { return error_; }

 private:
  int fd_;
  bool closed_ = false;
  int error_ = 0;
};

enum class ColorChoice { automatic, always, never };
enum class Color { none, bold, dim, red, green, yellow };

/// UTF-8 or ASCII, by the locale.
struct Symbols {
  std::string plus_minus, dot, dash;
  std::string bar_done, bar_head, bar_rest;
  std::string best;
  std::string sigma, delta;
  std::string good, attention, problem, skipped;
};
Symbols symbols_of(bool utf8);

struct Terminal {
  Stream out{1};
  Stream err{2};
  bool out_color = false;
  bool err_color = false;
  bool bar = false;  // stderr is a terminal that understands "\r"
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool utf8 = false;
  Symbols symbols = {};

  /// Columns of the terminal behind stderr, unless COLUMNS says how many.
  int width() const;
  /// A line of progress or of the header: stderr, unless quiet.
  void note(std::string_view text) {
    if (!quiet) err.line(text);
  }
};
Terminal open_terminal(ColorChoice color);

std::string paint(std::string_view text, Color color, bool on);
/// Columns that a UTF-8 text without control characters takes.
std::size_t columns(std::string_view text);
/// `text` and blanks up to `width` columns.
std::string padded(std::string_view text, std::size_t width);
/// Blanks up to `width` columns, and `text`.
std::string right_aligned(std::string_view text, std::size_t width);

/// Descriptors 0 to 2 are open from here on, so that no file of ours becomes "standard output"; a
/// closed pipe or a file size limit is an error that is reported, not a signal that kills.
void secure_standard_streams();

}  // namespace minnow::command
