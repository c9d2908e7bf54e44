// Keys, signatures and identifiers, with those that other implementations made.
#include <doctest/doctest.h>

#include <set>

#include "tests/transport/captp/testing.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

using namespace captp_testing;

TEST_CASE("session key: every hello of the transcript verifies, but for the one made wrong") {
  std::set<PublicId> ids;
  int good = 0, bad = 0, other_version = 0;
  for (const Chunk& chunk : Transcript()) {
    for (const std::string& message : MessagesIn(chunk.bytes)) {
      if (!message.starts_with("<16'op:start-session")) continue;
      Hello hello;
      const absl::Status status = ReadHelloMessage(message, &hello);
      CAPTURE(chunk.connection);
      if (status.ok()) {
        ++good;
        CHECK(ids.insert(hello.id).second);
        syrup::Writer out;
        WritePeer(hello.location, out);
        REQUIRE(out.EndMessage());
        CHECK(out.bytes() == hello.location_bytes);
      } else if (absl::IsUnauthenticated(status)) {
        ++bad;
        CHECK(chunk.connection == 40);
      } else {
        ++other_version;
        CHECK(chunk.connection == 42);
        CHECK(absl::IsFailedPrecondition(status));
        CHECK(std::string(status.message()) ==
              "op:start-session, captp-version: \"invalid-version-number\" is not spoken here; 1.0 "
              "is");
      }
    }
  }
  CHECK(good == 55);
  CHECK(bad == 1);
  CHECK(other_version == 1);
}

TEST_CASE("session key: the identifiers are those that a withdrawal of the transcript names") {
  const std::vector<std::string> messages = MessagesOf(20, 'a');
  const PublicId receiver = HelloOf(20, 'a').id, exporter = HelloOf(20, 'b').id;
  REQUIRE(messages.size() == 4);
  CHECK(messages[1].find(receiver.view()) != std::string::npos);
  CHECK(messages[1].find(SessionIdOf(receiver, exporter).view()) != std::string::npos);
  CHECK(SessionIdOf(receiver, exporter) == SessionIdOf(exporter, receiver));
}

TEST_CASE("session key: a key signs, and only its own key verifies, and only those bytes") {
  const SessionKey key = KeyOf(1), other = KeyOf(2);
  CHECK(key.public_key() == KeyOf(1).public_key());
  CHECK(key.public_key() != other.public_key());
  CHECK(key.id() == IdOf(key.public_key()));
  const Signature signature = key.Sign("bytes");
  CHECK(IsSignedBy(key.public_key(), "bytes", signature));
  CHECK_FALSE(IsSignedBy(other.public_key(), "bytes", signature));
  CHECK_FALSE(IsSignedBy(key.public_key(), "bytes.", signature));
  CHECK_FALSE(IsSignedBy(key.public_key(), "", signature));
  for (int i = 0; i < 64; ++i) {
    Signature bent = signature;
    (i < 32 ? bent.r : bent.s).bytes[static_cast<size_t>(i % 32)] ^= 1;
    CHECK_FALSE(IsSignedBy(key.public_key(), "bytes", bent));
  }
  Signature swapped{signature.s, signature.r};
  CHECK_FALSE(IsSignedBy(key.public_key(), "bytes", swapped));
  CHECK_FALSE(IsSignedBy(PublicKey{}, "bytes", signature));
}

std::string EncodedKey(const PublicKey& key) {
  syrup::Writer out;
  WritePublicKey(key, out);
  REQUIRE(out.EndMessage());
  return std::string(out.bytes());
}

std::string EncodedSignature(const Signature& signature) {
  syrup::Writer out;
  WriteSignature(signature, out);
  REQUIRE(out.EndMessage());
  return std::string(out.bytes());
}

TEST_CASE("session key: both forms are read as they are written, and in no other spelling") {
  const SessionKey key = KeyOf(3);
  const Signature signature = key.Sign("x");
  const std::string encoded_key = EncodedKey(key.public_key());
  const std::string encoded_signature = EncodedSignature(signature);
  syrup::Reader reader;
  {
    reader.Reset(encoded_key);
    Fields fields(reader, "test");
    PublicKey back;
    CHECK(ReadPublicKey(fields, "key", &back));
    CHECK(back == key.public_key());
  }
  {
    reader.Reset(encoded_signature);
    Fields fields(reader, "test");
    Signature back;
    CHECK(ReadSignature(fields, "signature", &back));
    CHECK(back == signature);
  }
  for (size_t i = 0; i < encoded_key.size(); ++i) {
    const bool is_payload = i >= encoded_key.size() - 35 && i < encoded_key.size() - 3;
    std::string bent = encoded_key;
    bent[i] ^= 2;
    reader.Reset(bent);
    Fields fields(reader, "test");
    PublicKey back;
    CAPTURE(i);
    CHECK(ReadPublicKey(fields, "key", &back) == is_payload);
  }
  for (size_t size = 0; size < encoded_signature.size(); ++size) {
    reader.Reset(std::string_view(encoded_signature).substr(0, size));
    Fields fields(reader, "test");
    Signature back;
    CHECK_FALSE(ReadSignature(fields, "signature", &back));
    CHECK(absl::IsInvalidArgument(fields.status()));
  }
}

TEST_CASE("session key: one that rests, and its copies, sign as before") {
  SeededRandom random(7);
  const absl::StatusOr<SessionKey> key = SessionKey::Generate(random);
  REQUIRE(key.ok());
  const SessionKey copy = *key;
  const Signature before = key->Sign("a location");
  key->Rest();
  CHECK(key->Sign("a location") == before);
  CHECK(copy.Sign("a location") == before);
  copy.Rest();
  CHECK(IsSignedBy(copy.public_key(), "another", copy.Sign("another")));
}

}  // namespace
}  // namespace vesicle
