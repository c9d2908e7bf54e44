// ByteStream: bytes from and to a pipe or a socket, for tasks.
//
//   absl::StatusOr<ByteStream> stream = ByteStream::Open(loop, fd);
//   for (;;) {                                                       // in a task
//     absl::StatusOr<std::string> bytes = co_await stream->Read();
//     if (!bytes.ok()) co_return bytes.status();                     // OutOfRange: the end
//     absl::Status taken = co_await stream->Write(*std::move(bytes));
//   }
//
// It reads while somebody waits for bytes and else not, so that who sends is held back; and Write
// waits while more than write_bytes_max are not with the system yet, so that who reads slowly holds
// back who writes. A wait that is cancelled loses nothing: what came is there for the next Read,
// and of what a Write did not take, nothing is written. What was taken is not undone when a turn
// fails.
//
// Statuses:  OutOfRange     the other end sends no more (Read)
//            Cancelled      it was closed here
//            Unavailable    it broke, or the loop is gone
// Ownership: copies are the same stream, and own the descriptor. With the last of them, by Close(),
//            and with the loop it is closed at once: co_await Flush() first, where the last bytes
//            matter.
// Limits:    Options. Reading takes 64 KiB while it waits.
// Signals:   a program that writes to pipes ignores SIGPIPE, as that is how it learns otherwise
//            that nobody reads.
// Threads:   the VM's.
#ifndef VESICLE_VM_LOOP_AWAIT_BYTE_STREAM_H_
#define VESICLE_VM_LOOP_AWAIT_BYTE_STREAM_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/typed/actors.h"
#include "vm/native/typed/wait_list.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ByteStream {
 public:
  struct Options {
    size_t read_bytes_max = size_t{64} << 10;    // of one Read, at least 1
    size_t write_bytes_max = size_t{256} << 10;  // that wait, before Write does; at least 1
  };
  class ReadSource;
  class WriteSource;
  class FlushSource;

  // Takes over a descriptor: a pipe, a Unix or TCP socket that is connected; it becomes
  // non-blocking. InvalidArgument: it is none of these; a file is read in the pool (ready.h).
  // Unavailable: the system refused, or the loop is gone. With an error the descriptor is not
  // taken.
  static absl::StatusOr<ByteStream> Open(const LoopRef& loop, int fd, const Options& options);
  static absl::StatusOr<ByteStream> Open(const LoopRef& loop, int fd) {
    return Open(loop, fd, Options());
  }

  // An absl::StatusOr<std::string>: what has come, at least one byte. Who waits first is first.
  ReadSource Read() const;
  // An absl::Status: the bytes, all of them, are on their way, in the order of the calls.
  // InvalidArgument: more than 1 GiB.
  WriteSource Write(std::string bytes) const;
  // An absl::Status: all that was taken is with the system.
  FlushSource Flush() const;
  // Of a socket: behind what was taken the other end sees the end; it may still be read from.
  void EndWrites() const;
  // Who waits gets Cancelled.
  void Close() const;

  size_t pending() const;  // bytes taken that are not with the system
  bool is_open() const;

 private:
  struct State;
  explicit ByteStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// What tasks and Select ask of them: task/task.h. Movable until awaited.
class ByteStream::ReadSource {
 public:
  ReadSource(ReadSource&&) noexcept = default;
  ~ReadSource();
  bool IsReadyNow() const { return IsReady(); }
  void Arm(Actors& actors, Claim&);
  bool IsReady() const;
  absl::StatusOr<std::string> Take();

 private:
  friend class ByteStream;
  explicit ReadSource(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
  WaitList::Place place_;
};

class ByteStream::WriteSource {
 public:
  WriteSource(WriteSource&&) noexcept = default;
  bool IsReadyNow() const;
  void Arm(Actors& actors, Claim&);
  bool IsReady() const;
  absl::Status Take();

 private:
  friend class ByteStream;
  WriteSource(std::shared_ptr<State> state, std::string bytes)
      : state_(std::move(state)), bytes_(std::move(bytes)) {}
  std::shared_ptr<State> state_;
  std::string bytes_;
  WaitList::Place place_;  // goes before the state
};

class ByteStream::FlushSource {
 public:
  FlushSource(FlushSource&&) noexcept = default;
  bool IsReadyNow() const { return IsReady(); }
  void Arm(Actors& actors, Claim&);
  bool IsReady() const;
  absl::Status Take();

 private:
  friend class ByteStream;
  explicit FlushSource(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
  WaitList::Place place_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_AWAIT_BYTE_STREAM_H_
