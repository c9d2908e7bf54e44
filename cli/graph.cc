// vesicle graph: who holds what in a program, as a picture; and who can reach whom.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/picture/picture.h"
#include "cli/report.h"
#include "cli/world.h"
#include "membrane/reach.h"
#include "membrane/script.h"
#include "vm/loop/signal_watcher.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/value/utf8.h"

namespace vesicle::cli {
namespace {

constexpr size_t kPathsMax = 20;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

struct Setup {
  WorldOptions world;
  std::optional<int64_t> turns;
  PictureOptions picture;
  bool dot = false;
  std::string svg;
  std::string who;
  std::string revoke;
};

absl::StatusOr<Setup> SetupOf(const Arguments& arguments) {
  Setup setup;
  const absl::StatusOr<WorldOptions> world = WorldOptionsOf(arguments);
  if (!world.ok()) return world.status();
  setup.world = *world;
  const auto turns = arguments.Number("turns", 1, INT64_MAX);
  if (!turns.ok()) return turns.status();
  setup.turns = *turns;
  const auto nodes = arguments.Number("nodes", 1, 2000);
  if (!nodes.ok()) return nodes.status();
  if (*nodes) setup.picture.nodes_max = static_cast<size_t>(**nodes);
  setup.svg = arguments.Value("svg").value_or("");
  setup.who = arguments.Value("who").value_or("");
  setup.revoke = arguments.Value("revoke").value_or("");
  setup.dot =
      arguments.Has("dot") || (setup.svg.empty() && setup.who.empty() && setup.revoke.empty());
  return setup;
}

// Stops the loop after so many turns.
class TurnLimit final : public TurnObserver {
 public:
  TurnLimit(VmLoop& loop, int64_t turns) : loop_(loop), left_(turns) {}
  void OnTurn(Core&, const TurnState&, TurnEnd) override {
    if (--left_ == 0) loop_.Stop();
  }
  bool is_over() const { return left_ <= 0; }

