// What every transport does, whatever it is made of: transport.h says it, these try it.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/nets.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

constexpr uint64_t kSeed = 7;

// Both ends are closed, and heard of it.
bool BothClosed(const End& a, const End& b) { return a.ear.closed && b.ear.closed; }

// Runs for a while in which nothing is to happen that `would_be_wrong`.
void Settle(Net& net, int64_t ms = 20) {
  bool over = false;
  const auto timer = net.environment().After(ms * 1'000'000, [&] { over = true; });
  REQUIRE(net.RunUntil([&] { return over; }));
}

}  // namespace

TEST_CASE("transport: bytes arrive in order and whole, both ways, however they are cut") {
  const uint64_t seed = SeedFor("in order and whole");
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, seed);
    SeededRandom random(seed);
    auto [a, b] = net->Pair();
    const std::string there = Pattern(300'000, seed), back = Pattern(200'000, seed + 1);
    size_t there_at = 0, back_at = 0;
    const auto send = [&](End& end, const std::string& bytes, size_t* at) {
      const size_t most = random.Next() % 8 == 0 ? 40'000 : 300;
      const size_t size = std::min(bytes.size() - *at, size_t{1} + random.Next() % most);
      REQUIRE(end.Send(std::string_view(bytes).substr(*at, size)).ok());
      *at += size;
    };
    REQUIRE(net->RunUntil([&, &a = a, &b = b] {
      for (int i = 0; i < 3 && there_at < there.size(); ++i) send(*a, there, &there_at);
      if (back_at < back.size()) send(*b, back, &back_at);
      return b->ear.got.size() == there.size() && a->ear.got.size() == back.size();
    }));
    CHECK(b->ear.got == there);
    CHECK(a->ear.got == back);
    a->Close();
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
  }
}

TEST_CASE("transport: what is sent while connecting arrives first") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    End a, b;
    auto listener = *net->server().Listen(
        net->free_address(), {}, [&](std::unique_ptr<Connection> c) { b.Take(std::move(c)); });
    a.Take(*net->client().Connect(listener->address(), {}));
    CHECK(a.Send("hello ").ok());
    CHECK(a.connection->pending_bytes() == 6);
    a.ear.on_open = [&] { CHECK(a.connection->Send("world").ok()); };
    REQUIRE(net->RunUntil([&] { return b.ear.got == "hello world"; }));
    CHECK(a.ear.opened);
    CHECK_FALSE(b.ear.opened);  // it was open from the beginning
    CHECK_FALSE(a.connection->peer().address.empty());
    CHECK_FALSE(b.connection->peer().address.empty());
    CHECK(a.connection->peer().designator.empty() != net->client().proves_keys());
    CHECK(b.connection->peer().designator.empty() != net->client().proves_keys());
  }
}

TEST_CASE("transport: a sender learns when to stop and when to go on") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    Limits limits;
    limits.send_high_bytes = 100'000;
    limits.send_low_bytes = 20'000;
    auto [a, b] = net->Pair(limits);
    b->connection->PauseReading();
    const std::string piece = Pattern(1000, 1);
    std::string all;
    // The system takes some; then the mark is reached, whatever the turns.
    REQUIRE(net->RunUntil([&, &a = a] {
      for (int i = 0; i < 50 && a->connection->wants_more(); ++i) {
        CHECK(a->Send(piece).ok());
        all += piece;
      }
      return all.size() > 20'000'000 || !a->connection->wants_more();
    }));
    Settle(*net);
    // What the system took in the meantime may have let it go on: to the end of that.
    while (a->connection->wants_more()) {
      REQUIRE(all.size() < 20'000'000);
      CHECK(a->Send(piece).ok());
      all += piece;
      if (!a->connection->wants_more()) Settle(*net);
    }
    CHECK(a->connection->pending_bytes() > limits.send_low_bytes);
    CHECK(b->ear.got.empty());
    const int heard = a->ear.sendable;
    a->ear.on_sendable = [&, &a = a] {
      CHECK(a->connection->wants_more());
      CHECK(a->connection->pending_bytes() < limits.send_high_bytes * 4);
    };
    b->connection->ResumeReading();
    REQUIRE(net->RunUntil([&, &b = b] { return b->ear.got.size() == all.size(); }));
    REQUIRE(net->RunUntil([&, &a = a] { return a->ear.sendable == heard + 1; }));
    CHECK(b->ear.got == all);
    CHECK(a->connection->pending_bytes() == 0);
    a->Close();
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
  }
}

