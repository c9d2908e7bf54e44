// ByteWriter: bytes to a file descriptor, in order, without holding up the loop.
//
// A pipe or terminal is opened anew through /proc/self/fd, so that the one shared
// with other programs keeps its mode, and is waited for with the loop. What cannot be
// opened so, files and other devices are written as they are, which can block.
//
// Ownership: borrows the descriptor. Pending bytes keep the loop alive.
// Limits:    none of its own: its user looks at pending().
#ifndef VESICLE_VM_LOOP_BYTE_WRITER_H_
#define VESICLE_VM_LOOP_BYTE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

class ByteWriter {
 public:
  // `on_progress` is called from the loop after bytes were written, or the end was found closed.
  ByteWriter(uv_loop_t* loop, int fd, absl::AnyInvocable<void()> on_progress);
  ~ByteWriter() { Close(); }
  ByteWriter(const ByteWriter&) = delete;
  ByteWriter& operator=(const ByteWriter&) = delete;

  // To be filled; Flush() writes it. Nothing is taken once is_broken().
  std::string& buffer() { return buffer_; }
  // Writes what can be written now; the loop does the rest.
  void Flush();
  void Close();

  size_t pending() const { return buffer_.size() - written_of_buffer_; }
  // Position behind the last byte added, and behind the last one written.
  uint64_t appended() const { return written_ + pending(); }
  uint64_t written() const { return written_; }
  // The other end is gone, or the disk is full.
  bool is_broken() const { return broken_; }

 private:
  void WaitUntilWritable();

  uv_loop_t* loop_;
  int fd_;
  bool owns_fd_ = false;
  bool broken_ = false;
  bool waiting_ = false;
  std::string buffer_;
  size_t written_of_buffer_ = 0;
  uint64_t written_ = 0;
  UvHandle<uv_poll_t> poll_;
  absl::AnyInvocable<void()> on_progress_;
};

// A descriptor of its own for a pipe or terminal behind `fd`, non-blocking; -1 if it is none, or
// cannot be had. `flags`: O_RDONLY or O_WRONLY.
int ReopenNonBlocking(int fd, int flags);

}  // namespace vesicle

#endif  // VESICLE_VM_LOOP_BYTE_WRITER_H_
