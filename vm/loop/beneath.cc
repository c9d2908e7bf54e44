#include "vm/loop/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

// Closes at the end of the scope.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  void reset(int fd) {
    close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

absl::Status ErrnoStatus(int error, const std::string& path) {
  const std::string text = absl::StrCat(path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(path, ": there is no such file or directory"));
    case EEXIST:
      return absl::AlreadyExistsError(absl::StrCat(path, ": is there already"));
    case EXDEV:
      return absl::PermissionDeniedError(absl::StrCat(path, ": leads out of the directory"));
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(text);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::ResourceExhaustedError(text);
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case ELOOP:
    case EBUSY:
    case ENXIO:
      return absl::FailedPreconditionError(text);
    case EINVAL:
    case ENAMETOOLONG:
      return absl::InvalidArgumentError(text);
    default:
      return absl::UnavailableError(text);
  }
}

absl::Status CheckPath(const std::string& path) {
  constexpr size_t kPathBytesMax = 4095;
  if (path.size() > kPathBytesMax) return absl::InvalidArgumentError("a path of over 4095 bytes");
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("a path with a zero byte");
  }
  return absl::OkStatus();
}

int OpenAt2(int in, const char* path, int flags, int mode) {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = static_cast<uint64_t>(flags);
  how.mode = static_cast<uint64_t>(mode);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  // EAGAIN: something was renamed while the kernel looked.
  for (int tries = 0; tries < 100; ++tries) {
    const long fd = syscall(SYS_openat2, in, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
  return -1;
}

absl::StatusOr<int> OpenBeneath(const DirectoryFd& in, const std::string& path, int flags,
                                int mode = 0) {
  if (absl::Status status = CheckPath(path); !status.ok()) return status;
  flags |= O_CLOEXEC;
  const int fd = OpenAt2(in.get(), path.empty() ? "." : path.c_str(), flags, mode);
  if (fd >= 0) return fd;
  if (errno != ENOSYS && !(errno == EPERM && (flags & O_PATH) != 0)) {
    return ErrnoStatus(errno, path);
  }
  return beneath_internal::OpenByComponents(in.get(), path, flags, mode);
}

// The directory that holds the last component of `path`, and that component.
struct Place {
  Directory directory;
  std::string name;
};
absl::StatusOr<Place> PlaceOf(const DirectoryFd& in, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(absl::StrCat(path, ": names nothing inside the directory"));
  }
  const std::string folder = slash == std::string::npos ? std::string(".")
                             : slash == 0               ? std::string("/")
                                                        : path.substr(0, slash);
  auto directory = OpenDirectoryBeneath(in, folder);
  if (!directory.ok()) return directory.status();
  return Place{*std::move(directory), std::move(name)};
}

// What is open at `fd` if it is a regular file of at most bytes_max.
absl::StatusOr<std::string> ReadAll(int fd, const std::string& path, size_t bytes_max) {
  struct stat info;
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, path);
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is no regular file"));
  }
  const auto too_big = [&](uint64_t size) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, ": has ", size, " bytes; the limit is ", bytes_max));
  };
  if (static_cast<uint64_t>(info.st_size) > bytes_max) {
    return too_big(static_cast<uint64_t>(info.st_size));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t have = 0;
  for (;;) {
    if (have == bytes.size()) bytes.resize(have + 4096);
    const ssize_t n = read(fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, path);
    if (n == 0) break;
    have += static_cast<size_t>(n);
    if (have > bytes_max) return too_big(have);  // it grows while we read
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

namespace beneath_internal {

absl::StatusOr<int> OpenByComponents(int in, const std::string& path, int flags, int mode) {
  if (!path.empty() && path.front() == '/') return ErrnoStatus(EXDEV, path);
  Fd at(fcntl(in, F_DUPFD_CLOEXEC, 0));
  if (at.get() < 0) return ErrnoStatus(errno, path);
  size_t from = 0;
  std::string name = ".";
  while (from < path.size()) {
    const size_t slash = std::min(path.find('/', from), path.size());
    std::string next = path.substr(from, slash - from);
    from = slash + 1;
    if (next.empty() || next == ".") continue;
    if (next == "..") return ErrnoStatus(EXDEV, path);
    if (name != ".") {
      const int deeper =
          openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (deeper < 0) return ErrnoStatus(errno, path);
      at.reset(deeper);
    }
    name = std::move(next);
  }
  const int fd = openat(at.get(), name.c_str(), flags | O_NOFOLLOW, mode);
  if (fd < 0) return ErrnoStatus(errno, path);
  // O_PATH with O_NOFOLLOW opens a link itself.
  struct stat info;
  if ((flags & O_PATH) != 0 && fstat(fd, &info) == 0 && S_ISLNK(info.st_mode)) {
    close(fd);
    return ErrnoStatus(ELOOP, path);
  }
  return fd;
}

}  // namespace beneath_internal

DirectoryFd::~DirectoryFd() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Directory> OpenDirectory(const std::string& path) {
  const int fd = open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, path);
  return std::make_shared<const DirectoryFd>(fd);
}

absl::StatusOr<Directory> OpenDirectoryBeneath(const DirectoryFd& in, const std::string& path) {
  const auto fd = OpenBeneath(in, path, O_PATH | O_DIRECTORY);
  if (!fd.ok()) return fd.status();
  return std::make_shared<const DirectoryFd>(*fd);
}

absl::StatusOr<std::string> ReadBeneath(const DirectoryFd& in, const std::string& path,
                                        size_t bytes_max) {
  // O_NONBLOCK: a FIFO or a device does not hold us up before we see what it is.
  const auto opened = OpenBeneath(in, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!opened.ok()) return opened.status();
  const Fd fd(*opened);
  return ReadAll(fd.get(), path, bytes_max);
}

absl::StatusOr<std::string> ReadHostFile(const std::string& path, size_t bytes_max) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, path);
  return ReadAll(fd.get(), path, bytes_max);
}

