#include <minnow/output_file.h>

#include "file_writer.h"

namespace minnow {

OutputFile::OutputFile(const std::string& path, std::int64_t bytes)
    : writer_(std::make_unique<FileWriter>(path, bytes, OutputTarget::Use::write)) {}

OutputFile::~OutputFile() = default;

void OutputFile::write(std::span<const std::byte> piece) { writer_->write(piece); }

void OutputFile::commit() { writer_->commit(); }

void check_output(const std::string& path, std::int64_t bytes) {
  FileWriter(path, bytes, OutputTarget::Use::trial).try_all();
}

}  // namespace minnow
