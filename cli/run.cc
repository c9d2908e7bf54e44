// vesicle run: a program with the devices of its host.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/cores.h"
#include "cli/report.h"
#include "cli/trace.h"
#include "cli/world.h"
#include "membrane/script.h"
#include "vm/loop/devices.h"
#include "vm/loop/pause_stats.h"
#include "vm/loop/signal_watcher.h"
#include "vm/loop/vm_loop.h"
#include "vm/value/utf8.h"

namespace vesicle::cli {
namespace {

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

struct Setup {
  WorldOptions world;
  bool stats = false;
  bool trace = false;
  int vms = 0;  // 0: one, and it is told of no others
};

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
  Vm vm(setup.world.vm, AddMembranes);
  absl::StatusOr<std::unique_ptr<VmLoop>> made = VmLoop::Create(vm);
  if (!made.ok()) {
    std::fprintf(stderr, "vesicle run: %s\n", MessageOf(made.status()).c_str());
    return kExitFailed;
  }
  VmLoop& loop = **made;
  int stopped_by = 0;  // the signal
  bool output_closed = false;
  std::unique_ptr<Cores> cores;  // null: there are no others
  const auto stop_all = [&] {
    loop.Stop();
    if (cores != nullptr) cores->Stop();
  };
  const auto stop = [&](int signal) {
    if (stopped_by == 0) stopped_by = signal;
    stop_all();
  };
  const SignalWatcher on_interrupt(loop, SIGINT, [&] { stop(SIGINT); });
  const SignalWatcher on_terminate(loop, SIGTERM, [&] { stop(SIGTERM); });
  PauseStats pauses(vm.core().heap());
  Trace trace(stderr);
  if (setup.trace) vm.core().set_observer(&trace);

  ConsoleOptions console_options;
  console_options.on_closed = [&] {
    output_closed = true;
    stop_all();
  };
  if (setup.vms > 0) {
    auto made_cores = Cores::Create(loop, setup.vms, setup.world.vm);
    if (!made_cores.ok()) {
      std::fprintf(stderr, "vesicle run: %s\n", MessageOf(made_cores.status()).c_str());
      return kExitFailed;
    }
    cores = *std::move(made_cores);
  }
  Program program = StartProgram("run", loop, setup.world, words, console_options,
                                 cores == nullptr ? nullptr : &cores->places());
  if (program.exit != kExitOk) return program.exit;
  program.main.reset();  // it lives as long as anything reaches it
  if (cores == nullptr) {
    loop.Run();
  } else {
    cores->Run();
  }
  if (program.net != nullptr) program.net->Close("the program has ended");

  int code = kExitOk;
  // What a program that was stopped left undone is no fault of its own; and where nobody reads,
  // what it goes on to write fails.
  std::string left = stopped_by != 0 ? FaultsText(vm.core())
                     : output_closed ? ""
                                     : LeftoversText(vm.core());
  if (cores != nullptr && !output_closed) left += cores->LeftText(stopped_by != 0);
  std::fputs(left.c_str(), stderr);
  if (!left.empty()) code = kExitFailed;
  if (output_closed) code = kExitOutputClosed;
  if (stopped_by != 0) code = kExitSignal + stopped_by;
  if (setup.stats) PrintStats(vm, pauses);
  if (setup.stats && cores != nullptr) std::fputs(cores->stats().c_str(), stderr);
  vm.core().set_observer(nullptr);
  return code;
}

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().empty()) return WrongUsage(command, "which file?");
  for (const std::string& word : arguments.words()) {
    if (!IsValidUtf8(word)) return WrongUsage(command, "an argument that is no UTF-8");
  }
  const absl::StatusOr<WorldOptions> world = WorldOptionsOf(arguments);
  if (!world.ok()) return WrongUsage(command, MessageOf(world.status()));
  const auto vms = arguments.Number("vms", 1, kHostVmsMax);
  if (!vms.ok()) return WrongUsage(command, MessageOf(vms.status()));
  const int count = static_cast<int>(vms->value_or(0));
  return RunProgram({*world, arguments.Has("stats"), arguments.Has("trace"), count},
                    arguments.words());
}

}  // namespace

Command RunCommand() {
  std::vector<OptionSpec> options = WorldOptionSpecs();
  options.push_back(
      {"stats", "", "prints turns, actors, collections, pauses and memory at the end"});
  options.push_back(
      {"vms", "N", "runs N VMs, each on a core and with the memory of one; host.vms lists them"});
  options.push_back({"trace", "", "prints each turn and its effects to standard error"});
  return {
      "run",
      "[options] FILE [ARGS...]",
      "runs a program until nothing in it can happen any more",
      "\nThe program's `main` gets #start(host). host has console, args, clock, timer, random,\n"
      "stdin, loader, files, net and process; the last three refuse everything unless they were\n"
      "allowed.\n"
      "\nexit: 0 all went well; 1 a fault that nobody saw, or a task left waiting; 2 wrong\n"
      "usage, or a program that does not compile; 130 Ctrl-C, 143 SIGTERM; 141 nobody reads\n"
      "its output any more\n"
      "\nexamples:\n"
      "  vesicle run samples/ring.ves 100000 10\n"
      "  vesicle run --allow-read=data report.ves data.csv\n"
      "  vesicle run --stats --memory=256M big.ves\n",
      std::move(options),
      Arguments::Words::kAfterFirst,
      Run};
}

}  // namespace vesicle::cli
