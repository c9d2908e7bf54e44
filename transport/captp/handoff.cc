#include "transport/captp/handoff.h"

#include "transport/captp/verbatim.h"

namespace vesicle {
namespace {

constexpr std::string_view kGiveLabel = "desc:handoff-give";
constexpr std::string_view kReceiveLabel = "desc:handoff-receive";

bool Read32(Fields& fields, std::string_view field, Bytes32* bytes) {
  std::string_view text;
  if (!fields.BytesOf(field, 32, &text)) return false;
  *bytes = Bytes32::Of(text);
  return true;
}

bool ReadGive(Fields& fields, HandoffGive* give) {
  if (!fields.BeginRecord("signed", kGiveLabel) ||
      !ReadPublicKey(fields, "receiver-key", &give->receiver_key)) {
    return false;
  }
  const size_t location = fields.at();
  if (!ReadPeer(fields, "exporter-location", &give->exporter)) return false;
  give->exporter_bytes = fields.Since(location);
  return Read32(fields, "session", &give->session) &&
         Read32(fields, "gifter-side", &give->gifter_side) &&
         fields.Bytes("gift-id", kGiftIdBytesMax, &give->gift_id) && fields.End();
}

bool ReadReceive(Fields& fields, HandoffReceive* receive) {
  return fields.BeginRecord("signed", kReceiveLabel) &&
         Read32(fields, "receiving-session", &receive->session) &&
         Read32(fields, "receiving-side", &receive->side) &&
         fields.Integer("handoff-count", 0, "a count (0 or more)", &receive->count) &&
         ReadSignedGive(fields, "signed-give", &receive->give) && fields.End();
}

// Signs what stands in `out` from `begin` on, and ends the envelope.
void EndEnvelope(size_t begin, const SessionKey& key, syrup::Writer& out) {
  // Of a message that is given up nothing is left to sign.
  const std::string_view bytes = out.ok() ? out.bytes().substr(begin) : std::string_view();
  WriteSignature(key.Sign(bytes), out);
  out.EndRecord();
}

}  // namespace

bool ReadSignedGiveFields(Fields& fields, size_t begin, SignedGive* give) {
  const size_t signed_begin = fields.at();
  if (!ReadGive(fields, &give->give)) return false;
  give->signed_bytes = fields.Since(signed_begin);
  if (!ReadSignature(fields, "signature", &give->signature) || !fields.End()) return false;
  give->bytes = fields.Since(begin);
  return true;
}

bool ReadSignedGive(Fields& fields, std::string_view field, SignedGive* give) {
  const size_t begin = fields.at();
  return fields.BeginRecord(field, kEnvelopeLabel) && ReadSignedGiveFields(fields, begin, give);
}

bool ReadSignedReceive(Fields& fields, std::string_view field, SignedReceive* receive) {
  if (!fields.BeginRecord(field, kEnvelopeLabel)) return false;
  const size_t begin = fields.at();
  if (!ReadReceive(fields, &receive->receive)) return false;
  receive->signed_bytes = fields.Since(begin);
  return ReadSignature(fields, "signature", &receive->signature) && fields.End();
}

void WriteSignedGive(const HandoffGive& give, const SessionKey& key, syrup::Writer& out) {
  out.BeginRecord(kEnvelopeLabel);
  const size_t begin = out.size();
  out.BeginRecord(kGiveLabel);
  WritePublicKey(give.receiver_key, out);
  if (give.exporter_bytes.empty()) {
    WritePeer(give.exporter, out);
  } else {
    WriteVerbatim(give.exporter_bytes, out);
  }
  out.Bytes(give.session.view());
  out.Bytes(give.gifter_side.view());
  out.Bytes(give.gift_id);
  out.EndRecord();
  EndEnvelope(begin, key, out);
}

void WriteSignedReceive(const HandoffReceive& receive, const SessionKey& key, syrup::Writer& out) {
  out.BeginRecord(kEnvelopeLabel);
  const size_t begin = out.size();
  out.BeginRecord(kReceiveLabel);
  out.Bytes(receive.session.view());
  out.Bytes(receive.side.view());
  out.Int(static_cast<int64_t>(receive.count));
  WriteVerbatim(receive.give.bytes, out);
  out.EndRecord();
  EndEnvelope(begin, key, out);
}

absl::Status CheckWithdrawal(const SignedReceive& signed_receive, const Withdrawal& at) {
  const HandoffReceive& receive = signed_receive.receive;
  const HandoffGive& give = receive.give.give;
  if (receive.session != at.session) {
    return absl::InvalidArgumentError(
        "withdraw-gift: receiving-session is another session than this connection's");
  }
  if (receive.side != at.peer) {
    return absl::InvalidArgumentError(
        "withdraw-gift: receiving-side is not the peer at the other end of this connection");
  }
  if (!IsSamePeer(give.exporter, at.own)) {
    return absl::InvalidArgumentError("withdraw-gift: the gift is of another exporter");
  }
  if (at.gifter == nullptr) {
    return absl::InvalidArgumentError("withdraw-gift: there is no session with that gifter");
  }
  if (give.gifter_side != IdOf(*at.gifter)) {
    return absl::InvalidArgumentError(
        "withdraw-gift: gifter-side is not the other end of the session that the give names");
  }
  if (!IsSignedBy(*at.gifter, receive.give.signed_bytes, receive.give.signature)) {
    return absl::UnauthenticatedError("withdraw-gift: the give is not signed by its gifter");
  }
  if (!IsSignedBy(give.receiver_key, signed_receive.signed_bytes, signed_receive.signature)) {
    return absl::UnauthenticatedError(
        "withdraw-gift: the receive is not signed with the key that the give names");
  }
  return absl::OkStatus();
}

}  // namespace vesicle
