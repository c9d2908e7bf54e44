// The loader: text to behaviors. What it makes has what it is handed, as everything else.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/map.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

// A behavior with parameters is no value by itself; a function that makes one is. So a second
// module is written for them:   import "plugin.ves" as m
//                               fn counter(a0) = m.counter(a0)
std::string MakersText(const Module& module) {
  std::string text = "import \"plugin.ves\" as m\n";
  bool any = false;
  for (const std::string& name : module.Names()) {
    const std::optional<uint32_t> parameters = module.ParametersOf(name);
    if (!parameters || *parameters == 0) continue;
    any = true;
    std::string list;
    for (uint32_t i = 0; i < *parameters; ++i) absl::StrAppend(&list, i == 0 ? "" : ", ", "a", i);
    absl::StrAppend(&text, "fn ", name, "(", list, ") = m.", name, "(", list, ")\n");
  }
  return any ? text : "";
}

void Load(Vm& vm, Turn& turn, const LoaderOptions& options) {
  const Value name_field = FieldsOf(turn.message())[0];
  const Value text_field = FieldsOf(turn.message())[1];
  if (!IsText(name_field) || !IsText(text_field)) {
    return turn.Fault("type", "#load(name, text) wants two texts");
  }
  const std::string name(TextView(name_field));
  const std::string text(TextView(text_field));
  if (text.size() > options.source_bytes_max || name.size() > 4096) {
    return turn.Fault("limit", absl::StrCat("a source of more than ", options.source_bytes_max,
                                            " bytes, or a name of more than 4096"));
  }
  turn.Charge(static_cast<int64_t>(text.size()));
  const absl::StatusOr<Module> module = vm.Load(name, text);
  if (!module.ok()) {
    const auto message = module.status().message();
    return turn.Fault("diagnostics", std::string_view(message.data(), message.size()));
  }
  Value exports = turn.Map({});
  for (const std::string& item : module->Names()) {
    if (const std::optional<Value> value = module->Get(item)) {
      exports = turn.Put(exports, item, *value);
    } else if (module->ParametersOf(item) == 0u) {
      exports = turn.Put(exports, item, module->MakeBehavior(item)->value());
    }
  }
  if (const std::string makers_text = MakersText(*module); !makers_text.empty()) {
    const absl::StatusOr<Module> makers =
        vm.Load("plugin-makers.ves", makers_text,
                [&](std::string_view) -> absl::StatusOr<std::string> { return text; });
    VESICLE_CHECK(makers.ok());  // the text compiled a moment ago
    for (const std::string& item : makers->Names()) {
      exports = turn.Put(exports, item, *makers->Get(item));
    }
  }
  turn.Reply(exports);
}

}  // namespace

Root MakeLoader(Vm& vm, LoaderOptions options) {
  return vm.Create(MakeNativeBehavior(vm.core(), "loader", [&vm, options](Turn& turn) {
    if (!Is(turn.message(), "load", 2)) return Refuse(turn, "a loader takes #load(name, text)");
    Load(vm, turn, options);
  }));
}

}  // namespace vesicle
