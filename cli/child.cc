#include "cli/child.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/program.h"
#include "cli/report.h"
#include "membrane/script.h"
#include "transport/host/child.h"
#include "transport/host/process_device.h"
#include "vm/value/list.h"
#include "vm/value/text.h"

namespace vesicle::cli {
namespace {

// A behavior of a file, or of a text that came along.
absl::StatusOr<Root> MakeScriptActor(ChildWorld& world, std::span<const Value> arguments) {
  if (arguments.size() != 4 || !IsText(arguments[0]) || !IsText(arguments[2]) ||
      !IsList(arguments[3])) {
    return absl::InvalidArgumentError("a script wants its file, text, behavior and captures");
  }
  Vm& vm = world.vm();
  const std::string file(TextView(arguments[0])), behavior(TextView(arguments[2]));
  // Loading may collect.
  std::vector<Root> roots;
  for (uint64_t i = 0; i < ListSize(arguments[3]); ++i) {
    roots.emplace_back(vm.core().heap(), ListAt(arguments[3], i));
  }
  const absl::StatusOr<Module> module = IsText(arguments[1])
                                            ? vm.Load(file, std::string(TextView(arguments[1])))
                                            : LoadProgram(vm, file);
  if (!module.ok()) return module.status();
  std::vector<Value> captures;
  for (const Root& root : roots) captures.push_back(root.value());
  const absl::StatusOr<Root> made = module->MakeBehavior(behavior, captures);
  if (!made.ok())
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", made.status().message()));
  return vm.Create(made->value());
}

}  // namespace

std::optional<int> RunAsChild(int argc, char** argv) {
  ChildRegistry registry;
  registry.Add(std::string(kScriptActor), MakeScriptActor);
  ChildRunOptions options;
  options.builtins = AddMembranes;
  options.on_end = [](Vm& vm) { std::fputs(FaultsText(vm.core()).c_str(), stderr); };
  return RunChild(argc, argv, registry, options);
}

}  // namespace vesicle::cli
