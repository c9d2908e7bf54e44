// Modules: texts of the language, loaded, compiled and linked into one VM.
//
// Loading has no effects. It parses, resolves and compiles the text and, before it,
// everything it imports; a module's `let`s are evaluated then, purely and within
// limits. Nothing here reads a file: imports go through a callback, which gets
// normalized paths that lead nowhere above the folder of the first file.
//
// A program that asks for a module itself (the loader device) gets it by Compile: its
// `let`s are left to a turn that the program pays for, that can be suspended and that
// a budget ends, as any turn (ScriptModule::Starter).
//
// Ownership: a ScriptModule keeps its code alive through a Root; code in use keeps itself.
//            Modules borrows the Interpreter and outlives no Core.
// Threads:   its VM's thread only. Loading may happen within a turn: it never
//            collects, so what the caller holds stays where it is.
// Limits:    below; over one, the load fails with a diagnostic.
//
//   Modules modules(interpreter);
//   modules.LoadPrelude("prelude.ves", text);
//   LoadResult loaded = modules.Load("counter.ves", text, import);
//   if (loaded.module == nullptr) Show(loaded.errors);
//   auto behavior = loaded.module->Behavior("counter", {Value::SmallInt(0)});
#ifndef VESICLE_VM_SCRIPT_MODULE_H_
#define VESICLE_VM_SCRIPT_MODULE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/heap/root.h"
#include "vm/script/compile/resolver.h"
#include "vm/script/program_text.h"
#include "vm/script/run/interpreter.h"

namespace vesicle {

inline constexpr int kModulesMax = 1000;                 // of one load, imports included
inline constexpr int kImportDepthMax = 64;               // imports that import
inline constexpr int64_t kConstantStepsMax = 1'000'000;  // of one `let` of a module

class ScriptModule {
 public:
  const std::string& name() const { return name_; }
  Interpreter& interpreter() const { return interpreter_; }

  // A behavior value of an exported behavior; `args` are its parameters. Nothing when
  // there is none of that name; `error`, if given, says why not.
  std::optional<Value> Behavior(std::string_view name, std::span<const Value> args,
                                std::string* error = nullptr) const;
  bool HasBehavior(std::string_view name) const;
  // How many parameters an exported behavior has; nothing when it is none.
  std::optional<uint32_t> ParametersOf(std::string_view behavior) const;
  // The value of an exported function, `let`, or behavior without parameters.
  std::optional<Value> Get(std::string_view name) const;
  // An exported behavior with parameters is no value by itself: a function that makes one of it,
  // as `fn(a, b) = name(a, b)` does. Wants ParametersOf(behavior).
  Value Maker(std::string_view behavior) const;
  // Public names, in the order of the text.
  std::vector<std::string> Names() const;

  struct Test {
    std::string name;
    Place place;
    size_t index;  // its place in tests()
  };
  const std::vector<Test>& tests() const { return tests_; }
  // `index` as in tests(). A behavior that answers its first message with the outcome of the test:
  // a promise of its value, broken when an expectation fails.
  Value TestBehavior(size_t index) const;

  // Of a module that Compile made: a behavior that computes the `let`s at its first message. Until
  // it has replied, nothing of the module may be called. Nothing: there is no memory for it.
  std::optional<Value> Starter() const;
  // What is wrong, as diagnostics print it, when that turn failed with `reason`.
  std::string ConstantError(Value reason) const;

  // All code, unit by unit.
  std::string Disassemble() const;

  // Null if it has no code.
  const Source* source() const;

  // The code of a unit, by its number in the text (CodeOrigin). Wants unit < units().
  Value CodeOfUnit(uint32_t unit) const;
  uint32_t units() const { return unit_count_; }

 private:
  friend class Modules;
  friend class Loader;

  struct Export {
    std::string name;
    Imported what;
    uint32_t item;
    std::string call;  // "push(stack, x)"
  };

  explicit ScriptModule(Interpreter& interpreter) : interpreter_(interpreter) {}
  const Export* Find(std::string_view name) const;
  Value ValueOf(uint32_t item) const;  // Absent for what is no value
  Value CodeOf(uint32_t item) const;   // Absent for a `let`

  Interpreter& interpreter_;
  std::string name_;
  std::vector<Export> exports_;
  std::unordered_map<std::string, size_t> exports_by_name_;
  std::vector<Test> tests_;
  std::vector<uint32_t> test_items_;
  struct Constant {
    uint32_t item;
    Span name_span;
  };
  std::vector<Constant> constants_;  // the `let`s, in the order of the text
  uint32_t item_count_ = 0;
  uint32_t unit_count_ = 0;
  // A tuple: for each item its value, then its code; then the code of each unit.
  Root table_;
  std::vector<std::shared_ptr<ScriptModule>> imports_;
};

struct LoadResult {
  std::shared_ptr<ScriptModule> module;  // null: there are errors
  std::string errors;                    // as diagnostics print them; ends in a newline
  // All that were loaded, by their numbers in the program (program_text.h).
  std::vector<std::shared_ptr<ScriptModule>> modules = {};
};

// Gives the text of `path`, which is relative to the folder of the first file
// ("lib/queue.ves"); or says in `error` why not.
using ImportText =
    std::function<std::optional<std::string>(const std::string& path, std::string* error)>;

class Modules {
 public:
  explicit Modules(Interpreter& interpreter) : interpreter_(interpreter) {}
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;

  // The public items of this module are visible in all that are loaded later.
  LoadResult LoadPrelude(std::string name, std::string text);
  // `name` is the path of the first file, for reports and as the place that imports
  // start from. Without `import` a module that imports is refused.
  LoadResult Load(std::string name, std::string text, const ImportText& import = nullptr);
  // A module without imports, whose `let`s are not computed yet: ScriptModule::Starter() does that.
  LoadResult Compile(std::string name, std::string text);
  // What another VM has loaded.
  LoadResult LoadAgain(const ProgramText& program);
  // A native builtin as a function value. Wants an id of the registry, of a function.
  Value BuiltinFunction(uint32_t id);

  Interpreter& interpreter() { return interpreter_; }
  const ScriptModule* prelude() const { return prelude_.get(); }

 private:
  friend class Loader;

  Interpreter& interpreter_;
  std::shared_ptr<ScriptModule> prelude_;
  std::unordered_map<uint32_t, Root> builtin_functions_;
};

// `path` as written in the file `from`, both relative to the first file's folder; or
// what is wrong with it.
struct ImportPath {
  std::string path;
  std::string error;
};
ImportPath ResolveImport(std::string_view from, std::string_view path);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_MODULE_H_
