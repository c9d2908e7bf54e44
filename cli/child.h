// What the vesicle command is as a child process of another one: a VM with one behavior of a
// script, which has what it is handed.
#ifndef VESICLE_CLI_CHILD_H_
#define VESICLE_CLI_CHILD_H_

#include <optional>

namespace vesicle::cli {

// See RunChild.
std::optional<int> RunAsChild(int argc, char** argv);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_CHILD_H_
