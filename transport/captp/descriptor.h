// Descriptors: what stands on the wire for a reference, from the receiver's side: what it is to
// import, what it has exported, and what it answers.
//
// Export 0 is the bootstrap. Ours is legal as the target of a deliver and nowhere else, so that it
// never becomes a ref; the peer's `desc:import-object 0` is an import like any other. Position 0 is
// taken (some peers begin there); ours begin at 1.
//
//   const auto kind = DescriptorKindOf(label);               // in a RecordReader
//   if (!kind || !ReadArgument(fields, *kind, &d)) return Failure::kSyntax;
#ifndef VESICLE_TRANSPORT_CAPTP_DESCRIPTOR_H_
#define VESICLE_TRANSPORT_CAPTP_DESCRIPTOR_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "transport/captp/fields.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct Descriptor {
  enum class Kind : uint8_t { kImportObject, kImportPromise, kExport, kAnswer };

  Kind kind = Kind::kExport;
  uint64_t position = 0;

  bool is_import() const { return kind == Kind::kImportObject || kind == Kind::kImportPromise; }
  bool is_bootstrap() const { return kind == Kind::kExport && position == 0; }
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

std::string_view LabelOf(Descriptor::Kind kind);
// Nothing: it is another record.
std::optional<Descriptor::Kind> DescriptorKindOf(std::string_view label);

void WriteDescriptor(const Descriptor& descriptor, syrup::Writer& out);

// Whether the bootstrap may stand in that field.
enum class Bootstrap : uint8_t { kRefused, kAllowed };

// desc:export or desc:answer.
bool ReadTarget(Fields& fields, std::string_view field, Bootstrap bootstrap, Descriptor* target);
// desc:import-object or desc:import-promise.
bool ReadImport(Fields& fields, std::string_view field, Descriptor* import);
bool ReadImportOrFalse(Fields& fields, std::string_view field, std::optional<Descriptor>* import);
// Among arguments, behind `label`: any of the four, but for the bootstrap.
bool ReadArgument(Fields& fields, Descriptor::Kind kind, Descriptor* descriptor);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_DESCRIPTOR_H_
