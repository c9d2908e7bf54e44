// Certificates of handoffs: those of the transcript, ours, and those that are made wrong.
#include <doctest/doctest.h>

#include <map>

#include "tests/transport/captp/testing.h"
#include "transport/captp/handoff.h"

namespace vesicle {
namespace {

using namespace captp_testing;

// The envelope in a message: from its label to where the record ends.
std::string EnvelopeIn(const std::string& message) {
  const size_t begin = message.find("<17'desc:sig-envelope");
  REQUIRE(begin != std::string::npos);
  size_t size = 1;
  for (;; ++size) {
    REQUIRE(begin + size <= message.size());
    if (message[begin + size - 1] != '>') continue;
    syrup::Reader reader;
    reader.Reset(std::string_view(message).substr(begin, size));
    if (reader.Skip()) break;
  }
  return message.substr(begin, size);
}

// Owns the bytes that the receive points into.
struct ReadReceive {
  explicit ReadReceive(std::string envelope) : bytes(std::move(envelope)) {
    reader.Reset(bytes);
    Fields fields(reader, "test");
    ok = ReadSignedReceive(fields, "receive", &receive);
    status = fields.status();
  }
  std::string bytes;
  syrup::Reader reader;
  SignedReceive receive;
  bool ok = false;
  absl::Status status;
};

TEST_CASE("handoff: the withdrawals of the transcript are judged as they were") {
  std::map<SessionId, PublicKey> gifters;  // as the exporter knows them
  for (const int connection : {19, 21, 23, 25}) {
    const Hello gifter = HelloOf(connection, 'a');
    gifters[SessionIdOf(gifter.id, HelloOf(connection, 'b').id)] = gifter.key;
  }
  int good = 0, bad = 0;
  for (const int connection : {20, 22, 24, 26}) {
    const Hello receiver = HelloOf(connection, 'a'), exporter = HelloOf(connection, 'b');
    for (const std::string& message : MessagesOf(connection, 'a')) {
      if (message.find("withdraw-gift") == std::string::npos) continue;
      const ReadReceive read(EnvelopeIn(message));
      REQUIRE(read.ok);
      const HandoffGive& give = read.receive.receive.give.give;
      CHECK(give.gift_id == "my-gift");
      const auto gifter = gifters.find(give.session);
      // That suite names a place of its own as the exporter's.
      const absl::Status status = CheckWithdrawal(
          read.receive, {.session = SessionIdOf(receiver.id, exporter.id),
                         .peer = receiver.id,
                         .own = give.exporter,
                         .gifter = gifter == gifters.end() ? nullptr : &gifter->second});
      CAPTURE(connection);
      CAPTURE(status.message());
      if (connection == 22) {
        CHECK_FALSE(status.ok());
        ++bad;
      } else {
        CHECK(status.ok());
        ++good;
      }
    }
  }
  CHECK(good == 4);
  CHECK(bad == 1);
}

TEST_CASE("handoff: the gives of the transcript are read, and those of its gifter verify") {
  const std::string envelope = EnvelopeIn(MessagesOf(27, 'b')[2]);
  syrup::Reader reader;
  reader.Reset(envelope);
  Fields fields(reader, "test");
  SignedGive give;
  REQUIRE(ReadSignedGive(fields, "give", &give));
  CHECK(give.bytes == envelope);
  CHECK(give.give.exporter.name.designator == "e20ecaf4a64448c3b3a057666b146544");
  CHECK(give.give.receiver_key == HelloOf(27, 'a').key);
  const Hello gifter = HelloOf(28, 'b'), exporter = HelloOf(28, 'a');
  CHECK(give.give.session == SessionIdOf(gifter.id, exporter.id));
  CHECK(give.give.gifter_side == gifter.id);
  CHECK(IsSignedBy(gifter.key, give.signed_bytes, give.signature));
  CHECK_FALSE(IsSignedBy(exporter.key, give.signed_bytes, give.signature));
}

// Gifter, exporter and receiver, each with its keys.
struct Three {
  SessionKey gifter_to_exporter = KeyOf(1), exporter_to_gifter = KeyOf(2);
  SessionKey receiver_to_gifter = KeyOf(3);
  SessionKey receiver_to_exporter = KeyOf(4), exporter_to_receiver = KeyOf(5);
  PeerLocator exporter{{"wire", "exporter"}, {{"host", "::1"}}};

