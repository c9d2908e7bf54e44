#include "transport/session/raw_ref.h"

#include <vector>

#include "transport/syrup/forms.h"
#include "vm/value/tagged.h"

namespace vesicle {
namespace {

std::vector<Value> ArgumentsOf(Value message) {
  using syrup::ArgumentsForm;
  std::vector<Value> arguments;
  const ArgumentsForm form = syrup::ArgumentsFormOf(message);
  if (form == ArgumentsForm::kItself) arguments.push_back(message);
  if (form == ArgumentsForm::kTagAndFields) arguments.push_back(TagOf(message));
  if (form == ArgumentsForm::kFields || form == ArgumentsForm::kTagAndFields) {
    for (const Value field : FieldsOf(message)) arguments.push_back(field);
  }
  return arguments;
}

}  // namespace

Root MakeRawRef(Vm& vm, Value target) {
  const Definition raw = vm.Define("raw", 1, [](Turn& turn) {
    const std::vector<Value> arguments = ArgumentsOf(turn.message());
    turn.Charge(static_cast<int64_t>(arguments.size()));
    turn.Delegate(turn.capture(0), turn.List(arguments));
  });
  return vm.Create(raw, {target});
}

}  // namespace vesicle
