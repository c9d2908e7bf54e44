// Lanes between two threads, each with a loop: what holds whatever the one does while the other
// does something else. The law of transport.h is tried by lane_conformance_test.
#include "transport/host/lane_transport.h"

#include <doctest/doctest.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/vm/value/testing.h"
#include "transport/loop_environment.h"

namespace vesicle {
namespace {

using vesicle::testing::Rng;

constexpr int64_t kNsPerMs = 1'000'000;

// Byte number `at` of the stream that a side sends.
char ByteAt(uint64_t at, int side) { return static_cast<char>(at * 31 + at / 251 + side * 7); }

// One end of a connection, on the thread that made it: sends a stream in pieces of all sizes, and
// looks at each byte that comes. Some ends pause their reading now and then.
class Talker final : public ConnectionHandler {
 public:
  Talker(LoopEnvironment& environment, uint64_t seed, int side, uint64_t bytes)
      : environment_(environment), rng_(seed), side_(side), bytes_(bytes) {}

  void Take(std::unique_ptr<Connection> connection) {
    connection_ = std::move(connection);
    connection_->Start(this);
    Go();
  }
  bool has_connection() const { return connection_ != nullptr; }
  bool is_closed() const { return closed_.has_value(); }
  absl::Status why() const { return *closed_; }
  uint64_t got() const { return got_; }
  bool is_right() const { return is_right_; }

  void OnBytes(std::string_view bytes) override {
    for (const char byte : bytes) is_right_ &= byte == ByteAt(got_++, 1 - side_);
    if (rng_.OneIn(5)) {
      connection_->PauseReading();
      const int64_t ms = static_cast<int64_t>(rng_.Below(2));
      pause_ = environment_.After(ms * kNsPerMs, [this] { connection_->ResumeReading(); });
    }
    Go();
  }
  void OnSendable() override { Go(); }
  void OnClosed(const absl::Status& why) override { closed_ = why; }

 private:
  void Go() {
    while (sent_ < bytes_ && connection_->wants_more()) {
      const uint64_t most = rng_.OneIn(20) ? 200'000 : rng_.OneIn(3) ? 5'000 : 50;
      std::string piece(std::min(bytes_ - sent_, 1 + rng_.Below(most)), '\0');
      for (char& byte : piece) byte = ByteAt(sent_++, side_);
      is_right_ &= connection_->Send(piece).ok();
    }
    if (sent_ == bytes_ && side_ == 0 && got_ == bytes_) connection_->Close("all said");
  }

