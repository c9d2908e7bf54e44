#include "vm/script/module_loader.h"

#include <algorithm>
#include <utility>

#include "vm/script/syntax/parser.h"
#include "vm/value/print.h"

namespace vesicle {

ImportPath ResolveImport(std::string_view from, std::string_view path) {
  if (path.empty()) return {"", "an import names a file, as in \"lib/queue.ves\""};
  if (path.size() < 4 || path.substr(path.size() - 4) != ".ves") {
    return {"", "only files that end in .ves can be imported"};
  }
  if (path.front() == '/') return {"", "an import is relative to the file that it stands in"};
  if (path.find('\\') != std::string_view::npos || path.find('\0') != std::string_view::npos) {
    return {"", "the folders of an import are separated by `/`"};
  }
  std::vector<std::string_view> parts;
  const auto walk = [&parts](std::string_view text) {
    while (!text.empty()) {
      const size_t slash = std::min(text.find('/'), text.size());
      const std::string_view part = text.substr(0, slash);
      text.remove_prefix(std::min(slash + 1, text.size()));
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (parts.empty()) return false;
        parts.pop_back();
      } else {
        parts.push_back(part);
      }
    }
    return true;
  };
  const size_t slash = from.rfind('/');
  if (slash != std::string_view::npos) walk(from.substr(0, slash));
  if (!walk(path)) return {"", "an import cannot lead above the folder of the first file"};
  std::string joined;
  for (std::string_view part : parts) {
    if (!joined.empty()) joined += '/';
    joined += part;
  }
  return {joined, ""};
}

// What a module can name beyond itself.
class Loader::ModuleNames final : public NamesAround {
 public:
  explicit ModuleNames(const Modules& modules) : modules_(modules) {}

  void AddImport(const Item* item, std::shared_ptr<ScriptModule> module) {
    imports_.emplace(item, std::move(module));
  }
  const ScriptModule* ImportOf(const Item* item) const {
    const auto at = imports_.find(item);
    return at == imports_.end() ? nullptr : at->second.get();
  }

  std::optional<Builtin> FindBuiltin(std::string_view name) const override {
    if (IsHidden(name)) return std::nullopt;
    const BuiltinRegistry& registry = modules_.interpreter_.registry();
    if (auto id = registry.Find(name)) {
      const BuiltinEntry& entry = registry.entry(*id);
      return Builtin{*id, entry.declared, entry.arity, entry.call()};
    }
    if (modules_.prelude_ == nullptr) return std::nullopt;
    const ScriptModule::Export* found = modules_.prelude_->Find(name);
    if (found == nullptr) return std::nullopt;
    return Builtin{kPreludeIdFirst + found->item, found->what.declared, found->what.arity,
                   found->call};
  }
  std::optional<Imported> FindImported(const Item& import, std::string_view name) const override {
    const ScriptModule* module = ImportOf(&import);
    const ScriptModule::Export* found = module == nullptr ? nullptr : module->Find(name);
    if (found == nullptr) return std::nullopt;
    return Imported{found->what.declared, found->what.arity, found->call};
  }
  void EachBuiltin(absl::FunctionRef<void(std::string_view)> use) const override {
    const BuiltinRegistry& registry = modules_.interpreter_.registry();
    for (uint32_t id = 0; id < registry.size(); ++id) {
      if (!IsHidden(registry.entry(id).name)) use(registry.entry(id).name);
    }
    if (modules_.prelude_ == nullptr) return;
    for (const ScriptModule::Export& e : modules_.prelude_->exports_) use(e.name);
  }
  void EachImported(const Item& import,
                    absl::FunctionRef<void(std::string_view)> use) const override {
    if (const ScriptModule* module = ImportOf(&import)) {
      for (const ScriptModule::Export& e : module->exports_) use(e.name);
    }
  }

 private:
  // Natives that only the prelude calls: it is being loaded as long as there is none.
  bool IsHidden(std::string_view name) const {
    return name.starts_with('_') && modules_.prelude_ != nullptr;
  }

  const Modules& modules_;
  std::unordered_map<const Item*, std::shared_ptr<ScriptModule>> imports_;
};

LoadResult Loader::LoadFirst(std::string name, std::string text) {
  const size_t slash = name.rfind('/');
  if (slash != std::string::npos) folder_ = name.substr(0, slash + 1);
  const std::string path = name.substr(folder_.size());
  program_->name = name;
  std::shared_ptr<ScriptModule> module = LoadOne(path, name, std::move(text));
  if (module == nullptr) linked_.clear();
  return {std::move(module), std::move(errors_), std::move(linked_)};
}

