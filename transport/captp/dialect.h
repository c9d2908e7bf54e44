// Dialect: in what forms operations are written to a peer. Several are in use, and all of them
// announce the same version, so a handshake cannot tell them apart: every form is read, in each
// message, and the forms that are written are chosen by who knows the peer.
//
// The switches are independent; a preset is a name for one choice of each.
//
//   preset          tell          gc       listen  queries  framing
//   spec (default)  deliver       plural   2       yes      bare
//   suite-main      deliver-only  lists    3       no       bare
//   suite-branch    deliver       lists    3       no       bare
//   endo            deliver       plural   3       yes      bare
//   goblins         deliver-only  scalars  3       no       bare
//
//   absl::StatusOr<Dialect> dialect = ParseDialect("endo,framing=netstring");
#ifndef VESICLE_TRANSPORT_CAPTP_DIALECT_H_
#define VESICLE_TRANSPORT_CAPTP_DIALECT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct Dialect {
  enum class Tell : uint8_t {
    kDeliver,      // <op:deliver to args f f>
    kDeliverOnly,  // <op:deliver-only to args>
  };
  enum class Gc : uint8_t {
    kPlural,   // <op:gc-exports [pos..] [delta..]>, <op:gc-answers [pos..]>
    kLists,    // <op:gc-export [pos..] [delta..]>, <op:gc-answer [pos..]>
    kScalars,  // <op:gc-export pos delta>, <op:gc-answer pos>, one message for each
  };
  enum class Listen : uint8_t {
    kTwoFields,    // <op:listen to resolver>
    kThreeFields,  // <op:listen to resolver wants-partial>
  };
  // op:get, op:index, op:untag: known to the peer or not. Where they are not, nobody sends them.
  enum class Queries : uint8_t { kKnown, kUnknown };
  using Framing = syrup::Writer::Framing;

  Tell tell = Tell::kDeliver;
  Gc gc = Gc::kPlural;
  Listen listen = Listen::kTwoFields;
  Queries queries = Queries::kKnown;
  Framing framing = Framing::kBare;

  friend bool operator==(const Dialect&, const Dialect&) = default;
};

// PRESET[,SWITCH=FORM...], with the words of the table above; for queries yes and no, for framing
// bare and netstring. InvalidArgument: the text names the word that is unknown, and those that are
// known.
absl::StatusOr<Dialect> ParseDialect(std::string_view text);
// All switches, after `spec`: what ParseDialect reads as the same.
std::string PrintDialect(const Dialect& dialect);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_DIALECT_H_