TEST_CASE("transport: a reader that never reads bounds the sender") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    Limits limits;
    limits.send_high_bytes = 50'000;
    limits.send_low_bytes = 10'000;
    limits.send_bytes_max = 200'000;
    auto [a, b] = net->Pair(limits);
    b->connection->PauseReading();
    const std::string piece = Pattern(3000, 1);
    size_t taken = 0;
    absl::Status refused;
    REQUIRE(net->RunUntil([&, &a = a] {
      while (refused.ok() && taken < 100'000'000) {
        refused = a->Send(piece);
        if (!refused.ok()) break;
        taken += piece.size();
        // A sender that does not look at the marks; but turns go by.
        if (taken % 30'000 == 0) return false;
      }
      return true;
    }));
    CHECK(absl::IsResourceExhausted(refused));
    CHECK(taken < 30'000'000);
    CHECK(a->connection->pending_bytes() < 1'000'000);
    // What was refused was not taken: the rest is whole.
    b->connection->ResumeReading();
    REQUIRE(net->RunUntil([&, &b = b] { return b->ear.got.size() == taken; }));
    Settle(*net);
    CHECK(b->ear.got.size() == taken);
    CHECK(absl::IsResourceExhausted(a->Send(std::string(limits.send_bytes_max + 1, 'x'))));
    a->Abort();
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
  }
}

TEST_CASE("transport: a close delivers what was sent before, and both ends say so") {
  const uint64_t seed = SeedFor("close delivers");
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, seed);
    auto [a, b] = net->Pair();
    const std::string last = Pattern(500'000, seed);
    // The peer is in the middle of sending: what it has sent and we do not read is no reason to
    // lose our last words.
    CHECK(b->Send(Pattern(100'000, 3)).ok());
    CHECK(a->Send(last).ok());
    a->Close("the reason");
    CHECK(absl::IsFailedPrecondition(a->Send("more")));
    CHECK_FALSE(a->connection->wants_more());
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
    CHECK(b->ear.got == last);
    CHECK(b->ear.why == absl::OkStatus());
    CHECK(a->ear.why == absl::CancelledError("the reason"));
    CHECK(absl::IsFailedPrecondition(b->Send("more")));
    // Nothing comes of what is done to it later.
    a->Close();
    a->Abort();
    b->connection->ResumeReading();
    Settle(*net);
  }
}

TEST_CASE("transport: both may close at once") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    auto [a, b] = net->Pair();
    a->Close("one");
    b->Close("other");
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
    CHECK(absl::IsCancelled(a->ear.why));
    CHECK(absl::IsCancelled(b->ear.why));
  }
}

TEST_CASE("transport: a peer that does not end holds up a close for its time, and no longer") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    Limits limits;
    limits.close_ms_max = 50;
    auto [a, b] = net->Pair(limits);
    b->connection->PauseReading();
    a->Close("bye");
    REQUIRE(net->RunUntil([&, &a = a] { return a->ear.closed; }));
    CHECK(absl::IsDeadlineExceeded(a->ear.why));
    b->connection->ResumeReading();
    REQUIRE(net->RunUntil([&, &b = b] { return b->ear.closed; }));
  }
}

TEST_CASE("transport: an abort ends at once, and is told of later") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    auto [a, b] = net->Pair();
    CHECK(a->Send("never mind").ok());
    a->Abort("enough");
    CHECK_FALSE(a->ear.closed);
    CHECK(absl::IsFailedPrecondition(a->Send("x")));
    CHECK(a->connection->pending_bytes() == 0);
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
    CHECK(a->ear.why == absl::AbortedError("enough"));
    CHECK(absl::IsUnavailable(b->ear.why) == net->tells_abort());
  }
}

TEST_CASE("transport: to destroy a connection is to abort it, and nothing is heard of it") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    auto [a, b] = net->Pair();
    CHECK(a->Send("x").ok());
    a->connection.reset();
    REQUIRE(net->RunUntil([&, &b = b] { return b->ear.closed; }));
    CHECK_FALSE(a->ear.closed);
    CHECK(absl::IsUnavailable(b->ear.why) == net->tells_abort());
  }
}

