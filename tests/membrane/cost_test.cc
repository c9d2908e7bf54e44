// Laws 31 and 32: who pays, what is bounded, and what is left when it is over.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "membrane/audit.h"
#include "membrane/membrane.h"
#include "membrane/script.h"
#include "tests/harness/sanitized.h"
#include "tests/membrane/link.h"

namespace vesicle {
namespace {

const char kWorkers[] = R"(
  behavior worker {
    #work(n) => { var i = 0; while i < n { i = i + 1 }; n }
    #hoard(n) => size(1..n |> map(fn(i) = [i]))
    #forward(to, m) => to <- m
    #forward_often(to, m, n) => { for _ in 1..n { to <- m }; nil }
    #hi => 1
    #echo(v) => v
    #promise(p) => nil
  }
  behavior keeper(kept) { #keep(v) => { become keeper([...kept, v]); size(kept) + 1 }, #forget => become keeper([]), #count => size(kept) }
)";

struct Market {
  Market() : vm({}, AddMembranes) { shore.Load(kWorkers); }
  Root Split(std::initializer_list<std::pair<std::string_view, Value>> limits) {
    const Core::SponsorResult made = vm.core().SplitSponsor(vm.Map(limits));
    REQUIRE(made.error.empty());
    return Root(vm.core().heap(), made.control);
  }
  Membrane Wall(const MembraneOptions& options) { return *Membrane::Create(vm.core(), options); }
  Root Pass(Membrane& wall, const Root& v, Direction d) {
    const Result passed = wall.Pass(v.value(), d);
    REQUIRE(passed.ok());
    return Root(vm.core().heap(), passed.value());
  }
  std::string Asked(const Root& target, Value message) {
    const Root reply = shore.Ask(target, message);
    vm.Run();
    return shore.Outcome(reply);
  }
  // What is left of `which`.
  int64_t Left(const Root& control, const std::string& which) {
    const std::string all = Asked(control, vm.Symbol("balance"));
    const size_t at = all.find(which + ": ");
    REQUIRE(at != std::string::npos);
    return std::stoll(all.substr(at + which.size() + 2));
  }

