// vesicle disasm: the bytecode of a file.
#include <cstdio>

#include "cli/command.h"
#include "cli/program.h"
#include "membrane/script.h"

namespace vesicle::cli {
namespace {

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().size() != 1) return WrongUsage(command, "wants one file");
  Vm vm({}, AddMembranes);
  const absl::StatusOr<Module> module = LoadProgram(vm, arguments.words()[0]);
  if (!module.ok()) {
    std::fputs(std::string(module.status().message()).c_str(), stderr);
    return kExitUsage;
  }
  std::fputs(module->Disassemble().c_str(), stdout);
  return kExitOk;
}

}  // namespace

Command DisasmCommand() {
  return {"disasm",
          "FILE",
          "prints the bytecode of a file",
          "\nEach behavior, function and handler by its name, one instruction a line.\n"
          "\nexit: 0, or 2 when it does not compile\n"
          "\nexample:\n"
          "  vesicle disasm samples/ring.ves\n",
          {},
          Arguments::Words::kAnywhere,
          Run};
}

}  // namespace vesicle::cli
