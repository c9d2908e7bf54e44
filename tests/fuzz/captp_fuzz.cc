// Any bytes as what a peer sends; the first byte tells as what. As a handshake: the pieces
// do not matter, and it ends in one of three ways. As an operation: what is read is written again
// and read as the same, in every dialect. As a locator, text or record: there and back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/transport/captp/flat.h"
#include "tests/transport/captp/plain.h"
#include "transport/captp/handoff.h"
#include "transport/captp/handshake.h"
#include "transport/captp/locator.h"
#include "transport/captp/operation.h"
#include "transport/captp/verbatim.h"
#include "transport/syrup/framer.h"
#include "transport/virtual_environment.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

struct Shaken {
  Handshake::Step step = Handshake::Step::kMore;
  std::string why;
  std::string written;
  std::string rest;
};

Shaken Shake(std::string_view bytes, size_t piece) {
  VirtualEnvironment world(1);
  Handshake handshake({.side = Handshake::Side::kAccepted}, world, [] {});
  syrup::Writer out;
  Shaken shaken;
  while (shaken.step == Handshake::Step::kMore && !bytes.empty()) {
    const size_t size = std::min(piece, bytes.size());
    std::string_view rest;
    shaken.step = handshake.Take(bytes.substr(0, size), &rest, out);
    bytes.remove_prefix(size);
    shaken.rest = std::string(rest) + std::string(bytes);
  }
  VESICLE_CHECK_LE(handshake.bytes_held(), size_t{4096});
  if (shaken.step == Handshake::Step::kEnded) shaken.why = handshake.why().ToString();
  shaken.written = std::string(out.bytes());
  VESICLE_CHECK(shaken.step != Handshake::Step::kHello || shaken.written.empty());
  return shaken;
}

void TryHandshake(std::string_view bytes, size_t piece) {
  const Shaken whole = Shake(bytes, std::max(bytes.size(), size_t{1}));
  const Shaken pieces = Shake(bytes, piece);
  VESICLE_CHECK(whole.step == pieces.step);
  VESICLE_CHECK(whole.why == pieces.why);
  VESICLE_CHECK(whole.written == pieces.written);
  if (whole.step == Handshake::Step::kHello) VESICLE_CHECK(whole.rest == pieces.rest);
}

std::string Written(const Operation& op, const Dialect& dialect) {
  syrup::Writer out;
  bool ok = true;
  GcEntries gc = op.gc;
  GcEntry entry;
  std::vector<GcEntry> entries;
  std::vector<uint64_t> positions;
  while (gc.Next(&entry)) {
    entries.push_back(entry);
    positions.push_back(entry.position);
  }
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
    case Operation::Kind::kGcExports:
      ok = WriteGcExports(entries, dialect, out);
      break;
    case Operation::Kind::kGcAnswers:
      ok = WriteGcAnswers(positions, dialect, out);
      break;
    case Operation::Kind::kAbort:
      ok = WriteAbort(op.name, dialect.framing, out);
      break;
  }
  VESICLE_CHECK(ok);
  return std::string(out.bytes());
}

void TryOperation(std::string_view bytes) {
  syrup::Framer framer;
  framer.Add(bytes);
  std::string_view message;
  while (framer.Next(&message) == syrup::Framer::Step::kMessage) {
    VESICLE_CHECK(ComparePlain(message).empty());
    VESICLE_CHECK(CompareFlat(message).empty());
  }
  VESICLE_CHECK(CompareFlat(bytes).empty());
  syrup::Reader reader({.message_bytes_max = 1 << 16, .depth_max = 1000, .items_max = 20'000});
  reader.Reset(bytes);
  Operation op;
  if (!ReadOperation(reader, &op).ok()) return;
  const bool is_one_message = op.gc.left() == 0 && (op.kind != Operation::Kind::kAbort ||
                                                    op.name.size() <= kReasonBytesWritten);
  for (const Dialect::Tell tell : {Dialect::Tell::kDeliver, Dialect::Tell::kDeliverOnly}) {
    for (const Dialect::Gc gc :
         {Dialect::Gc::kPlural, Dialect::Gc::kLists, Dialect::Gc::kScalars}) {
      const Dialect dialect{.tell = tell, .gc = gc, .listen = Dialect::Listen::kThreeFields};
      const std::string written = Written(op, dialect);
      if (!is_one_message || written.empty()) continue;
      syrup::Reader again;
      again.Reset(written);
      Operation back;
      VESICLE_CHECK(ReadOperation(again, &back).ok());
      VESICLE_CHECK(back.kind == op.kind);
      VESICLE_CHECK(back.to == op.to && back.args == op.args && back.answer == op.answer);
      VESICLE_CHECK(back.resolver == op.resolver && back.wants_partial == op.wants_partial);
      VESICLE_CHECK(back.name == op.name && back.index == op.index);
      VESICLE_CHECK(Written(back, dialect) == written);
    }
  }
}

void TryLocator(std::string_view bytes) {
  const absl::StatusOr<Locator> parsed = ParseLocator(bytes);
  if (!parsed.ok()) return;
  VESICLE_CHECK(CheckLocator(*parsed).ok());
  const absl::StatusOr<Locator> again = ParseLocator(PrintLocator(*parsed));
  VESICLE_CHECK(again.ok() && *again == *parsed);
}

void TryRecord(std::string_view bytes) {
  syrup::Reader reader({.message_bytes_max = 1 << 16, .depth_max = 1000, .items_max = 20'000});
  reader.Reset(bytes);
  Fields peer_fields(reader, "fuzz");
  PeerLocator peer;
  if (ReadPeer(peer_fields, "peer", &peer)) {
    VESICLE_CHECK(CheckLocator({peer, ""}).ok());
    syrup::Writer out;
    WritePeer(peer, out);
    VESICLE_CHECK(out.EndMessage());
    reader.Reset(out.bytes());
    Fields fields(reader, "fuzz");
    PeerLocator back;
    VESICLE_CHECK(ReadPeer(fields, "peer", &back) && back == peer);
  }
  reader.Reset(bytes);
  Fields receive_fields(reader, "fuzz");
  SignedReceive receive;
  if (!ReadSignedReceive(receive_fields, "receive", &receive)) return;
  // Nobody has the key of such bytes; what it costs is two verifications.
  const HandoffGive& give = receive.receive.give.give;
  static_cast<void>(CheckWithdrawal(receive, {.session = receive.receive.session,
                                              .peer = receive.receive.side,
                                              .own = give.exporter,
                                              .gifter = &give.receiver_key}));
}

}  // namespace
}  // namespace vesicle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vesicle;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      TryHandshake(bytes, 1 + data[0] / 4);
      break;
    case 1:
      TryOperation(bytes);
      break;
    case 2:
      TryLocator(bytes);
      break;
    default:
      TryRecord(bytes);
  }
  return 0;
}
