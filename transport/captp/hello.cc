#include "transport/captp/hello.h"

#include "absl/strings/str_cat.h"
#include "vm/value/escape.h"

namespace vesicle {
namespace {

// What is signed begins and ends so.
constexpr std::string_view kSignedBegin = "<11'my-location";
constexpr std::string_view kSignedEnd = ">";
constexpr size_t kVersionBytesMax = 100;

std::string Signed(std::string_view location) {
  // At once, and no larger: of the 4 KiB that a stranger may cost it is a quarter.
  std::string out;
  out.reserve(kSignedBegin.size() + location.size() + kSignedEnd.size());
  out += kSignedBegin;
  out += location;
  out += kSignedEnd;
  return out;
}

}  // namespace

absl::Status ReadHello(syrup::Reader& reader, Hello* hello) {
  Fields fields(reader, kHelloLabel);
  std::string_view version, location;
  if (!fields.Text("captp-version", kVersionBytesMax, &version)) return fields.status();
  if (version != kCaptpVersion) {
    std::string shown;
    AppendEscapedBytes(version, &shown);
    return absl::FailedPreconditionError(absl::StrCat("op:start-session, captp-version: \"", shown,
                                                      "\" is not spoken here; ",
                                                      std::string(kCaptpVersion), " is"));
  }
  Signature signature;
  if (!ReadPublicKey(fields, "session-pubkey", &hello->key)) return fields.status();
  const syrup::Reader::Mark at_location = reader.mark();
  if (!fields.Any("acceptable-location", &location) ||
      !ReadSignature(fields, "acceptable-location-sig", &signature) || !fields.End()) {
    return fields.status();
  }
  if (reader.Next() != syrup::Token::kEnd) {
    fields.Fail("end", reader.error().ToString());
    return fields.status();
  }
  if (!IsSignedBy(hello->key, Signed(location), signature)) {
    return absl::UnauthenticatedError(
        "op:start-session, acceptable-location-sig: it is no signature of that location by that "
        "session-pubkey");
  }
  reader.Rewind(at_location);
  if (!ReadPeer(fields, "acceptable-location", &hello->location)) return fields.status();
  hello->location_bytes = std::string(location);
  hello->id = IdOf(hello->key);
  return absl::OkStatus();
}

bool WriteHello(const SessionKey& key, const PeerLocator& location, Dialect::Framing framing,
                syrup::Writer& out) {
  out.BeginMessage();
  out.BeginRecord(kHelloLabel);
  out.Text(kCaptpVersion);
  WritePublicKey(key.public_key(), out);
  const size_t begin = out.size();
  WritePeer(location, out);
  const std::string_view bytes = out.ok() ? out.bytes().substr(begin) : std::string_view();
  WriteSignature(key.Sign(Signed(bytes)), out);
  out.EndRecord();
  if (out.message_size() > kHelloBytesMax) out.Fail(syrup::Wrong::kTooLong, kHelloBytesMax);
  return out.EndMessage(framing);
}

}  // namespace vesicle
