// Command: one word after `vesicle`, what it does and what it says about itself.
//
// Exit codes, the same for all of them:
//   0    all went well
//   1    something in the program went wrong: a fault nobody saw, a task left
//        waiting, a test that failed
//   2    wrong usage, or a program that does not compile
//   130  Ctrl-C           143  SIGTERM
//   141  nobody reads standard output any more
#ifndef VESICLE_CLI_COMMAND_H_
#define VESICLE_CLI_COMMAND_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"

namespace vesicle::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSignal = 128;  // and its number
inline constexpr int kExitOutputClosed = 141;

struct Command {
  std::string_view name;
  std::string_view usage;    // behind "vesicle NAME "
  std::string_view summary;  // one line
  std::string_view more;     // further paragraphs of the help, examples last
  std::vector<OptionSpec> options;
  Arguments::Words words;
  int (*run)(const Command& command, const Arguments& arguments);
};

// Prints "vesicle NAME: error", the usage, and where help is. The exit code.
int WrongUsage(const Command& command, std::string_view error);

Command RunCommand();
Command TestCommand();
Command CheckCommand();
Command DisasmCommand();
Command GraphCommand();
Command KeygenCommand();
Command CallCommand();
Command ConformanceServerCommand();

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_COMMAND_H_
