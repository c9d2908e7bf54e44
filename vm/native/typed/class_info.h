// What is known of an actor's class, without its type: how its methods are called, which of them
// scripts and peers may call, and what it does when it starts, stops and faults.
//
// A class says which methods those are in one line. Others are reached by typed refs only: the
// message of a typed call is an object of the VM's own (kTuple) that begins with the address of a
// Call, or a word that is no value (word_call); no guest can make one, and no boundary lets one by.
//
//   class Counter {
//    public:
//     void Add(int64_t n) { count_ += n; }
//     int64_t Get() const { return count_; }
//     void Reset() { count_ = 0; }                       // not for scripts
//     using Methods = vesicle::Methods<&Counter::Add, &Counter::Get>;
//     // with other names: vesicle::Methods<Named<"increase", &Counter::Add>()>
//
//     absl::Status OnStart(vesicle::Context&);           // each may be there or not,
//     void OnStop(vesicle::Context&);                    // take the Context or not,
//     vesicle::FaultVerdict OnFault(const vesicle::Crash&);   // and return void, OnStart a status,
//     too
//   };
#ifndef VESICLE_VM_NATIVE_TYPED_CLASS_INFO_H_
#define VESICLE_VM_NATIVE_TYPED_CLASS_INFO_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "vm/heap/check.h"
#include "vm/native/typed/names.h"
#include "vm/native/typed/signature.h"

#pragma GCC visibility push(default)
namespace vesicle {

class ActorCode;
class Context;

// What becomes of an actor after a fault of its own.
enum class FaultVerdict : uint8_t { kContinue, kStop };

// A fault of an actor: its method threw, failed without an asker, or ran out of a budget. That
// a caller sent what it does not take is none of its own.
struct Crash {
  std::string_view actor;  // the class
  std::string method;      // "add"; "OnStart", "OnStop", "a task"
  std::string reason;      // printed, shortened
  bool at_start = false;   // which stops it, whatever OnFault would say
  FaultVerdict verdict = FaultVerdict::kContinue;
};

namespace typed_internal {

// How one kind of call is done; in memory for good, at an address that is no pointer of the heap.
struct alignas(8) Call {
  // Wants `count` arguments.
  void (*invoke)(ActorCode& code, Turn& turn, int64_t method, const Value* arguments);
  size_t count = 0;
  // The same of a message that is a word (word_call); null: it cannot be one.
  void (*invoke_word)(ActorCode& code, Turn& turn, int64_t method, int64_t argument) = nullptr;
};

// A call that fits the message's word: of a method without arguments, or with one integer of 44
// bits. It is a constant of a number that no value has (heap/word.h), and costs no memory: below
// the integer stands the number of the method in a table of the VM (Actors::NumberOf).
namespace word_call {
inline constexpr int kNumberBits = 16;
inline constexpr uint64_t kNumberFirst = 64;  // beyond the constants and the failures
inline constexpr size_t kNumbersMax = (size_t{1} << kNumberBits) - kNumberFirst;
inline constexpr int64_t kArgumentMax = (int64_t{1} << 43) - 1;

inline bool Fits(int64_t argument) {
  return argument <= kArgumentMax && argument >= -kArgumentMax - 1;
}
inline Value Make(uint32_t number, int64_t argument) {
  return Value::FromBits((static_cast<uint64_t>(argument) << (kNumberBits + 3)) |
                         ((number + kNumberFirst) << 3) | static_cast<uint64_t>(Tag::kConstant));
}
inline bool Is(Value v) { return v.tag() == Tag::kConstant && v.bits() >= (kNumberFirst << 3); }
inline uint32_t NumberOf(Value v) {
  constexpr uint64_t kMask = (uint64_t{1} << kNumberBits) - 1;
  return static_cast<uint32_t>(((v.bits() >> 3) & kMask) - kNumberFirst);
}
inline int64_t ArgumentOf(Value v) { return static_cast<int64_t>(v.bits()) >> (kNumberBits + 3); }

template <typename Arguments>
inline constexpr bool kMayFit = false;
template <>
inline constexpr bool kMayFit<std::tuple<>> = true;
template <convert_internal::Integer T>
inline constexpr bool kMayFit<std::tuple<T>> = true;
}  // namespace word_call

// A method that scripts may call.
struct Listed {
  std::string_view name;
  size_t count;  // arguments
  const Call* call;
  int64_t method;
};

struct ClassInfo {
  std::string_view name;
  std::span<const Listed> listed;
  absl::Status (*on_start)(void* object, Context& context);
  void (*on_stop)(void* object, Context& context);
  FaultVerdict (*on_fault)(void* object, const Crash& crash);
  void (*destroy)(void* object);

