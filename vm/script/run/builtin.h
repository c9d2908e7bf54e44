// Builtins: what scripts can name without writing it, made in C++.
//
// Three sorts. *Pure* functions compute a value from values; a fn may call them,
// and they are values themselves. *Acting* ones (`promise()`, `sponsor(limits)`)
// stage effects in the running turn and may only be called. *Values* (`sink`,
// constants, behaviors without parameters) are made once for each VM.
//
// The law of work: a builtin charges what it does, about one step for each sixteen
// words or 64 bytes it touches, and one call does at most kBuiltinStepsMax steps.
// What may need more gives back a BuiltinJob, which works in pieces; a run of a
// script is suspended between two of them. No builtin calls back into a script:
// functions that take functions are written in the language, in the prelude.
//
// Ownership: a registry owns its entries, nothing is global. Each layer adds its
//            own entries before the first module is loaded; ids are the places.
// Threads:   plain data; a builtin runs on its VM's thread.
// Limits:    kBuiltinArgsMax arguments; kBuiltinsMax entries.
//
//   BuiltinResult Size(BuiltinContext& context, const Value* args, int count) {
//     if (!IsList(args[0])) return context.Wants(0, "a list", args[0]);
//     return BuiltinResult::Of(Value::SmallInt(ListSize(args[0])));
//   }
//   registry.Pure("size", 1, 1, Size, "size(xs): how many elements the list has");
#ifndef VESICLE_VM_SCRIPT_RUN_BUILTIN_H_
#define VESICLE_VM_SCRIPT_RUN_BUILTIN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/word.h"
#include "vm/script/compile/resolver.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/result.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Core;
class SymbolTable;
class IdentitySource;
class BuiltinContext;

inline constexpr int kBuiltinArgsMax = 16;
inline constexpr int kBuiltinsMax = 4000;
// What one call, or one piece of a job, may do at most.
inline constexpr int64_t kBuiltinStepsMax = 5'000;

class BuiltinJob;

// What a builtin gives back. Fits two registers.
class [[nodiscard]] BuiltinResult {
 public:
  enum class Kind : uint8_t {
    kValue,   // the value
    kFailed,  // value() is the reason, as fault.h lists them; `try` catches it
    kMemory,  // an allocation did not fit: what is dead is collected and the call made once more;
              // when it comes again, the turn ends with #quota(memory)
    kJob,     // there is more to do: take_job()
    kMore,    // of BuiltinJob::Run only: call it again
    kNoRoom,  // of BuiltinJob::Run only: an allocation did not fit; call it again when what is dead
              // was collected
  };

  static BuiltinResult Of(Value value) { return {value.bits(), Kind::kValue}; }
  static BuiltinResult Failed(Value reason) { return {reason.bits(), Kind::kFailed}; }
  static BuiltinResult OutOfMemory() { return {0, Kind::kMemory}; }
  static BuiltinResult More() { return {0, Kind::kMore}; }
  static BuiltinResult NoRoom() { return {0, Kind::kNoRoom}; }
  static BuiltinResult Job(std::unique_ptr<BuiltinJob> job);

  Kind kind() const { return kind_; }
  bool ok() const { return kind_ == Kind::kValue; }
  Value value() const { return Value::FromBits(bits_); }
  // Wants kJob; once.
  std::unique_ptr<BuiltinJob> take_job() const;

 private:
  BuiltinResult(uint64_t bits, Kind kind) : bits_(bits), kind_(kind) {}

  uint64_t bits_;
  Kind kind_;
};

// Work that goes on in pieces. Between two pieces the collector may run: a Value
// kept here is shown to it by Visit, and nothing else survives.
class BuiltinJob {
 public:
  virtual ~BuiltinJob() = default;
  // Works until context.fuel() is used up, kBuiltinStepsMax steps are done or the heap is over
  // its allowance, and says More() or NoRoom(); or finishes: kValue, kFailed, kMemory. After
  // kMemory the instruction makes a new job.
  virtual BuiltinResult Run(BuiltinContext& context) = 0;
  virtual void Visit(Visitor& visitor) = 0;
};

// What a builtin may use while it runs. Only good for the length of the call.
class BuiltinContext {
 public:
  // `steps_beyond`: what the run may do at most when its fuel is used up.
  BuiltinContext(Core& core, int64_t& fuel, std::string_view name,
                 int64_t steps_beyond = int64_t{1} << 60)
      : core_(core), fuel_(fuel), name_(name), steps_beyond_(steps_beyond) {}
  BuiltinContext(const BuiltinContext&) = delete;
  BuiltinContext& operator=(const BuiltinContext&) = delete;

