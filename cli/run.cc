// vesicle run: a program with the devices of its host.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/command.h"
#include "cli/program.h"
#include "cli/report.h"
#include "cli/trace.h"
#include "membrane/script.h"
#include "vm/loop/devices.h"
#include "vm/loop/pause_stats.h"
#include "vm/loop/signal_watcher.h"
#include "vm/loop/vm_loop.h"
#include "vm/value/utf8.h"

namespace vesicle::cli {
namespace {

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

// A directory that the user granted, as written.
struct Grant {
  std::string path;
  Access access;
};

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

struct Setup {
  VmOptions vm;
  std::vector<Grant> grants;
  std::optional<int64_t> seed;
  bool stats = false;
  bool trace = false;
};

absl::StatusOr<Setup> SetupOf(const Arguments& arguments) {
  Setup setup;
  setup.grants = GrantsOf(arguments);
  const auto seed = arguments.Number("seed", 0, INT64_MAX);
  if (!seed.ok()) return seed.status();
  setup.seed = *seed;
  const auto memory = arguments.Size("memory");
  if (!memory.ok()) return memory.status();
  if (*memory && **memory < kVmMemoryBytesMin) {
    return absl::InvalidArgumentError(absl::StrCat("--memory=", arguments.Values("memory").back(),
                                                   " is too little: the VM itself wants ",
                                                   kVmMemoryBytesMin >> 10, "K"));
  }
  if (*memory) setup.vm.memory_bytes_max = **memory;
  const auto steps = arguments.Number("steps", 1, kUnlimited);
  if (!steps.ok()) return steps.status();
  if (*steps) setup.vm.steps_per_turn_max = **steps;
  setup.stats = arguments.Has("stats");
  setup.trace = arguments.Has("trace");
  return setup;
}

void PrintStats(Vm& vm, const PauseStats& pauses) {
  const Core::Stats& core = vm.core().stats();
  const HeapStats heap = vm.core().heap().stats();
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto n = [](uint64_t i) { return static_cast<unsigned long long>(i); };
  std::fprintf(
      stderr,
      "turns        %llu (%llu events, %llu suspensions, %llu faults)\n"
      "actors       %llu created\n"
      "collections  %llu young, %llu full cycles in %llu slices\n"
      "pauses       %llu, max %.3f ms (%llu objects), p99 %.3f ms, in all %.3f ms (thread time)\n"
      "memory       %.1f MiB at most in the process, %.1f MiB in the heap\n",
      n(core.turns), n(core.events), n(core.suspensions), n(core.faults), n(core.actors),
      n(heap.young_collections), n(heap.mark_cycles), n(heap.mark_slices), n(pauses.count()),
      static_cast<double>(pauses.max_ns()) / 1e6, n(pauses.objects_in_max()),
      static_cast<double>(pauses.PercentileNs(99)) / 1e6,
      static_cast<double>(pauses.total_ns()) / 1e6, static_cast<double>(usage.ru_maxrss) / 1024,
      static_cast<double>(heap.bytes_mapped_peak) / (1 << 20));
}

int RunProgram(const Setup& setup, std::span<const std::string> words) {
  Vm vm(setup.vm, AddMembranes);
  absl::StatusOr<std::unique_ptr<VmLoop>> made = VmLoop::Create(vm);
  if (!made.ok()) {
    std::fprintf(stderr, "vesicle run: %s\n", MessageOf(made.status()).c_str());
    return kExitFailed;
  }
  VmLoop& loop = **made;
  const std::string& file = words[0];
  absl::StatusOr<Module> module = LoadProgram(vm, file);
  if (!module.ok()) {
    std::fputs(MessageOf(module.status()).c_str(), stderr);
    return kExitUsage;
  }
  if (!module->HasBehavior("main")) {
    std::fprintf(stderr, "%s:1:1: error: there is no `behavior main` to start\n", file.c_str());
    return kExitUsage;
  }

  int stopped_by = 0;  // the signal
  bool output_closed = false;
  const auto stop = [&](int signal) {
    if (stopped_by == 0) stopped_by = signal;
    loop.Stop();
  };
  const SignalWatcher on_interrupt(loop, SIGINT, [&] { stop(SIGINT); });
  const SignalWatcher on_terminate(loop, SIGTERM, [&] { stop(SIGTERM); });
  PauseStats pauses(vm.core().heap());
  Trace trace(stderr);
  if (setup.trace) vm.core().set_observer(&trace);

  ConsoleOptions console_options;
  console_options.on_closed = [&] {
    output_closed = true;
    loop.Stop();
  };
  std::unique_ptr<RandomSource> source;
  if (setup.seed) {
    source = std::make_unique<SeededRandom>(static_cast<uint64_t>(*setup.seed));
  } else {
    source = std::make_unique<OsRandom>();
  }
  absl::StatusOr<Root> files = MakeFiles(loop, setup.grants);
  if (!files.ok()) {
    std::fprintf(stderr, "vesicle run: %s\n", MessageOf(files.status()).c_str());
    return kExitUsage;
  }
  {
    const Root console = MakeConsole(loop, console_options);
    const Root clock = MakeClock(vm), timer = MakeTimer(loop), input = MakeStdin(loop);
    const Root random = MakeRandom(vm, std::move(source)), loader = MakeLoader(vm);
    std::vector<Value> args;
    for (const std::string& word : words.subspan(1)) args.push_back(vm.Text(word));
    const absl::Status started = vm.Start(*module, vm.Map({{"console", console.value()},
                                                           {"args", vm.List(args)},
                                                           {"clock", clock.value()},
                                                           {"timer", timer.value()},
                                                           {"random", random.value()},
                                                           {"stdin", input.value()},
                                                           {"loader", loader.value()},
                                                           {"files", files->value()}}));
    files->reset();
    if (!started.ok()) {
      std::fprintf(stderr, "%s: %s\n", file.c_str(), MessageOf(started).c_str());
      return kExitUsage;
    }
  }
  loop.Run();

  int code = kExitOk;
  // What a program that was stopped left undone is no fault of its own; and where nobody reads,
  // what it goes on to write fails.
  const std::string left = stopped_by != 0 ? FaultsText(vm.core())
                           : output_closed ? ""
                                           : LeftoversText(vm.core());
  std::fputs(left.c_str(), stderr);
  if (!left.empty()) code = kExitFailed;
  if (output_closed) code = kExitOutputClosed;
  if (stopped_by != 0) code = kExitSignal + stopped_by;
  if (setup.stats) PrintStats(vm, pauses);
  vm.core().set_observer(nullptr);
  return code;
}

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().empty()) return WrongUsage(command, "which file?");
  for (const std::string& word : arguments.words()) {
    if (!IsValidUtf8(word)) return WrongUsage(command, "an argument that is no UTF-8");
  }
  const absl::StatusOr<Setup> setup = SetupOf(arguments);
  if (!setup.ok()) return WrongUsage(command, MessageOf(setup.status()));
  return RunProgram(*setup, arguments.words());
}

}  // namespace

