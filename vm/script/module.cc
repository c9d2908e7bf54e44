#include "vm/script/module.h"

#include <algorithm>

#include "vm/script/disassembler.h"
#include "vm/script/module_loader.h"

namespace vesicle {

const ScriptModule::Export* ScriptModule::Find(std::string_view name) const {
  const auto at = exports_by_name_.find(std::string(name));
  return at == exports_by_name_.end() ? nullptr : &exports_[at->second];
}

Value ScriptModule::ValueOf(uint32_t item) const { return table_.value().data()->words()[item]; }

Value ScriptModule::CodeOf(uint32_t item) const {
  return table_.value().data()->words()[item_count_ + item];
}

std::optional<Value> ScriptModule::Behavior(std::string_view name, std::span<const Value> args,
                                            std::string* error) const {
  const auto refuse = [error](std::string why) -> std::optional<Value> {
    if (error != nullptr) *error = std::move(why);
    return std::nullopt;
  };
  const Export* found = Find(name);
  if (found == nullptr) {
    Suggestion suggestion(name);
    for (const Export& e : exports_) {
      if (e.what.declared == Declared::kBehavior) suggestion.Offer(e.name);
    }
    std::string why = name_ + " has no behavior `" + std::string(name) + "`";
    if (!suggestion.best().empty()) why += ": " + suggestion.Hint();
    return refuse(why);
  }
  if (found->what.declared != Declared::kBehavior) {
    return refuse("`" + found->name + "` of " + name_ + " is not a behavior");
  }
  const Value code = CodeOf(found->item);
  const uint32_t wants = static_cast<const CodeHeader*>(code::Pointer(code.data()))->captures;
  if (args.size() != wants) {
    return refuse("`" + found->name + "` takes " + std::to_string(wants) +
                  (wants == 1 ? " argument" : " arguments") + ", but got " +
                  std::to_string(args.size()));
  }
  Object* behavior = interpreter_.core().NewHolder(Kind::kBehavior, code.data(), wants);
  std::copy(args.begin(), args.end(), behavior->words() + 1);
  return Value::Data(behavior);
}

std::optional<Value> ScriptModule::Get(std::string_view name) const {
  const Export* found = Find(name);
  if (found == nullptr) return std::nullopt;
  const Value value = ValueOf(found->item);
  if (value.is_absent()) return std::nullopt;
  return value;
}

std::optional<uint32_t> ScriptModule::ParametersOf(std::string_view behavior) const {
  if (!HasBehavior(behavior)) return std::nullopt;
  const Value code = CodeOf(Find(behavior)->item);
  return static_cast<const CodeHeader*>(code::Pointer(code.data()))->captures;
}

bool ScriptModule::HasBehavior(std::string_view name) const {
  const Export* found = Find(name);
  return found != nullptr && found->what.declared == Declared::kBehavior;
}

std::vector<std::string> ScriptModule::Names() const {
  std::vector<std::string> names;
  for (const Export& e : exports_) names.push_back(e.name);
  return names;
}

Value ScriptModule::TestBehavior(size_t index) const { return ValueOf(test_items_[index]); }

std::string ScriptModule::Disassemble() const {
  std::string text;
  for (uint32_t i = 0; i < unit_count_; ++i) {
    if (i > 0) text += "\n";
    text += vesicle::Disassemble(table_.value().data()->words()[2 * item_count_ + i].data());
  }
  return text;
}

// ---------------------------------------------------------------------------

const Source* ScriptModule::source() const {
  if (unit_count_ == 0) return nullptr;
  const Object* code = table_.value().data()->words()[2 * item_count_].data();
  return static_cast<const ScriptCode*>(code::Body(code))->source();
}

LoadResult Modules::LoadPrelude(std::string name, std::string text) {
  LoadResult loaded = Load(std::move(name), std::move(text));
  if (loaded.module != nullptr) {
    prelude_ = loaded.module;
    interpreter_.set_prelude(prelude_->source());
  }
  return loaded;
}

LoadResult Modules::Load(std::string name, std::string text, const ImportText& import) {
  return Loader(*this, import).LoadFirst(std::move(name), std::move(text));
}

Value Modules::BuiltinFunction(uint32_t id) {
  const auto at = builtin_functions_.find(id);
  if (at != builtin_functions_.end()) return at->second.value();
  // The builtin in a frame of its own: its arguments are R[0..].
  const BuiltinEntry& entry = interpreter_.registry().entry(id);
  CodeDraft draft;
  draft.name = entry.name;
  const bool is_fixed = entry.arity.min == entry.arity.max;
  draft.header.params_min = static_cast<uint8_t>(entry.arity.min);
  draft.header.params_max =
      is_fixed ? static_cast<uint8_t>(entry.arity.max) : CodeHeader::kParamsAny;
  const uint32_t registers = is_fixed ? std::max(1u, entry.arity.max) : kBuiltinArgsMax;
  draft.header.registers = registers;
  // The one that takes any number charges nothing before it has read how many.
  draft.instructions = {instruction::Abx(Op::kEnter, registers, is_fixed ? 1 : 0),
                        is_fixed ? instruction::Abc(Op::kCallBuiltin, 0, entry.arity.max)
                                 : instruction::Abc(Op::kCallBuiltinHere, 0),
                        id, instruction::Abc(Op::kReturn, 0)};
  Core& core = interpreter_.core();
  auto body = std::make_unique<ScriptCode>(std::move(draft), nullptr);
  void* pointer = body->pointer();
  Object* code = code::Make(core.heap(), body.release(), EnterScript, pointer, 0);
  const Value function = Value::Data(core.NewHolder(Kind::kFunction, code, 0));
  builtin_functions_.emplace(id, Root(core.heap(), function));
  return function;
}

}  // namespace vesicle
