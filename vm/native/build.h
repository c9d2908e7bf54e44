// Build: making values from C++. Every Value is good until the VM runs again; use a
// Root to keep one longer.
//
// A value too big for the running sponsor's memory comes out as nil, and failed() says
// so from then on; hosts that build from data of strangers should look.
#ifndef VESICLE_VM_NATIVE_BUILD_H_
#define VESICLE_VM_NATIVE_BUILD_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

#include "vm/actor/core.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Build {
 public:
  explicit Build(Core& core) : build_core_(&core) {}

  Value Nil() const { return Value::Nil(); }
  Value Bool(bool b) const { return Value::Bool(b); }
  Value Int(int64_t i) { return MakeInt(heap(), i); }
  Value Float(double d) { return MakeFloat(heap(), d); }
  // Bytes that are no UTF-8 become U+FFFD each.
  Value Text(std::string_view utf8);
  Value Bytes(std::string_view bytes) { return Take(MakeBytes(heap(), bytes)); }
  Value Symbol(std::string_view name) { return Take(build_core_->symbols().Intern(name)); }

  Value Unsigned(uint64_t i);

  // #tag(fields...). A field is a Value, an integer, a double, a bool or a text.
  template <typename... Fields>
  Value Tagged(std::string_view tag, const Fields&... fields) {
    const Value symbol = Symbol(tag);
    if constexpr (sizeof...(Fields) == 0) {
      return symbol;
    } else {
      const Value values[] = {Of(fields)...};
      return Take(MakeTagged(heap(), symbol, values));
    }
  }
  // The same with as many as there are.
  Value TaggedWith(std::string_view tag, std::span<const Value> fields);
  Value List(std::span<const Value> items);
  Value List(std::initializer_list<Value> items) {
    return List(std::span(items.begin(), items.size()));
  }
  // Text keys.
  Value Map(std::initializer_list<std::pair<std::string_view, Value>> entries);
  Value Put(Value map, std::string_view key, Value value);
  // With any key; one that can be none (map.h) comes out as nil, and failed().
  Value PutAt(Value map, Value key, Value value);

  Value Of(Value v) { return v; }
  Value Of(int i) { return Int(i); }
  Value Of(int64_t i) { return Int(i); }
  Value Of(double d) { return Float(d); }
  Value Of(bool b) { return Bool(b); }
  Value Of(std::string_view s) { return Text(s); }
  Value Of(const char* s) { return Text(s); }

  bool failed() const { return failed_; }

 protected:
  Heap& heap() { return build_core_->heap(); }
  Value Take(Result result) {
    if (result.ok()) return result.value();
    failed_ = true;
    return Value::Nil();
  }
  void ForgetFailed() { failed_ = false; }

 private:
  Core* build_core_;
  bool failed_ = false;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_BUILD_H_
