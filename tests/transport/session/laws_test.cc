// Laws 37 and 38: what membranes.md says of sessions alone.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/transport/session/world.h"

namespace vesicle {
namespace {

constexpr std::string_view kDesk = R"(
behavior desk(unanswered) {
  #never => {
    let [p, r] = promise()
    become desk([r, ...unanswered])
    p
  }
  #itself => self
  #get => 1
}
behavior holder(ref) {
  // Through a membrane of its own, too.
  #watch(r) => task { await r <- #never else { why => why } }
  #ahead => (ref <- #itself) <- #never
  #get => ref <- #get
}
)";

TEST_CASE(
    "law 37: a disconnect breaks each proxy and each pending ask exactly once, #disconnected") {
  for (const bool relay : {false, true}) {
    for (const bool by_cut : {false, true}) {
      CAPTURE(relay);
      CAPTURE(by_cut);
      World world(1);
      World::Node& bob = world.Add("bob", InMode(relay));
      World::Node& alice = world.Add("alice", InMode(relay));
      const Root desk = alice.Fetch(bob.Offer(bob.Make(kDesk, "desk", {bob.vm->List({})})));
      const Root holder = alice.Make(kDesk, "holder", {desk.value()});
      std::vector<World::OutcomePtr> pending;
      for (int i = 0; i < 100; ++i) {
        pending.push_back(alice.Ask(desk, alice.vm->Symbol("never")));
        pending.push_back(alice.Ask(holder, alice.vm->Symbol("ahead")));
      }
      const auto watched = alice.Ask(holder, alice.vm->Tagged("watch", desk.value()));
      world.Run();
      for (size_t i = 0; i < pending.size(); ++i) {
        CAPTURE(i);
        REQUIRE(pending[i]->text == "");
      }
      if (by_cut) {
        world.network.Cut("alice", "bob");
      } else {
        bob.network->Close("the end");
      }
      world.Run();
      for (const auto& ask : pending) {
        CHECK(ask->text == "#disconnected");
        CHECK(ask->settlements == 1);
      }
      CHECK(watched->text == "#disconnected");
      const auto later = alice.Ask(holder, alice.vm->Symbol("get"));
      world.Run();
      CHECK(later->text == "#disconnected");
      CHECK(later->settlements == 1);
    }
  }
}

TEST_CASE("law 38: swiss numbers are 256 bits that no other one tells anything about") {
  World world(1);
  World::Node& bob = world.Add("bob");
  World::Node& alice = world.Add("alice");
  World::Node& carol = world.Add("carol");
  const Root desk = bob.Make(kDesk, "desk", {bob.vm->List({})});
  std::set<std::string> numbers;
  for (int i = 0; i < 1000; ++i) {
    const Locator at = bob.Offer(desk);
    CHECK(at.swiss.size() == 32);
    numbers.insert(at.swiss);
  }
  CHECK(numbers.size() == 1000);
  // As often one as zero, at each place.
  for (int bit = 0; bit < 256; ++bit) {
    int ones = 0;
    for (const std::string& n : numbers) ones += (n[bit / 8] >> (bit % 8)) & 1;
    CHECK(ones > 400);
    CHECK(ones < 600);
  }
  // A guess that is wrong by one bit is as good as any other.
  const Locator real = bob.Offer(desk);
  const Root honest = carol.Fetch(real);
  for (int bit = 0; bit < 256; ++bit) {
    Locator guess = real;
    guess.swiss[bit / 8] = static_cast<char>(guess.swiss[bit / 8] ^ (1 << (bit % 8)));
    const auto outcome = alice.Ask(alice.Fetch(guess), alice.vm->Symbol("get"));
    world.Run();
    CHECK(outcome->text.find("#not_found") != std::string::npos);
  }
  const auto served = carol.Ask(honest, carol.vm->Symbol("get"));
  world.Run();
  CHECK(served->text == "1");
  CHECK(bob.network->sessions() == 2);
  // What is retracted is as if it never was.
  bob.network->Retract(real.swiss);
  const auto gone = alice.Ask(alice.Fetch(real), alice.vm->Symbol("get"));
  world.Run();
  CHECK(gone->text.find("#not_found") != std::string::npos);
}

}  // namespace
}  // namespace vesicle
