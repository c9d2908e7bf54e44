#include "transport/host/program_store.h"

#include <string_view>

#include "transport/sha256.h"
#include "vm/actor/code.h"
#include "vm/script/compile/script_code.h"
#include "vm/script/module.h"

namespace vesicle {
namespace {

std::string HashOf(const ProgramText& program) {
  std::string all;
  // With lengths, so that no two different lists of texts are the same bytes.
  const auto add = [&all](std::string_view text) {
    all += std::to_string(text.size());
    all += ':';
    all += text;
  };
  add(program.name);
  for (const ProgramText::File& file : program.files) {
    add(file.path);
    add(file.source->text());
  }
  return Sha256(all);
}

}  // namespace

std::optional<uint32_t> ProgramStore::Add(const std::shared_ptr<const ProgramText>& program) {
  std::string hash = HashOf(*program);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto at = by_hash_.find(hash); at != by_hash_.end()) return at->second;
  if (programs_.size() >= kProgramsMax) return std::nullopt;
  const auto number = static_cast<uint32_t>(programs_.size());
  programs_.push_back(program);
  by_hash_.emplace(std::move(hash), number);
  return number;
}

std::shared_ptr<const ProgramText> ProgramStore::Get(uint32_t number) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return number < programs_.size() ? programs_[number] : nullptr;
}

// ---------------------------------------------------------------------------

ProgramCourier::ProgramCourier(ProgramStore& store, Vm& vm) : store_(store), vm_(vm) {
  // Each VM has a prelude of its own, which is not loaded again.
  const ScriptModule* prelude = vm.modules().prelude();
  if (prelude->units() > 0) (void)NameOf(prelude->CodeOfUnit(0).data());
}

std::optional<uint32_t> ProgramCourier::NumberOf(
    const std::shared_ptr<const ProgramText>& program) {
  if (const auto at = numbers_.find(program); at != numbers_.end()) return at->second;
  const std::optional<uint32_t> number = store_.Add(program);
  if (number) numbers_.emplace(program, *number);
  return number;
}

// Every unit of a text has the table of its module as its last constant.
void ProgramCourier::Learn(uint32_t program, uint32_t module, const Object* code) {
  const CodeOrigin& origin = static_cast<const ScriptCode*>(code::Body(code))->origin();
  const Value table = code->words()[code->count - 1];
  uint32_t first = 0;
  for (uint32_t i = 0; i < table.data()->count; ++i) {
    const Value word = table.data()->words()[i];
    if (word.is_data() && word.data() == code) first = i;  // units are the last of it
  }
  units_.emplace(ModuleKey{program, module},
                 Units{Root(vm_.core().heap(), table), first - origin.unit});
}

std::optional<CodeName> ProgramCourier::NameOf(const Object* code) {
  const auto* script = dynamic_cast<const ScriptCode*>(code::Body(code));
  if (script == nullptr) return NameOfBuiltin(code);
  const CodeOrigin& origin = script->origin();
  if (origin.builtin != CodeOrigin::kNone) {
    return CodeName{.program = kBuiltins, .module = 0, .unit = origin.builtin};
  }
  if (origin.program == nullptr || origin.unit == CodeOrigin::kNone) return std::nullopt;
  const std::optional<uint32_t> number = NumberOf(origin.program);
  if (!number) return std::nullopt;
  if (!units_.contains({*number, origin.module})) {
    if (units_.size() >= kModulesMax) return std::nullopt;
    Learn(*number, origin.module, code);
  }
  return CodeName{.program = *number, .module = origin.module, .unit = origin.unit};
}

// Behaviors that are named in every program, such as `sink`.
std::optional<CodeName> ProgramCourier::NameOfBuiltin(const Object* code) {
  Interpreter& interpreter = vm_.modules().interpreter();
  for (uint32_t id = 0; id < interpreter.registry().size(); ++id) {
    if (interpreter.registry().entry(id).maker == nullptr) continue;
    const Value value = interpreter.BuiltinValue(id);
    if (IsKind(value, Kind::kBehavior) && code::Of(value.data()) == code) {
      return CodeName{.program = kBuiltins, .module = kIsValue, .unit = id};
    }
  }
  return std::nullopt;
}

Result ProgramCourier::CodeOf(const CodeName& name) {
  if (name.program == kBuiltins) {
    Modules& modules = vm_.modules();
    const Value holder = name.module == kIsValue ? modules.interpreter().BuiltinValue(name.unit)
                                                 : modules.BuiltinFunction(name.unit);
    return Value::Data(code::Of(holder.data()));
  }
  auto at = units_.find({name.program, name.module});
  if (at == units_.end()) {
    const std::shared_ptr<const ProgramText> program = store_.Get(name.program);
    if (program == nullptr) return Failure::kType;
    if (units_.size() + program->files.size() > kModulesMax) return Failure::kTooBig;
    const LoadResult loaded = vm_.modules().LoadAgain(*program);
    if (loaded.module == nullptr) return Failure::kType;
    for (uint32_t module = 0; module < loaded.modules.size(); ++module) {
      const ScriptModule& it = *loaded.modules[module];
      if (it.units() > 0) Learn(name.program, module, it.CodeOfUnit(0).data());
    }
    at = units_.find({name.program, name.module});
    if (at == units_.end()) return Failure::kType;
  }
  return at->second.table.value().data()->words()[at->second.first + name.unit];
}

}  // namespace vesicle
