// The network in memory: a function of its seed, bounded, and as bad as it is told to be.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/nets.h"
#include "transport/memory.h"
#include "transport/virtual_environment.h"

namespace vesicle {
namespace {

struct Town {
  explicit Town(const MemoryOptions& options, uint64_t seed)
      : world(seed), network(world, options, seed) {}
  void RunAll() {
    while (world.Step()) {
    }
  }
  bool RunUntil(const std::function<bool()>& done) {
    while (!done()) {
      if (!world.Step()) return false;
    }
    return true;
  }
  std::pair<std::unique_ptr<End>, std::unique_ptr<End>> Pair() {
    auto a = std::make_unique<End>(), b = std::make_unique<End>();
    auto listener =
        *bob->Listen("bob", {}, [&](std::unique_ptr<Connection> c) { b->Take(std::move(c)); });
    a->Take(*alice->Connect("bob", {}));
    REQUIRE(RunUntil([&] { return a->ear.opened && b->connection != nullptr; }));
    return {std::move(a), std::move(b)};
  }

  VirtualEnvironment world;
  MemoryNetwork network;
  std::unique_ptr<Transport> alice = network.AddHost("alice");
  std::unique_ptr<Transport> bob = network.AddHost("bob");
};

MemoryOptions Bad() {
  MemoryOptions options;
  options.delay_ns_min = 1000;
  options.delay_ns_max = 2'000'000;
  options.chunk_bytes_max = 700;
  options.window_bytes = 3000;
  options.stalls_per_million = 50'000;
  options.stall_ns_max = 20'000'000;
  options.cuts_per_million = 3000;
  return options;
}

struct Outcome {
  uint64_t hash;
  uint64_t cuts;
  size_t whole;  // ends that got all
  size_t lost;   // that ended Unavailable
  int64_t time_ns;
  bool operator==(const Outcome&) const = default;
};

// Twenty connections, each way its pattern and then a close.
Outcome RunTown(uint64_t seed) {
  Town town(Bad(), seed);
  std::vector<std::unique_ptr<End>> ends;
  const std::string bytes = Pattern(30'000, 1);
  const auto start = [&](std::unique_ptr<Connection> c) {
    auto end = std::make_unique<End>();
    end->Take(std::move(c));
    CHECK(end->Send(bytes).ok());
    ends.push_back(std::move(end));
  };
  auto listener = *town.bob->Listen("bob", {}, start);
  for (int i = 0; i < 20; ++i) start(*town.alice->Connect("bob", {}));
  for (const auto& end : std::vector<End*>{ends[0].get(), ends[1].get()}) {
    end->ear.on_open = [end] { end->connection->Close("early"); };
  }
  town.world.RunFor(int64_t{2'000'000'000});
  for (const auto& end : ends) end->Close();
  town.RunAll();
  Outcome outcome{town.network.trace_hash(), town.network.cuts(), 0, 0, town.world.NowNs()};
  for (const auto& end : ends) {
    CHECK(end->ear.closed);
    // Whatever happened: what arrived is the beginning of what was sent.
    CHECK(bytes.compare(0, end->ear.got.size(), end->ear.got) == 0);
    outcome.whole += end->ear.got == bytes;
    outcome.lost += absl::IsUnavailable(end->ear.why);
  }
  ends.clear();
  CHECK(town.network.lines() == 0);
  return outcome;
}

}  // namespace

TEST_CASE("memory: the same seed gives the same trace, another seed another") {
  const uint64_t seed = SeedFor("same trace");
  const Outcome once = RunTown(seed), again = RunTown(seed), other = RunTown(seed + 1);
  CHECK(once == again);
  CHECK(once.hash != other.hash);
  // It was as bad as it was told to be, and not worse.
  CHECK(once.cuts + other.cuts > 0);
  CHECK(once.lost + other.lost > 0);
  CHECK(once.whole + other.whole > 10);
}

TEST_CASE("memory: property: for any seed what arrives is a beginning of what was sent") {
  const uint64_t seed = SeedFor("a beginning of what was sent");
  for (uint64_t i = 0; i < 30; ++i) {
    CAPTURE(seed + i);
    const Outcome outcome = RunTown(seed + i);
    // The two who closed early did not want all.
    CHECK(outcome.whole <= 38);
    CHECK(outcome.whole + outcome.lost > 0);
  }
}

TEST_CASE("memory: arrivals are split and joined") {
  MemoryOptions options;
  options.delay_ns_min = options.delay_ns_max = 1000;
  options.chunk_bytes_max = 10;
  Town town(options, 1);
  auto [a, b] = town.Pair();
  CHECK(a->Send(Pattern(100, 1)).ok());
  town.RunAll();
  CHECK(b->ear.got == Pattern(100, 1));
  CHECK(b->ear.calls > 9);
  // What is sent while something is on the way comes together with it.
  Town whole(MemoryOptions{.delay_ns_min = 1'000'000, .delay_ns_max = 1'000'000}, 1);
  auto [c, d] = whole.Pair();
  for (int i = 0; i < 5; ++i) {
    CHECK(c->Send("ab").ok());
    whole.world.RunFor(100'000);
  }
  whole.RunAll();
  CHECK(d->ear.got == "ababababab");
  CHECK(d->ear.calls == 1);
}

TEST_CASE("memory: a window bounds what is on the way") {
  MemoryOptions options;
  options.window_bytes = 1000;
  Town town(options, 1);
  auto [a, b] = town.Pair();
  b->connection->PauseReading();
  CHECK(a->Send(std::string(50'000, 'x')).ok());
  town.RunAll();
  CHECK(a->connection->pending_bytes() == 49'000);
  b->connection->ResumeReading();
  town.RunAll();
  CHECK(b->ear.got.size() == 50'000);
  // Idle again: nothing is kept for them but what a pool may keep.
  CHECK(a->connection->pending_bytes() == 0);
  CHECK_FALSE(town.world.Step());
}

TEST_CASE("memory: nothing passes a stalled link until it is resumed") {
  Town town({}, 1);
  auto [a, b] = town.Pair();
  town.network.Stall("bob", "alice");
  CHECK(a->Send("late").ok());
  town.world.RunFor(int64_t{1'000'000'000});
  CHECK(b->ear.got.empty());
  // A connection to a host that cannot be reached waits, as long as its deadline says.
  End c, d, e;
  auto listener =
      *town.bob->Listen("bob", {}, [&](std::unique_ptr<Connection> x) { d.Take(std::move(x)); });
  ConnectOptions options;
  options.deadline_ms = 100;
  c.Take(*town.alice->Connect("bob", options));
  options.deadline_ms = 10'000;
  e.Take(*town.alice->Connect("bob", options));
  town.world.RunFor(int64_t{1'000'000'000});
  CHECK(absl::IsDeadlineExceeded(c.ear.why));
  CHECK_FALSE(e.ear.opened);
  town.network.Resume("alice", "bob");
  town.RunAll();
  CHECK(b->ear.got == "late");
  CHECK(e.ear.opened);
  CHECK(d.connection != nullptr);
}

TEST_CASE("memory: a cut loses every connection of that link, and no other") {
  Town town({}, 1);
  const auto carol = town.network.AddHost("carol");
  auto [a, b] = town.Pair();
  End c, d;
  auto listener =
      *town.bob->Listen("bob", {}, [&](std::unique_ptr<Connection> x) { d.Take(std::move(x)); });
  c.Take(*carol->Connect("bob", {}));
  town.RunAll();
  town.network.Cut("alice", "bob");
  CHECK(c.Send("still here").ok());
  town.RunAll();
  CHECK(absl::IsUnavailable(a->ear.why));
  CHECK(absl::IsUnavailable(b->ear.why));
  CHECK(d.ear.got == "still here");
  CHECK(d.connection->peer().address == "carol");
  CHECK(town.network.lines() == 1);
}

}  // namespace vesicle