TEST_CASE("transport: a handler may destroy its connection, whatever it hears") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    Limits limits;
    limits.send_high_bytes = 1000;
    limits.send_low_bytes = 0;
    for (int which = 0; which < 4; ++which) {
      CAPTURE(which);
      auto [a, b] = net->Pair(limits);
      bool done = false;
      const auto destroy = [&, &b = b] {
        b->connection.reset();
        done = true;
      };
      if (which == 0) b->ear.on_bytes = [&](std::string_view) { destroy(); };
      if (which == 1) b->ear.on_sendable = destroy;
      if (which == 2 || which == 3) b->ear.on_closed = destroy;
      CHECK(a->Send("hello").ok());
      CHECK(b->Send(std::string(2000, 'x')).ok());
      if (which == 2) a->Close();
      if (which == 3) a->Abort();
      REQUIRE(net->RunUntil([&] { return done; }));
      a->connection.reset();
      Settle(*net, 1);
    }
  }
}

TEST_CASE("transport: a paused reader hears nothing, and everything afterwards") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    auto [a, b] = net->Pair();
    const std::string bytes = Pattern(200'000, 5);
    // It pauses in the middle of it, again and again.
    int pauses = 0;
    std::vector<std::unique_ptr<Environment::Timer>> timers;
    b->ear.on_bytes = [&, &b = b](std::string_view) {
      if (++pauses > 30) return;
      b->connection->PauseReading();
      timers.push_back(net->environment().After(1'000'000, [&b = b, calls = b->ear.calls] {
        CHECK(b->ear.calls == calls);
        b->connection->ResumeReading();
      }));
    };
    // In Sends of which some make a write: it may come as it was sent.
    for (size_t at = 0; at < bytes.size(); at += 5000) {
      CHECK(a->Send(std::string_view(bytes).substr(at, 5000)).ok());
    }
    a->Close();
    REQUIRE(net->RunUntil([&, &a = a, &b = b] { return BothClosed(*a, *b); }));
    CHECK(b->ear.got == bytes);
    CHECK(b->ear.why.ok());
    CHECK(pauses > 1);
  }
}

TEST_CASE("transport: who does not read what lies before it can write all that it has") {
  for (const NetKind kind : kAllNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    auto [a, b] = net->Pair();
    b->connection->PauseReading();
    CHECK(a->Send("unread").ok());
    Settle(*net);
    // More than there is room for on the way.
    const std::string piece = Pattern(50'000, 2);
    std::string all;
    while (all.size() < 6'000'000) {
      CHECK(b->Send(piece).ok());
      all += piece;
    }
    REQUIRE(net->RunUntil([&, &a = a] { return a->ear.got.size() == all.size(); }));
    CHECK(a->ear.got == all);
    CHECK(b->ear.got.empty());
    b->connection->ResumeReading();
    REQUIRE(net->RunUntil([&, &b = b] { return b->ear.got == "unread"; }));
  }
}

TEST_CASE("transport: connecting to nobody is Unavailable") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    End a;
    a.Take(*net->client().Connect(net->nobody_address(), {}));
    // Over already, where the system says so at once; told of later all the same.
    static_cast<void>(a.Send("anybody?"));
    CHECK_FALSE(a.ear.closed);
    REQUIRE(net->RunUntil([&] { return a.ear.closed; }));
    CHECK(absl::IsUnavailable(a.ear.why));
    CHECK_FALSE(a.ear.opened);
    CHECK_FALSE(a.ear.why.message().empty());
  }
}

TEST_CASE("transport: what is no address is said at once") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    CHECK(absl::IsInvalidArgument(net->client().Connect("", {}).status()));
    CHECK(absl::IsInvalidArgument(
        net->server().Listen("", {}, [](std::unique_ptr<Connection>) {}).status()));
    ConnectOptions wanted;
    wanted.designator = std::string(52, 'a');
    const auto connection = net->client().Connect(net->nobody_address(), wanted);
    // A transport that proves nothing does not pretend to.
    CHECK(absl::IsFailedPrecondition(connection.status()) != net->client().proves_keys());
  }
}

TEST_CASE("transport: two cannot listen at one address, one after the other can") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    const auto refuse = [](std::unique_ptr<Connection>) { FAIL("nobody connects"); };
    auto listener = net->server().Listen(net->free_address(), {}, refuse);
    REQUIRE(listener.ok());
    const std::string address = (*listener)->address();
    CHECK(absl::IsAlreadyExists(net->server().Listen(address, {}, refuse).status()));
    listener->reset();
    CHECK(net->server().Listen(address, {}, refuse).ok());
  }
}

