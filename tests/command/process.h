#pragma once

/// Runs the minnow command in a directory of its own and takes in what it says.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace minnow::test {

/// An empty directory that goes with the test.
class Place {
 public:
  Place();
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  void write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }
  /// Nothing, not even a directory.
  bool empty() const { return std::filesystem::is_empty(path_); }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int exit = -1;  // -1: ended by a signal
  std::string out = {};
  std::string err = {};
};

enum class Sink { capture, full, closed };  // a pipe to the test; /dev/full; no descriptor at all

struct Streams {
  Sink out = Sink::capture;
  Sink err = Sink::capture;
  std::vector<std::string> environment = {};  // "LC_ALL=C.UTF-8"
  std::vector<std::string> under = {};        // the program that runs it: {"nice", "-n", "5"}
};

/// A running command. It is killed when it takes more than two minutes.
class Process {
 public:
  Process(const Place& place, const std::vector<std::string>& arguments, const Streams& streams);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Until standard output holds so many complete lines.
  void wait_for_lines(std::size_t lines);
  void send(int signal) const;
  pid_t pid() const noexcept { return pid_; }
  /// As a reader that has seen enough: `| head`.
  void close_output();
  Outcome finish();

 private:
  bool take_in();  // false: both streams have ended

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  Outcome outcome_;
};

Outcome run(const Place& place, const std::vector<std::string>& arguments,
            const Streams& streams = {});

/// The same on a terminal of so many columns: both streams as the terminal got them, in `out`.
Outcome run_on_terminal(const Place& place, const std::vector<std::string>& arguments, int columns,
                        const std::vector<std::string>& environment = {});

std::vector<std::string> lines_of(const std::string& text);

}  // namespace minnow::test