absl::Status WriteBeneath(const DirectoryFd& in, const std::string& path, std::string_view bytes,
                          WriteMode mode) {
  // Not O_TRUNC: what is no regular file must stay as it is.
  const int flags =
      O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | (mode == WriteMode::kAppend ? O_APPEND : 0);
  const auto opened = OpenBeneath(in, path, flags, 0666);
  if (!opened.ok()) return opened.status();
  const Fd fd(*opened);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is no regular file"));
  }
  if (mode == WriteMode::kReplace && ftruncate(fd.get(), 0) != 0) return ErrnoStatus(errno, path);
  while (!bytes.empty()) {
    const ssize_t n = write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListBeneath(const DirectoryFd& in, const std::string& path,
                                                     size_t names_max) {
  const auto fd = OpenBeneath(in, path, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return fd.status();
  DIR* dir = fdopendir(*fd);
  if (dir == nullptr) {
    close(*fd);
    return ErrnoStatus(errno, path);
  }
  std::vector<std::string> names;
  absl::Status status;
  while (const dirent* entry = readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || !IsValidUtf8(name)) continue;
    if (names.size() == names_max) {
      status = absl::ResourceExhaustedError(
          absl::StrCat(path, ": has more than ", names_max, " entries"));
      break;
    }
    names.emplace_back(name);
  }
  closedir(dir);
  if (!status.ok()) return status;
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<FileInfo> InfoBeneath(const DirectoryFd& in, const std::string& path) {
  const auto opened = OpenBeneath(in, path, O_PATH);
  if (!opened.ok()) return opened.status();
  const Fd fd(*opened);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, path);
  return FileInfo{S_ISREG(info.st_mode)   ? FileInfo::Kind::kFile
                  : S_ISDIR(info.st_mode) ? FileInfo::Kind::kDirectory
                                          : FileInfo::Kind::kOther,
                  static_cast<uint64_t>(info.st_size),
                  int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

absl::Status MakeDirectoryBeneath(const DirectoryFd& in, const std::string& path) {
  const auto place = PlaceOf(in, path);
  if (!place.ok()) return place.status();
  if (mkdirat(place->directory->get(), place->name.c_str(), 0777) != 0) {
    return ErrnoStatus(errno, path);
  }
  return absl::OkStatus();
}

absl::Status RemoveBeneath(const DirectoryFd& in, const std::string& path) {
  const auto place = PlaceOf(in, path);
  if (!place.ok()) return place.status();
  if (unlinkat(place->directory->get(), place->name.c_str(), 0) == 0) return absl::OkStatus();
  if (errno == EISDIR &&
      unlinkat(place->directory->get(), place->name.c_str(), AT_REMOVEDIR) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, path);
}

absl::Status RenameBeneath(const DirectoryFd& in, const std::string& from, const std::string& to) {
  const auto a = PlaceOf(in, from);
  if (!a.ok()) return a.status();
  const auto b = PlaceOf(in, to);
  if (!b.ok()) return b.status();
  if (renameat(a->directory->get(), a->name.c_str(), b->directory->get(), b->name.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat(from, " to ", to));
  }
  return absl::OkStatus();
}

}  // namespace vesicle