TEST_CASE("transport: a connection that is not made in time is DeadlineExceeded") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    // Time passes at once: a deadline of nothing comes before any answer.
    auto listener =
        *net->server().Listen(net->free_address(), {}, [](std::unique_ptr<Connection>) {});
    End a;
    ConnectOptions options;
    options.deadline_ms = 0;
    a.Take(*net->client().Connect(listener->address(), options));
    REQUIRE(net->RunUntil([&] { return a.ear.closed; }));
    CHECK(absl::IsDeadlineExceeded(a.ear.why));
    CHECK_FALSE(a.ear.opened);
  }
}

TEST_CASE("transport: closed while connecting, destroyed while connecting") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    std::vector<std::unique_ptr<End>> accepted;
    auto listener =
        *net->server().Listen(net->free_address(), {}, [&](std::unique_ptr<Connection> c) {
          accepted.push_back(std::make_unique<End>());
          accepted.back()->Take(std::move(c));
        });
    End a, b, c;
    a.Take(*net->client().Connect(listener->address(), {}));
    b.Take(*net->client().Connect(listener->address(), {}));
    c.Take(*net->client().Connect(listener->address(), {}));
    a.Close("changed my mind");
    b.Abort("at once");
    c.connection.reset();
    REQUIRE(net->RunUntil([&] { return a.ear.closed && b.ear.closed; }));
    CHECK(absl::IsCancelled(a.ear.why));
    CHECK(absl::IsAborted(b.ear.why));
    Settle(*net);
    CHECK_FALSE(c.ear.closed);
    CHECK_FALSE((a.ear.opened || b.ear.opened || c.ear.opened));
  }
}

TEST_CASE("transport: many connections, each with its own bytes") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const bool slow = kind == NetKind::kTls || kind == NetKind::kTlsOverMemory;
    const int count = slow ? 40 : 400;
    const auto net = MakeNet(kind, kSeed);
    std::vector<std::unique_ptr<End>> servers, clients;
    // Each sends back what it gets, and ends with its peer.
    const auto serve = [&](std::unique_ptr<Connection> c) {
      auto end = std::make_unique<End>();
      end->ear.on_bytes = [raw = end.get()](std::string_view bytes) {
        CHECK(raw->connection->Send(bytes).ok());
      };
      end->Take(std::move(c));
      servers.push_back(std::move(end));
    };
    ListenOptions options;
    options.newcomers_per_address_max = 0;
    auto listener = *net->server().Listen(net->free_address(), options, serve);
    int closed = 0;
    for (int i = 0; i < count; ++i) {
      auto end = std::make_unique<End>();
      end->ear.on_bytes = [raw = end.get(), i](std::string_view) {
        if (raw->ear.got.size() == size_t(100 + i)) raw->connection->Close("enough");
      };
      end->ear.on_closed = [&] { ++closed; };
      end->Take(*net->client().Connect(listener->address(), {}));
      CHECK(end->Send(Pattern(size_t(100 + i), uint64_t(i))).ok());
      clients.push_back(std::move(end));
    }
    REQUIRE(net->RunUntil([&] { return closed == count; }));
    for (int i = 0; i < count; ++i) {
      CHECK(clients[size_t(i)]->ear.got == Pattern(size_t(100 + i), uint64_t(i)));
      CHECK(absl::IsCancelled(clients[size_t(i)]->ear.why));
    }
    REQUIRE(net->RunUntil([&] {
      return std::all_of(servers.begin(), servers.end(), [](auto& s) { return s->ear.closed; });
    }));
    CHECK(servers.size() == size_t(count));
  }
}

TEST_CASE("transport: an address serves again after a close, and a listener may go in its accept") {
  for (const NetKind kind : kAddressedNets) {
    CAPTURE(NetName(kind));
    const auto net = MakeNet(kind, kSeed);
    std::unique_ptr<Listener> listener;
    std::string address = net->free_address();
    for (int round = 0; round < 3; ++round) {
      End a, b;
      listener = *net->server().Listen(address, {}, [&](std::unique_ptr<Connection> c) {
        b.Take(std::move(c));
        listener.reset();
      });
      address = listener->address();
      a.Take(*net->client().Connect(address, {}));
      CHECK(a.Send("again").ok());
      REQUIRE(net->RunUntil([&] { return b.ear.got == "again"; }));
      CHECK(listener == nullptr);
      b.Close();
      REQUIRE(net->RunUntil([&] { return BothClosed(a, b); }));
    }
  }
}

}  // namespace vesicle
