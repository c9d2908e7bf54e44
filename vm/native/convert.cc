#include "vm/native/convert.h"

#include "absl/strings/str_cat.h"
#include "vm/value/print.h"
#include "vm/value/value_kind.h"

namespace vesicle {

std::string DescribeValue(Value v) {
  const auto with = [&](const char* what) { return absl::StrCat(what, Print(v, kReportOptions)); };
  switch (ValueKindOf(v)) {
    case ValueKind::kNil:
    case ValueKind::kBool:
    case ValueKind::kBytes:
    case ValueKind::kTagged:
      return with("");
    case ValueKind::kInt:
      return with("integer ");
    case ValueKind::kFloat:
      return with("float ");
    case ValueKind::kText:
      return with("text ");
    case ValueKind::kSymbol:
      return with("symbol ");
    case ValueKind::kList:
      return with("list ");
    case ValueKind::kMap:
      return with("map ");
    case ValueKind::kRef:
      return "a ref";
    case ValueKind::kPromise:
      return "a promise";
    case ValueKind::kFunction:
      return "a function";
    case ValueKind::kBehavior:
      return "a behavior";
    case ValueKind::kInternal:
      break;
  }
  return "something of the VM's own";
}

bool Reading::Wanted(std::string_view what, Value got) {
  Say(absl::StrCat("wanted ", std::string(what), ", got ", DescribeValue(got)));
  return false;
}

void Reading::Say(std::string text) {
  error_ = std::make_unique<Error>();
  error_->text = std::move(text);
}

bool Reading::In(std::string_view part) {
  if (error_ != nullptr) error_->path = absl::StrCat(std::string(part), ": ", error_->path);
  return false;
}

bool Reading::Take(uint64_t items, uint64_t bytes) {
  // No overflow: a list has at most 2^40 elements, a text 2^30 bytes, and the sums are bounded.
  items_ += items;
  bytes_ += bytes;
  if (items_ <= kConvertItemsMax && bytes_ <= kConvertBytesMax) return true;
  is_over_limit_ = true;
  Say(absl::StrCat("more than ", kConvertItemsMax, " elements or ", kConvertBytesMax,
                   " bytes in one message"));
  return false;
}

std::string Reading::Message() const {
  return error_ == nullptr ? std::string() : error_->path + error_->text;
}

bool Convert<std::string>::From(Reading& in, Value v, std::string* out) {
  if (!IsText(v)) return in.Wanted(Name(), v);
  const std::string_view text = TextView(v);
  if (!in.Take(0, text.size())) return false;
  out->assign(text);
  return true;
}

bool Convert<ByteString>::From(Reading& in, Value v, ByteString* out) {
  if (!IsBytes(v)) return in.Wanted(Name(), v);
  const std::string_view bytes = BytesView(v);
  if (!in.Take(0, bytes.size())) return false;
  out->octets.assign(bytes);
  return true;
}

namespace convert_internal {

std::string IntegerName(int bits, bool is_signed) {
  return absl::StrCat("an integer of ", bits, " bits", is_signed ? "" : " without sign");
}

bool ListOf(Reading& in, Value v, uint64_t size, const std::string& name) {
  if (!IsList(v) || ListSize(v) != size) return in.Wanted(name, v);
  return in.Take(size, 0);
}

const Value* FieldsOfStruct(Reading& in, Value v, std::string_view tag, size_t count,
                            const std::string& name) {
  if (HasTag(v) && FieldsOf(v).size() == count) {
    const Value symbol = TagOf(v);
    static constexpr Value kNone{};
    if (SymbolView(symbol) == tag) return count == 0 ? &kNone : FieldsOf(v).data();
  }
  in.Wanted(name, v);
  return nullptr;
}

Value MakeStruct(Build& build, std::string_view tag, std::span<const Value> fields) {
  return build.TaggedWith(tag, fields);
}

std::string StructName(std::string_view tag, std::initializer_list<std::string_view> fields) {
  std::string name = absl::StrCat("#", std::string(tag));
  const char* before = "(";
  for (const std::string_view field : fields) {
    absl::StrAppend(&name, before, std::string(field));
    before = ", ";
  }
  return fields.size() == 0 ? name : name + ")";
}

std::string Element(uint64_t index) { return absl::StrCat("element ", index); }
std::string ValueAt(Value key) { return absl::StrCat("the value of ", Print(key, kReportOptions)); }
std::string FieldIn(std::string_view field, std::string_view tag) {
  return absl::StrCat("field ", std::string(field), " of #", std::string(tag));
}

}  // namespace convert_internal

}  // namespace vesicle
