#include "output/save_file.h"

#include <minnow/error.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "terminal/numbers.h"

namespace minnow::command {

void save_file(const std::string& path, const std::function<void(std::ostream&)>& write) {
  const std::string beside = cat(path, ".", ::getpid(), ".tmp");
  std::ofstream file(beside, std::ios::binary);
  write(file);
  file.close();
  if (file && std::rename(beside.c_str(), path.c_str()) == 0) return;
  const int error = errno;
  std::remove(beside.c_str());
  throw IoError({.code = "MN-P01",
                 .what = path + " was not written.",
                 .evidence = std::strerror(error),
                 .effect = "a file that was there is as it was"},
                path, IoError::Action::write, error);
}

}  // namespace minnow::command
