#include "vm/script/module.h"

#include <algorithm>

#include "vm/script/compile/disassembler.h"
#include "vm/script/module_loader.h"
#include "vm/value/list.h"
#include "vm/value/print.h"

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

namespace {

// Code that the VM writes itself: it stands in no source.
Object* MakeCode(Core& core, CodeDraft draft, std::initializer_list<Value> constants) {
  auto body = std::make_unique<ScriptCode>(std::move(draft), nullptr);
  void* pointer = body->pointer();
  Object* code = code::Make(core.heap(), body.release(), EnterScript, pointer,
                            static_cast<uint32_t>(constants.size()));
  std::copy(constants.begin(), constants.end(), code->words() + code::kFixedWords);
  return code;
}

}  // namespace

Value ScriptModule::Maker(std::string_view behavior) const {
  Core& core = interpreter_.core();
  const uint32_t parameters = *ParametersOf(behavior);
  CodeDraft draft;
  draft.name = behavior;
  draft.header.params_min = draft.header.params_max = static_cast<uint8_t>(parameters);
  draft.header.registers = std::max(1u, parameters);
  draft.instructions = {instruction::Abx(Op::kEnter, draft.header.registers, 1),
                        instruction::Abx(Op::kMakeBehavior, 0, 0),
                        instruction::Abc(Op::kReturn, 0)};
  Object* code = MakeCode(core, std::move(draft), {CodeOf(Find(behavior)->item)});
  return Value::Data(core.NewHolder(Kind::kFunction, code, 0));
}

// _ => { for [i, f] in lets { _set_item(table, i, f()) }; nil }
std::optional<Value> ScriptModule::Starter() const {
  Core& core = interpreter_.core();
  ListBuilder lets(core.heap());
  for (const Constant& constant : constants_) {
    Object* compute = core.NewHolder(Kind::kFunction, CodeOf(constant.item).data(), 0);
    const Value pair[] = {Value::SmallInt(constant.item), Value::Data(compute)};
    const Result made = MakeList(core.heap(), pair);
    if (!made.ok()) return std::nullopt;
    lets.Add(made.value());
  }
  const Result list = lets.Finish();
  if (!list.ok()) return std::nullopt;
  CodeDraft draft;
  draft.name = name_;
  draft.kind = UnitKind::kBehavior;
  draft.header.registers = 9;
  draft.instructions = {
      instruction::Abx(Op::kEnter, draft.header.registers, 1),
      instruction::Abx(Op::kLoadConstant, 1, 0),
      instruction::Abc(Op::kListBegin, 1),
      8,  // to LoadWord
      instruction::Abc(Op::kListItem, 7, 4, 1),
      instruction::Abc(Op::kCall, 7, 0),
      instruction::Abc(Op::kListItem, 6, 4, 0),
      instruction::Abx(Op::kLoadConstant, 5, 1),
      instruction::Abc(Op::kCallBuiltin, 5, 3),
      *interpreter_.registry().Find("_set_item"),
      instruction::Abc(Op::kListNext, 1, 0, 1),
      static_cast<Instruction>(-8),  // to the first ListItem
      instruction::Abx(Op::kLoadWord, 0, static_cast<uint32_t>(Value::Nil().bits())),
      instruction::Abc(Op::kReturn, 0),
  };
  Object* code = MakeCode(core, std::move(draft), {list.value(), table_.value()});
  return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
}

std::string ScriptModule::ConstantError(Value reason) const {
  Diagnostics diagnostics;
  for (const Constant& constant : constants_) {
    if (!ValueOf(constant.item).is_absent()) continue;
    diagnostics.Error(constant.name_span, "the value of this `let` cannot be computed: " +
                                              Print(reason, kReportOptions));
    break;
  }
  return constants_.empty() ? "" : diagnostics.Print(*source());
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

Value ScriptModule::CodeOfUnit(uint32_t unit) const {
  return table_.value().data()->words()[2 * item_count_ + unit];
}

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
  return Loader(*this, import, Lets::kNow).LoadFirst(std::move(name), std::move(text));
}

LoadResult Modules::Compile(std::string name, std::string text) {
  return Loader(*this, nullptr, Lets::kLater).LoadFirst(std::move(name), std::move(text));
}

LoadResult Modules::LoadAgain(const ProgramText& program) {
  const ImportText import = [&program](const std::string& path,
                                       std::string*) -> std::optional<std::string> {
    for (const ProgramText::File& file : program.files) {
      if (file.path == path) return std::string(file.source->text());
    }
    return std::nullopt;
  };
  return Load(program.name, std::string(program.files.back().source->text()), import);
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
  Object* code = MakeCode(core, std::move(draft), {});
  CodeOrigin origin;
  origin.builtin = id;
  static_cast<ScriptCode*>(code::Body(code))->set_origin(std::move(origin));
  const Value function = Value::Data(core.NewHolder(Kind::kFunction, code, 0));
  builtin_functions_.emplace(id, Root(core.heap(), function));
  return function;
}

}  // namespace vesicle