  Vm vm;
  Shore shore{vm, "market.ves"};
};

constexpr int64_t kMuch = 1'000'000'000;

TEST_CASE("law 31: what crosses is run and paid by whom the membrane names, per direction") {
  Market m;
  const Root inward = m.Split({{"steps", m.vm.Int(kMuch)}, {"events", m.vm.Int(kMuch)}});
  const Root outward = m.Split({{"steps", m.vm.Int(kMuch)}, {"events", m.vm.Int(kMuch)}});
  MembraneOptions options;
  options.payer_in = inward.value();
  options.payer_out = outward.value();
  Membrane wall = m.Wall(options);
  const Root inside = m.shore.Create("worker"), outside = m.shore.Create("worker");
  const Root in_proxy = m.Pass(wall, inside, Direction::kOut);
  const Root out_proxy = m.Pass(wall, outside, Direction::kIn);
  constexpr int kLoops = 1'000'000;
  int64_t in = m.Left(inward, "steps"), out = m.Left(outward, "steps");
  CHECK(m.Asked(in_proxy, m.vm.Tagged("work", kLoops)) == std::to_string(kLoops));
  CHECK(in - m.Left(inward, "steps") > kLoops / 16);
  CHECK(out - m.Left(outward, "steps") < 1000);
  in = m.Left(inward, "steps");
  CHECK(m.Asked(out_proxy, m.vm.Tagged("work", kLoops)) == std::to_string(kLoops));
  CHECK(out - m.Left(outward, "steps") > kLoops / 16);
  CHECK(in - m.Left(inward, "steps") < 1000);
  // An insider who calls out: what the outsider does for him is not on the insider's budget.
  in = m.Left(inward, "steps"), out = m.Left(outward, "steps");
  CHECK(m.Asked(in_proxy, m.vm.Tagged("forward", outside.value(), m.vm.Tagged("work", kLoops))) ==
        std::to_string(kLoops));
  CHECK(out - m.Left(outward, "steps") > kLoops / 16);
  CHECK(in - m.Left(inward, "steps") < 1000);
}

TEST_CASE("law 31: budgets never inherit across it: a rich asker makes a poor one no richer") {
  Market m;
  const Root poor = m.Split({{"steps", m.vm.Int(20'000)}, {"events", m.vm.Int(1000)}});
  MembraneOptions options;
  options.payer_in = poor.value();
  Membrane wall = m.Wall(options);
  const Root proxy = m.Pass(wall, m.shore.Create("worker"), Direction::kOut);
  CHECK(m.Asked(proxy, m.vm.Tagged("work", 1000)) == "1000");
  CHECK(m.Asked(proxy, m.vm.Tagged("work", 10'000'000)) == "broken: #quota(#steps)");
  // And the poor one's askers, who are poor themselves, make nobody outside poorer.
  const Root rich = m.shore.Create("worker");
  CHECK(m.Asked(rich, m.vm.Tagged("work", 1'000'000)) == "1000000");
}

TEST_CASE("law 31: whoever floods it is stopped by the budget of its direction, and only that") {
  Market m;
  const Root few = m.Split({{"events", m.vm.Int(100)}});
  MembraneOptions options;
  options.payer_in = few.value();
  Membrane wall = m.Wall(options);
  const Root inside = m.shore.Create("worker");
  const Root proxy = m.Pass(wall, inside, Direction::kOut);
  int ok = 0, refused = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string outcome = m.Asked(proxy, m.vm.Symbol("hi"));
    ok += outcome == "1";
    refused += outcome == "broken: #quota(#events)";
  }
  CHECK(ok + refused == 200);
  CHECK(ok > 0);
  CHECK(ok <= 100);
  CHECK(m.Asked(inside, m.vm.Symbol("hi")) == "1");
}

TEST_CASE("law 31: the copy of a message is paid by who pays in that direction") {
  Market m;
  const Root small = m.Split({{"memory", m.vm.Int(200'000)}});
  MembraneOptions options;
  options.payer_in = small.value();
  Membrane wall = m.Wall(options);
  const Root inside = m.shore.Create("worker");
  const Root proxy = m.Pass(wall, inside, Direction::kOut);
  // Each element holds a ref, so each is copied.
  const Root outsider = m.shore.Create("worker");
  std::vector<Value> items;
  for (int i = 0; i < 50'000; ++i) items.push_back(m.vm.List({m.vm.Int(i), outsider.value()}));
  const Root big(m.vm.core().heap(), m.vm.Tagged("promise", m.vm.List(items)));
  CHECK(m.Asked(proxy, big.value()) == "broken: #quota(#memory)");
  CHECK(m.Asked(proxy, m.vm.Symbol("hi")) == "1");
  CHECK(m.Asked(proxy, m.vm.Tagged("echo", outsider.value())) == "<ref>");
}

TEST_CASE("law 31: tables have bounds; at the bound a crossing fails and changes nothing") {
  Market m;
  MembraneOptions options;
  options.proxies_max = 3;
  Membrane wall = m.Wall(options);
  const Root keeper = m.shore.Create("keeper", {m.vm.List({})});
  const Root proxy = m.Pass(wall, keeper, Direction::kOut);
  std::vector<Root> people;
  for (int i = 0; i < 6; ++i) people.push_back(m.shore.Create("worker"));
  const auto keep = [&](std::initializer_list<int> who) {
    std::vector<Value> refs;
    for (const int i : who) refs.push_back(people[static_cast<size_t>(i)].value());
    return m.Asked(proxy, m.vm.Tagged("keep", m.vm.List(refs)));
  };
  CHECK(keep({0, 1}) == "1");
  // Two at once are one too many: neither of them crosses.
  CHECK(keep({2, 3}).rfind("broken: #full(", 0) == 0);
  CHECK(m.Asked(keeper, m.vm.Symbol("count")) == "1");
  m.vm.core().heap().Collect(Heap::Scope::kFull);
  CHECK(keep({4}) == "2");
  CHECK(keep({5}).rfind("broken: #full(", 0) == 0);
  // Those who are known already need no place.
  CHECK(keep({0, 1, 4}) == "3");
  CHECK(!wall.Pass(people[5].value(), Direction::kIn).ok());
  // The other direction has a table of its own.
  CHECK(m.Asked(m.Pass(wall, people[5], Direction::kOut), m.vm.Symbol("hi")) == "1");
  // Who is let go makes room.
  CHECK(m.Asked(proxy, m.vm.Symbol("forget")) == "nil");
  m.vm.core().heap().Collect(Heap::Scope::kFull);
  CHECK(keep({2, 3, 5}) == "1");
}

TEST_CASE("law 31: the bound counts the living: a collection is no part of the answer") {
  Market m;
  MembraneOptions options;
  options.proxies_max = 10;
  Membrane wall = m.Wall(options);
  const Root proxy = m.Pass(wall, m.shore.Create("worker"), Direction::kOut);
  for (int i = 0; i < 1000; ++i) {
    const Root stranger = m.shore.Create("worker");
    const std::string outcome = m.Asked(proxy, m.vm.Tagged("promise", stranger.value()));
    CAPTURE(i);
    REQUIRE(outcome == "nil");
  }
}

TEST_CASE("law 31: refused messages fill no table") {
  Market m;
  MembraneOptions options;
  options.proxies_max = 10;
  options.owed_max = 10;
  Membrane wall = m.Wall(options);
  const Root proxy = m.Pass(wall, m.shore.Create("worker"), Direction::kOut);
  const Root native(m.vm.core().heap(), MakeNativeBehavior(m.vm.core(), "native", [](Turn&) {}));
  const Root promise(m.vm.core().heap(), m.vm.core().NewPromise());
  for (int i = 0; i < 100; ++i) {
    const Root stranger = m.shore.Create("worker");
    const std::string outcome =
        m.Asked(proxy, m.vm.List({stranger.value(), promise.value(), native.value()}));
    CAPTURE(i);
    REQUIRE(outcome.rfind("broken: #denied(", 0) == 0);
  }
  CHECK(m.Asked(proxy, m.vm.Symbol("hi")) == "1");
  CHECK(m.Asked(proxy, m.vm.Tagged("echo", m.shore.Create("worker").value())) == "<ref>");
}

TEST_CASE("law 31: asks under way are bounded, and one more fails at once") {
  Market m;
  m.shore.Load(R"(
    behavior waits(resolvers) {
      #wait => { let [p, r] = promise(); become waits([...resolvers, r]); p }
      #answer => { for r in resolvers { r <- #fulfill(1) }; become waits([]); nil }
      #hi => 1
    }
  )");
  MembraneOptions options;
  options.owed_max = 4;
  Membrane wall = m.Wall(options);
  const Root waits = m.shore.Create("waits", {m.vm.List({})});
  const Root proxy = m.Pass(wall, waits, Direction::kOut);
  std::vector<Root> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(m.shore.Ask(proxy, m.vm.Symbol("wait")));
  m.vm.Run();
  int pending = 0, full = 0;
  for (const Root& a : asked) {
    pending += m.shore.Outcome(a) == "pending";
    full += m.shore.Outcome(a).rfind("broken: #full(", 0) == 0;
  }
  CHECK(pending + full == 20);
  CHECK(pending >= 1);
  CHECK(pending <= 4);
  // Who was refused is not waiting; the others are answered, and there is room again.
  CHECK(m.Asked(waits, m.vm.Symbol("answer")) == "nil");
  int answered = 0;
  for (const Root& a : asked) answered += m.shore.Outcome(a) == "1";
  CHECK(answered == pending);
  CHECK(m.Asked(proxy, m.vm.Symbol("hi")) == "1");
}

// ---------------------------------------------------------------------------

// Memory in use when nothing is garbage.
uint64_t Held(Vm& vm) {
  vm.core().heap().Collect(Heap::Scope::kFull);
  const HeapStats stats = vm.core().heap().stats();
  return stats.bytes_old + stats.bytes_young + stats.bytes_external;
}

// `rounds` times something crosses and is dropped; after as many again memory is as before, and was
// never much more.
template <typename Fn>
void CheckFlat(Market& m, int rounds, Fn once) {
  for (int i = 0; i < rounds; ++i) once(i);
  m.vm.Run();
  const uint64_t before = Held(m.vm);
  const uint64_t peak_before = m.vm.core().heap().stats().bytes_mapped_peak;
  for (int i = 0; i < rounds; ++i) once(i);
  m.vm.Run();
  const uint64_t after = Held(m.vm);
  CAPTURE(before);
  CAPTURE(after);
  CHECK(after <= before + before / 8 + 100'000);
  CHECK(m.vm.core().heap().stats().bytes_mapped_peak <= peak_before * 2 + (32 << 20));
}

constexpr int kRefs = Often(1'000'000, 300'000);

TEST_CASE("law 32: 10^6 refs crossing in messages and dropped leave memory flat") {
  Market m;
  m.shore.Load(R"(
    behavior nobody { _ => nil }
    behavior forgets(last) { #take(r) => become forgets(r) }
    behavior sender(to) { #send(n) => { for _ in 1..n { to <- #take(create nobody) }; nil } }
  )");
  Membrane wall = m.Wall({});
  const Root forgets = m.shore.Create("forgets", {Value::Nil()});
  const Root sender = m.shore.Create("sender", {m.Pass(wall, forgets, Direction::kOut).value()});
  CheckFlat(m, 100, [&](int) {
    m.vm.Send(sender, m.vm.Tagged("send", kRefs / 100));
    m.vm.Run();
  });
  // The tables, too, which stand beside the heap: as many places as there were at once.
  const Membrane::Counts counts = wall.counts();
  CHECK(counts.crossed >= kRefs);
  CHECK(counts.proxies_in < kRefs / 4);
}

TEST_CASE("law 32: asks and promises that crossed and were answered leave memory flat") {
  Market m;
  m.shore.Load(R"(
    behavior answers { #ref => create nobody, #promise(p) => p, #never => { let [p, _] = promise(); p } }
    behavior nobody { _ => nil }
    behavior asker(to) {
      #ask(n) => {
        for i in 1..n {
          when to <- #ref { _ => nil }
          let [p, r] = promise()
          when to <- #promise([p]) { _ => nil }
          r <- #fulfill(i)
          to <- #never
          let _ = to <- #never
        }
        nil
      }
    }
  )");
  Membrane wall = m.Wall({});
  const Root asker =
      m.shore.Create("asker", {m.Pass(wall, m.shore.Create("answers"), Direction::kOut).value()});
  CheckFlat(m, 100, [&](int) {
    m.vm.Send(asker, m.vm.Tagged("ask", 1000));
    m.vm.Run();
  });
}

TEST_CASE("law 32: introductions that are dropped leave memory flat") {
  Market m;
  Membrane wall = m.Wall({});
  CheckFlat(m, 100, [&](int i) {
    for (int k = 0; k < kRefs / 100; ++k) {
      const Root actor = m.shore.Create("worker");
      REQUIRE(wall.Pass(actor.value(), i % 2 == 0 ? Direction::kIn : Direction::kOut).ok());
    }
    m.vm.Send(m.shore.Create("worker"), m.vm.Symbol("hi"));
    m.vm.Run();
  });
}

TEST_CASE("law 32: membranes made, used and dropped, revoked or not, leave memory flat") {
  Market m;
  const Root worker = m.shore.Create("worker");
  CheckFlat(m, 2000, [&](int i) {
    Membrane wall = m.Wall({});
    const Root proxy = m.Pass(wall, worker, Direction::kOut);
    CHECK(m.Asked(proxy, m.vm.Tagged("echo", m.shore.Create("worker").value())) == "<ref>");
    if (i % 2 == 0) wall.Revoke();
    m.vm.Run();
  });
}

TEST_CASE("law 31: the records that a membrane keeps are memory of who made it") {
  Market m;
  MembraneOptions options;
  options.audit_records = 100'000;
  Membrane wall = m.Wall(options);
  const Root proxy = m.Pass(wall, m.shore.Create("worker"), Direction::kOut);
  Heap& heap = m.vm.core().heap();
  const auto bytes = [&] {
    heap.Collect(Heap::Scope::kFull);
    return heap.SponsorBytes(m.vm.core().root_sponsor().index());
  };
  const uint64_t before = bytes();
  constexpr int kRecords = 20'000;
  for (int i = 0; i < kRecords; ++i) m.vm.Send(proxy, m.vm.Int(i));
  m.vm.Run();
  CHECK(bytes() - before >= kRecords * sizeof(CrossingRecord));
}

}  // namespace
}  // namespace vesicle