  LoopEnvironment& environment_;
  Rng rng_;
  int side_;
  uint64_t bytes_;
  std::unique_ptr<Connection> connection_;
  uint64_t sent_ = 0;
  uint64_t got_ = 0;
  bool is_right_ = true;
  std::optional<absl::Status> closed_;
  std::unique_ptr<Environment::Timer> pause_;
};

// A loop with its lanes, held by a timer: false from RunUntil when a minute passed.
struct Side {
  Side(LaneSwitch& lanes, std::string name, int64_t spin_ns) {
    CHECK(uv_loop_init(&loop) == 0);
    environment.emplace(&loop);
    transport.emplace(*environment, lanes, std::move(name),
                      LaneTransport::Options{.spin_ns = spin_ns, .on_arrival = {}});
  }
  ~Side() {
    transport.reset();
    environment.reset();
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  template <typename Fn>
  bool RunUntil(Fn done) {
    bool is_late = false;
    const auto late = environment->After(60'000 * kNsPerMs, [&] { is_late = true; });
    while (!done() && !is_late) uv_run(&loop, UV_RUN_ONCE);
    return !is_late;
  }

  uv_loop_t loop;
  std::optional<LoopEnvironment> environment;
  std::optional<LaneTransport> transport;
};

TEST_CASE("lanes: two threads send each other streams, whole and in order, and end in order") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 12; ++round) {
    const uint64_t bytes = 1 + rng.Below(round % 3 == 0 ? 6'000'000 : 300'000);
    const int64_t spin_ns = rng.OneIn(2) ? 20'000 : 0;
    const uint64_t seeds[] = {rng.Next(), rng.Next()};
    LaneSwitch lanes;
    std::atomic<bool> is_listening = false, is_over = false, was_right = false;
    std::thread server([&] {
      Side side(lanes, "server", spin_ns);
      Talker talker(*side.environment, seeds[1], 1, bytes);
      auto listener = side.transport->Listen(
          "server:1", {}, [&](std::unique_ptr<Connection> c) { talker.Take(std::move(c)); });
      is_listening = listener.ok();
      const bool in_time = side.RunUntil([&] { return talker.is_closed(); });
      was_right = in_time && talker.is_right() && talker.got() == bytes && talker.why().ok();
      is_over = true;
    });
    while (!is_listening && !is_over) std::this_thread::yield();
    {
      Side side(lanes, "client", spin_ns);
      Talker talker(*side.environment, seeds[0], 0, bytes);
      auto connection = side.transport->Connect("server:1", {});
      REQUIRE(connection.ok());
      talker.Take(*std::move(connection));
      CHECK(side.RunUntil([&] { return talker.is_closed(); }));
      CHECK(talker.is_right());
      CHECK(talker.got() == bytes);
      CHECK(absl::IsCancelled(talker.why()));
    }
    server.join();
    CHECK(was_right);
  }
}

TEST_CASE("lanes: a peer that goes at any moment is Unavailable, and so is one that is gone") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 40; ++round) {
    const uint64_t server_seed = rng.Next(), client_seed = rng.Next();
    const uint64_t enough = rng.Below(100'000);
    LaneSwitch lanes;
    std::atomic<bool> is_listening = false;
    std::thread server([&] {
      Side side(lanes, "server", 0);
      Talker talker(*side.environment, server_seed, 1, 50'000'000);
      auto listener = side.transport->Listen(
          "server:1", {}, [&](std::unique_ptr<Connection> c) { talker.Take(std::move(c)); });
      is_listening = true;
      // Dropped in the middle of it: the connection, the listener and the lanes.
      side.RunUntil([&] { return talker.has_connection() && talker.got() >= enough; });
    });
    while (!is_listening) std::this_thread::yield();
    Side side(lanes, "client", 0);
    Talker first(*side.environment, client_seed, 0, 50'000'000), late(*side.environment, 1, 0, 1);
    first.Take(*side.transport->Connect("server:1", {}));
    CHECK(side.RunUntil([&] { return first.is_closed(); }));
    CHECK(absl::IsUnavailable(first.why()));
    CHECK(first.is_right());
    server.join();
    late.Take(*side.transport->Connect("server:1", {}));
    CHECK(side.RunUntil([&] { return late.is_closed(); }));
    CHECK(absl::IsUnavailable(late.why()));
  }
}

TEST_CASE("lanes: a sender that is faster than we are does not keep the loop from other work") {
  LaneSwitch lanes;
  Side fast(lanes, "fast", 0), slow(lanes, "slow", 0);
  const auto held = fast.environment->After(60'000 * kNsPerMs, [] {});
  const auto held_too = slow.environment->After(60'000 * kNsPerMs, [] {});
  struct Ear final : ConnectionHandler {
    void OnBytes(std::string_view) override {
      // Before this one is taken the next is there; but not without end.
      if (++calls >= 1'000) return;
      CHECK(sender->Send("again").ok());
      uv_run(sender_loop, UV_RUN_NOWAIT);
    }
    void OnClosed(const absl::Status&) override {}
    Connection* sender = nullptr;
    uv_loop_t* sender_loop = nullptr;
    size_t calls = 0;
  } ear, deaf;
  std::unique_ptr<Connection> accepted;
  auto listener = slow.transport->Listen("slow:1", {}, [&](std::unique_ptr<Connection> c) {
    accepted = std::move(c);
    accepted->Start(&ear);
  });
  auto connection = *fast.transport->Connect("slow:1", {});
  connection->Start(&deaf);
  ear.sender = connection.get();
  ear.sender_loop = &fast.loop;
  CHECK(connection->Send("first").ok());
  int rounds = 0;
  for (; ear.calls < 1'000 && rounds < 1'000; ++rounds) {
    const size_t before = ear.calls;
    uv_run(&fast.loop, UV_RUN_NOWAIT);
    uv_run(&slow.loop, UV_RUN_NOWAIT);
    // Twice a round it is looked.
    CHECK(ear.calls - before <= 2 * Lane::kBatches);
  }
  CHECK(rounds < 1'000);
}

}  // namespace
}  // namespace vesicle
