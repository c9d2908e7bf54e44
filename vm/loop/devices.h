// The devices: the outside world as refs. Each function makes one ref, to be handed
// to a script as part of its host; who holds the ref may use the device, and nobody
// else. docs: README.md of this folder lists every message.
//
// A request that a device does not know faults with #no_clause(what it takes), one of
// the wrong kind with #type(text), one over a limit with #limit(text) or #full(text),
// one that was not granted with #denied(text).
//
// Ownership: the ref keeps its device. VmLoop closes what is open when it goes.
// Threads:   the VM's thread.
//
//   Root console = MakeConsole(loop);
//   Root timer = MakeTimer(loop);
//   vm.Start(module, vm.Map({{"console", console.value()}, {"timer", timer.value()}}));
#ifndef VESICLE_VM_LOOP_DEVICES_H_
#define VESICLE_VM_LOOP_DEVICES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/random/random.h"

#pragma GCC visibility push(default)
namespace vesicle {

// --- console: any message is written as a line, replies nil when it is written. A text stands
// as it is, with control, escape and bidirectional characters but newline and tab escaped;
// other values as a script would write them.
//   #write(v)  the same without the newline      #error(v)  the line goes to error_fd
struct ConsoleOptions {
  int out_fd = 1;
  int error_fd = 2;
  size_t message_bytes_max = size_t{16} << 20;
  size_t value_bytes_max = size_t{64} << 10;   // of a printed value that is no text; "..." beyond
  size_t pending_bytes_max = size_t{1} << 20;  // not taken by the other end: the VM waits for it
  // The other end was closed (a pipe to `head`); what is written later is refused, #disconnected.
  std::function<void()> on_closed = {};
};
Root MakeConsole(VmLoop& loop, ConsoleOptions options = {});

// --- clock: #now  nanoseconds since 1970 (UTC)    #monotonic  nanoseconds, never backwards
Root MakeClock(Vm& vm);

// --- timer: times are milliseconds, whole or not, up to timer_ms_max.
//   #after(ms), #sleep(ms)   replies nil then
//   #start(ms, ref, message) sends the message then; replies a ref that takes #cancel
//   #every(ms, ref) or #every(ms, ref, message)   sends #tick or the message again and again;
//                            replies a ref that takes #cancel. ms at least 1.
//   #cancel replies true if it stopped something.
// A budget may have as many at once as are still free, alone half of timers_max, and breaks with
// #full beyond. What was asked on a budget that was stopped breaks with #stopped.
inline constexpr double kTimerMsMax = 1e12;
struct TimerOptions {
  size_t timers_max = 200'000;
};
Root MakeTimer(VmLoop& loop, TimerOptions options = {});

// --- random: #int(below) evenly from 0 to below - 1, of any size    #float  in [0, 1)
//   #bytes(n)    #shuffle(list)  the same elements in a random order
Root MakeRandom(Vm& vm, std::unique_ptr<RandomSource> source);

// --- stdin: #line replies the next line without its end, or nil at the end of input. Bytes that
// are no UTF-8 break it with #type(text), a longer line than line_bytes_max with #limit(text);
// the next #line goes on behind that line.
struct StdinOptions {
  int fd = 0;
  size_t line_bytes_max = size_t{1} << 20;
  size_t waiting_max = 1000;
};
Root MakeStdin(VmLoop& loop, StdinOptions options = {});

// --- a directory. No path, link or race leads out of it. Paths are relative to it.
//   #read(path) a text   #read_bytes(path)   #list(path) sorted names   #info(path) {kind, size,
//   modified}   #exists(path)   #open_dir(path)  a ref to that directory   #read_only  a ref that
//   writes nothing   #write(path, text or bytes)   #append(path, text or bytes)   #make_dir(path)
//   #remove(path) a file or an empty directory   #rename(from, to) replaces a file that is there
// Breaks with #not_found, #exists, #denied, #type, #limit, #full, #io, each with a text. Requests
// to a directory and to those opened from it are done one after another, in the order of their
// coming.
enum class Access : uint8_t { kRead, kReadWrite };
struct DirectoryOptions {
  size_t file_bytes_max = size_t{64} << 20;
  size_t names_max = 100'000;
  size_t waiting_max = 1000;  // requests; none of them holds a copy of more than 8 KiB
  size_t opened_max = 128;    // directories opened by refs of this grant and still held: #full
};
// NotFound, PermissionDenied, ...: what is wrong with `path` of the host.
absl::StatusOr<Root> MakeDirectory(VmLoop& loop, const std::string& path, Access access,
                                   DirectoryOptions options = {});

// --- loader: #load(name, text) compiles a module without imports; replies a map of its public
// behaviors and functions, or breaks with #diagnostics(text). It grants nothing. Who asks pays: for
// compiling by the byte, for the code as long as it lives, for the `let`s in a turn of their own.
struct LoaderOptions {
  // Compiling cannot be suspended; so much takes up to 10 ms.
  size_t source_bytes_max = size_t{64} << 10;
};
Root MakeLoader(Vm& vm, LoaderOptions options = {});

// --- several grants as one: #open_dir(name) replies the ref of that name, and nothing else is
// there (#denied).
Root MakeGrants(Vm& vm, std::vector<std::pair<std::string, Root>> grants);

// --- stands for what was not granted: every request breaks with #denied(text).
Root MakeRefusal(Vm& vm, std::string name, std::string text);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_DEVICES_H_
