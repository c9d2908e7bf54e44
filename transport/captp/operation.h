// Operations: what the two sides of a session say to each other. Every form that is in use is
// read, whatever dialect the peer is taken to have; what is written has the form of a dialect.
//
// The law: no value is built here. Arguments are left where they are, as bytes that are known to be
// good Syrup, and handed to a Decoder by the place before them; on the way out an Encoder writes
// them between Begin and End. What is wrong is found before anything is done about an operation,
// and the error names the operation and the field. Whether a position is known is the session's.
//
//   <op:deliver to args answer-pos|f resolve-me|f>   <op:deliver-only to args>
//   <op:listen to resolve-me [wants-partial]>
//   <op:get to "field" answer-pos>   <op:index to n answer-pos>   <op:untag to "tag" answer-pos>
//   <op:gc-export(s) pos.. delta..>  <op:gc-answer(s) pos..>      a position alone, or a list
//   <op:abort "reason">
//
// Ownership: what is read points into the message.
// Costs:     no allocation, but for an error.
// Limits:    those of the Reader; kPositionMax, kFieldBytesMax, kGcEntriesMax when written.
//
//   reader.Reset(message);
//   Operation op;
//   if (absl::Status status = ReadOperation(reader, &op); !status.ok()) return Abort(status);
//   if (op.kind == Operation::Kind::kDeliver) {
//     reader.Rewind(*op.args_at);
//     decoder.Start(syrup::Decoder::As::kMessage, &reader);
//   }
#ifndef VESICLE_TRANSPORT_CAPTP_OPERATION_H_
#define VESICLE_TRANSPORT_CAPTP_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "transport/captp/descriptor.h"
#include "transport/captp/dialect.h"
#include "transport/syrup/reader.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Of a field's name, a tag.
inline constexpr size_t kFieldBytesMax = 65'536;
// Of a reason. One that is longer is cut when it is written.
inline constexpr size_t kReasonBytesMax = 65'536;
inline constexpr size_t kReasonBytesWritten = 1000;
// Of one message: with positions of any length it stays below 16 KiB.
inline constexpr size_t kGcEntriesMax = 256;

struct GcEntry {
  uint64_t position = 0;
  uint64_t delta = 0;  // 1 or more; of answers 1
  friend bool operator==(const GcEntry&, const GcEntry&) = default;
};

// What a message about garbage lists, one after the other. Good as long as the message.
class GcEntries {
 public:
  GcEntries() = default;
  GcEntries(std::string_view positions, std::string_view deltas, size_t count)
      : positions_(positions), deltas_(deltas), left_(count) {}
  size_t left() const { return left_; }
  bool Next(GcEntry* entry);

 private:
  static uint64_t TakeInteger(std::string_view* from);

  std::string_view positions_;
  std::string_view deltas_;  // empty: 1 each
  size_t left_ = 0;
};

struct Operation {
  enum class Kind : uint8_t {
    kDeliver,
    kListen,
    kGet,
    kIndex,
    kUntag,
    kGcExports,
    kGcAnswers,
    kAbort,
  };

  Kind kind = Kind::kAbort;
  Descriptor to;                               // all but gc and abort
  std::string_view args;                       // deliver: the encoded list
  std::optional<syrup::Reader::Mark> args_at;  // deliver: the place before it
  std::optional<uint64_t> answer;  // deliver, get, index, untag (always there in the last three)
  std::optional<Descriptor> resolver;  // deliver, listen (always there)
  bool wants_partial = false;          // listen
  std::string_view name;               // get: the field; untag: the tag; abort: the reason
  uint64_t index = 0;                  // index; one that no list has is kNoIndex
  GcEntries gc;                        // gc-exports, gc-answers
};

std::string_view NameOf(Operation::Kind kind);

// The most frequent operation in its one spelling, an op:deliver to an export or an answer, read
// from both ends: nothing inside of the arguments was looked at. False: it is another operation,
// another spelling, or wrong, as ReadOperation will say. Wants a message as a Framer gives it out.
// Whoever decodes op->args and does not end where they do has met one that is wrong.
bool ReadPlainDeliver(std::string_view message, Operation* operation);

// `reader` was Reset to one whole message, and is read to its end. InvalidArgument: what is wrong,
// for an op:abort and a log. An op:start-session is wrong here: a session begins once.
absl::Status ReadOperation(syrup::Reader& reader, Operation* operation);

// --- Writing: one whole message each. False: it went over a limit of the Writer, which says so,
// and nothing is written.

struct Deliver {
  Descriptor to;  // an export or an answer
  std::optional<uint64_t> answer = {};
  std::optional<Descriptor> resolver = {};  // an import
};
// Up to the arguments: one list is to be written then, by an Encoder or by hand.
void BeginDeliver(const Deliver& deliver, const Dialect& dialect, syrup::Writer& out);
bool EndDeliver(const Deliver& deliver, const Dialect& dialect, syrup::Writer& out);

bool WriteListen(const Descriptor& to, const Descriptor& resolver, bool wants_partial,
                 const Dialect& dialect, syrup::Writer& out);
// Want that the dialect knows queries.
bool WriteGet(const Descriptor& to, std::string_view field, uint64_t answer, const Dialect& dialect,
              syrup::Writer& out);
bool WriteIndex(const Descriptor& to, uint64_t index, uint64_t answer, const Dialect& dialect,
                syrup::Writer& out);
bool WriteUntag(const Descriptor& to, std::string_view tag, uint64_t answer, const Dialect& dialect,
                syrup::Writer& out);
// As many messages as the dialect and kGcEntriesMax make of it; none for none.
bool WriteGcExports(std::span<const GcEntry> entries, const Dialect& dialect, syrup::Writer& out);
bool WriteGcAnswers(std::span<const uint64_t> positions, const Dialect& dialect,
                    syrup::Writer& out);
// `reason`: UTF-8.
bool WriteAbort(std::string_view reason, Dialect::Framing framing, syrup::Writer& out);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_OPERATION_H_
