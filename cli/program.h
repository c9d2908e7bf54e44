// Programs on disk: the first file, and what it imports from beneath its folder.
#ifndef VESICLE_CLI_PROGRAM_H_
#define VESICLE_CLI_PROGRAM_H_

#include <string>

#include "absl/status/statusor.h"
#include "vm/native/vm.h"

namespace vesicle::cli {

// Reads and compiles `path`. The message of a status is complete: places, lines, carets.
// Imports resolve beneath the folder of `path`, whatever links and `..` there are, and only to
// files whose names end in .ves.
absl::StatusOr<Module> LoadProgram(Vm& vm, const std::string& path);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_PROGRAM_H_
