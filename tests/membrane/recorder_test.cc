// Law 34: the recorder, and the inside that runs again from its log.
#include <doctest/doctest.h>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "membrane/membrane.h"
#include "membrane/replay.h"
#include "membrane/script.h"
#include "tests/membrane/link.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

// Sends to itself, asks outward and goes by the answers, promises, learns of others, works for
// longer than a slice.
const char kInside[] = R"(
  behavior counter(n, seen) {
    #add(k) => { self <- #step(k % 5); become with (n: n * 3 % 1_000_003 + k); n }
    #step(k) => { become with (n: (n * 2 + k) % 1_000_003); if k > 0 { self <- #step(k - 1) }; nil }
    #ask(other) => task { let r = await other <- #price(n) else { _ => 5 }; self <- #add(r); r }
    #ask_all => task { var sum = 0; for other in seen { sum = sum + (await other <- #price(n) else { _ => 1 }); self <- #step(1) }; self <- #add(sum); sum }
    #meet(other) => { become with (seen: take([other, ...seen], 4)); size(seen) }
    #news => { for other in seen { other <- #news(n, self) }; nil }
    #later(p) => task { let v = await p else { _ => 3 }; self <- #add(v); [v, n] }
    #promised => { let [p, r] = promise(); self <- #count_down(r, 3); [#here, p] }
    #count_down(r, k) => { if k == 0 { r <- #fulfill(n) } else { self <- #count_down(r, k - 1) }; nil }
    #call(f) => { become with (n: n + f(n)); n }
    #work(k) => { var i = 0; var x = n; while i < k { i = i + 1; x = (x * 5 + i) % 1_000_003 }; self <- #step(2); become with (n: x); [x, {k: [i, "text of some length", 2 ** 100]}] }
    #child => create counter(n, [self])
    #adder(k) => { let me = self; fn(x) = [x + n + k, me] }
    #fail(e) => fail e
    #map(m) => { var sum = 0; for e in entries(m) { sum = sum * 7 + e[1] }; become with (n: (n + sum) % 1_000_003); sum }
    #state => [n, size(seen)]
  }
)";

