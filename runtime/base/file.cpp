// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/file.hpp"

#include "runtime/base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stagedoor {

result<file_content> read_file(const std::string& path, std::size_t limit, fault_side side) {
  const auto failed = [&](int error_number) {
    auto f = errno_fault(side, path, error_number);
    if (error_number == ENOENT) f.kind = fault_kind::not_found;
    return f;
  };
  // Without O_NONBLOCK a named pipe in the place of a file would wait for its writer for ever.
  const unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0) return failed(errno);
  if (!S_ISREG(about.st_mode))
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 path + ": not a regular file"};
  file_content content;
  content.mode = about.st_mode & 07777U;
  std::array<char, 65536> chunk;
  for (;;) {
    const auto n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    if (n == 0) return content;
    content.bytes.append(chunk.data(), static_cast<std::size_t>(n));
    if (content.bytes.size() > limit)
      return fault{fault_kind::too_large, fault_side::operator_input, retryable::no,
                   fmt::format("{}: larger than {} bytes", path, limit)};
  }
}

}  // namespace stagedoor
