#include "transport/captp/descriptor.h"

namespace vesicle {
namespace {

constexpr std::string_view kLabels[] = {"desc:import-object", "desc:import-promise", "desc:export",
                                        "desc:answer"};
constexpr std::string_view kTargetWants = "a desc:export or desc:answer";
constexpr std::string_view kImportWants = "a desc:import-object or desc:import-promise";

bool ReadRest(Fields& fields, std::string_view field, Descriptor* descriptor) {
  return fields.Position(field, &descriptor->position) && fields.End();
}

bool ReadKind(Fields& fields, std::string_view field, std::string_view wants,
              Descriptor::Kind* kind) {
  std::string_view label;
  if (!fields.BeginAnyRecord(field, wants, &label)) return false;
  const std::optional<Descriptor::Kind> known = DescriptorKindOf(label);
  if (known) {
    *kind = *known;
    return true;
  }
  return fields.Fail(field, std::string(wants) + " is wanted, and another record stands there");
}

}  // namespace

std::string_view LabelOf(Descriptor::Kind kind) { return kLabels[static_cast<size_t>(kind)]; }

std::optional<Descriptor::Kind> DescriptorKindOf(std::string_view label) {
  for (size_t i = 0; i < std::size(kLabels); ++i) {
    if (kLabels[i] == label) return static_cast<Descriptor::Kind>(i);
  }
  return std::nullopt;
}

void WriteDescriptor(const Descriptor& descriptor, syrup::Writer& out) {
  constexpr std::string_view kBegins[] = {"<18'desc:import-object", "<19'desc:import-promise",
                                          "<11'desc:export", "<11'desc:answer"};
  out.BeginEncoded(kBegins[static_cast<size_t>(descriptor.kind)], 2, 1);
  out.Int(static_cast<int64_t>(descriptor.position));
  out.EndRecord();
}

bool ReadTarget(Fields& fields, std::string_view field, Bootstrap bootstrap, Descriptor* target) {
  if (!ReadKind(fields, field, kTargetWants, &target->kind)) return false;
  if (target->is_import()) {
    return fields.Fail(field, std::string(kTargetWants) + " is wanted, and an import stands there");
  }
  if (!ReadRest(fields, field, target)) return false;
  if (!target->is_bootstrap() || bootstrap == Bootstrap::kAllowed) return true;
  return fields.Fail(field, "export 0, the bootstrap, is for op:deliver alone");
}

bool ReadImport(Fields& fields, std::string_view field, Descriptor* import) {
  if (!ReadKind(fields, field, kImportWants, &import->kind)) return false;
  if (!import->is_import()) {
    return fields.Fail(field, std::string(kImportWants) + " is wanted, and a " +
                                  std::string(LabelOf(import->kind)) + " stands there");
  }
  return ReadRest(fields, field, import);
}

bool ReadImportOrFalse(Fields& fields, std::string_view field, std::optional<Descriptor>* import) {
  import->reset();
  if (fields.Peek() == 'f' || fields.Peek() == 't') {
    bool value = false;
    if (!fields.Bool(field, &value)) return false;
    return !value || fields.Fail(field, std::string(kImportWants) + " or f is wanted, not t");
  }
  Descriptor descriptor;
  if (!ReadImport(fields, field, &descriptor)) return false;
  *import = descriptor;
  return true;
}

bool ReadArgument(Fields& fields, Descriptor::Kind kind, Descriptor* descriptor) {
  descriptor->kind = kind;
  if (!ReadRest(fields, "position", descriptor)) return false;
  if (!descriptor->is_bootstrap()) return true;
  return fields.Fail("position", "export 0, the bootstrap, is no argument");
}

}  // namespace vesicle
