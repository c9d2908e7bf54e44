// vesicle conformance-server: the five objects of samples/conformance.ves, for other
// implementations of CapTP to try.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "cli/command.h"
#include "cli/conformance_text.h"
#include "cli/net_host.h"
#include "membrane/script.h"
#include "transport/captp/dialect.h"
#include "transport/loop_environment.h"
#include "transport/session/net.h"
#include "transport/session/network.h"
#include "transport/session/raw_ref.h"
#include "transport/tcp.h"
#include "vm/loop/signal_watcher.h"
#include "vm/loop/vm_loop.h"

namespace vesicle::cli {
namespace {

constexpr std::string_view kListenDefault = "127.0.0.1:22045";

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

struct Object {
  std::string_view swiss;  // as other implementations know it
  std::string_view behavior;
  bool wants_net = false;
  bool is_raw = false;
};
constexpr Object kObjects[] = {
    {"JadQ0++RzsD4M+40uLxTWVaVqM10DcBJ", "car_builder"},
    {"IO58l1laTyhcrgDKbEzFOO32MDd6zE5w", "echo", false, true},
    {"VMDDd1voKWarCe2GvgLbxbVFysNzRPzx", "greeter"},
    {"IokCxYmMj04nos2JN1TDoY1bT8dXh6Lr", "promises"},
    {"gi02I1qghIwPiKGKleCQAOhpy3ZtYRpB", "enlivener", true},
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "vesicle conformance-server: %s\n", MessageOf(status).c_str());
  return kExitFailed;
}

int Serve(const std::string& address, const Dialect& dialect) {
  Vm vm({}, AddMembranes);
  const absl::StatusOr<Module> module = vm.Load("samples/conformance.ves", ConformanceText());
  if (!module.ok()) return Fail(module.status());
  absl::StatusOr<std::unique_ptr<VmLoop>> made = VmLoop::Create(vm);
  if (!made.ok()) return Fail(made.status());
  VmLoop& loop = **made;
  LoopEnvironment environment(loop.uv());
  TcpTransport tcp(environment, {.on_warning = [](const std::string& text) {
                     std::fprintf(stderr, "vesicle conformance-server: %s\n", text.c_str());
                   }});
  NetworkOptions options;
  options.own.name = {std::string(tcp.name()), MakeDesignator()};
  options.dialect = dialect;
  options.trusts_locations = true;
  Network network(vm, environment, tcp, std::move(options));
  const Root net = MakeNet(vm, {&network});
  for (const Object& object : kObjects) {
    const Value behavior = object.wants_net ? module->Behavior(object.behavior, {net.value()})
                                            : module->Behavior(object.behavior);
    Root actor = vm.Create(behavior);
    if (object.is_raw) actor = MakeRawRef(vm, actor.value());
    if (absl::Status s = network.OfferAs(object.swiss, actor.value()); !s.ok()) return Fail(s);
  }
  const absl::StatusOr<std::string> at = network.Listen(address);
  if (!at.ok()) return Fail(at.status());
  std::printf("%s\n", PrintLocator({.peer = network.own(), .swiss = {}}).c_str());
  std::fflush(stdout);
  int stopped_by = 0;
  const auto stop = [&](int signal) {
    stopped_by = signal;
    loop.Stop();
  };
  const SignalWatcher on_interrupt(loop, SIGINT, [&] { stop(SIGINT); });
  const SignalWatcher on_terminate(loop, SIGTERM, [&] { stop(SIGTERM); });
  loop.Run();
  return stopped_by == 0 ? kExitOk : kExitSignal + stopped_by;
}

int Run(const Command& command, const Arguments& arguments) {
  if (!arguments.words().empty()) return WrongUsage(command, "it takes options only");
  const absl::StatusOr<Dialect> dialect = ParseDialect(arguments.Value("dialect").value_or("spec"));
  if (!dialect.ok()) return WrongUsage(command, MessageOf(dialect.status()));
  return Serve(arguments.Value("listen").value_or(std::string(kListenDefault)), *dialect);
}

}  // namespace

Command ConformanceServerCommand() {
  return {"conformance-server",
          "[options]",
          "serves the five objects that implementations of CapTP try each other with",
          "\nPlain TCP, tcp-testing-only: anybody who can connect may use them, and says to be\n"
          "whom they like. Prints its locator. samples/conformance.ves has the objects.\n"
          "\nA dialect is PRESET[,SWITCH=FORM...]: spec, suite-main, suite-branch, endo, goblins;\n"
          "switches tell, gc, listen, queries, framing.\n"
          "\nexamples:\n"
          "  vesicle conformance-server --dialect=suite-main\n"
          "  vesicle conformance-server --listen=127.0.0.1:0 --dialect=endo,framing=netstring\n",
          {{"listen", "HOST:PORT", "where (127.0.0.1:22045); port 0 picks one"},
           {"dialect", "NAME", "in what forms operations are written (spec)"}},
          Arguments::Words::kAnywhere,
          Run};
}

}  // namespace vesicle::cli
