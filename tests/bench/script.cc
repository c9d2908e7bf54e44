#include "tests/bench/script.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include "vm/value/print.h"

namespace vesicle::bench {
namespace {

std::string ReadProgram(const std::string& path) {
  std::ifstream file(std::string(VESICLE_BENCH_PROGRAMS "/") + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

}  // namespace

Script::Script(const std::string& program) {
  const absl::StatusOr<Module> module =
      vm_.Load(program + ".ves", ReadProgram(program + ".ves"),
               [](std::string_view path) -> absl::StatusOr<std::string> {
                 return ReadProgram(std::string(path));
               });
  if (!module.ok()) Die(std::string(module.status().message()));
  bench_ = vm_.Create(module->Behavior("bench"));
}

Root Script::Ask(const Root& target, Value message) {
  std::optional<Root> answer;
  vm_.Ask(target, message, [&](const Reply& reply) {
    if (!reply.ok()) Die("broken: " + Print(reply.reason()));
    answer = Root(vm_.core().heap(), reply.value());
  });
  while (!answer && vm_.RunSlice(1'000'000)) {
  }
  if (!answer) Die("no answer to " + Print(message));
  return *std::move(answer);
}

}  // namespace vesicle::bench
