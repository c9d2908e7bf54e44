// vesicle check: every diagnostic of files; nothing runs.
#include <cstdio>

#include "cli/command.h"
#include "cli/program.h"
#include "membrane/script.h"

namespace vesicle::cli {
namespace {

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().empty()) return WrongUsage(command, "which files?");
  bool all_compile = true;
  for (const std::string& file : arguments.words()) {
    Vm vm({}, AddMembranes);
    const absl::StatusOr<Module> module = LoadProgram(vm, file);
    if (module.ok()) continue;
    all_compile = false;
    std::fputs(std::string(module.status().message()).c_str(), stderr);
  }
  return all_compile ? kExitOk : kExitUsage;
}

}  // namespace

Command CheckCommand() {
  return {"check",
          "FILE...",
          "says what is wrong with files, without running them",
          "\nPrints nothing when all is well.\n"
          "\nexit: 0 all compile; 2 some do not\n"
          "\nexamples:\n"
          "  vesicle check counter.ves\n"
          "  vesicle check samples/*.ves\n",
          {},
          Arguments::Words::kAnywhere,
          Run};
}

}  // namespace vesicle::cli
