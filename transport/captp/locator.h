// Locators say where a peer is, and which of its objects is meant (Locators draft).
//
//   as text   ocapn://DESIGNATOR.TRANSPORT[/s/SWISS][?hint=value&hint=value]
//   as Syrup  <ocapn-peer 'transport "designator" {"hint" "value" ..}|f>
//             <ocapn-sturdyref <ocapn-peer ..> SWISS>
//
// A peer is known by (transport, designator); hints only help to reach it, and count in no
// comparison. A transport's name has no dot, a designator may have some. In a text, what is not a
// letter, a digit or one of - . _ ~ is percent-encoded (RFC 3986), a + is a +, and the swiss number
// is base64url without padding (RFC 4648, section 5).
//
// A swiss number is a secret: errors quote none, and whoever prints a locator shows it. It is
// bytes; a text is taken on input.
//
// Ownership: plain values.
// Limits:    below; what is beyond them is refused.
//
//   absl::StatusOr<Locator> locator = ParseLocator("ocapn://abc.vesicle-tls/s/c3dpc3M?host=::1");
//   locator->peer.name.designator;         // "abc"
//   locator->swiss;                        // "swiss"
//   WriteSturdyref(*locator, out);
#ifndef VESICLE_TRANSPORT_CAPTP_LOCATOR_H_
#define VESICLE_TRANSPORT_CAPTP_LOCATOR_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "transport/captp/fields.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr size_t kTransportBytesMax = 64;
inline constexpr size_t kDesignatorBytesMax = 256;
inline constexpr size_t kHintsMax = 16;
inline constexpr size_t kHintNameBytesMax = 64;
inline constexpr size_t kHintValueBytesMax = 256;
inline constexpr size_t kSwissBytesMax = 256;
inline constexpr size_t kLocatorBytesMax = 8192;  // of a text

// Who a peer is. In order of transport, then designator, so that tables of them have one order.
struct PeerName {
  std::string transport;
  std::string designator;
  friend bool operator==(const PeerName&, const PeerName&) = default;
  friend auto operator<=>(const PeerName&, const PeerName&) = default;
};

struct Hint {
  std::string name;
  std::string value;
  friend bool operator==(const Hint&, const Hint&) = default;
};

struct PeerLocator {
  PeerName name;
  std::vector<Hint> hints;  // by name, none twice

  // Null when there is none.
  const std::string* FindHint(std::string_view hint) const;
  friend bool operator==(const PeerLocator&, const PeerLocator&) = default;
};

struct Locator {
  PeerLocator peer;
  std::string swiss;  // empty: of the peer alone

  bool is_sturdyref() const { return !swiss.empty(); }
  friend bool operator==(const Locator&, const Locator&) = default;
};

inline bool IsSamePeer(const PeerLocator& a, const PeerLocator& b) { return a.name == b.name; }

// InvalidArgument: the text says what is wrong and what a locator looks like.
absl::StatusOr<Locator> ParseLocator(std::string_view text);
std::string PrintLocator(const Locator& locator);

// For a locator that is put together by hand: within the limits, and all of it UTF-8. What the
// functions here give out is.
absl::Status CheckLocator(const Locator& locator);

// Wants what CheckLocator takes. Hints as `f` where there are none.
void WritePeer(const PeerLocator& peer, syrup::Writer& out);
void WriteSturdyref(const Locator& sturdyref, syrup::Writer& out);

// The whole record that comes next.
bool ReadPeer(Fields& fields, std::string_view field, PeerLocator* peer);
// The same, behind a label "ocapn-peer" or "ocapn-sturdyref" that was read already.
bool ReadPeerFields(Fields& fields, PeerLocator* peer);
bool ReadSturdyrefFields(Fields& fields, Locator* sturdyref);

inline constexpr std::string_view kPeerLabel = "ocapn-peer";
inline constexpr std::string_view kSturdyrefLabel = "ocapn-sturdyref";

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_LOCATOR_H_
