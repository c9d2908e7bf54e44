// A host of plug-ins: it compiles texts that strangers wrote, hands each plug-in three narrow
// capabilities through a membrane, lets it live on a budget of its own, looks at what it tried, and
// throws it out. samples/plugin_host.ves is the same as a script.
//
//   build/release/samples/host/plugin_host
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "membrane/membrane.h"
#include "membrane/script.h"
#include "vm/native/vm.h"
#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/print.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace {

// Each has a behavior `plugin` that takes a ref that logs a line, one that keeps a value, and one
// that knows people by their numbers.
constexpr std::pair<const char*, const char*> kPlugins[] = {
    {"greeter", R"(
behavior plugin(log, kept, people) {
  #run(id) => task {
    await log <- #line("Hello, ${await people <- #find(id)}!")
    let times = 1 + (await kept <- #get)
    await kept <- #set(times)
    "greeted ${times}"
  }
})"},
    // Tries what its host left out.
    {"nosy", R"(
behavior plugin(log, kept, people) {
  #run(id) => task {
    await log <- #line("Hello, ${await people <- #find(id)}!")
    await people <- #remove(id) else { why => "removed nobody: ${why}" }
  }
})"},
    // Never comes to an end.
    {"endless", "behavior plugin(log, kept, people) { #run(_) => { while true { nil } } }"},
    // Names what it was not given.
    {"grabby", "behavior plugin(log, kept, people) { #run(_) => host.console <- \"mine\" }"},
};

bool IsCall(vesicle::Turn& turn, std::string_view tag) {
  const vesicle::Value m = turn.message();
  return vesicle::IsTagged(m) && vesicle::TagOf(m) == turn.Symbol(tag);
}

class PluginHost {
 public:
  PluginHost() : vm_({.memory_bytes_max = 64 << 20}, vesicle::AddMembranes) {
    // The host's own. It can do more than a plug-in should: the membrane leaves that out.
    people_ = vm_.Create([names = std::map<int64_t, std::string>{{7, "Ada"}, {8, "Bob"}}](
                             vesicle::Turn& turn) mutable {
      const bool is_find = IsCall(turn, "find");
      if (!is_find && !IsCall(turn, "remove")) return turn.Fault("no_clause", "#find or #remove");
      const auto id = vesicle::Int64Of(vesicle::FieldsOf(turn.message())[0]);
      const auto at = id ? names.find(*id) : names.end();
      if (at == names.end()) return turn.Fail(turn.Symbol("nobody"));
      if (is_find) return turn.Reply(turn.Text(at->second));
      names.erase(at);
    });
  }

  // False, and it is printed: the text does not compile, or is no plug-in.
  bool Install(const std::string& name, const std::string& text) {
    const absl::StatusOr<vesicle::Module> module = vm_.Load(name + ".ves", text);
    if (!module.ok() || module->ParametersOf("plugin") != 3) {
      const std::string why(module.ok() ? "no `behavior plugin(log, kept, people)`"
                                        : module.status().message());
      std::cout << name << " is no plug-in: " << why.substr(0, why.find('\n')) << "\n";
      return false;
    }
    const vesicle::Core::SponsorResult budget = vm_.core().SplitSponsor(vm_.Map(
        {{"events", vm_.Int(1000)}, {"steps", vm_.Int(100'000)}, {"memory", vm_.Int(4'000'000)}}));
    if (!budget.error.empty()) return false;
    // The plug-in is inside. What it sends goes outward, and only with these tags; what it causes
    // outside is paid by its own budget, too.
    vesicle::MembraneOptions options;
    options.payer_in = options.payer_out = budget.control;
    options.outward = vm_.Tagged("allow_tags", vm_.List({vm_.Symbol("line"), vm_.Symbol("get"),
                                                         vm_.Symbol("set"), vm_.Symbol("find")}));
    absl::StatusOr<vesicle::Membrane> wall = vesicle::Membrane::Create(vm_.core(), options);
    if (!wall.ok()) return false;
    const vesicle::Result handed =
        wall->Pass(vm_.List({MakeLog(name).value(), MakeCell().value(), people_.value()}),
                   vesicle::Direction::kIn);
    if (!handed.ok()) return false;
    std::vector<vesicle::Value> captures;
    for (uint64_t i = 0; i < 3; ++i) captures.push_back(vesicle::ListAt(handed.value(), i));
    vesicle::Root inside;
    vm_.Ask(budget.control, vm_.Tagged("create", module->Behavior("plugin", captures)),
            [&](const vesicle::Reply& reply) {
              if (reply.ok()) inside = vesicle::Root(vm_.core().heap(), reply.value());
            });
    vm_.Run();
    if (inside.heap() == nullptr) return false;
    const vesicle::Result outside = wall->Pass(inside.value(), vesicle::Direction::kOut);
    if (!outside.ok()) return false;
    plugins_.emplace(name, Plugin{vesicle::Root(vm_.core().heap(), outside.value()), *wall});
    return true;
  }

  void Run(const std::string& name, int64_t id) {
    vm_.Ask(plugins_.at(name).ref, vm_.Tagged("run", id), [&](const vesicle::Reply& reply) {
      std::cout << name << ": " << vesicle::Print(reply.ok() ? reply.value() : reply.reason())
                << "\n";
    });
    vm_.Run();
  }

  // Whatever it was given, and whatever it gave to anybody, is dead from here on.
  void ThrowOutWhoTriedTooMuch() {
    for (auto& [name, plugin] : plugins_) {
      for (const vesicle::CrossingRecord& record : plugin.wall.Audit()) {
        if (record.outcome != vesicle::CrossingRecord::Outcome::kDeny) continue;
        std::cout << name << " tried " << vesicle::Print(vm_.Symbol(record.TagName()))
                  << ", and is out\n";
        plugin.wall.Revoke();
      }
    }
  }

 private:
  struct Plugin {
    vesicle::Root ref;
    vesicle::Membrane wall;
  };

  vesicle::Root MakeLog(const std::string& name) {
    return vm_.Create([name](vesicle::Turn& turn) {
      if (!IsCall(turn, "line")) return turn.Fault("no_clause", "a log takes #line(text)");
      // Print escapes what could confuse a terminal.
      std::cout << "[" << name << "] " << vesicle::Print(vesicle::FieldsOf(turn.message())[0])
                << "\n";
    });
  }
  vesicle::Root MakeCell() {
    auto kept = std::make_shared<vesicle::Root>(vm_.core().heap(), vm_.Int(0));
    return vm_.Create([kept](vesicle::Turn& turn) {
      if (turn.message() == turn.Symbol("get")) return turn.Reply(kept->value());
      if (!IsCall(turn, "set")) return turn.Fault("no_clause", "a cell takes #get and #set(v)");
      *kept = vesicle::Root(turn.core().heap(), vesicle::FieldsOf(turn.message())[0]);
    });
  }

  vesicle::Vm vm_;
  vesicle::Root people_;
  std::map<std::string, Plugin> plugins_;
};

}  // namespace

int main() {
  PluginHost host;
  std::vector<std::string> installed;
  for (const auto& [name, text] : kPlugins) {
    if (host.Install(name, text)) installed.push_back(name);
  }
  for (const std::string& name : installed) host.Run(name, 7);
  host.ThrowOutWhoTriedTooMuch();
  for (const std::string& name : installed) host.Run(name, 8);
}
