#include "membrane/fields.h"

#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/print.h"
#include "vm/value/text.h"

namespace vesicle {

std::string ReadFields(Value map, std::string_view form, std::initializer_list<Field> fields) {
  const auto is = [&](std::string_view what) { return Words(what, "; it is to be ", form); };
  if (!IsMap(map)) return is(Words(Print(map, kReportOptions), " is no map"));
  Value position = kMapStart;
  Value leaf;
  MapEntry entry;
  while (MapNext(map, position, leaf, entry)) {
    const Field* found = nullptr;
    for (const Field& field : fields) {
      if (IsText(entry.key) && TextView(entry.key) == field.name) found = &field;
    }
    if (found == nullptr) return is(Words("there is no ", Print(entry.key, kReportOptions)));
    const std::string error = found->read(entry.value);
    if (!error.empty()) return is(Words(found->name, " ", error));
  }
  return {};
}

std::string Amount(Value v, int64_t* amount) {
  constexpr int64_t kAmountMax = int64_t{1} << 53;
  const auto n = IsInt(v) ? Int64Of(v) : std::nullopt;
  if (!n || *n < 0 || *n > kAmountMax) {
    return Words("is an integer from 0 to 2**53, not ", Print(v, kReportOptions));
  }
  *amount = *n;
  return {};
}

std::string RefIn(Value v, Value* ref) {
  if (!v.is_target()) return Words("is a ref, not ", Print(v, kReportOptions));
  *ref = v;
  return {};
}

}  // namespace vesicle