  // "add"; of one that is not listed, "a method".
  std::string_view NameOf(const Call* call, int64_t method) const;
  // Null: there is none.
  const Listed* Find(std::string_view name) const;
  const Listed* Find(const Call* call, int64_t method) const;
};

// A pointer to a method as an integer that a word holds, and back. It is an address, or an
// offset for a virtual one, and what is added to the object.
template <typename M>
int64_t PackMethod(M method) {
  uint64_t words[2];
  static_assert(sizeof method == sizeof words);
  std::memcpy(words, &method, sizeof words);
  VESICLE_CHECK(words[0] < (uint64_t{1} << 48) && words[1] < (uint64_t{1} << 12));
  return static_cast<int64_t>(words[0] | (words[1] << 48));
}
template <typename M>
M UnpackMethod(int64_t packed) {
  const auto bits = static_cast<uint64_t>(packed);
  const uint64_t words[2] = {bits & ((uint64_t{1} << 48) - 1), bits >> 48};
  M method;
  std::memcpy(&method, words, sizeof words);
  return method;
}

template <typename T, typename M>
struct CallOf;  // actor_code.h

template <FixedName kFixedName, auto kMethodPointer>
struct NamedMethod {
  static constexpr auto kMethod = kMethodPointer;
  static constexpr std::string_view kName = kFixedName.view();
};
template <auto kEntry>
struct EntryOf {
  static constexpr auto kMethod = kEntry;
  static constexpr std::string_view kName = SnakeName<kEntry>();
};
template <auto kEntry>
requires requires { decltype(kEntry)::kMethod; }
struct EntryOf<kEntry> : std::remove_const_t<decltype(kEntry)> {};

}  // namespace typed_internal

// In a list of Methods: the method under another name.
template <FixedName kName, auto kMethod>
constexpr typed_internal::NamedMethod<kName, kMethod> Named() {
  return {};
}

// The line of a class that says what scripts and peers may call, as #name(arguments).
template <auto... kMethods>
struct Methods {
  template <typename T>
  static std::span<const typed_internal::Listed> Of() {
    using typed_internal::EntryOf;
    static const typed_internal::Listed kAll[sizeof...(kMethods) + 1] = {
        One<T, EntryOf<kMethods>>()..., {}};
    return {kAll, sizeof...(kMethods)};
  }

 private:
  template <typename T, typename Entry>
  static typed_internal::Listed One() {
    using M = std::remove_const_t<decltype(Entry::kMethod)>;
    return {Entry::kName, SignatureOf<M>::kCount, &typed_internal::CallOf<T, M>::kCall,
            typed_internal::PackMethod<M>(Entry::kMethod)};
  }
};

namespace typed_internal {

template <typename T>
std::span<const Listed> ListedOf() {
  if constexpr (requires { typename T::Methods; }) {
    return T::Methods::template Of<T>();
  } else {
    return {};
  }
}

template <typename T>
absl::Status CallOnStart(void* object, Context& context) {
  T& t = *static_cast<T*>(object);
  const auto call = [](auto fn) {
    if constexpr (std::is_void_v<decltype(fn())>) {
      fn();
      return absl::OkStatus();
    } else {
      return fn();
    }
  };
  if constexpr (requires { t.OnStart(context); }) {
    return call([&] { return t.OnStart(context); });
  } else if constexpr (requires { t.OnStart(); }) {
    return call([&] { return t.OnStart(); });
  } else {
    return absl::OkStatus();
  }
}

template <typename T>
void CallOnStop(void* object, Context& context) {
  T& t = *static_cast<T*>(object);
  if constexpr (requires { t.OnStop(context); }) {
    t.OnStop(context);
  } else if constexpr (requires { t.OnStop(); }) {
    t.OnStop();
  }
}

template <typename T>
FaultVerdict CallOnFault(void* object, const Crash& crash) {
  T& t = *static_cast<T*>(object);
  if constexpr (requires { t.OnFault(crash); }) {
    static_assert(std::is_same_v<decltype(t.OnFault(crash)), FaultVerdict>,
                  "vesicle: OnFault returns a FaultVerdict: kContinue or kStop");
    return t.OnFault(crash);
  } else {
    return FaultVerdict::kContinue;
  }
}

// One for each class: two refs are of the same class if they lead to the same.
template <typename T>
const ClassInfo& InfoOf() {
  static const ClassInfo kInfo = {
      ClassName<T>(), ListedOf<T>(),   &CallOnStart<T>,
      &CallOnStop<T>, &CallOnFault<T>, [](void* object) { delete static_cast<T*>(object); }};
  return kInfo;
}

}  // namespace typed_internal

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_CLASS_INFO_H_
