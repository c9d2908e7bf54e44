// Handoffs: the certificates by which a reference to a third party travels (CapTP draft, "Third
// Party Handoffs"). The gifter signs a give with the key that it has towards the exporter; the
// receiver puts it in a receive, signed with the key that it has towards the gifter; the exporter
// checks both.
//
//   give     <desc:handoff-give receiver-key exporter-location session gifter-side gift-id>
//   receive  <desc:handoff-receive session side count SIGNED-GIVE>
//   signed   <desc:sig-envelope GIVE|RECEIVE signature>
//
// The law: signatures are over the bytes as received; a give goes on as the bytes it came as, and
// so does a location. A certificate proves nothing before it was checked: CheckWithdrawal.
//
// Ownership: what is read points into the message.
// Limits:    a gift's id has at most kGiftIdBytesMax; ours have 32.
//
//   SignedReceive receive;
//   if (!ReadSignedReceive(fields, "receive", &receive)) return fields.status();
//   absl::Status status = CheckWithdrawal(receive, {session, peer, own, gifter_or_null});
#ifndef VESICLE_TRANSPORT_CAPTP_HANDOFF_H_
#define VESICLE_TRANSPORT_CAPTP_HANDOFF_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/fields.h"
#include "transport/captp/locator.h"
#include "transport/captp/session_key.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr size_t kGiftIdBytesMax = 1024;
inline constexpr std::string_view kEnvelopeLabel = "desc:sig-envelope";

struct HandoffGive {
  PublicKey receiver_key;  // the receiver's, towards the gifter
  PeerLocator exporter;
  std::string_view exporter_bytes;  // as it came
  SessionId session;                // of gifter and exporter
  PublicId gifter_side;             // the gifter's, in that session
  std::string_view gift_id;
};

struct SignedGive {
  HandoffGive give;
  Signature signature;
  std::string_view signed_bytes;
  std::string_view bytes;  // the whole envelope
};

struct HandoffReceive {
  SessionId session;   // of exporter and receiver
  PublicId side;       // the receiver's, in that session
  uint64_t count = 0;  // never used before in that session
  SignedGive give;
};

struct SignedReceive {
  HandoffReceive receive;
  Signature signature;
  std::string_view signed_bytes;
};

// The whole envelope that comes next.
bool ReadSignedGive(Fields& fields, std::string_view field, SignedGive* give);
bool ReadSignedReceive(Fields& fields, std::string_view field, SignedReceive* receive);
// The same behind its label, for a RecordReader: `begin` is where the record begins, one byte
// before its label does. What stands among arguments is a give; a receive stands in a withdrawal
// alone.
bool ReadSignedGiveFields(Fields& fields, size_t begin, SignedGive* give);

// `give.exporter_bytes` is written as the location where there are some, and `give.exporter`
// otherwise. Signed with the gifter's key of its session with the exporter.
void WriteSignedGive(const HandoffGive& give, const SessionKey& key, syrup::Writer& out);
// `give.bytes` of the receive is written as it is. Signed with the receiver's key of its session
// with the gifter.
void WriteSignedReceive(const HandoffReceive& receive, const SessionKey& key, syrup::Writer& out);

// What an exporter knows when a withdrawal comes.
struct Withdrawal {
  // Of the connection that it came by.
  SessionId session;
  PublicId peer;
  const PeerLocator& own;
  // The other end of the live session that the give names; null: there is none.
  const PublicKey* gifter = nullptr;
};
// Everything but whether the count is new, which is to be asked afterwards. InvalidArgument: that
// connection, session, side or exporter is not the one meant. Unauthenticated: a signature is
// wrong. Costs two verifications when all else is right.
absl::Status CheckWithdrawal(const SignedReceive& receive, const Withdrawal& at);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_HANDOFF_H_
