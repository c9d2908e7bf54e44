// World: what a program gets from the command line's host: the devices, the directories
// that were granted, and its limits. The same for every command that runs programs.
#ifndef VESICLE_CLI_WORLD_H_
#define VESICLE_CLI_WORLD_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "cli/net_host.h"
#include "cli/process_grants.h"
#include "vm/loop/devices.h"
#include "vm/loop/vm_loop.h"

namespace vesicle::cli {

// A directory that the user granted, as written.
struct Grant {
  std::string path;
  Access access;
};

struct WorldOptions {
  VmOptions vm;
  std::vector<Grant> grants;
  std::vector<NetGrant> net;
  ProcessGrants process;
  std::string identity;  // a file; empty: a key of this run
  std::optional<int64_t> seed;
};

// --allow-read, --allow-write, --allow-net, --allow-process, --identity, --seed, --memory, --steps;
// and what they say.
std::vector<OptionSpec> WorldOptionSpecs();
// InvalidArgument: what is wrong, in one line.
absl::StatusOr<WorldOptions> WorldOptionsOf(const Arguments& arguments);

// A program whose `main` has its #start(host), to be run.
struct Program {
  // kExitOk; else nothing was started, and what is wrong was said on standard error.
  int exit = 0;
  Module module;
  // The actor of `main`.
  Root main;
  // Null: no network was granted.
  std::unique_ptr<NetHost> net = {};
};
// `words`: the file and the program's arguments. `command`: for what is said.
// `vms`: what host.vms lists; null: there is no such list.
Program StartProgram(std::string_view command, VmLoop& loop, const WorldOptions& options,
                     std::span<const std::string> words, ConsoleOptions console,
                     const std::vector<Root>* vms = nullptr);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_WORLD_H_