const char kOutside[] = R"(
  behavior peer(m, known, kinds) {
    #price(n) => { become with (m: m + 1); if m % 5 == 0 { fail #sold_out }; if m % 7 == 3 { let [p, r] = promise(); r <- #fulfill(n % 10); p } else { n % 13 + m } }
    #news(n, who) => { become with (known: take([who, ...known], 3), m: (m + n) % 100); who <- #add(n % 3); nil }
    #know(c) => { become with (known: take([c, ...known], 3)); nil }
    #spread => { for who in known { who <- #ask(self) }; nil }
    #go(who, k) => task {
      let [p, r] = promise()
      match k % kinds {
        0 => who <- #ask(self)
        1 => { who <- #later(p); r <- #fulfill(k) }
        2 => { let v = await who <- #promised; r <- #fulfill(await v[1]) }
        3 => { let c = await who <- #child; self <- #know(c); c <- #meet(self) }
        4 => who <- #work(k * 137 % 40_000)
        5 => { let v = await who <- #add(k) else { _ => 0 }; who <- #add(v) }
        6 => { await who <- #fail([k, self]) else { _ => nil }; who <- #meet(self) }
        9 => { let f = await who <- #adder(k); who <- #add(f(3)[0] % 10); let me = self; f(3)[1] <- #call(fn(n) = n % 7 + size([me, who])) }
        10 => { let b = await who <- #adder(1); who <- #call(fn(n) = if b(n)[1] == who { 2 } else { 5 }) }
        7 => { who <- #map({[self]: k, [who]: 2, tea: 3}); who <- #later(p); r <- #break(#never) }
        _ => { who <- #ask_all; who <- #news }
      }
      nil
    }
  }
)";

constexpr char kCounter[] = "counter";

Root Budget(Vm& vm, int64_t steps = kUnlimited / 4) {
  const Core::SponsorResult made = vm.core().SplitSponsor(vm.Map({{"steps", vm.Int(steps)}}));
  REQUIRE(made.error.empty());
  return Root(vm.core().heap(), made.control);
}

// An inside of two counters behind a membrane that is recorded.
constexpr int kData = 9;       // kinds of what outsiders do, without
constexpr int kWithCode = 11;  // and with functions
struct Shape {
  size_t bytes_max = 64 << 20;
  int kinds = kData;
  const char* inward = "nil";  // rules
  const char* outward = "nil";
  int64_t steps = kUnlimited / 4;  // of the inside
  int64_t slice_steps = 10'000;
  bool collects = false;  // at every safe point
};
VmOptions OptionsOf(const Shape& shape) {
  VmOptions options;
  options.slice_steps = shape.slice_steps;
  options.heap.collect_at_every_safe_point = shape.collects;
  return options;
}

struct World {
  explicit World(const Shape& shape = {})
      : vm(OptionsOf(shape), AddMembranes), budget(Budget(vm, shape.steps)) {
    inside.Load(kInside);
    outside.Load(kOutside);
    const Root inward = outside.Data(shape.inward), outward = outside.Data(shape.outward);
    MembraneOptions options;
    options.inward = inward.value();
    options.outward = outward.value();
    options.payer_in = budget.value();
    options.record_bytes_max = shape.bytes_max;
    absl::StatusOr<Membrane> made = Membrane::Create(vm.core(), options);
    REQUIRE_MESSAGE(made.ok(), std::string(made.status().message()));
    wall = std::make_unique<Membrane>(*made);
    for (int i = 0; i < 2; ++i) {
      counters.push_back(NewCounter());
      proxies.push_back(Pass(counters.back().value(), Direction::kOut));
    }
    for (int i = 0; i < 3; ++i) {
      peers.push_back(outside.Create("peer", {vm.Int(i), vm.List({}), vm.Int(shape.kinds)}));
    }
  }
  Root NewCounter() { return inside.Create(kCounter, {vm.Int(1), vm.List({})}); }
  Root Pass(Value value, Direction direction) {
    const Result passed = wall->Pass(value, direction);
    REQUIRE(passed.ok());
    return Root(vm.core().heap(), passed.value());
  }
  // Outsiders do this and that, in slices of any size.
  void Play(uint32_t seed, int rounds) {
    std::mt19937 random(seed);
    for (int i = 0; i < rounds; ++i) {
      const Root& peer = peers[random() % peers.size()];
      const Root& counter = proxies[random() % proxies.size()];
      const int k = static_cast<int>(random() % 1000);
      switch (random() % 4) {
        case 0:
          vm.Send(peer, vm.Symbol("spread"));
          break;
        case 1:
          vm.Send(counter, vm.Tagged("meet", peer.value()));
          break;
        default:
          vm.Send(peer, vm.Tagged("go", counter.value(), k));
      }
      const uint32_t steps = random() % 3 == 0 ? 0 : random() % 30'000;
      if (steps != 0) vm.RunSlice(steps);
      if (random() % 10 == 0) vm.Run();
    }
    vm.Run();
  }
  std::string State(const Root& counter) {
    const Root reply = inside.Ask(counter, vm.Symbol("state"));
    vm.Run();
    return inside.Outcome(reply);
  }

  Vm vm;
  Root budget;
  Shore inside{vm, "inside.ves"};
  Shore outside{vm, "outside.ves"};
  std::unique_ptr<Membrane> wall;
  std::vector<Root> counters;
  std::vector<Root> proxies;
  std::vector<Root> peers;
};

// The same inside, made anew.
struct Again final : ReplayInside {
  Again(Vm& vm_in, const char* text) : vm(vm_in) {
    shore.Load(text);
    for (int i = 0; i < 2; ++i) {
      counters.push_back(shore.Create(kCounter, {vm.Int(1), vm.List({})}));
    }
  }
  Value Introduce(size_t n) override { return counters[n].value(); }
  std::string State(const Root& counter) {
    const Root reply = shore.Ask(counter, vm.Symbol("state"));
    vm.Run();
    return shore.Outcome(reply);
  }

  Vm& vm;
  Shore shore{vm, "again.ves"};
  std::vector<Root> counters;
};

struct Run {
  Replayed replayed;
  std::vector<std::string> states;
};
Run ReplayIn(Vm& vm, const Recorder& log, const char* text = kInside) {
  Again again(vm, text);
  const Root budget = Budget(vm);
  absl::StatusOr<Replayed> replayed = Replay(log, vm.core(), budget.value(), again);
  REQUIRE_MESSAGE(replayed.ok(), std::string(replayed.status().message()));
  Run run{*replayed, {}};
  for (const Root& counter : again.counters) run.states.push_back(again.State(counter));
  return run;
}

TEST_CASE("law 34: its log replays the inside exactly, in a VM of its own") {
  size_t cuts = 0;
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    // How long slices are there, and when it collects, is not the same here.
    World world({.slice_steps = seed % 2 == 0 ? 10'000 : 300, .collects = seed % 4 == 3});
    world.Play(seed, seed % 4 == 3 ? 50 : 200);
    const Recorder& log = *world.wall->EndRecording();
    CHECK(log.end() == Recorder::End::kAsked);
    CHECK(log.ended_at_rest());
    CHECK(log.chance() == "");
    REQUIRE(log.records().size() > 50);
    for (const LogRecord& record : log.records()) cuts += record.kind == LogRecord::Kind::kCut;
    Vm fresh({}, AddMembranes);
    const Run run = ReplayIn(fresh, log);
    CHECK(run.replayed.difference == "");
    CHECK(run.replayed.records == log.records().size());
    for (size_t i = 0; i < 2; ++i) CHECK(run.states[i] == world.State(world.counters[i]));
    CHECK(fresh.core().heap().Verify() == nullptr);
  }
  CHECK(cuts > 20);  // turns that were cut short are among it
}

TEST_CASE("law 34: functions with captures too, in the VM that the log was written in") {
  for (uint32_t seed = 20; seed <= 24; ++seed) {
    CAPTURE(seed);
    World world({.kinds = kWithCode});
    world.Play(seed, 100);
    const Recorder& log = *world.wall->EndRecording();
    REQUIRE(log.chance() == "");
    const Run run = ReplayIn(world.vm, log);
    CHECK(run.replayed.difference == "");
    CHECK(run.replayed.records == log.records().size());
    for (size_t i = 0; i < 2; ++i) CHECK(run.states[i] == world.State(world.counters[i]));
    // Code does not leave its VM, and that is said.
    Vm fresh({}, AddMembranes);
    const Run elsewhere = ReplayIn(fresh, log);
    CHECK(elsewhere.replayed.difference.find("replay it in its own VM") != std::string::npos);
  }
}

TEST_CASE("law 34: what rules denied and rewrote is replayed as it came out") {
  const Shape shapes[] = {
      {.inward = "#deny_tags([#later, #meet])"},
      {.outward = "#deny_tags([#news])"},
      {.outward = "#budget({count: 40})"},
      {.inward = "fn(n, c, _) = [if c.tag == #work { #rewrite(#work(n)) } else { "
                 "#pass }, if n == nil { 3 } else { n + 100 }]",
       .outward = "fn(s, c, _) = [if c.what == #reply and kind(c.message) == "
                  "#number { #rewrite(7) } else { #pass }, s]"}};
  for (const Shape& shape : shapes) {
    for (uint32_t seed = 30; seed <= 32; ++seed) {
      CAPTURE(seed);
      CAPTURE(shape.outward);
      World world(shape);
      world.Play(seed, 100);
      const Recorder& log = *world.wall->EndRecording();
      CHECK(log.chance() == "");
      Vm fresh({}, AddMembranes);
      const Run run = ReplayIn(fresh, log);
      CHECK(run.replayed.difference == "");
      for (size_t i = 0; i < 2; ++i) CHECK(run.states[i] == world.State(world.counters[i]));
    }
  }
}

TEST_CASE("law 34: another inside is noticed, and with which record it parted ways") {
  World world;
  world.Play(40, 100);
  const Recorder& log = *world.wall->EndRecording();
  std::string text = kInside;
  const std::string step = "(n * 2 + k)";
  text.replace(text.find(step), step.size(), "(n * 2 + k + (if n % 40 == 39 { 1 } else { 0 }))");
  Vm fresh({}, AddMembranes);
  const Run run = ReplayIn(fresh, log, text.c_str());
  REQUIRE(!run.replayed.is_whole());
  REQUIRE(run.replayed.differs_at.has_value());
  CHECK(*run.replayed.differs_at < log.records().size());
  CHECK(run.replayed.difference.find("on record is") != std::string::npos);
}

// The test of the test: a log that is not what happened must not pass. What came in and changed
// nothing that ever showed outside is the exception.
TEST_CASE("law 34: a log that lost a record, or has two of them in another order, is caught") {
  using Kind = LogRecord::Kind;
  World world;
  world.Play(41, 40);
  const Recorder& log = *world.wall->EndRecording();
  auto& records = const_cast<std::vector<LogRecord>&>(log.records());
  const std::vector<LogRecord> whole = records;
  const auto is_caught = [&] {
    Vm fresh({}, AddMembranes);
    const bool is_whole = ReplayIn(fresh, log).replayed.is_whole();
    records = whole;
    return !is_whole;
  };
  int outward = 0, inward = 0, inward_caught = 0;
  const auto note = [&](size_t at, bool caught) {
    CAPTURE(at);
    if (whole[at].way == Direction::kOut) {
      CHECK(caught);
      ++outward;
    } else {
      ++inward;
      inward_caught += caught ? 1 : 0;
    }
  };
  for (size_t at = 0; at < whole.size(); at += 3) {
    if (whole[at].kind == Kind::kCut || whole[at].kind == Kind::kIntroduction) continue;
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(at));
    note(at, is_caught());
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    if (whole[at].kind != Kind::kMessage) continue;
    // Two messages to one actor, which are not the same.
    for (size_t next = at + 1; next < whole.size(); ++next) {
      if (whole[next].kind != Kind::kMessage || whole[next].way != whole[at].way ||
          whole[next].to.number != whole[at].to.number ||
          Print(log.ValueOf(whole[next])) == Print(log.ValueOf(whole[at]))) {
        continue;
      }
      std::swap(records[at].value, records[next].value);
      note(at, is_caught());
      break;
    }
  }
  CAPTURE(inward);
  CHECK(outward > 20);
  CHECK(inward > 20);
  CHECK(inward_caught > inward * 3 / 4);
  Vm fresh({}, AddMembranes);
  CHECK(ReplayIn(fresh, log).replayed.difference == "");
}

TEST_CASE("law 34: a recorder that is full ends its log, and what crosses goes on crossing") {
  World free({.bytes_max = 64 << 20}), full({.bytes_max = 20'000});
  free.Play(50, 100);
  full.Play(50, 100);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(full.State(full.counters[i]) == free.State(free.counters[i]));
  }
  const Recorder& log = *full.wall->EndRecording();
  CHECK(log.end() == Recorder::End::kFull);
  CHECK(log.records().size() > 20);
  CHECK(log.records().size() < free.wall->EndRecording()->records().size());
  Vm fresh({}, AddMembranes);
  const Run run = ReplayIn(fresh, log);
  CHECK(run.replayed.difference == "");
  CHECK(run.replayed.records == log.records().size());
}

TEST_CASE("law 34: a revoke ends the log, which replays what came before") {
  World world;
  world.Play(60, 60);
  world.vm.Send(world.peers[0], world.vm.Tagged("go", world.proxies[0].value(), 4 + 9 * 30));
  world.vm.RunSlice(200);
  world.wall->Revoke();
  const size_t records = world.wall->EndRecording()->records().size();
  world.Play(61, 10);
  const Recorder& log = *world.wall->EndRecording();
  CHECK(log.end() == Recorder::End::kRevoked);
  CHECK(log.records().size() == records);
  Vm fresh({}, AddMembranes);
  CHECK(ReplayIn(fresh, log).replayed.difference == "");
}

TEST_CASE("law 34, law 12: the log holds no target of either side") {
  World world;
  Heap& heap = world.vm.core().heap();
  Object* table = heap.AllocateOld(Kind::kWeakTable, 2);
  Root keep(heap, Value::Data(table));
  {
    const Root insider = world.NewCounter();
    const Root outsider =
        world.outside.Create("peer", {world.vm.Int(0), world.vm.List({}), world.vm.Int(kData)});
    const Root proxy = world.Pass(insider.value(), Direction::kOut);
    heap.WillWrite(table);
    table->words()[0] = insider.value();
    table->words()[1] = outsider.value();
    world.vm.Send(proxy, world.vm.Tagged("meet", outsider.value()));
    world.vm.Run();
    CHECK(world.State(insider) == "[1, 1]");
  }
  const size_t records = world.wall->EndRecording()->records().size();
  CHECK(records == 4);  // three introductions and a message
  // Turns are remembered for a while, with who ran them.
  for (int i = 0; i < 2'000; ++i) world.vm.Send(world.peers[0], world.vm.Symbol("spread"));
  world.vm.Run();
  heap.Collect(Heap::Scope::kFull);
  CHECK(!heap.ReadWeak(table, 0).is_target());
  CHECK(!heap.ReadWeak(table, 1).is_target());
  CHECK(heap.Verify() == nullptr);
}

TEST_CASE("law 34: what a log cannot replay is named, and is not replayed") {
  World world({.steps = 30'000});
  world.Play(70, 60);
  const Recorder& log = *world.wall->EndRecording();
  CHECK(log.chance().find("budget") != std::string::npos);
  Vm fresh({}, AddMembranes);
  Again again(fresh, kInside);
  const absl::StatusOr<Replayed> replayed = Replay(log, fresh.core(), Budget(fresh).value(), again);
  REQUIRE(!replayed.ok());
  CHECK(std::string(replayed.status().message()).find("budget") != std::string::npos);
}

TEST_CASE("law 34: a recorder wants a sponsor for the inside alone") {
  Vm vm({}, AddMembranes);
  const Root budget = Budget(vm);
  MembraneOptions options;
  options.record_bytes_max = 1 << 20;
  const auto refusal = [&] {
    const absl::StatusOr<Membrane> made = Membrane::Create(vm.core(), options);
    return made.ok() ? std::string() : std::string(made.status().message());
  };
  CHECK(refusal().find("payer_in") != std::string::npos);
  options.payer_in = options.payer_out = budget.value();
  CHECK(refusal().find("payer_out") != std::string::npos);
  options.payer_out = Value::Nil();
  const absl::StatusOr<Membrane> made = Membrane::Create(vm.core(), options);
  REQUIRE(made.ok());
  CHECK(refusal().find("recorded already") != std::string::npos);
  options.record_bytes_max = 0;
  options.payer_in = Budget(vm).value();
  absl::StatusOr<Membrane> off = Membrane::Create(vm.core(), options);
  REQUIRE(off.ok());
  CHECK(off->EndRecording() == nullptr);
}

}  // namespace
}  // namespace vesicle