  HandoffGive Give() const {
    return {.receiver_key = receiver_to_gifter.public_key(),
            .exporter = exporter,
            .exporter_bytes = {},
            .session = SessionIdOf(gifter_to_exporter.id(), exporter_to_gifter.id()),
            .gifter_side = gifter_to_exporter.id(),
            .gift_id = "a gift"};
  }
  std::string Written(const HandoffGive& give) const {
    syrup::Writer out;
    WriteSignedGive(give, gifter_to_exporter, out);
    REQUIRE(out.EndMessage());
    return std::string(out.bytes());
  }
  HandoffReceive Receive(std::string_view signed_give) const {
    HandoffReceive receive;
    receive.session = SessionIdOf(receiver_to_exporter.id(), exporter_to_receiver.id());
    receive.side = receiver_to_exporter.id();
    receive.count = 17;
    receive.give.bytes = signed_give;
    return receive;
  }
  std::string Written(const HandoffReceive& receive) const {
    syrup::Writer out;
    WriteSignedReceive(receive, receiver_to_gifter, out);
    REQUIRE(out.EndMessage());
    return std::string(out.bytes());
  }
  std::string Good() const {
    const std::string give = Written(Give());
    return Written(Receive(give));
  }
  absl::Status Check(const std::string& envelope, const PublicKey* gifter) const {
    const ReadReceive read(envelope);
    REQUIRE(read.ok);
    return CheckWithdrawal(
        read.receive, {.session = SessionIdOf(receiver_to_exporter.id(), exporter_to_receiver.id()),
                       .peer = receiver_to_exporter.id(),
                       .own = exporter,
                       .gifter = gifter});
  }
  absl::Status Check(const std::string& envelope) const {
    return Check(envelope, &gifter_to_exporter.public_key());
  }
};

TEST_CASE("handoff: what three parties write and hand on is accepted, byte for byte") {
  const Three three;
  const std::string give = three.Written(three.Give());
  const ReadReceive read(three.Written(three.Receive(give)));
  REQUIRE(read.ok);
  CHECK(read.receive.receive.give.bytes == give);
  CHECK(read.receive.receive.count == 17);
  CHECK(three.Check(read.bytes).ok());
  // A location goes on as it came, also where we would write another.
  HandoffGive verbatim = three.Give();
  verbatim.exporter_bytes = "<10'ocapn-peer4'wire8\"exporter{}>";
  CHECK(three.Written(verbatim).find(verbatim.exporter_bytes) != std::string::npos);
}

TEST_CASE("handoff: each thing that is not as it should be is told apart") {
  const Three three;
  const auto check = [](const absl::Status& status, absl::StatusCode code, const char* text) {
    CHECK(status.code() == code);
    CHECK(std::string(status.message()) == std::string("withdraw-gift: ") + text);
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnsigned = absl::StatusCode::kUnauthenticated;
  const std::string give = three.Written(three.Give());

  HandoffReceive receive = three.Receive(give);
  receive.session = three.Give().session;
  check(three.Check(three.Written(receive)), kInvalid,
        "receiving-session is another session than this connection's");
  receive = three.Receive(give);
  receive.side = three.exporter_to_receiver.id();
  check(three.Check(three.Written(receive)), kInvalid,
        "receiving-side is not the peer at the other end of this connection");
  HandoffGive other = three.Give();
  other.exporter.name.designator = "another";
  check(three.Check(three.Written(three.Receive(three.Written(other)))), kInvalid,
        "the gift is of another exporter");
  check(three.Check(three.Good(), nullptr), kInvalid, "there is no session with that gifter");
  other = three.Give();
  other.gifter_side = three.exporter_to_gifter.id();
  const std::string reflected = three.Written(other);
  check(three.Check(three.Written(three.Receive(reflected))), kInvalid,
        "gifter-side is not the other end of the session that the give names");

  // Made by the receiver itself.
  Three self_made = three;
  self_made.gifter_to_exporter = three.receiver_to_gifter;
  HandoffGive forged = three.Give();
  const std::string forged_give = self_made.Written(forged);
  check(three.Check(three.Written(three.Receive(forged_give))), kUnsigned,
        "the give is not signed by its gifter");
  // Redeemed by somebody else than it was made for.
  Three thief = three;
  thief.receiver_to_gifter = KeyOf(9);
  check(three.Check(thief.Written(three.Receive(give))), kUnsigned,
        "the receive is not signed with the key that the give names");
}

TEST_CASE("handoff: no bit of a certificate can be another, and none can be missing") {
  const Three three;
  const std::string good = three.Good();
  REQUIRE(three.Check(good).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bent = good;
    bent[i] ^= 1;
    const ReadReceive read(bent);
    CAPTURE(i);
    if (read.ok) CHECK_FALSE(three.Check(bent).ok());
    CHECK_FALSE(ReadReceive(good.substr(0, i)).ok);
  }
}

TEST_CASE("handoff: a wrong field is named") {
  const Three three;
  const auto error = [](const std::string& envelope) {
    return std::string(ReadReceive(envelope).status.message());
  };
  HandoffReceive receive = three.Receive("<4'void>");
  CHECK(error(three.Written(receive)) ==
        "test, signed-give: desc:sig-envelope is wanted, and byte 118 has another record");
  HandoffGive give = three.Give();
  const std::string gift(1025, 'g');
  give.gift_id = gift;
  const std::string long_give = three.Written(give);
  CHECK(
      error(three.Written(three.Receive(long_give)))
          .starts_with("test, gift-id: a byte string of at most 1024 bytes is wanted, and byte "));
  CHECK(error("<4'void>") ==
        "test, receive: desc:sig-envelope is wanted, and byte 0 has another record");
  CHECK(error("<17'desc:sig-envelope<20'desc:handoff-receive2:ab>") ==
        "test, receiving-session: 32 bytes are wanted, and byte 45 has 2");
}

}  // namespace
}  // namespace vesicle
