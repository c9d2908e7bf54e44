// The first words of a connection: whole, split, cut, wrong, late and too much; and over a network
// from a seed.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tests/transport/captp/testing.h"
#include "transport/captp/handshake.h"
#include "transport/memory.h"
#include "transport/virtual_environment.h"

namespace vesicle {
namespace {

using namespace captp_testing;
using Side = Handshake::Side;
using Step = Handshake::Step;

const PeerLocator kAlice{{"memory", "alice"}, {}};
const PeerLocator kBob{{"memory", "bob"}, {{"host", "bob"}}};

// A handshake of one side, driven by hand.
struct Shake {
  Shake(Side side, const PeerLocator& location, uint64_t seed)
      : world(seed), own(location), handshake({.side = side}, world, [this] { ++late; }) {}
  Step Take(std::string_view bytes) { return handshake.Take(bytes, &rest, out); }
  std::string Written() {
    std::string bytes(out.bytes());
    out.Clear();
    return bytes;
  }

  VirtualEnvironment world;
  PeerLocator own;
  int late = 0;
  Handshake handshake;
  syrup::Writer out;
  std::string_view rest;  // Of the bytes last taken, which the test keeps.
};

std::string HelloBytes(const SessionKey& key, const PeerLocator& location,
                       Dialect::Framing framing = Dialect::Framing::kBare) {
  syrup::Writer out;
  REQUIRE(WriteHello(key, location, framing, out));
  return std::string(out.bytes());
}

TEST_CASE("handshake: who dials speaks first, who accepts speaks after a good hello") {
  Shake alice(Side::kDialled, kAlice, 1), bob(Side::kAccepted, kBob, 2);
  REQUIRE(alice.handshake.Start(alice.own, alice.out).ok());
  const std::string first = alice.Written();
  CHECK(MessagesIn(first).size() == 1);
  CHECK(bob.Take(first) == Step::kHello);
  CHECK(bob.Written() == "");
  CHECK(bob.rest == "");
  CHECK(bob.handshake.hello().location == kAlice);
  REQUIRE(bob.handshake.Accept(bob.own, bob.out).ok());
  CHECK(bob.handshake.is_open());
  const std::string second = bob.Written();
  const std::string more = second + "<8'op:abort1\"x>";
  CHECK(alice.Take(more) == Step::kHello);
  CHECK(alice.rest == "<8'op:abort1\"x>");
  REQUIRE(alice.handshake.Accept(alice.own, alice.out).ok());
  CHECK(alice.Written() == "");
  CHECK(alice.handshake.hello().location == kBob);
  CHECK(alice.handshake.session_id() == bob.handshake.session_id());
  CHECK(alice.handshake.hello().key == bob.handshake.key().public_key());
  CHECK(bob.handshake.hello().id == alice.handshake.key().id());
  while (alice.world.Step() || bob.world.Step()) {
  }
  CHECK(alice.late + bob.late == 0);
}

TEST_CASE(
    "handshake: the hellos of the transcript are accepted, in every split and either framing") {
  const std::string hello = Transcript()[0].bytes;
  const std::string netstring = std::to_string(hello.size()) + ":" + hello;
  for (const std::string& stream : {hello, " \r\n\t" + hello, netstring}) {
    for (size_t split = 0; split <= stream.size(); ++split) {
      Shake bob(Side::kAccepted, kBob, 1);
      if (split > 0) {
        CHECK(bob.Take(stream.substr(0, split)) ==
              (split == stream.size() ? Step::kHello : Step::kMore));
      }
      if (split < stream.size()) {
        // The session's bytes come with the end of the hello.
        const std::string end = stream.substr(split) + "\n<rest";
        CHECK(bob.Take(end) == Step::kHello);
        CHECK(bob.rest == "\n<rest");
      }
      CHECK(bob.handshake.hello().location.name.designator == "b464d380f7584be298e1a08f75a0c0d2");
    }
    Shake bytewise(Side::kAccepted, kBob, 1);
    for (size_t i = 0; i < stream.size(); ++i) {
      CHECK(bytewise.Take(std::string(1, stream[i])) ==
            (i + 1 == stream.size() ? Step::kHello : Step::kMore));
    }
  }
}

struct Ended {
  absl::StatusCode code;
  std::string why;
  std::string written;
};

Ended EndOf(const std::string& bytes) {
  Shake bob(Side::kAccepted, kBob, 1);
  REQUIRE(bob.Take(bytes) == Step::kEnded);
  CHECK(bob.handshake.has_ended());
  CHECK(bob.Take("more") == Step::kEnded);
  return {bob.handshake.why().code(), std::string(bob.handshake.why().message()), bob.Written()};
}

std::string AbortOf(const std::string& reason) {
  syrup::Writer out;
  REQUIRE(WriteAbort(reason, Dialect::Framing::kBare, out));
  return std::string(out.bytes());
}

TEST_CASE("handshake: what is wrong aborts with a reason, and the key is never made") {
  const auto check = [](const std::string& bytes, absl::StatusCode code, const std::string& why) {
    CAPTURE(bytes);
    const Ended ended = EndOf(bytes);
    CHECK(ended.code == code);
    CHECK(ended.why == why);
    CHECK(ended.written == AbortOf(why));
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  for (const Chunk& chunk : Transcript()) {
    if (chunk.side != 'a') continue;
    if (chunk.connection == 40 && chunk.bytes.starts_with("<16'")) {
      check(chunk.bytes, absl::StatusCode::kUnauthenticated,
            "op:start-session, acceptable-location-sig: it is no signature of that location by "
            "that session-pubkey");
    }
    if (chunk.connection == 42 && chunk.bytes.starts_with("<16'")) {
      check(chunk.bytes, absl::StatusCode::kFailedPrecondition,
            "op:start-session, captp-version: \"invalid-version-number\" is not spoken here; 1.0 "
            "is");
    }
  }
  check("<10'op:deliver<11'desc:export0+>[]ff>", kInvalid,
        "message, operation: op:start-session is to come first");
  check("GET / HTTP/1.1\r\n", kInvalid,
        "op:start-session: byte 0: a message begins with < or with the length of a netstring");
  check("1281:", kInvalid, "op:start-session: byte 3: more bytes than message_bytes_max (1280)");
  check("<16'op:start-session3\"1.0[18446744073709551616'", kInvalid,
        "op:start-session: byte 26: more bytes than message_bytes_max (1280)");
  check("<16'op:start-session3:1.0fff>", kInvalid,
        "op:start-session, captp-version: a text is wanted, and byte 20 has bytes");
  check("<16'op:start-session3\"1.0fff>", kInvalid,
        "op:start-session, session-pubkey: a key ['public-key ['ecc ['curve 'Ed25519] ['flags "
        "'eddsa] ['q BYTES32]]] is wanted, and nothing else");
  std::string hello = HelloBytes(KeyOf(7), kAlice);
  hello.insert(hello.size() - 1, "f");
  check(hello, kInvalid,
        "op:start-session, end: no further field is wanted, and byte " +
            std::to_string(hello.size() - 2) + " has a boolean");
}

TEST_CASE("handshake: a location that is signed and no locator is refused all the same") {
  const SessionKey key = KeyOf(7);
  const std::string location = "<10'ocapn-peer3'a.b1\"cf>";
  syrup::Writer out;
  out.BeginMessage();
  out.BeginRecord(kHelloLabel);
  out.Text("1.0");
  WritePublicKey(key.public_key(), out);
  out.Encoded(location, 5, 1);
  WriteSignature(key.Sign("<11'my-location" + location + ">"), out);
  out.EndRecord();
  REQUIRE(out.EndMessage());
  const Ended ended = EndOf(std::string(out.bytes()));
  CHECK(ended.code == absl::StatusCode::kInvalidArgument);
  CHECK(ended.why.starts_with(
      "op:start-session, location: locator: the transport \"a.b\" has a dot"));
}

TEST_CASE("handshake: no bit of a hello can be another") {
  const std::string hello = HelloBytes(KeyOf(7), kBob);
  for (size_t i = 0; i < hello.size(); ++i) {
    for (int bit = 0; bit < 8; bit += 3) {
      std::string bent = hello;
      bent[i] = static_cast<char>(bent[i] ^ (1 << bit));
      Shake bob(Side::kAccepted, kBob, 1);
      CAPTURE(i);
      CHECK(bob.Take(bent) != Step::kHello);
    }
  }
}

TEST_CASE("handshake: an abort in place of a hello ends it without a word, escaped") {
  const Ended ended = EndOf("<8'op:abort5\"no\x1b[m>");
  CHECK(ended.code == absl::StatusCode::kCancelled);
  CHECK(ended.why == "the peer aborted: no\\u{1b}[m");
  CHECK(ended.written == "");
}

TEST_CASE("handshake: the end of the stream says how far the hello had come") {
  Shake bob(Side::kAccepted, kBob, 1), other(Side::kAccepted, kBob, 1);
  CHECK(bob.handshake.End() == Step::kEnded);
  CHECK(bob.handshake.why() ==
        absl::UnavailableError("the connection ended before an op:start-session"));
  CHECK(other.Take("<16'op:st") == Step::kMore);
  CHECK(other.handshake.End() == Step::kEnded);
  CHECK(other.handshake.why() ==
        absl::UnavailableError("the connection ended within an op:start-session"));
  CHECK(other.Written() == "");
}

TEST_CASE("handshake: who says nothing is late once, and who is refused hears why") {
  Shake bob(Side::kAccepted, kBob, 1);
  bob.world.RunFor(int64_t{29'999} * 1'000'000);
  CHECK(bob.late == 0);
  bob.world.RunFor(int64_t{2} * 1'000'000);
  CHECK(bob.late == 1);
  bob.handshake.Refuse(absl::StatusCode::kDeadlineExceeded, "no hello in 30 s", bob.out);
  CHECK(bob.Written() == AbortOf("no hello in 30 s"));
  CHECK(absl::IsDeadlineExceeded(bob.handshake.why()));
  bob.handshake.Refuse(absl::StatusCode::kInternal, "again", bob.out);
  CHECK(bob.Written() == "");
  CHECK(absl::IsDeadlineExceeded(bob.handshake.why()));

  // Its callback may destroy it.
  VirtualEnvironment world(1);
  std::unique_ptr<Handshake> gone;
  gone = std::make_unique<Handshake>(Handshake::Options{.side = Side::kAccepted}, world,
                                     [&gone] { gone.reset(); });
  while (world.Step()) {
  }
  CHECK(gone == nullptr);
}

TEST_CASE("handshake: less than 4 KiB are held for who has shown no key") {
  PeerLocator big{{std::string(64, 't'), std::string(256, 'd')}, {}};
  for (char c = 'a'; c < 'c'; ++c) big.hints.push_back({std::string(64, c), std::string(200, 'v')});
  std::string hello = HelloBytes(KeyOf(7), big);
  CHECK(hello.size() > 1100);
  REQUIRE(hello.size() <= kHelloBytesMax);
  hello[hello.size() - 10] ^= 1;  // of the signature
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{100}, hello.size()}) {
    VirtualEnvironment world(1);
    ResetPeak();
    const int64_t before = AllocatedNow();
    auto handshake =
        std::make_unique<Handshake>(Handshake::Options{.side = Side::kAccepted}, world, [] {});
    syrup::Writer out;
    std::string_view rest;
    Step step = Step::kMore;
    for (size_t i = 0; i < hello.size(); i += piece) {
      step = handshake->Take(std::string_view(hello).substr(i, piece), &rest, out);
    }
    const int64_t peak = AllocatedPeak() - before;
    CHECK(step == Step::kEnded);
    CHECK(absl::IsUnauthenticated(handshake->why()));
    CAPTURE(piece);
    MESSAGE("at most ", peak, " bytes, and ", handshake->bytes_held(), " of pieces");
    CHECK(peak <= 4096);
    CHECK(peak > 0);
  }
}

TEST_CASE("handshake: a location of ours that no peer would take is told at once") {
  PeerLocator big = kAlice;
  for (char c = 'a'; c < 'f'; ++c) big.hints.push_back({std::string(1, c), std::string(256, 'v')});
  REQUIRE(CheckLocator({big, ""}).ok());
  Shake alice(Side::kDialled, big, 1);
  const absl::Status status = alice.handshake.Start(big, alice.out);
  CHECK(absl::IsResourceExhausted(status));
  const std::string text(status.message());
  CHECK(text.starts_with("op:start-session, acceptable-location: byte "));
  CHECK(text.ends_with(
      "more bytes than message_bytes_max (1280); a location with fewer hints, or shorter ones, is "
      "wanted"));
  CHECK(alice.Written() == "");
  CHECK(alice.handshake.has_ended());
}

// --- Over a network.

// One end: what a session does until it is one, and after that it counts what comes.
class Host final : public ConnectionHandler {
 public:
  Host(Environment& environment, Side side, const PeerLocator& own)
      : own_(own), handshake_({.side = side}, environment, [this] { Late(); }) {}

  void Begin(std::unique_ptr<Connection> connection) {
    connection_ = std::move(connection);
    connection_->Start(this);
    if (handshake_.side() != Side::kDialled) return;
    REQUIRE(handshake_.Start(own_, out_).ok());
    Send();
  }
  void OnBytes(std::string_view bytes) override {
    if (handshake_.is_open()) {
      after_ += bytes;
      return;
    }
    if (handshake_.has_ended()) return;
    std::string_view rest;
    switch (handshake_.Take(bytes, &rest, out_)) {
      case Step::kMore:
        return;
      case Step::kEnded:
        Send();
        return connection_->Close(std::string(handshake_.why().message()));
      case Step::kHello:
        break;
    }
    REQUIRE(handshake_.Accept(own_, out_).ok());
    Send();
    after_ += rest;
    CHECK(connection_->Send("<after " + own_.name.designator + ">").ok());
  }
  void OnClosed(const absl::Status&) override {
    closed_ = true;
    if (!handshake_.is_open()) handshake_.End();
  }
  const Handshake& handshake() const { return handshake_; }
  const std::string& after() const { return after_; }
  bool closed() const { return closed_; }
  Connection& connection() { return *connection_; }

 private:
  void Late() {
    handshake_.Refuse(absl::StatusCode::kDeadlineExceeded, "late", out_);
    Send();
    connection_->Close("late");
  }
  void Send() {
    if (!out_.bytes().empty()) CHECK(connection_->Send(out_.bytes()).ok());
    out_.Clear();
  }

  PeerLocator own_;
  Handshake handshake_;
  syrup::Writer out_;
  std::unique_ptr<Connection> connection_;
  std::string after_;
  bool closed_ = false;
};

TEST_CASE("handshake: over a bad network it opens at both ends, or at neither for ever") {
  VESICLE_RANDOM_TEST(rng);
  int open = 0, lost = 0;
  for (int round = 0; round < 300; ++round) {
    const uint64_t seed = rng.Next();
    VirtualEnvironment world(seed);
    MemoryOptions options;
    options.delay_ns_max = 2'000'000;
    options.chunk_bytes_max = 1 + rng.Below(400);
    options.window_bytes = 64 + rng.Below(1000);
    options.stalls_per_million = 50'000;
    options.stall_ns_max = 20'000'000;
    options.cuts_per_million = 20'000;
    MemoryNetwork network(world, options, seed);
    const auto alice_side = network.AddHost("alice"), bob_side = network.AddHost("bob");
    std::unique_ptr<Host> bob;
    const auto listener = *bob_side->Listen("bob", {}, [&](std::unique_ptr<Connection> c) {
      bob = std::make_unique<Host>(world, Side::kAccepted, kBob);
      bob->Begin(std::move(c));
    });
    Host alice(world, Side::kDialled, kAlice);
    alice.Begin(*alice_side->Connect("bob", {}));
    while (world.Step()) {
    }
    CAPTURE(seed);
    if (alice.closed() || bob == nullptr || bob->closed()) {
      ++lost;
      CHECK(alice.closed());
      CHECK((bob == nullptr || bob->closed()));
      continue;
    }
    ++open;
    REQUIRE(alice.handshake().is_open());
    REQUIRE(bob->handshake().is_open());
    CHECK(alice.handshake().session_id() == bob->handshake().session_id());
    CHECK(alice.after() == "<after bob>");
    CHECK(bob->after() == "<after alice>");
  }
  CHECK(open > 50);
  CHECK(lost > 10);
}

TEST_CASE("handshake: an abort reaches the peer although it goes on sending") {
  VirtualEnvironment world(5);
  MemoryOptions options;
  options.delay_ns_max = 1'000'000;
  options.chunk_bytes_max = 50;
  MemoryNetwork network(world, options, 5);
  const auto alice_side = network.AddHost("alice"), bob_side = network.AddHost("bob");
  std::unique_ptr<Host> bob;
  const auto listener = *bob_side->Listen("bob", {}, [&](std::unique_ptr<Connection> c) {
    bob = std::make_unique<Host>(world, Side::kAccepted, kBob);
    bob->Begin(std::move(c));
  });
  Host alice(world, Side::kDialled, kAlice);
  auto connection = *alice_side->Connect("bob", {});
  CHECK(connection->Send("<10'op:deliver<11'desc:export0+>[]ff>" + std::string(2000, ' ')).ok());
  alice.Begin(std::move(connection));
  while (world.Step()) {
  }
  REQUIRE(alice.handshake().has_ended());
  CHECK(alice.handshake().why() ==
        absl::CancelledError("the peer aborted: message, operation: op:start-session is to come "
                             "first"));
  CHECK(alice.closed());
  CHECK(bob->closed());
}

}  // namespace
}  // namespace vesicle
