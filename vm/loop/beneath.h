// Beneath: file operations that no path, link or race leads out of a directory of.
//
// The kernel does the resolving (openat2 with RESOLVE_BENEATH and NO_MAGICLINKS). Where
// it lacks the call, or a sandbox hides it, each component is opened by itself, and
// symbolic links and ".." are refused altogether: narrower, never wider.
//
// All of these block; none is unbounded. Errors: NotFound, AlreadyExists,
// PermissionDenied (the system's, or a path that leads out), ResourceExhausted (a limit
// of ours, or a full disk), FailedPrecondition (is a directory, is none, is not empty,
// is no regular file), InvalidArgument (no path at all), Unavailable (anything else).
//
// Ownership: a DirectoryFd owns its descriptor; share it by pointer.
// Threads:   any, also several at once.
//
//   auto directory = OpenDirectory(".");
//   auto text = ReadBeneath(**directory, "data/in.txt", 1 << 20);
#ifndef VESICLE_VM_LOOP_BENEATH_H_
#define VESICLE_VM_LOOP_BENEATH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vesicle {

class DirectoryFd {
 public:
  explicit DirectoryFd(int fd) : fd_(fd) {}
  ~DirectoryFd();
  DirectoryFd(const DirectoryFd&) = delete;
  DirectoryFd& operator=(const DirectoryFd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};
using Directory = std::shared_ptr<const DirectoryFd>;

// A path of the host's, not held beneath anything.
absl::StatusOr<Directory> OpenDirectory(const std::string& path);

absl::StatusOr<Directory> OpenDirectoryBeneath(const DirectoryFd& in, const std::string& path);
// Of a regular file. ResourceExhausted before anything is read when it is larger.
absl::StatusOr<std::string> ReadBeneath(const DirectoryFd& in, const std::string& path,
                                        size_t bytes_max);
enum class WriteMode : uint8_t { kReplace, kAppend };
absl::Status WriteBeneath(const DirectoryFd& in, const std::string& path, std::string_view bytes,
                          WriteMode mode);
// Sorted by bytes; without those that are no UTF-8. "." or "" is the directory itself.
absl::StatusOr<std::vector<std::string>> ListBeneath(const DirectoryFd& in, const std::string& path,
                                                     size_t names_max);
struct FileInfo {
  enum class Kind : uint8_t { kFile, kDirectory, kOther };
  Kind kind;
  uint64_t size_bytes;
  int64_t modified_ns;  // since 1970
};
absl::StatusOr<FileInfo> InfoBeneath(const DirectoryFd& in, const std::string& path);
absl::Status MakeDirectoryBeneath(const DirectoryFd& in, const std::string& path);
// A file, a link or an empty directory.
absl::Status RemoveBeneath(const DirectoryFd& in, const std::string& path);
absl::Status RenameBeneath(const DirectoryFd& in, const std::string& from, const std::string& to);

// Reads a regular file of the host's, not held beneath anything.
absl::StatusOr<std::string> ReadHostFile(const std::string& path, size_t bytes_max);

namespace beneath_internal {
// What is used when openat2 is not there; for tests.
absl::StatusOr<int> OpenByComponents(int in, const std::string& path, int flags, int mode);
}  // namespace beneath_internal

}  // namespace vesicle

#endif  // VESICLE_VM_LOOP_BENEATH_H_
