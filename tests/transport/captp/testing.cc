#include "tests/transport/captp/testing.h"

#include <fstream>

#include "transport/captp/verbatim.h"
#include "transport/syrup/framer.h"

namespace vesicle::captp_testing {
namespace {

int Hex(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    REQUIRE(i + 3 < text.size());
    out += static_cast<char>(16 * Hex(text[i + 2]) + Hex(text[i + 3]));
    i += 3;
  }
  return out;
}

std::vector<Chunk> Load() {
  std::ifstream in("tests/transport/captp/transcript.txt");
  std::vector<Chunk> chunks;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.find(' ');
    chunks.push_back({.connection = std::stoi(line.substr(0, space)),
                      .side = line[space + 1],
                      .bytes = Unescaped(std::string_view(line).substr(space + 3))});
  }
  return chunks;
}

}  // namespace

const std::vector<Chunk>& Transcript() {
  static const std::vector<Chunk> chunks = Load();
  REQUIRE(chunks.size() == 191);
  return chunks;
}

std::vector<std::string> MessagesIn(std::string_view bytes) {
  std::vector<std::string> messages;
  syrup::Framer framer;
  framer.Add(bytes);
  std::string_view message;
  syrup::Framer::Step step;
  while ((step = framer.Next(&message)) == syrup::Framer::Step::kMessage) {
    messages.emplace_back(message);
  }
  CHECK(step == syrup::Framer::Step::kMore);
  CHECK_FALSE(framer.is_within());
  return messages;
}

std::vector<std::string> TranscriptMessages() {
  std::vector<std::string> all;
  for (const Chunk& chunk : Transcript()) {
    for (std::string& message : MessagesIn(chunk.bytes)) all.push_back(std::move(message));
  }
  return all;
}

void ChangeSome(SeededRandom& random, const std::vector<std::string>& some, std::string* message) {
  const std::string& other = some[random.Next() % some.size()];
  const size_t at = random.Next() % message->size();
  switch (random.Next() % 3) {
    case 0:
      (*message)[at] = other[random.Next() % other.size()];
      break;
    case 1:
      message->erase(at, 1 + random.Next() % 4);
      break;
    default:
      message->insert(at, other.substr(random.Next() % other.size(), random.Next() % 8));
  }
}

std::vector<std::string> MessagesOf(int connection, char side) {
  std::string bytes;
  for (const Chunk& chunk : Transcript()) {
    if (chunk.connection == connection && chunk.side == side) bytes += chunk.bytes;
  }
  return MessagesIn(bytes);
}

absl::Status ReadHelloMessage(std::string_view message, Hello* hello) {
  syrup::Reader reader;
  reader.Reset(message);
  Fields fields(reader, "message");
  std::string_view label;
  if (!fields.BeginAnyRecord("operation", "a record", &label)) return fields.status();
  REQUIRE(label == kHelloLabel);
  return ReadHello(reader, hello);
}

Hello HelloOf(int connection, char side) {
  Hello hello;
  const std::vector<std::string> messages = MessagesOf(connection, side);
  REQUIRE_FALSE(messages.empty());
  REQUIRE(ReadHelloMessage(messages[0], &hello).ok());
  return hello;
}

std::string ErrorOf(const std::string& message) {
  return std::string(ReadOp(message).status.message());
}

std::string Rewritten(const Operation& op, const Dialect& dialect) {
  syrup::Writer out;
  bool ok = false;
  GcEntries entries = op.gc;
  GcEntry entry;
  switch (op.kind) {
    case Operation::Kind::kDeliver: {
      const Deliver deliver{op.to, op.answer, op.resolver};
      BeginDeliver(deliver, dialect, out);
      WriteVerbatim(op.args, out);
      ok = EndDeliver(deliver, dialect, out);
      break;
    }
    case Operation::Kind::kListen:
      ok = WriteListen(op.to, *op.resolver, op.wants_partial, dialect, out);
      break;
    case Operation::Kind::kGet:
      ok = WriteGet(op.to, op.name, *op.answer, dialect, out);
      break;
    case Operation::Kind::kIndex:
      ok = WriteIndex(op.to, op.index, *op.answer, dialect, out);
      break;
    case Operation::Kind::kUntag:
      ok = WriteUntag(op.to, op.name, *op.answer, dialect, out);
      break;
    case Operation::Kind::kGcExports: {
      std::vector<GcEntry> all;
      while (entries.Next(&entry)) all.push_back(entry);
      ok = WriteGcExports(all, dialect, out);
      break;
    }
    case Operation::Kind::kGcAnswers: {
      std::vector<uint64_t> all;
      while (entries.Next(&entry)) all.push_back(entry.position);
      ok = WriteGcAnswers(all, dialect, out);
      break;
    }
    case Operation::Kind::kAbort:
      ok = WriteAbort(op.name, dialect.framing, out);
      break;
  }
  CHECK(ok);
  return std::string(out.bytes());
}

SessionKey KeyOf(uint64_t seed) {
  SeededRandom random(seed);
  return *SessionKey::Generate(random);
}

PublicKey RandomKey(testing::Rng& rng) {
  PublicKey key;
  for (uint8_t& byte : key.bytes) byte = static_cast<uint8_t>(rng.Below(256));
  return key;
}

}  // namespace vesicle::captp_testing
