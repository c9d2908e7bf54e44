// The resolver gives every name of a tree its meaning, finds what each unit
// captures and what becomes of each value, and refuses what the language
// forbids: acting in a function, a captured `var`, a value nobody uses.
//
// What a module may name beyond itself comes in as NamesAround: nothing is
// global. The resolver asks it and keeps nothing.
//
//   class Prelude : public NamesAround { ... };
//   Resolve(ast, prelude, diagnostics);
#ifndef VESICLE_VM_SCRIPT_COMPILE_RESOLVER_H_
#define VESICLE_VM_SCRIPT_COMPILE_RESOLVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/diagnostic.h"

#pragma GCC visibility push(default)
namespace vesicle {

// How many arguments a declared thing takes.
struct Arity {
  static constexpr uint32_t kAny = UINT32_MAX;
  uint32_t min = 0;
  uint32_t max = 0;  // kAny: no upper bound
};

// A name of the prelude. A Declared::kBehavior with arity {0, 0} is itself the
// behavior (`sink`); a kValue takes no arguments.
struct Builtin {
  uint32_t id = 0;  // the giver's: comes back as Ref::index
  Declared declared = Declared::kFunction;
  Arity arity;
  std::string_view call = {};  // how it is called, for hints: "take(x, n)"; may be empty
};

// A public name of another module.
struct Imported {
  Declared declared = Declared::kFunction;
  Arity arity;
  std::string_view call = {};  // as in Builtin
};

class NamesAround {
 public:
  virtual ~NamesAround() = default;

  virtual std::optional<Builtin> FindBuiltin(std::string_view name) const = 0;

  // A public item of the module that `import` names in this one; nothing when
  // it has none of that name. Not asked for names that start with `_`.
  virtual std::optional<Imported> FindImported(const Item& import, std::string_view name) const = 0;

  // All builtin names, and all public names of an import: for "did you mean".
  // The order does not matter.
  virtual void EachBuiltin(absl::FunctionRef<void(std::string_view)> use) const = 0;
  virtual void EachImported(const Item& import,
                            absl::FunctionRef<void(std::string_view)> use) const = 0;
};

// Annotates `ast`, which Parse() returned without errors; reports to
// `diagnostics`. With errors reported the annotations are incomplete.
void Resolve(Ast& ast, const NamesAround& around, Diagnostics& diagnostics);

// What `item` is to another module that imports this one; nothing for imports,
// tests and private items.
std::optional<Imported> Exported(const Item& item);

// "take(x, n)", of an item that has parameters or could.
std::string CallOf(const Item& item);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_COMPILE_RESOLVER_H_
