// The loader: text to behaviors. What it makes has what it is handed, as everything else.
//
// A load is paid for by who asked: its source is charged before it is compiled, its code as long
// as that lives. Its `let`s are computed in a turn of their own, which is suspended, limited and
// ended as any other.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/map.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

// What it costs to compile a byte of source, and about how much memory its code takes. The memory
// is charged as it is; this is for refusing early.
constexpr int64_t kStepsPerByte = 8;
constexpr uint64_t kCodeBytesPerByte = 16;
constexpr int64_t kStepsPerName = 8;

// The public names of a module whose `let`s are computed, as a map. A behavior with parameters is
// no value by itself: a function that makes one is.
Value Exports(Turn& turn, const Module& module) {
  Value exports = turn.Map({});
  for (const std::string& name : module.Names()) {
    turn.Charge(kStepsPerName);
    if (const std::optional<Value> value = module.Get(name)) {
      exports = turn.Put(exports, name, *value);
    } else if (module.ParametersOf(name).has_value()) {
      exports = turn.Put(exports, name, module.Maker(name));
    }
  }
  return exports;
}

// The turn that comes when the `let`s are computed, or one of them failed.
void Answer(Turn& turn, Module& module) {
  const Value reason = turn.message();
  if (!turn.is_broken()) {
    const Value exports = Exports(turn, module);
    if (turn.failed()) return turn.Quota(Resource::kMemory);  // may come back: keeps the module
    turn.Reply(exports);
  } else if (Is(reason, "quota", 1)) {
    turn.Rebreak(reason);
  } else {
    turn.Fault("diagnostics", module.ConstantError(reason));
  }
  // Its root would keep the code until this turn's own code is collected.
  module = Module();
}

void Load(Vm& vm, Turn& turn, const LoaderOptions& options) {
  const Value* fields = FieldsOf(turn.message()).data();
  if (!IsText(fields[0]) || !IsText(fields[1])) {
    return turn.Fault("type", "#load(name, text) wants two texts");
  }
  const uint64_t size = TextView(fields[1]).size();
  if (size > options.source_bytes_max || TextView(fields[0]).size() > 4096) {
    return turn.Fault("limit", absl::StrCat("a source of more than ", options.source_bytes_max,
                                            " bytes, or a name of more than 4096"));
  }
  if (!turn.ChargeBefore(static_cast<int64_t>(size) * kStepsPerByte, size * kCodeBytesPerByte)) {
    return;
  }
  fields = FieldsOf(turn.message()).data();  // it may have moved
  absl::StatusOr<Module> compiled = vm.Compile(TextView(fields[0]), TextView(fields[1]));
  if (!compiled.ok()) {
    const auto message = compiled.status().message();
    return turn.Fault("diagnostics", std::string_view(message.data(), message.size()));
  }
  const std::optional<Value> starter = compiled->Starter();
  if (!starter.has_value() || vm.core().heap().over_allowance()) {
    return turn.Quota(Resource::kMemory);
  }
  turn.DelegateWhen(turn.Ask(turn.Create(*starter), turn.Nil()),
                    [module = *std::move(compiled)](Turn& then) mutable { Answer(then, module); });
}

}  // namespace

Root MakeLoader(Vm& vm, LoaderOptions options) {
  return vm.Create(MakeNativeBehavior(vm.core(), "loader", [&vm, options](Turn& turn) {
    if (!Is(turn.message(), "load", 2)) return Refuse(turn, "a loader takes #load(name, text)");
    Load(vm, turn, options);
  }));
}

}  // namespace vesicle
