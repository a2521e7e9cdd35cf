// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace stagedoor::acme {

namespace {

fault disk_fault(std::string_view doing, const std::string& path, int error_number) {
  auto f = errno_fault(fault_side::self, fmt::format("{} {}", doing, path), error_number);
  if (error_number == ENOENT) f.kind = fault_kind::not_found;
  return f;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace

result<void> write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const auto draft = fmt::format("{}.{}.new", path, ::getpid());
  ::unlink(draft.c_str());  // of a process with our number that was killed here
  {
    const unique_fd fd(
        ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return disk_fault("write", draft, errno);
    if (::fchmod(fd.get(), mode) != 0 || !write_all(fd.get(), bytes) || ::fsync(fd.get()) != 0) {
      const int error_number = errno;
      ::unlink(draft.c_str());
      return disk_fault("write", draft, error_number);
    }
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return disk_fault("rename to", path, errno);
  return sync_folder(parent_of(path));
}

result<void> point_link(const std::string& link, const std::string& target) {
  const auto draft = fmt::format("{}.{}.new", link, ::getpid());
  ::unlink(draft.c_str());
  if (::symlink(target.c_str(), draft.c_str()) != 0) return disk_fault("link", draft, errno);
  if (::rename(draft.c_str(), link.c_str()) != 0) return disk_fault("rename to", link, errno);
  return {};
}

result<void> make_folder(const std::string& path, mode_t mode) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) return disk_fault("make folder", path, error.value());
  if (made && ::chmod(path.c_str(), mode) != 0) return disk_fault("protect", path, errno);
  return {};
}

result<void> sync_folder(const std::string& folder) {
  const unique_fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return disk_fault("sync", folder, errno);
  return {};
}

result<unique_fd> lock_file(const std::string& path) {
  unique_fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return disk_fault("lock", path, errno);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &whole) != 0) {
    if (errno == EACCES || errno == EAGAIN)
      return fault{fault_kind::conflict, fault_side::self, retryable::yes,
                   path + ": held by another process"};
    return disk_fault("lock", path, errno);
  }
  return fd;
}

}  // namespace stagedoor::acme
