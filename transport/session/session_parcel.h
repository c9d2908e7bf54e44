// Parcels: how a session speaks to a VM of the same process. Messages, the one operation that is
// frequent, are frames of words (transport/parcel); everything else is Syrup, in frames of bytes.
// What operations mean, tables, counts and the end are the same as with any peer.
//
//   frame    word 0    what it is (FrameKind), bits 8..15 the kind of the target, bits 16, 17:
//   there
//                      is an answer, a resolver; bits 32..63: words in all, this one included
//   message  words 1 to 3   target, answer, resolver: positions;  then the words of the value
//   syrup    word 1    bytes;  then those
//
// A frame may come in pieces, as any bytes of a connection.
//
// Inside of session*.cc.
#ifndef VESICLE_TRANSPORT_SESSION_SESSION_PARCEL_H_
#define VESICLE_TRANSPORT_SESSION_SESSION_PARCEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/parcel/decoder.h"
#include "transport/parcel/encoder.h"
#include "transport/session/session.h"

namespace vesicle {

// Of an Encoder: what is written at once, and what in one piece when it is longer. Two units are a
// step.
inline constexpr uint64_t kWriteWorkAtOnce = 5'000;
inline constexpr uint64_t kWriteWorkOfPiece = 20'000;
inline constexpr int64_t kWriteWorkPerStep = 2;
// A message longer than this is read in pieces, between which the VM has turns.
inline constexpr size_t kReadBytesAtOnce = 16 << 10;
inline constexpr uint64_t kReadWorkOfPiece = 10'000;
// Of a message in one piece: more than it can take.
inline constexpr uint64_t kReadWorkOfShort = uint64_t{1} << 32;
inline constexpr int kReadCollectionsMax = 2;

struct Session::Outgoing {
  enum class Kind : uint8_t { kMessage, kFulfill, kBreak };
  Kind kind = Kind::kMessage;
  Descriptor to;
};

// A message that is too long to be written at once. It has a buffer of its own, whose bytes are
// sent when it is whole; what was counted for it is taken back when it never is.
struct Session::LongWriteState {
  LongWriteState(Session& session, const Outgoing& outgoing_in);
  ~LongWriteState();

  Value code;
  std::shared_ptr<Session*> alive;
  Outgoing outgoing;
  bool is_parcel;
  bool is_failed = false;
  syrup::Writer out;
  syrup::Encoder encoder;
  parcel::Words words;
  parcel::Encoder parcel_encoder;
  std::vector<uint64_t> sent;
  std::vector<Deposit> deposits;
  ExternalBytes held;
};

class Session::Parcels final : public parcel::RefWriter, public parcel::RefReader {
 public:
  Parcels(Session& session, CodeCourier* code);

  parcel::Words out;  // frames not yet sent; before what stands in out_
  parcel::Encoder encoder;
  parcel::Decoder decoder;
  std::string partial;  // a frame that has not come as a whole, and what follows it
  size_t bytes_held() const { return out.bytes_held() + partial.capacity(); }

 private:
  std::optional<Failure> WriteRef(Value ref, parcel::Words& words) override;
  std::optional<Failure> WriteCode(const Object* code, parcel::Words& words) override;
  Result ReadRef(uint8_t kind, uint64_t position) override;
  Result ReadRecord(std::string_view bytes) override;
  Result ReadCode(uint64_t first, uint64_t second) override;

  Session& session_;
  CodeCourier* code_;
  syrup::Writer record_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SESSION_SESSION_PARCEL_H_
