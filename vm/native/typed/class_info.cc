#include "vm/native/typed/class_info.h"

namespace vesicle::typed_internal {

const Listed* ClassInfo::Find(std::string_view wanted) const {
  for (const Listed& known : listed) {
    if (known.name == wanted) return &known;
  }
  return nullptr;
}

const Listed* ClassInfo::Find(const Call* call, int64_t method) const {
  for (const Listed& known : listed) {
    if (known.call == call && known.method == method) return &known;
  }
  return nullptr;
}

std::string_view ClassInfo::NameOf(const Call* call, int64_t method) const {
  const Listed* known = Find(call, method);
  return known == nullptr ? "a method" : known->name;
}

}  // namespace vesicle::typed_internal
