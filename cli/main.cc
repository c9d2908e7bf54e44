// vesicle: the command. Picks the command, reads its options, runs it.
#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/child.h"
#include "cli/command.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle::cli {

int WrongUsage(const Command& command, std::string_view error) {
  std::fprintf(stderr, "vesicle %s: %.*s\nusage: vesicle %s %s\nmore: vesicle %s --help\n",
               command.name.data(), static_cast<int>(error.size()), error.data(),
               command.name.data(), command.usage.data(), command.name.data());
  return kExitUsage;
}

namespace {

constexpr char kVersion[] = VESICLE_VERSION;

// Under a daemon they may be closed: the next file that is opened would stand in their place.
void OpenStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1) std::ignore = open("/dev/null", O_RDWR);
  }
}

void PrintHelp(const Command& command) {
  std::printf("vesicle %s %s\n\n%s\n", command.name.data(), command.usage.data(),
              command.summary.data());
  if (!command.options.empty()) std::printf("\noptions:\n");
  std::vector<std::string> names;
  size_t width = 0;
  for (const OptionSpec& option : command.options) {
    names.push_back(absl::StrCat("--", std::string(option.name), option.value.empty() ? "" : "=",
                                 std::string(option.value)));
    width = std::max(width, names.back().size());
  }
  for (size_t i = 0; i < names.size(); ++i) {
    std::printf("  %-*s %s\n", static_cast<int>(width), names[i].c_str(),
                command.options[i].help.data());
  }
  std::printf("%s", command.more.data());
}

void PrintOverview(std::FILE* to, const std::vector<Command>& commands) {
  std::fprintf(to, "vesicle %s: a capability-secure actor VM\n\nusage: vesicle COMMAND ...\n\n",
               kVersion);
  for (const Command& command : commands) {
    std::fprintf(to, "  %-18s %s\n", command.name.data(), command.summary.data());
  }
  std::fprintf(to,
               "  version            prints the version\n\n"
               "examples:\n"
               "  vesicle run samples/ring.ves 100000 10\n"
               "  vesicle test tests/*.ves\n"
               "  vesicle run --help\n");
}

int Main(const std::vector<std::string>& words) {
  std::vector<Command> commands = {
      RunCommand(),   TestCommand(),   CheckCommand(), DisasmCommand(),
      GraphCommand(), KeygenCommand(), CallCommand(),  ConformanceServerCommand()};
  if (words.empty()) {
    PrintOverview(stderr, commands);
    return kExitUsage;
  }
  const std::string& name = words[0];
  if (name == "version" || name == "--version") {
    std::printf("vesicle %s\n", kVersion);
    return kExitOk;
  }
  if (name == "help" || name == "--help" || name == "-h") {
    PrintOverview(stdout, commands);
    return kExitOk;
  }
  Suggestion likely(name);
  for (Command& command : commands) {
    likely.Offer(command.name);
    if (command.name != name) continue;
    command.options.push_back({"help", "", "prints this"});
    const auto arguments =
        Arguments::Parse(command.options, std::span(words).subspan(1), command.words);
    if (!arguments.ok()) {
      const auto message = arguments.status().message();
      return WrongUsage(command, std::string_view(message.data(), message.size()));
    }
    if (arguments->Has("help")) {
      PrintHelp(command);
      return kExitOk;
    }
    return command.run(command, *arguments);
  }
  std::fprintf(
      stderr, "vesicle: there is no command %s%s\nmore: vesicle --help\n", Printable(name).c_str(),
      likely.best().empty() ? "" : absl::StrCat("; did you mean ", likely.best(), "?").c_str());
  return kExitUsage;
}

}  // namespace
}  // namespace vesicle::cli

int main(int argc, char** argv) {
  vesicle::cli::OpenStandardStreams();
  if (const std::optional<int> code = vesicle::cli::RunAsChild(argc, argv)) return *code;
  // A closed pipe is an error of the write that finds it.
  signal(SIGPIPE, SIG_IGN);
  return vesicle::cli::Main(std::vector<std::string>(argv + 1, argv + argc));
}
