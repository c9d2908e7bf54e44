// What export 0 takes.
#include <doctest/doctest.h>

#include <map>

#include "tests/transport/captp/testing.h"
#include "transport/captp/bootstrap.h"

namespace vesicle {
namespace {

using namespace captp_testing;

struct Called {
  explicit Called(const std::string& message) : read(message) {
    REQUIRE(read.status.ok());
    status = ReadBootstrapCall(read.reader, read.op, &call);
  }
  ReadOp read;
  BootstrapCall call;
  absl::Status status;
};

std::string CallError(const std::string& args) {
  return std::string(Called("<10'op:deliver<11'desc:export0+>" + args + "ff>").status.message());
}

TEST_CASE("bootstrap: all calls of the transcript are read, and written again byte for byte") {
  std::map<BootstrapCall::Kind, int> seen;
  for (const Chunk& chunk : Transcript()) {
    for (const std::string& message : MessagesIn(chunk.bytes)) {
      if (message.starts_with("<16'op:start-session")) continue;
      const ReadOp read(message);
      REQUIRE(read.status.ok());
      const bool is_call = read.op.kind == Operation::Kind::kDeliver && read.op.to.is_bootstrap();
      // A resolver of theirs may stand at export 0, too.
      if (!is_call || read.op.args.starts_with("[7'fulfill") ||
          read.op.args.starts_with("[5'break")) {
        continue;
      }
      CAPTURE(message);
      const Called called(message);
      if (chunk.connection == 28 && message.find("deposit-gift") != std::string::npos) {
        // Its exporter numbers from 0. Ours does not, and would refuse.
        CHECK(std::string(called.status.message()) ==
              "bootstrap, gift: export 0, the bootstrap, is for op:deliver alone");
        continue;
      }
      REQUIRE(called.status.ok());
      ++seen[called.call.kind];
      syrup::Writer out;
      switch (called.call.kind) {
        case BootstrapCall::Kind::kFetch:
          WriteFetch(called.call.swiss, out);
          break;
        case BootstrapCall::Kind::kDepositGift:
          WriteDepositGift(called.call.gift_id, called.call.gift, out);
          break;
        case BootstrapCall::Kind::kWithdrawGift:
          CHECK(called.read.op.args.find(called.call.receive.signed_bytes) !=
                std::string_view::npos);
          continue;
      }
      REQUIRE(out.EndMessage());
      CHECK(out.bytes() == called.read.op.args);
    }
  }
  CHECK(seen[BootstrapCall::Kind::kFetch] > 20);
  CHECK(seen[BootstrapCall::Kind::kDepositGift] == 5);
  CHECK(seen[BootstrapCall::Kind::kWithdrawGift] == 5);
}

TEST_CASE("bootstrap: a withdrawal that is written is read") {
  const SessionKey gifter = KeyOf(1), receiver = KeyOf(2);
  syrup::Writer give;
  WriteSignedGive({.receiver_key = receiver.public_key(),
                   .exporter = {{"wire", "exporter"}, {}},
                   .exporter_bytes = {},
                   .session = SessionIdOf(gifter.id(), receiver.id()),
                   .gifter_side = gifter.id(),
                   .gift_id = "gift"},
                  gifter, give);
  REQUIRE(give.EndMessage());
  HandoffReceive receive;
  receive.count = 3;
  receive.give.bytes = give.bytes();
  syrup::Writer out;
  const Deliver deliver{.to = {Descriptor::Kind::kExport, 0}, .answer = 1};
  BeginDeliver(deliver, Dialect(), out);
  WriteWithdrawGift(receive, receiver, out);
  REQUIRE(EndDeliver(deliver, Dialect(), out));
  const Called called{std::string(out.bytes())};
  REQUIRE(called.status.ok());
  CHECK(called.call.receive.receive.count == 3);
  CHECK(called.call.receive.receive.give.give.gift_id == "gift");
  CHECK(IsSignedBy(receiver.public_key(), called.call.receive.signed_bytes,
                   called.call.receive.signature));
}

TEST_CASE("bootstrap: what is wrong is named, and no swiss number is quoted") {
  CHECK(CallError("[]") ==
        "bootstrap, method: a symbol is wanted, and byte 33 has the end of a list");
  CHECK(
      CallError("[5'fetch]") ==
      "bootstrap, swiss-num: a byte string or a text is wanted, and byte 40 has the end of a list");
  CHECK(CallError("[5'fetch3:abc3:def]") ==
        "bootstrap, args: no further value is wanted, and byte 45 has bytes");
  CHECK(CallError("[6'secret1:x]") ==
        "bootstrap, method: fetch, deposit-gift and withdraw-gift are known, and this is none");
  CHECK(CallError("[12'deposit-gift1:x<11'desc:answer1+>]") ==
        "bootstrap, gift: a desc:export is wanted, and a desc:answer stands there");
  CHECK(CallError("[12'deposit-gift1:x<11'desc:export0+>]") ==
        "bootstrap, gift: export 0, the bootstrap, is for op:deliver alone");
  CHECK(CallError("[13'withdraw-gift<4'void>]") ==
        "bootstrap, receive: desc:sig-envelope is wanted, and byte 49 has another record");
  CHECK(CallError("[5'fetch" + std::to_string(257) + ":" + std::string(257, 'x') + "]") ==
        "bootstrap, swiss-num: a byte string or a text of at most 256 bytes is wanted, and byte 40 "
        "has 257");
}

}  // namespace
}  // namespace vesicle
