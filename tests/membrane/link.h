// Link: what joins an inside and an outside, for the laws of a membrane. The test of a law
// is written once, against this, and runs over every kind of link there is: each is one
// class here, and one line in EveryLink().
//
// A kind says in its traits which laws it is excused from; nothing else may differ.
//
//   TEST_CASE("law 2: what goes out and comes back is the original") {
//     const auto link = EveryLink();
//     link->inside().Load("behavior echo { v => v }");
//     link->outside().Load("behavior alice(bob) { #go => task { (await bob <- self) == self } }");
//     const Root bob = link->Outward(link->inside().Create("echo"));
//     const Root alice = link->outside().Create("alice", {bob.value()});
//     CHECK(link->Asked(alice, "#go") == "true");
//   }
#ifndef VESICLE_TESTS_MEMBRANE_LINK_H_
#define VESICLE_TESTS_MEMBRANE_LINK_H_

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vm/native/vm.h"

namespace vesicle {

// Where the actors of one side live, and what they are made of.
class Shore {
 public:
  Shore(Vm& vm, std::string name) : vm_(vm), name_(std::move(name)) {}
  Shore(const Shore&) = delete;
  Shore& operator=(const Shore&) = delete;
  Vm& vm() { return vm_; }
  Heap& heap() { return vm_.core().heap(); }

  // What its actors are made of from now on. Wants a text without errors.
  void Load(std::string_view text);
  Root Create(std::string_view behavior, std::initializer_list<Value> captures = {});
  // The value of an expression without refs.
  Root Data(std::string_view expression);
  // A promise of the reply, for Outcome.
  Root Ask(const Root& target, Value message);
  // "3", "broken: #revoked", "pending".
  std::string Outcome(const Root& promise);
  // What is changed in an outcome before a test sees it.
  void set_as_seen(std::function<std::string(std::string)> fn) { as_seen_ = std::move(fn); }

 private:
  Vm& vm_;
  std::string name_;  // of its modules' files
  std::function<std::string(std::string)> as_seen_;
  std::deque<Module> modules_;
};

class Link {
 public:
  // What law 36 lets a transport differ in.
  struct Traits {
    bool keeps_identity = true;        // laws 2 to 4: always, not only within one connection
    bool undoes_under_way = true;      // laws 10, 12, 14: there is no wire for things to be on
    bool takes_every_value = true;     // laws 16, 17: there is no codec, and no bound
    bool copies_code = true;           // law 23: functions and behaviors cross
    bool finds_circles = true;         // of promises that wait for each other across it
    bool one_heap = true;              // a test may look at both sides at once
    bool keeps_system_reasons = true;  // a far side's own comes as itself, not as #failed(it)
  };

  virtual ~Link() = default;
  virtual Traits traits() const { return {}; }
  // A reason that the VM of the far side gave, as it comes: "#no_clause(..)".
  std::string FarReason(std::string reason) const {
    return traits().keeps_system_reasons ? reason : "#failed(" + reason + ")";
  }
  virtual Shore& inside() = 0;
  virtual Shore& outside() = 0;
  Shore& Other(const Shore& shore) { return &shore == &inside() ? outside() : inside(); }

  // Introductions: a value of one side as the other one has it.
  virtual Root Outward(Value value) = 0;
  virtual Root Inward(Value value) = 0;
  Root Outward(const Root& ref) { return Outward(ref.value()); }
  Root Inward(const Root& ref) { return Inward(ref.value()); }
  Root From(const Shore& shore, const Root& ref) {
    return &shore == &inside() ? Outward(ref) : Inward(ref);
  }

  virtual void Revoke() = 0;
  // About so many steps on each side.
  virtual void RunFor(int64_t steps) = 0;
  // Until nothing can run on either side.
  virtual void Run() = 0;

  // The same text on both sides.
  void Load(std::string_view text) {
    inside().Load(text);
    outside().Load(text);
  }
  // `message`: an expression. An outsider asks, or somebody of `shore`.
  std::string Asked(const Root& target, std::string_view message) {
    return Asked(outside(), target, message);
  }
  std::string Asked(Shore& shore, const Root& target, std::string_view message) {
    const Root reply = shore.Ask(target, shore.Data(message).value());
    Run();
    return shore.Outcome(reply);
  }
};

// One test case is run over each of them, as subcases; ask once, first. Subcases of the test's own
// are made by `and_then`, within each of these.
std::unique_ptr<Link> EveryLink(const VmOptions& options = {},
                                const std::function<void(Link&)>& and_then = {});

// The same, and either way: what a law says of `from` and `to` holds for both directions.
struct Way {
  std::unique_ptr<Link> link;
  Shore& from;
  Shore& to;
};
Way EveryWay(const VmOptions& options = {});

// Every ref that a value holds, wherever it stands, for scripts: found(v). A function says with its
// value what it has captured.
inline constexpr char kFound[] = R"(
fn found(v) = match kind(v) {
  #ref => [v]
  #list => flat_map(v, found)
  #tagged => flat_map(fields_of(v), found)
  #map => flat_map(entries(v), found)
  #function => found(v())
  _ => []
}
)";

VmOptions CollectAlways();

}  // namespace vesicle

#endif  // VESICLE_TESTS_MEMBRANE_LINK_H_
