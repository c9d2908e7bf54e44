// ChildCommand: a program of any sort that is run to its end: a text in, two texts out, and how it
// ended. No shell, no search, no environment but what is given.
//
// Ownership: borrows the environment. Destroying it ends the program, and its function is not
//            called.
// Threads:   the loop's.
// Limits:    CommandOptions.
//
//   auto command = ChildCommand::Start(environment, {.file = "/usr/bin/sort", .input = "b\na\n"},
//                                      [](const CommandResult& r) { use(r.output); });
#ifndef VESICLE_TRANSPORT_HOST_CHILD_COMMAND_H_
#define VESICLE_TRANSPORT_HOST_CHILD_COMMAND_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "transport/child_process.h"
#include "transport/loop_environment.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

struct CommandOptions {
  std::string file;       // its path
  std::string name = {};  // what it is called with; empty: its path
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};   // "NAME=value"; nothing else
  std::string input = {};                      // its standard input, as a file
  size_t output_bytes_max = size_t{16} << 20;  // of standard output and error together
  ChildLimits limits = {};
};

struct CommandResult {
  ChildEnd end;
  bool is_too_long = false;  // output_bytes_max was passed, and the program was ended
  std::string output;
  std::string errors;
};

class ChildCommand {
 public:
  // Errors as StartChild. `done` is called once, from the loop, when the program has ended and what
  // it wrote was read; it may destroy the command. The loop stays for it.
  static absl::StatusOr<std::unique_ptr<ChildCommand>> Start(
      LoopEnvironment& environment, CommandOptions options,
      absl::AnyInvocable<void(CommandResult)> done);
  ~ChildCommand();
  ChildCommand(const ChildCommand&) = delete;
  ChildCommand& operator=(const ChildCommand&) = delete;

  int pid() const { return process_->pid(); }

 private:
  // One end of what the program writes to.
  struct Reader {
    int fd = -1;  // -1: it has ended
    UvHandle<uv_poll_t> poll;
    std::string* to = nullptr;
  };

  ChildCommand(LoopEnvironment& environment, size_t output_bytes_max,
               absl::AnyInvocable<void(CommandResult)> done)
      : environment_(environment), output_bytes_max_(output_bytes_max), done_(std::move(done)) {}
  absl::Status Watch(Reader& reader, int fd, std::string* to);
  void OnReadable(Reader& reader);
  static void CloseReader(Reader& reader);
  void FinishIfDone();

  LoopEnvironment& environment_;
  size_t output_bytes_max_;
  absl::AnyInvocable<void(CommandResult)> done_;
  CommandResult result_;
  bool has_ended_ = false;
  Reader output_, errors_;
  std::unique_ptr<Environment::Timer> last_words_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_CHILD_COMMAND_H_
