#include "terminal/terminal.h"

#include <minnow/base/environment.h>

#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>

#include "terminal/numbers.h"

namespace minnow::command {
namespace {

bool utf8_locale() {
  std::setlocale(LC_CTYPE, "");  // numbers keep their point: LC_NUMERIC stays "C"
  return std::string_view(nl_langinfo(CODESET)) == "UTF-8";
}

bool color_on(ColorChoice choice, bool able) {
  if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
  return able && setting("NO_COLOR").empty();  // no-color.org
}

std::string blanks_after(std::string_view text, std::size_t width) {
  const std::size_t taken = columns(text);
  return std::string(taken < width ? width - taken : 0, ' ');
}

}  // namespace

void Stream::write(std::string_view text) {
  while (!text.empty() && !closed_) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      closed_ = true;
      if (errno != EPIPE) error_ = errno;
    }
  }
}

Terminal open_terminal(ColorChoice color) {
  Terminal terminal;
  const std::string type = setting("TERM");
  const bool smart = !type.empty() && type != "dumb";
  const bool err_tty = ::isatty(2) == 1;
  terminal.bar = err_tty && smart;
  terminal.err_color = color_on(color, terminal.bar);
  terminal.out_color = color_on(color, ::isatty(1) == 1 && smart);
  terminal.utf8 = utf8_locale();
  terminal.symbols = symbols_of(terminal.utf8);
  return terminal;
}

Symbols symbols_of(bool utf8) {
  if (utf8) return {"±", "·", "—", "━", "╺", "━", "*", "σ", "Δ", "✓", "!", "✗", "–"};
  return {"+-", "|", "-", "=", ">", " ", "*", "sigma", "delta", "[ok]", "[!!]", "[no]", "[--]"};
}

int Terminal::width() const {
  const auto given = number_of<int>(setting("COLUMNS"));
  if (given && *given > 0) return *given;
  winsize size{};
  if (::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string paint(std::string_view text, Color color, bool on) {
  if (!on || color == Color::none || text.empty()) return std::string(text);
  const char* start = color == Color::bold     ? "\x1b[1m"
                      : color == Color::dim    ? "\x1b[2m"
                      : color == Color::green  ? "\x1b[32m"
                      : color == Color::yellow ? "\x1b[33m"
                                               : "\x1b[31m";
  return start + std::string(text) + "\x1b[0m";
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

std::string padded(std::string_view text, std::size_t width) {
  return cat(text, blanks_after(text, width));
}

std::string right_aligned(std::string_view text, std::size_t width) {
  return cat(blanks_after(text, width), text);
}

void secure_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      // The lowest free number is fd itself.
      if (::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) == -1) return;
    }
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace minnow::command
