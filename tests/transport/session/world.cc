#include "tests/transport/session/world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace vesicle {
namespace {

// Fuzzers use this, too, which have no test cases.
void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

}  // namespace

NetworkOptions InMode(bool relay) {
  NetworkOptions options;
  options.terms = [relay](const PeerLocator&) -> absl::StatusOr<PeerTerms> {
    PeerTerms terms;
    if (relay) terms.relay.emplace();
    return terms;
  };
  return options;
}

World::Node::Node(World& world_in, std::string name_in, NetworkOptions options,
                  const Identity* identity)
    : world(world_in),
      name(std::move(name_in)),
      vm(std::make_unique<Vm>(world.vm_options, AddMembranes)),
      line(world.network.AddHost(name)) {
  if (identity != nullptr) {
    auto tls = TlsTransport::Create(world.environment, *line, *identity);
    Must(tls.status());
    over_tls = *std::move(tls);
  }
  Transport& transport = over_tls != nullptr ? *over_tls : *line;
  options.own.name = {std::string(transport.name()),
                      identity != nullptr ? identity->designator() : name};
  options.own.hints = {{"host", name}, {"port", "1"}};
  network = std::make_unique<Network>(*vm, world.environment, transport, std::move(options), [] {});
  const auto at = network->Listen(name + ":1");
  Must(at.status());
}

Root World::Node::Make(std::string_view text, std::string_view behavior,
                       std::initializer_list<Value> captures) {
  absl::StatusOr<Module> module = vm->Load("test.ves", text);
  Must(module.status());
  Root made = vm->Create(module->Behavior(behavior, captures));
  modules.push_back(*std::move(module));
  return made;
}

Root World::Node::Fetch(const Locator& locator) {
  const Root promise(vm->core().heap(), vm->core().NewPromise());
  const absl::Status status = network->Fetch(locator, promise.value());
  Must(status);
  return promise;
}

World::OutcomePtr World::Node::Ask(const Root& target, Value message) {
  auto outcome = std::make_shared<Outcome>();
  vm->Ask(target, message, [outcome](const Reply& reply) {
    ++outcome->settlements;
    outcome->is_settled = true;
    outcome->is_kept = reply.ok();
    outcome->text = Print(reply.ok() ? reply.value() : reply.reason());
  });
  return outcome;
}

World::OutcomePtr World::Node::Watch(Value promise) {
  auto outcome = std::make_shared<Outcome>();
  const Value told = MakeNativeContinuation(vm->core(), [outcome](Turn& turn) {
    ++outcome->settlements;
    outcome->is_settled = true;
    outcome->is_kept = !turn.is_broken();
    outcome->text = Print(turn.message());
  });
  vm->core().DeliverListen(promise, told);
  return outcome;
}

void World::Node::Collect() { vm->core().heap().Collect(Heap::Scope::kFull); }

World::World(uint64_t seed, MemoryOptions options, VmOptions vm_options_in)
    : vm_options(vm_options_in), environment(seed), network(environment, options, seed) {}

World::Node& World::Add(std::string name, NetworkOptions options, const Identity* identity) {
  nodes.push_back(std::make_unique<Node>(*this, std::move(name), std::move(options), identity));
  return *nodes.back();
}

void World::Crash(Node& node) {
  std::erase_if(nodes, [&](const auto& n) { return n.get() == &node; });
}

World::Node& World::Restart(size_t index, NetworkOptions options) {
  const std::string name = nodes[index]->name;
  nodes[index].reset();
  nodes[index] = std::make_unique<Node>(*this, name, std::move(options), nullptr);
  return *nodes[index];
}

bool World::RunVms() {
  bool any = false;
  for (const auto& node : nodes) {
    while (node->vm->RunSlice(10'000)) any = true;
  }
  return any;
}

void World::Run(int64_t ns) {
  const int64_t until = environment.NowNs() + ns;
  while (environment.NowNs() < until) {
    RunVms();
    if (!environment.Step()) return;
  }
}

Session::Counts World::CountsOf(Node& node) {
  Session::Counts sum = {};
  for (const Network::PeerState& peer : node.network->Peers()) {
    sum.exports += peer.counts.exports;
    sum.imports += peer.counts.imports;
    sum.asks += peer.counts.asks;
    sum.answers += peer.counts.answers;
    sum.returned_late += peer.counts.returned_late;
  }
  return sum;
}

}  // namespace vesicle
