// The bootstrap: the three messages that export 0 takes.
//
//   ['fetch SWISS]                   the object of that swiss number
//   ['deposit-gift ID REF]           keep REF for who withdraws ID; REF is an export of the
//   exporter
//   ['withdraw-gift SIGNED-RECEIVE]  what was deposited, now or when it is
//
// They are read from the bytes of a deliver: a swiss number and a certificate never become values.
// What is wrong with one breaks that ask, and no session.
//
// Ownership: what is read points into the message.
//
//   if (op.to.is_bootstrap()) {
//     BootstrapCall call;
//     if (absl::Status s = ReadBootstrapCall(reader, op, &call); !s.ok()) return Break(s);
//   }
#ifndef VESICLE_TRANSPORT_CAPTP_BOOTSTRAP_H_
#define VESICLE_TRANSPORT_CAPTP_BOOTSTRAP_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/descriptor.h"
#include "transport/captp/handoff.h"
#include "transport/captp/operation.h"
#include "transport/syrup/reader.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct BootstrapCall {
  enum class Kind : uint8_t { kFetch, kDepositGift, kWithdrawGift };

  Kind kind = Kind::kFetch;
  std::string_view swiss;    // fetch; a text is taken for its bytes
  std::string_view gift_id;  // deposit-gift
  Descriptor gift;           // deposit-gift: an export of ours, not the bootstrap
  SignedReceive receive;     // withdraw-gift
};

// Wants a deliver that this reader read last. InvalidArgument: no such message, or a wrong
// argument; the text quotes no swiss number.
absl::Status ReadBootstrapCall(syrup::Reader& reader, const Operation& deliver,
                               BootstrapCall* call);

// The arguments, between BeginDeliver and EndDeliver. A gift may be export 0: some peers number
// what they export from there.
void WriteFetch(std::string_view swiss, syrup::Writer& out);
void WriteDepositGift(std::string_view gift_id, const Descriptor& gift, syrup::Writer& out);
// As WriteSignedReceive.
void WriteWithdrawGift(const HandoffReceive& receive, const SessionKey& key, syrup::Writer& out);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_BOOTSTRAP_H_
