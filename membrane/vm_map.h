// VmMap: who holds what in a VM at rest: the picture that questions of authority are
// asked of (reach.h), and that `vesicle graph` draws.
//
// An edge X -> Y says: X holds something by which a message of X gets to Y, or by which
// what Y says gets to X. Authority flows along refs *to send*, so edges have a direction:
// who holds a ref of B can tell B something, and be answered; B learns nothing of whom by
// that alone. What each kind of edge is, Via says.
//
//   An actor holds what its captures, its suspended turn and its inbox hold, through
//   any data; and what is queued for it, which it is about to be told. Its tasks
//   and `when`s are part of it.
//   A message on its way through a proxy is held by who will get it, behind a *crossing*:
//   a proxy that does not exist yet. What the crossing would unwrap is unwrapped.
//   A promise has two ends. Who holds the *slot* (also: a resolver, a proxy of the slot)
//   can tell what waits on the promise. Who holds the *promise* reaches what it was kept
//   with; of a pending one, whoever has its slot, since that one will answer: this way
//   back is made of *answers*, which stand for the slots, resolvers and proxies that the
//   answer comes through.
//   The host holds what C++ code has in Roots. Nothing leads to the host: what a
//   native behavior keeps in C++ is not looked into, and the host is trusted to keep apart
//   what it was given.
//
// What is reached from no root is garbage and is not here. The walk reads and changes
// nothing, allocates nothing in the heap, and recurses on nothing.
//
// Ownership: borrows the Core. Good until the VM runs, allocates or collects again.
// Costs:     about 60 bytes for each object that holds refs and 20 for each edge, in C++ memory.
//
//   const VmMap map(core);
//   for (const VmMap::Edge& edge : map.From(map.Find(bob))) Use(map.Name(edge.to));
#ifndef VESICLE_MEMBRANE_VM_MAP_H_
#define VESICLE_MEMBRANE_VM_MAP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "membrane/membrane.h"
#include "vm/actor/core.h"

#pragma GCC visibility push(default)
namespace vesicle {

enum class NodeKind : uint8_t {
  kHost,          // C++ code around the VM
  kActor,         // the kinds of targets ...
  kContinuation,  // a `when` or a task
  kPromise,       // the end that is waited on
  kSlot,          // the end that settles it
  kResolver,
  kProxy,
  kPayer,     // an actor reached on a sponsor
  kSponsor,   // its control ref
  kMembrane,  // what revokes it, and what its policy holds
  kCrossing,  // what is on its way through a membrane will be held behind a proxy
  kAnswer,    // what comes back through a slot, a resolver or a proxy
  kData,      // an object of data that holds refs: part of who holds it
};

// How the one holds the other.
enum class Via : uint8_t {
  kRoot,      // the host, in C++
  kCaptures,  // of its behavior
  kFrames,    // of its turn that is suspended, or that waits
  kInbox,     // a message that came while its turn is suspended
  kQueued,    // a message that it is about to get
  kParked,    // a message that waits on a promise: who settles it says who gets it
  kUndone,    // a message that it is dealing with, as it was before it crossed
  kSlot,      // it owes an answer
  kWaits,     // a slot, who is told when it settles
  kAwaits,    // who is told, the promise
  kOutcome,   // what a promise was kept with
  kSettles,   // a slot, its promise
  kAnswers,   // who will settle it
  kTarget,    // of a proxy, of a payer
  kPolicy,    // a message through it is seen by its membrane; what a membrane holds
  kControls,  // the right to revoke and to introduce
  kKeeper,    // of a sponsor
  kTask,      // an actor, its task or `when`
  kSelf,      // a task, its actor
  kPays,      // who pays for it. No right to send: no question follows it
  kPart,      // of data
};
std::string_view NameOfVia(Via via);

class VmMap {
 public:
  using Id = uint32_t;
  static constexpr Id kHost = 0;
  static constexpr Id kNone = UINT32_MAX;

  struct Node {
    NodeKind kind;
    Object* object;  // null for the host and for crossings
    // Of proxies, crossings, answers through a proxy: the membrane that they are of; of a membrane
    // itself. kNone: none.
    Id membrane;
  };
  struct Edge {
    Id to;
    Via via;
  };

  // Outside of slices.
  explicit VmMap(Core& core);

  Core& core() const { return core_; }
  // Ids are 0 .. size() - 1, in the order of the walk, the same in every run.
  size_t size() const { return nodes_.size(); }
  const Node& node(Id id) const { return nodes_[id]; }
  std::span<const Edge> From(Id id) const { return forward_.Of(id); }
  // `to` of these is who holds it.
  std::span<const Edge> To(Id id) const { return backward_.Of(id); }

  // The node of a ref, or of a membrane (Membrane::value()); of a promise the end that is waited
  // on. kNone: it is garbage, or no ref.
  Id Find(Value value) const;
  Id SlotOf(Value promise) const;
  std::vector<Id> Membranes() const { return membranes_; }

  // An actor whose state is C++, which is not looked into.
  bool IsOpaque(Id actor) const;
  // A proxy that leads somewhere; which way (nothing: of a boundary that is no Membrane).
  bool IsLive(Id proxy) const { return !From(proxy).empty(); }
  std::optional<Direction> DirectionOf(Id proxy) const;
  // A proxy that stands for a slot: an answer that is owed through it.
  bool IsSlotProxy(Id proxy) const;

  // Messages that are to cross, and turns that a crossing began and that are not done, by proxy:
  // what a revoke would drop and undo.
  struct Pending {
    Id proxy;
    Id target;
    Via via;
  };
  const std::vector<Pending>& pending() const { return pending_; }

  // For people: "counter", "counter 2" when there are several, "proxy of counter 2", "membrane 1".
  // Control characters escaped, and shortened.
  std::string Name(Id id) const;
  // The name without its number.
  std::string Label(Id id) const;

 private:
  class Walk;
  // Edges by node.
  struct Table {
    std::vector<uint32_t> begins;
    std::vector<Edge> edges;
    std::span<const Edge> Of(Id id) const {
      return std::span(edges).subspan(begins[id], begins[id + 1] - begins[id]);
    }
  };
  struct RawEdge {
    Id from;
    Id to;
    Via via;
  };
  static Table Sorted(const std::vector<RawEdge>& edges, size_t nodes, bool backward);
  void NumberNames();

  Core& core_;
  std::vector<Node> nodes_;
  std::vector<Id> membranes_;
  std::vector<Pending> pending_;
  absl::flat_hash_map<const Object*, Id> by_object_;
  absl::flat_hash_map<const Object*, Id> slots_;
  Table forward_;
  Table backward_;
  std::vector<uint32_t> numbers_;  // among those of the same label; 0: it is the only one
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_VM_MAP_H_