std::shared_ptr<ScriptModule> Loader::Import(const std::string& from, const Item& item,
                                             Diagnostics& diagnostics) {
  const auto refuse = [&](std::string message, std::string hint = "") {
    diagnostics.Error(item.path_span, std::move(message), std::move(hint));
    return nullptr;
  };
  const ImportPath resolved = ResolveImport(from, item.path);
  if (!resolved.error.empty()) return refuse(resolved.error);
  const std::string& path = resolved.path;
  if (auto at = loaded_.find(path); at != loaded_.end()) {
    if (at->second == nullptr) return refuse(Printable(path) + " has errors");
    return at->second;
  }
  const auto cycle = std::find(loading_.begin(), loading_.end(), path);
  if (cycle != loading_.end()) {
    std::string round;
    for (auto at = cycle; at != loading_.end(); ++at) round += Printable(*at) + " -> ";
    return refuse("modules cannot import each other in a circle: " + round + Printable(path),
                  "put what they share into a third one");
  }
  if (loading_.size() >= kImportDepthMax) {
    return refuse("imports are nested more than " + std::to_string(kImportDepthMax) + " deep");
  }
  if (loaded_.size() >= kModulesMax) {
    return refuse("one program has at most " + std::to_string(kModulesMax) + " modules");
  }
  if (import_ == nullptr) return refuse("nothing can be imported here");
  std::string error;
  std::optional<std::string> text = import_(path, &error);
  if (!text) return refuse(error.empty() ? "cannot read " + Printable(path) : error);
  std::shared_ptr<ScriptModule> module = LoadOne(path, folder_ + path, *std::move(text));
  if (module == nullptr) return refuse(Printable(path) + " has errors");
  return module;
}

std::shared_ptr<ScriptModule> Loader::LoadOne(const std::string& path, const std::string& shown,
                                              std::string text) {
  loading_.push_back(path);
  auto source = std::make_shared<Source>(shown, std::move(text));
  Diagnostics diagnostics;
  Ast ast = Parse(*source, diagnostics);
  ModuleNames around(modules_);
  std::shared_ptr<ScriptModule> module(new ScriptModule(modules_.interpreter_));
  module->name_ = shown;
  if (!diagnostics.has_errors()) {
    // Errors of what it imports stand before its own.
    for (const Item* item : ast.items) {
      if (item->kind != ItemKind::kImport) continue;
      std::shared_ptr<ScriptModule> imported = Import(path, *item, diagnostics);
      if (imported == nullptr) continue;
      module->imports_.push_back(imported);
      around.AddImport(item, std::move(imported));
    }
  }
  if (!diagnostics.has_errors()) Resolve(ast, around, diagnostics);
  std::vector<CodeDraft> drafts;
  Core& core = modules_.interpreter_.core();
  if (!diagnostics.has_errors()) {
    drafts = Compile(ast, *source, core.heap(), core.symbols(), diagnostics);
  }
  if (!diagnostics.has_errors() && !Link(*module, ast, source, path, std::move(drafts), around)) {
    diagnostics.Error({}, "there is no memory for this module");
  }
  if (!diagnostics.has_errors()) linked_.push_back(module);
  if (!diagnostics.has_errors() && lets_ == Lets::kNow) EvaluateConstants(*module, diagnostics);
  loading_.pop_back();
  if (diagnostics.has_errors()) {
    errors_ += diagnostics.Print(*source);
    module = nullptr;
  }
  loaded_[path] = module;
  return module;
}

// ---------------------------------------------------------------------------
// Linking. Nothing is collected here: plain Values stay good.

