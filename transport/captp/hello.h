// The hello: op:start-session, the first thing that either side says.
//
//   <op:start-session "1.0" session-pubkey location signature>
//
// The signature is of the key that stands beside it, over the encoding of <my-location LOCATION>.
// So it shows that who made the key says to be at that location; anybody can say so, and whoever
// heard a hello can say it again. What a hello is good for is decided by SessionTable.
//
//   Hello hello;
//   absl::Status status = ReadHello(reader, &hello);
#ifndef VESICLE_TRANSPORT_CAPTP_HELLO_H_
#define VESICLE_TRANSPORT_CAPTP_HELLO_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/dialect.h"
#include "transport/captp/locator.h"
#include "transport/captp/session_key.h"
#include "transport/syrup/reader.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr std::string_view kCaptpVersion = "1.0";
inline constexpr std::string_view kHelloLabel = "op:start-session";
// Of the whole message. Some 220 are not the location's.
inline constexpr size_t kHelloBytesMax = 1280;

struct Hello {
  PublicKey key;
  PublicId id;
  PeerLocator location;
  std::string location_bytes;  // as it came
};

// Behind the label. FailedPrecondition: another version. Unauthenticated: a wrong signature.
// InvalidArgument: it is no hello. The version is looked at first, then the signature, and what is
// kept of the location is allocated last.
absl::Status ReadHello(syrup::Reader& reader, Hello* hello);

// One message. False: over a limit of the Writer, or over kHelloBytesMax, which a peer would
// refuse.
bool WriteHello(const SessionKey& key, const PeerLocator& location, Dialect::Framing framing,
                syrup::Writer& out);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_HELLO_H_
