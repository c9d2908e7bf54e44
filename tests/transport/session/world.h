// World: several VMs on one network in memory, in virtual time: all of it a function of a seed.
//
//   World world(seed);
//   World::Node& alice = world.Add("alice");
//   World::Node& bob = world.Add("bob");
//   const Locator counter = bob.Offer(bob.Make("counter", text, {bob.vm.Int(0)}));
//   const auto reply = alice.AskFor(counter, alice.vm.Symbol("get"));
//   world.Run();
//   CHECK(reply->text == "0");
#ifndef VESICLE_TESTS_TRANSPORT_SESSION_WORLD_H_
#define VESICLE_TESTS_TRANSPORT_SESSION_WORLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "membrane/script.h"
#include "transport/identity.h"
#include "transport/memory.h"
#include "transport/session/net.h"
#include "transport/session/network.h"
#include "transport/tls.h"
#include "transport/virtual_environment.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace vesicle {

// Of a VM that deals with all its peers in one mode.
NetworkOptions InMode(bool relay);

class World {
 public:
  // What became of an ask.
  struct Outcome {
    bool is_settled = false;
    bool is_kept = false;
    std::string text;  // of the value or the reason
    int settlements = 0;
  };
  using OutcomePtr = std::shared_ptr<Outcome>;

  struct Node {
    // `identity`: by TLS, under that key; null: nothing is proved.
    Node(World& world, std::string name, NetworkOptions options, const Identity* identity);

    // An actor of that behavior of a module.
    Root Make(std::string_view text, std::string_view behavior,
              std::initializer_list<Value> captures = {});
    Locator Offer(const Root& ref) { return network->Offer(ref.value()); }
    // What a locator means, when it is there.
    Root Fetch(const Locator& locator);
    OutcomePtr Ask(const Root& target, Value message);
    // How a promise settles.
    OutcomePtr Watch(Value promise);
    // Garbage goes, and what is dead is told to peers.
    void Collect();

    World& world;
    std::string name;
    std::unique_ptr<Vm> vm;
    std::unique_ptr<Transport> line;
    std::unique_ptr<Transport> over_tls;  // of `line`, or null
    std::unique_ptr<Network> network;
    std::vector<Module> modules;
  };

  explicit World(uint64_t seed, MemoryOptions options = {}, VmOptions vm_options = {});
  Node& Add(std::string name, NetworkOptions options = {}, const Identity* identity = nullptr);
  // A VM is gone, all at once.
  void Crash(Node& node);
  // The same, and one of its name comes in its place. Who has roots in it lets go of them before.
  Node& Restart(size_t index, NetworkOptions options);
  // Until nothing is left to do but waiting for timers far away.
  void Run(int64_t ns = 2'000'000'000);
  Session::Counts CountsOf(Node& node);

  VmOptions vm_options;
  VirtualEnvironment environment;
  MemoryNetwork network;
  std::vector<std::unique_ptr<Node>> nodes;

 private:
  bool RunVms();
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_SESSION_WORLD_H_