  Heap& heap();
  SymbolTable& symbols();
  IdentitySource& identities();  // of refs, where maps hold them as keys
  // Acting builtins only; a pure one sees nothing of the turn.
  Core& core() { return core_; }

  // Counts work done. The run is checked, and perhaps suspended, when the call is over.
  void Charge(int64_t steps) { fuel_ -= steps; }
  // The same for work that is about to be done in one go. False: a rule, or the value of a
  // constant, has not so many steps left: give back TooLong() instead.
  bool ChargeAhead(int64_t steps) {
    fuel_ -= steps;
    return steps <= 0 || steps_beyond_ + fuel_ >= 0;
  }
  BuiltinResult TooLong();
  // Steps left until then; may be negative.
  int64_t fuel() const { return fuel_; }
  // The name the builtin was registered under: "size", or "+" for an operator.
  std::string_view name() const { return name_; }

  // #type("size wants a list, but got 3"). With `index` > 0: "take wants a count of
  // elements as its second argument, but got a text".
  BuiltinResult Wants(int index, std::string_view what, Value got);
  // The value of `result`, or its failure in words; kType reads as "name wants `wanted`",
  // kTooBig as "name: `too_big`".
  BuiltinResult Give(Result result, std::string_view wanted,
                     std::string_view too_big = "the result would be too big");
  // #type(text).
  BuiltinResult TypeError(std::string_view text);
  // #tag(text), for a tag of the list in fault.h: Failure("bad_index", "...").
  BuiltinResult Failure(std::string_view tag, std::string_view text);

 private:
  Core& core_;
  int64_t& fuel_;
  std::string_view name_;
  int64_t steps_beyond_;
};

// What kTooBig means to a number, and to a key of a map (kIntBitsMax, kKeyWorkMax).
inline constexpr std::string_view kIntTooBig =
    "the result would be too big: an int has at most 1048576 bits";
inline constexpr std::string_view kKeyTooBig =
    "the key holds too much: a key has at most 65536 words";
static_assert(kIntBitsMax == 1048576 && kKeyWorkMax == 65536);

// `count` lies within the arity that was registered.
using BuiltinFn = BuiltinResult (*)(BuiltinContext& context, const Value* args, int count);
// Makes the value of a constant or of a behavior without parameters, once for a VM.
using BuiltinMaker = Value (*)(Core& core);

struct BuiltinEntry {
  std::string name;
  Declared declared = Declared::kFunction;
  Arity arity;
  BuiltinFn fn = nullptr;        // of what is called
  BuiltinMaker maker = nullptr;  // of what is a value
  std::string doc;  // "take(x, n): the first n ..", for the page of builtins and for hints

  // "take(x, n)"; of what is not called its name.
  std::string_view call() const;
};

class BuiltinRegistry {
 public:
  // A pure function. Any number of arguments from `min` on (at most kBuiltinArgsMax)
  // when `max` is Arity::kAny.
  void Pure(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn, std::string_view doc);
  // A procedure that acts in the running turn.
  void Acting(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn,
              std::string_view doc);
  // A behavior with parameters: called with them it yields a kBehavior.
  void BehaviorMaker(std::string_view name, uint32_t min, uint32_t max, BuiltinFn fn,
                     std::string_view doc);
  // A behavior without: it is itself the value.
  void Behavior(std::string_view name, BuiltinMaker maker, std::string_view doc);
  void Constant(std::string_view name, BuiltinMaker maker, std::string_view doc);

  size_t size() const { return entries_.size(); }
  const BuiltinEntry& entry(uint32_t id) const { return entries_[id]; }
  // The id of a name, or nothing.
  std::optional<uint32_t> Find(std::string_view name) const;

 private:
  void Add(BuiltinEntry entry);

  std::vector<BuiltinEntry> entries_;
  std::unordered_map<std::string, uint32_t> ids_;
};

// The builtins that belong to the language itself: `promise`, `sink`.
void RegisterCoreBuiltins(BuiltinRegistry& registry);

// "3", "a text", "a list of 2", "a ref": a value in the words of a report. Short.
std::string Describe(Value value);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_RUN_BUILTIN_H_