Command RunCommand() {
  return {
      "run",
      "[options] FILE [ARGS...]",
      "runs a program until nothing in it can happen any more",
      "\nThe program's `main` gets #start(host). host has console, args, clock, timer, random,\n"
      "stdin, loader and files; files refuses everything unless a directory was allowed.\n"
      "\nexit: 0 all went well; 1 a fault that nobody saw, or a task left waiting; 2 wrong\n"
      "usage, or a program that does not compile; 130 Ctrl-C, 143 SIGTERM; 141 nobody reads\n"
      "its output any more\n"
      "\nexamples:\n"
      "  vesicle run samples/ring.ves 100000 10\n"
      "  vesicle run --allow-read=data report.ves data.csv\n"
      "  vesicle run --stats --memory=256M big.ves\n",
      {{"allow-read", "DIR", "host.files is DIR, to read; give several, and #open_dir picks"},
       {"allow-write", "DIR", "the same, to read and write"},
       {"seed", "N", "host.random gives the same numbers each time"},
       {"memory", "SIZE", "the program's memory, e.g. 64M (2G)"},
       {"steps", "N", "what one turn may do"},
       {"stats", "", "prints turns, actors, collections, pauses and memory at the end"},
       {"trace", "", "prints each turn and its effects to standard error"}},
      Arguments::Words::kAfterFirst,
      Run};
}

}  // namespace vesicle::cli