 private:
  VmLoop& loop_;
  int64_t left_;
};

bool WriteFile(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  const bool wrote = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && wrote;
}

// "counter 2", or all whose name without its number is "counter".
std::vector<VmMap::Id> Named(const VmMap& map, const std::string& name, NodeKind kind) {
  std::vector<VmMap::Id> named;
  for (VmMap::Id id = 0; id < map.size(); ++id) {
    if (map.node(id).kind != kind) continue;
    if (map.Name(id) == name || map.Label(id) == name) named.push_back(id);
  }
  return named;
}

std::string WhoText(const VmMap& map, VmMap::Id id) {
  const Reach reach = Reach::To(map, id);
  const std::vector<VmMap::Id> actors = reach.Actors();
  std::string text = absl::StrCat(map.Name(id), ": ", Grouped(actors.size()), " can reach it\n");
  for (size_t i = 0; i < actors.size() && i < kPathsMax; ++i) {
    absl::StrAppend(&text, "  ", PathText(map, reach.PathOf(actors[i])), "\n");
  }
  if (actors.size() > kPathsMax) {
    absl::StrAppend(&text, "  and ", Grouped(actors.size() - kPathsMax), " further ones\n");
  }
  return text;
}

std::string RevokeText(const VmMap& map, VmMap::Id membrane) {
  const Foresight end = ForeseeRevoke(map, membrane, {.proxies_max = 100, .paths_max = 3});
  std::string text =
      absl::StrCat(map.Name(membrane), ", if it were revoked: ", Grouped(end.proxies_count),
                   " proxies would die, ", Grouped(end.messages_dropped), " messages be dropped, ",
                   Grouped(end.turns_undone), " turns be undone\n");
  for (const Foresight::Dying& dying : end.proxies) {
    absl::StrAppend(&text, "  ", map.Name(dying.proxy), ": ", Grouped(dying.reached_by_count),
                    " can reach it\n");
    for (const Path& path : dying.reached_by)
      absl::StrAppend(&text, "    ", PathText(map, path), "\n");
  }
  if (end.proxies_count > end.proxies.size()) {
    absl::StrAppend(&text, "  and ", Grouped(end.proxies_count - end.proxies.size()),
                    " further proxies\n");
  }
  return text;
}

// The texts that were asked for; kExitUsage: a name is nobody's.
int PrintAnswers(const VmMap& map, const Setup& setup) {
  const auto each = [&](const std::string& name, NodeKind kind, auto text_of) {
    if (name.empty()) return kExitOk;
    const std::vector<VmMap::Id> named = Named(map, name, kind);
    if (named.empty()) {
      std::fprintf(stderr, "vesicle graph: nothing alive is called %s\n", Printable(name).c_str());
      return kExitUsage;
    }
    for (size_t i = 0; i < named.size() && i < kPathsMax; ++i) {
      std::fputs(text_of(map, named[i]).c_str(), stdout);
    }
    if (named.size() > kPathsMax) {
      std::printf("and %s further ones of that name\n", Grouped(named.size() - kPathsMax).c_str());
    }
    return kExitOk;
  };
  const int who = each(setup.who, NodeKind::kActor, WhoText);
  const int revoke = each(setup.revoke, NodeKind::kMembrane, RevokeText);
  return who != kExitOk ? who : revoke;
}

int Show(Vm& vm, const Setup& setup) {
  const VmMap map(vm.core());
  const Picture picture = PictureOf(map, setup.picture);
  if (setup.dot) std::fputs(DotText(picture).c_str(), stdout);
  if (!setup.svg.empty() && !WriteFile(setup.svg, SvgText(picture))) {
    std::perror(absl::StrCat("vesicle graph: ", Printable(setup.svg, 1000)).c_str());
    return kExitFailed;
  }
  for (const std::string& note : picture.notes)
    std::fprintf(stderr, "vesicle graph: %s\n", note.c_str());
  return PrintAnswers(map, setup);
}

int RunAndShow(Setup setup, std::span<const std::string> words) {
  // With a limit of turns, slices short enough to stop near it.
  constexpr int64_t kShortSlice = 100;
  if (setup.turns) setup.world.vm.slice_steps = kShortSlice;
  Vm vm(setup.world.vm, AddMembranes);
  absl::StatusOr<std::unique_ptr<VmLoop>> made =
      VmLoop::Create(vm, {.slice_steps = setup.turns ? 1 : VmLoop::Options().slice_steps});
  if (!made.ok()) {
    std::fprintf(stderr, "vesicle graph: %s\n", MessageOf(made.status()).c_str());
    return kExitFailed;
  }
  VmLoop& loop = **made;
  bool is_terminated = false;
  const char* when = "when nothing could happen any more";
  const auto draw_now = [&] {
    when = "at a signal";
    loop.Stop();
  };
  const SignalWatcher on_user(loop, SIGUSR1, draw_now);
  const SignalWatcher on_interrupt(loop, SIGINT, draw_now);
  const SignalWatcher on_terminate(loop, SIGTERM, [&] {
    is_terminated = true;
    loop.Stop();
  });
  TurnLimit limit(loop, setup.turns.value_or(INT64_MAX));
  if (setup.turns) vm.core().set_observer(&limit);
  // Standard output is the graph's.
  const Program program = StartProgram("graph", loop, setup.world, words, {.out_fd = 2});
  if (program.exit != kExitOk) return program.exit;
  loop.Run();
  vm.core().set_observer(nullptr);
  if (is_terminated) return kExitSignal + SIGTERM;
  const std::string turns = absl::StrCat("after ", Grouped(vm.core().stats().turns), " turns");
  if (setup.turns && limit.is_over()) when = turns.c_str();
  setup.picture.title = absl::StrCat(Printable(words[0], 60), ", ", when);
  std::fputs(FaultsText(vm.core()).c_str(), stderr);
  return Show(vm, setup);
}

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().empty()) return WrongUsage(command, "which file?");
  for (const std::string& word : arguments.words()) {
    if (!IsValidUtf8(word)) return WrongUsage(command, "an argument that is no UTF-8");
  }
  absl::StatusOr<Setup> setup = SetupOf(arguments);
  if (!setup.ok()) return WrongUsage(command, MessageOf(setup.status()));
  return RunAndShow(*std::move(setup), arguments.words());
}

}  // namespace

Command GraphCommand() {
  std::vector<OptionSpec> options = {
      {"dot", "", "prints the graph in DOT (when nothing else is asked for)"},
      {"svg", "OUT.svg", "draws it into a file"},
      {"who", "NAME", "says who can reach the actors of that name, and by which path"},
      {"revoke", "NAME", "says what a revoke of that membrane would do, and does not do it"},
      {"turns", "N", "stops after about so many turns"},
      {"nodes", "N", "draws so many nodes at most (200)"}};
  for (const OptionSpec& option : WorldOptionSpecs()) options.push_back(option);
  return {
      "graph",
      "[options] FILE [ARGS...]",
      "draws the actors, proxies and membranes of a program",
      "\nRuns the program until nothing can happen any more, or until Ctrl-C, SIGUSR1 or\n"
      "--turns, and draws what is alive then: the actor of main, and what anything that is to\n"
      "happen, or that the host keeps, leads to. What the program prints goes to standard error.\n"
      "\nexit: 0 it was drawn; 1 the file cannot be written; 2 wrong usage, a program that does\n"
      "not compile, or a name that nothing alive has; 143 SIGTERM\n"
      "\nexamples:\n"
      "  vesicle graph --turns=150000 --svg=ring.svg samples/ring.ves 100000 10\n"
      "  vesicle graph plugins.ves | dot -Tpdf -o plugins.pdf\n"
      "  vesicle graph --who=purse --revoke=membrane bank.ves\n",
      std::move(options),
      Arguments::Words::kAfterFirst,
      Run};
}

}  // namespace vesicle::cli
