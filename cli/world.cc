#include "cli/world.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/program.h"
#include "transport/host/process_device.h"
#include "vm/heap/poison.h"

namespace vesicle::cli {
namespace {

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

std::vector<Grant> GrantsOf(const Arguments& arguments) {
  std::vector<Grant> grants;
  for (const std::string& path : arguments.Values("allow-read")) {
    grants.push_back({path, Access::kRead});
  }
  for (const std::string& path : arguments.Values("allow-write")) {
    grants.push_back({path, Access::kReadWrite});
  }
  return grants;
}

// host.files: the one directory; of several, a ref that opens each by its name; or a refusal.
absl::StatusOr<Root> MakeFiles(VmLoop& loop, const std::vector<Grant>& grants) {
  if (grants.empty()) {
    return MakeRefusal(loop.vm(), "files",
                       "no directory was granted: run with --allow-read=DIR or --allow-write=DIR");
  }
  std::vector<std::pair<std::string, Root>> directories;
  for (const Grant& grant : grants) {
    absl::StatusOr<Root> directory = MakeDirectory(loop, grant.path, grant.access);
    if (!directory.ok()) return directory.status();
    directories.emplace_back(grant.path, *std::move(directory));
  }
  if (directories.size() == 1) return std::move(directories[0].second);
  return MakeGrants(loop.vm(), std::move(directories));
}

// host.process; or a refusal.
Root MakeProcesses(VmLoop& loop, const ProcessGrants& grants) {
  if (grants.empty()) {
    return MakeRefusal(loop.vm(), "process",
                       "no process was granted: run with --allow-process=NAME");
  }
  ProcessDeviceOptions options;
  options.program = [grants](std::string_view name) { return grants.Program(name); };
  options.script = [grants](std::string_view file, bool has_text) {
    return grants.Script(file, has_text);
  };
  if (VESICLE_ASAN != 0) options.bytes_beside_vm = 0;
  return MakeProcess(loop, std::move(options));
}

}  // namespace

std::vector<OptionSpec> WorldOptionSpecs() {
  return {
      {"allow-read", "DIR", "host.files is DIR, to read; give several, and #open_dir picks"},
      {"allow-write", "DIR", "the same, to read and write"},
      {"allow-net", "HOST:PORT", "host.net may listen and connect there; give several; * is all"},
      {"allow-process", "NAME,..",
       "host.process may run these programs and .ves files, by name; * is all"},
      {"identity", "FILE",
       "the key that peers know it by, of vesicle keygen; else one for this run"},
      {"seed", "N", "host.random gives the same numbers each time"},
      {"memory", "SIZE", "the program's memory, e.g. 64M (2G)"},
      {"steps", "N", "what one turn may do"}};
}

absl::StatusOr<WorldOptions> WorldOptionsOf(const Arguments& arguments) {
  WorldOptions options;
  options.grants = GrantsOf(arguments);
  for (const std::string& text : arguments.Values("allow-net")) {
    absl::StatusOr<NetGrant> grant = ParseNetGrant(text);
    if (!grant.ok()) return grant.status();
    options.net.push_back(*std::move(grant));
  }
  for (const std::string& text : arguments.Values("allow-process")) {
    if (absl::Status added = options.process.Add(text); !added.ok()) return added;
  }
  options.identity = arguments.Value("identity").value_or("");
  const auto seed = arguments.Number("seed", 0, INT64_MAX);
  if (!seed.ok()) return seed.status();
  options.seed = *seed;
  const auto memory = arguments.Size("memory");
  if (!memory.ok()) return memory.status();
  if (*memory && **memory < kVmMemoryBytesMin) {
    return absl::InvalidArgumentError(absl::StrCat("--memory=", arguments.Values("memory").back(),
                                                   " is too little: the VM itself wants ",
                                                   kVmMemoryBytesMin >> 10, "K"));
  }
  if (*memory) options.vm.memory_bytes_max = **memory;
  const auto steps = arguments.Number("steps", 1, kUnlimited);
  if (!steps.ok()) return steps.status();
  if (*steps) options.vm.steps_per_turn_max = **steps;
  return options;
}

Program StartProgram(std::string_view command, VmLoop& loop, const WorldOptions& options,
                     std::span<const std::string> words, ConsoleOptions console_options,
                     const std::vector<Root>* vms) {
  Vm& vm = loop.vm();
  Program program;
  program.exit = kExitUsage;
  const std::string& file = words[0];
  absl::StatusOr<Module> module = LoadProgram(vm, file);
  if (!module.ok()) {
    std::fputs(MessageOf(module.status()).c_str(), stderr);
    return program;
  }
  program.module = *std::move(module);
  if (!program.module.HasBehavior("main")) {
    std::fprintf(stderr, "%s:1:1: error: there is no `behavior main` to start\n", file.c_str());
    return program;
  }
  std::unique_ptr<RandomSource> source;
  if (options.seed) {
    source = std::make_unique<SeededRandom>(static_cast<uint64_t>(*options.seed));
  } else {
    source = std::make_unique<OsRandom>();
  }
  const absl::StatusOr<Root> files = MakeFiles(loop, options.grants);
  if (!files.ok()) {
    std::fprintf(stderr, "vesicle %s: %s\n", std::string(command).c_str(),
                 MessageOf(files.status()).c_str());
    return program;
  }
  Root net;
  if (options.net.empty()) {
    net = MakeRefusal(vm, "net", "no network was granted: run with --allow-net=HOST:PORT");
  } else {
    auto made = NetHost::Create(loop, {options.net, options.identity, {}});
    if (!made.ok()) {
      std::fprintf(stderr, "vesicle %s: %s\n", std::string(command).c_str(),
                   MessageOf(made.status()).c_str());
      return program;
    }
    program.net = *std::move(made);
    net = program.net->device();
  }
  const Root process = MakeProcesses(loop, options.process);
  const Root console = MakeConsole(loop, std::move(console_options));
  const Root clock = MakeClock(vm), timer = MakeTimer(loop), input = MakeStdin(loop);
  const Root random = MakeRandom(vm, std::move(source)), loader = MakeLoader(vm);
  std::vector<Value> args;
  for (const std::string& word : words.subspan(1)) args.push_back(vm.Text(word));
  const absl::StatusOr<Root> main = program.module.MakeBehavior("main");
  if (!main.ok()) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), MessageOf(main.status()).c_str());
    return program;
  }
  Value host = vm.Map({{"console", console.value()},
                       {"args", vm.List(args)},
                       {"clock", clock.value()},
                       {"timer", timer.value()},
                       {"random", random.value()},
                       {"stdin", input.value()},
                       {"loader", loader.value()},
                       {"files", files->value()},
                       {"net", net.value()},
                       {"process", process.value()}});
  if (vms != nullptr) {
    std::vector<Value> places;
    for (const Root& place : *vms) places.push_back(place.value());
    host = vm.Put(host, "vms", vm.List(places));
  }
  program.main = vm.Create(main->value());
  vm.Send(program.main, vm.Tagged("start", host));
  program.exit = kExitOk;
  return program;
}

}  // namespace vesicle::cli
