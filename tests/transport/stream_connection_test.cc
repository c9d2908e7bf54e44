// The half of a connection that is the same for all, over a pipe whose every step is in the
// hands of the test.
#include "transport/stream_connection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/transport/nets.h"
#include "transport/virtual_environment.h"

namespace vesicle {
namespace {

class HandMade final : public StreamConnection {
 public:
  HandMade(Environment& environment, const Limits& limits, State state = State::kOpen)
      : StreamConnection(environment, limits, PeerInfo{"by hand", ""}, state) {}
  ~HandMade() override {
    if (state() != State::kClosed) Drop(Leave::kReset);
  }
  using StreamConnection::EndWritten;
  using StreamConnection::Lost;
  using StreamConnection::Opened;
  using StreamConnection::Received;
  using StreamConnection::ReceivedEnd;
  using StreamConnection::State;
  using StreamConnection::Writable;

  size_t room = SIZE_MAX;  // what Write takes from now on
  std::vector<std::string> writes;
  std::string written;
  int ends = 0;
  int drops = 0;
  bool reading = false;

 private:
  size_t Write(std::string_view bytes) override {
    const size_t taken = std::min(room, bytes.size());
    room -= taken;
    writes.emplace_back(bytes);
    written += bytes.substr(0, taken);
    return taken;
  }
  void EndWriting() override {
    ++ends;
    EndWritten();
  }
  void SetReading(bool wanted) override { reading = wanted; }
  void Drop(Leave) override { ++drops; }
};

struct Bench {
  explicit Bench(const Limits& limits = {}, HandMade::State state = HandMade::State::kOpen) {
    auto made = std::make_unique<HandMade>(world, limits, state);
    hand = made.get();
    end.Take(std::move(made));
  }
  VirtualEnvironment world{1};
  End end;
  HandMade* hand;
};

}  // namespace

TEST_CASE("stream: sends of a turn are joined; a write holds whole sends and at most its size") {
  Limits limits;
  limits.write_bytes_max = 100;
  Bench bench(limits);
  for (int i = 0; i < 10; ++i) CHECK(bench.end.Send(std::string(30, char('a' + i))).ok());
  CHECK(bench.end.Send(std::string(250, 'z')).ok());
  CHECK(bench.end.Send("end").ok());
  CHECK(bench.hand->writes.empty());
  bench.world.RunFor(1);
  std::vector<size_t> sizes;
  for (const std::string& write : bench.hand->writes) sizes.push_back(write.size());
  CHECK(sizes == std::vector<size_t>{90, 90, 90, 30, 250, 3});
  CHECK(bench.end.connection->pending_bytes() == 0);
}

TEST_CASE("stream: property: any writes that take any part keep every byte in order") {
  const uint64_t seed = SeedFor("any part of writes");
  for (uint64_t run = 0; run < 50; ++run) {
    CAPTURE(seed + run);
    SeededRandom random(seed + run);
    Limits limits;
    limits.write_bytes_max = 1 + random.Next() % 200;
    limits.send_high_bytes = 2000;
    limits.send_low_bytes = random.Next() % 2000;
    Bench bench(limits);
    bench.hand->room = 0;
    std::string sent;
    int stops = 0;
    for (int step = 0; step < 400; ++step) {
      const bool more = bench.end.connection->wants_more();
      const std::string piece = Pattern(random.Next() % 150, random.Next());
      if (more && random.Next() % 3 != 0) {
        CHECK(bench.end.Send(piece).ok());
        sent += piece;
        if (!bench.end.connection->wants_more()) ++stops;
      }
      if (random.Next() % 2 == 0) bench.world.RunFor(1);
      bench.hand->room = random.Next() % 120;
      const size_t sendable = static_cast<size_t>(bench.end.ear.sendable);
      CHECK(bench.hand->Writable());
      // Told to go on exactly when it had been told to stop and enough went.
      const bool told = static_cast<size_t>(bench.end.ear.sendable) > sendable;
      if (told) CHECK(bench.end.connection->pending_bytes() <= limits.send_low_bytes);
      CHECK(bench.hand->written ==
            sent.substr(0, sent.size() - bench.end.connection->pending_bytes()));
    }
    bench.hand->room = SIZE_MAX;
    CHECK(bench.hand->Writable());
    CHECK(bench.hand->written == sent);
    CHECK(bench.end.ear.sendable == stops);
    for (const std::string& write : bench.hand->writes) {
      CHECK(write.size() <= std::max<size_t>(limits.write_bytes_max, 150));
    }
  }
}

TEST_CASE("stream: an idle connection has no buffer, and a busy one takes it from the pool") {
  Bench bench;
  CHECK(bench.world.buffers().kept_bytes() == 0);
  CHECK(bench.end.Send("x").ok());
  bench.world.RunFor(1);
  const size_t kept = bench.world.buffers().kept_bytes();
  CHECK(kept >= BufferPool::kNewBytes);
  for (int i = 0; i < 10; ++i) {
    CHECK(bench.end.Send("x").ok());
    CHECK(bench.world.buffers().kept_bytes() == 0);
    bench.world.RunFor(1);
    CHECK(bench.world.buffers().kept_bytes() == kept);
  }
}

TEST_CASE("stream: the peer's end first sends what is pending, then ends in order") {
  Bench bench;
  bench.hand->room = 0;
  CHECK(bench.end.Send("last words").ok());
  bench.world.RunFor(1);
  bench.hand->ReceivedEnd();
  bench.world.RunFor(1);
  CHECK_FALSE(bench.end.ear.closed);
  CHECK_FALSE(bench.hand->reading);
  CHECK(absl::IsFailedPrecondition(bench.end.Send("more")));
  bench.hand->room = SIZE_MAX;
  CHECK(bench.hand->Writable());
  CHECK(bench.hand->written == "last words");
  CHECK(bench.hand->ends == 1);
  bench.world.RunFor(1);
  CHECK(bench.end.ear.closed);
  CHECK(bench.end.ear.why.ok());
  CHECK(bench.hand->drops == 1);
}

TEST_CASE("stream: OnOpen comes before the first bytes, in the same turn too") {
  Bench bench({}, HandMade::State::kConnecting);
  CHECK_FALSE(bench.hand->reading);
  bench.hand->Opened();
  CHECK(bench.hand->reading);
  std::string at_open = "not yet";
  bench.end.ear.on_open = [&] { at_open = bench.end.ear.got; };
  CHECK(static_cast<int>(bench.hand->Received("first")) == 0);
  CHECK(at_open.empty());
  bench.world.RunFor(1);
  CHECK(bench.end.ear.got == "first");
}

TEST_CASE("stream: only the first end counts") {
  Bench bench;
  bench.hand->Lost(absl::UnavailableError("first"));
  bench.hand->Lost(absl::DataLossError("second"));
  bench.hand->ReceivedEnd();
  bench.end.Abort();
  bench.end.Close();
  bench.world.RunFor(1);
  CHECK(bench.end.ear.why == absl::UnavailableError("first"));
  CHECK(bench.hand->drops == 1);
}

}  // namespace vesicle
