// host.process: what scripts have of other processes. Whoever holds it may do what the grants of
// its options allow; a program that may be run is full authority of what that program can do.
//
//   #spawn(file), #spawn(file, options)
//       a script's behavior in a VM of its own in a process of its own. Replies [ref, control] when
//       it is there. options, of a map: behavior (a name; "main"), with: [..] (what it captures),
//       text (the program itself; `file` is then its name), memory (bytes of its VM), cpu
//       (seconds), files (descriptors), start (milliseconds until it must be there)
//   #behavior(file), #behavior(file, options)
//       the same as a behavior, for `supervisor` and `create`: the process begins with the first
//       message, and anew with the first one after a restart
//   #run(program, arguments), #run(program, arguments, options)
//       any program, to its end. Replies {code, signal, stdout, stderr}. options: stdin (a text, or
//       bytes), env (a map of texts), bytes (true: stdout and stderr are bytes), output (bytes of
//       them at most), memory, cpu, files. An asker that waits no longer ends it.
//   the control: #stop and #join reply {code, signal} when it has ended, #kill, and #info
//       {pid, running}
//
// Breaks with #denied(text): not granted, or not executable; #not_found(text); #type(text);
// #diagnostics(text): the script is not there or does not compile; #full(text); #limit(text): more
// output; #disconnected(text): it ended, or did not answer.
//
// Ownership: the ref, and the loop, while children run; they end with the loop.
// Threads:   the VM's.
#ifndef VESICLE_TRANSPORT_HOST_PROCESS_DEVICE_H_
#define VESICLE_TRANSPORT_HOST_PROCESS_DEVICE_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "transport/host/process.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"

namespace vesicle {

// The actor that a child of #spawn is asked for: of the arguments file, text or nil, behavior, and
// a list of captures. Who is to run scripts adds a maker of that name to its registry (child.h).
inline constexpr std::string_view kScriptActor = "script";
// More than what its VM takes: the program itself and its libraries.
inline constexpr uint64_t kProcessBytesBesideVm = uint64_t{256} << 20;

struct ProcessDeviceOptions {
  // The path of what is asked for by that name. PermissionDenied: it was not granted, and the text
  // says what would.
  std::function<absl::StatusOr<std::string>(std::string_view name)> program = {};
  // Whether that file may be spawned; `has_text`: its text comes along.
  std::function<absl::Status(std::string_view file, bool has_text)> script = {};
  std::string child = {};  // what runs scripts; empty: this executable
  size_t processes_max = 64;
  size_t commands_max = 64;
  size_t output_bytes_max = size_t{16} << 20;  // of one command, unless it says less
  // Of the address space of a process that has a limit of memory, beside that. Where the address
  // space says nothing (sanitizers) 0: no limit but the VM's own.
  uint64_t bytes_beside_vm = kProcessBytesBesideVm;
};

Root MakeProcess(VmLoop& loop, ProcessDeviceOptions options);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_PROCESS_DEVICE_H_