bool Loader::Link(ScriptModule& module, const Ast& ast, std::shared_ptr<const Source> source,
                  const std::string& path, std::vector<CodeDraft> drafts,
                  const ModuleNames& around) {
  Interpreter& interpreter = modules_.interpreter_;
  Core& core = interpreter.core();
  Heap& heap = core.heap();
  const uint32_t items = static_cast<uint32_t>(ast.items.size());
  const uint32_t units = static_cast<uint32_t>(drafts.size());

  Object* table = heap.TryAllocate(Kind::kTuple, 2 * items + units);
  if (table == nullptr) return false;
  module.item_count_ = items;
  module.unit_count_ = units;
  module.table_ = Root(heap, Value::Data(table));
  std::fill(table->words(), table->words() + table->count, Value::Absent());
  CodeOrigin origin = {.program = program_,
                       .module = static_cast<uint32_t>(program_->files.size())};
  program_->files.push_back({path, source});

  // Behind its own constants each code holds the table, and the table all code: a module lives and
  // dies as one. So its source, which every unit keeps, is paid for once.
  const auto make = [&](CodeDraft draft, uint32_t constants) {
    const bool is_first = table->words()[2 * items].is_absent();
    auto body = std::make_unique<ScriptCode>(std::move(draft), source,
                                             is_first ? CountsSource::kYes : CountsSource::kNo);
    body->set_origin(origin);
    const EnterFn enter = EnterFor(*body);
    void* pointer = body->pointer();
    Object* code = code::Make(heap, body.release(), enter, pointer, constants + 1);
    code->words()[code::kFixedWords + constants] = Value::Data(table);
    return code;
  };

  std::unordered_map<const Unit*, Object*> codes;
  std::vector<std::vector<ConstantDraft>> constants;
  for (uint32_t i = 0; i < units; ++i) {
    const Unit* unit = drafts[i].unit;
    constants.push_back(std::move(drafts[i].constants));
    origin.unit = i;
    Object* code = make(std::move(drafts[i]), static_cast<uint32_t>(constants.back().size()));
    codes.emplace(unit, code);
    table->words()[2 * items + i] = Value::Data(code);
  }

  origin.unit = CodeOrigin::kNone;
  for (const Item* item : ast.items) {
    if (item->unit == nullptr) continue;
    Object* code = codes.at(item->unit);
    table->words()[items + item->index] = Value::Data(code);
    Value value = Value::Absent();
    switch (item->kind) {
      case ItemKind::kFunction:
        value = Value::Data(core.NewHolder(Kind::kFunction, code, 0));
        break;
      case ItemKind::kBehavior:
        if (item->unit->params.empty()) {
          value = Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
        }
        break;
      case ItemKind::kTest: {
        // any message => task { the test }
        CodeDraft draft;
        draft.name = std::string(item->name);
        draft.kind = UnitKind::kBehavior;
        draft.header.registers = 3;
        draft.places = {{0, item->name_span}};
        draft.instructions = {instruction::Abx(Op::kEnter, 3, 1),
                              instruction::Abx(Op::kMakeFunction, 1, 0),
                              instruction::Abc(Op::kLoadSlot, 2), instruction::Abc(Op::kTask, 1, 2),
                              instruction::Abc(Op::kEnd, 0)};
        Object* starter = make(std::move(draft), 1);
        starter->words()[code::kFixedWords] = Value::Data(code);
        value = Value::Data(core.NewHolder(Kind::kBehavior, starter, 0));
        module.test_items_.push_back(item->index);
        module.tests_.push_back(
            {std::string(item->name), MakePlace(*source, item->name_span), module.tests_.size()});
        break;
      }
      case ItemKind::kConstant:
        module.constants_.push_back({item->index, item->name_span});
        break;
      default:
        break;
    }
    table->words()[item->index] = value;
    if (auto exported = Exported(*item)) {
      module.exports_by_name_.emplace(std::string(item->name), module.exports_.size());
      module.exports_.push_back({std::string(item->name), *exported, item->index,
                                 item->unit == nullptr ? "" : CallOf(*item)});
    }
  }

  std::unordered_map<const Unit*, uint32_t> item_of;
  for (const Item* item : ast.items) {
    if (item->unit != nullptr) item_of.emplace(item->unit, item->index);
  }
  const auto linked = [&](const ConstantDraft& c) -> Value {
    using K = ConstantDraft::Kind;
    const auto imported = [&](bool wants_code) {
      const ScriptModule& from = *around.ImportOf(c.item);
      const uint32_t item = from.Find(c.member)->item;
      return wants_code ? from.CodeOf(item) : from.ValueOf(item);
    };
    switch (c.kind) {
      case K::kValue:
        return c.value;
      case K::kCode:
        return Value::Data(codes.at(c.unit));
      case K::kFunction:
      case K::kBehavior:
        return table->words()[item_of.at(c.unit)];
      case K::kTable:
        return Value::Data(table);
      case K::kImportedCode:
        return imported(true);
      case K::kImportedFunction:
      case K::kImportedBehavior:
      case K::kImportedValue:
        return imported(false);
      case K::kBuiltinCode:
        return modules_.prelude_->CodeOf(c.id - kPreludeIdFirst);
      case K::kBuiltinFunction:
        return c.id >= kPreludeIdFirst ? modules_.prelude_->ValueOf(c.id - kPreludeIdFirst)
                                       : modules_.BuiltinFunction(c.id);
      case K::kBuiltinValue:
        break;
    }
    return c.id >= kPreludeIdFirst ? modules_.prelude_->ValueOf(c.id - kPreludeIdFirst)
                                   : interpreter.BuiltinValue(c.id);
  };
  for (uint32_t i = 0; i < units; ++i) {
    Value* words = table->words()[2 * items + i].data()->words() + code::kFixedWords;
    for (size_t k = 0; k < constants[i].size(); ++k) words[k] = linked(constants[i][k]);
  }
  return true;
}

void Loader::EvaluateConstants(ScriptModule& module, Diagnostics& diagnostics) {
  Interpreter& interpreter = modules_.interpreter_;
  Object* table = module.table_.value().data();
  for (const ScriptModule::Constant& constant : module.constants_) {
    const Interpreter::Pure result =
        interpreter.Evaluate(module.CodeOf(constant.item).data(), kConstantStepsMax);
    if (!result.ok) {
      std::string where;
      if (result.place.line != 0) {
        where = " at " + result.place.file + ":" + std::to_string(result.place.line) + ":" +
                std::to_string(result.place.column);
      }
      diagnostics.Error(constant.name_span, "the value of this `let` cannot be computed: " +
                                                Print(result.value, kReportOptions) + where);
      return;
    }
    interpreter.core().heap().WillWrite(table);
    table->words()[constant.item] = result.value;
  }
}

}  // namespace vesicle
