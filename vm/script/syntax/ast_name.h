// What the nodes of a tree are made of: the arena that owns them and the names
// that they hold. Part of ast.h, which says the law.
#ifndef VESICLE_VM_SCRIPT_SYNTAX_AST_NAME_H_
#define VESICLE_VM_SCRIPT_SYNTAX_AST_NAME_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vm/script/syntax/source.h"

#pragma GCC visibility push(default)
namespace vesicle {

// The deepest nesting of expressions and patterns, and the longest chain of
// operators, calls, fields or pipes. Small enough for a pass with frames of a
// few hundred bytes to recurse on an 8 MiB stack, also under ASan.
inline constexpr int kNestingMax = 500;

// Hands out memory that is freed all at once. Only for types without
// destructors.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  // A copy of `items` that lives as long as the arena.
  template <typename T>
  std::span<T> Copy(const std::vector<T>& items) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (items.empty()) return {};
    T* to = static_cast<T*>(Allocate(items.size() * sizeof(T), alignof(T)));
    for (size_t i = 0; i < items.size(); ++i) new (to + i) T(items[i]);
    return {to, items.size()};
  }
  std::string_view CopyText(std::string_view text);

  size_t bytes() const { return bytes_; }

 private:
  void* Allocate(size_t bytes, size_t alignment);

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

struct Expr;
struct Pattern;
struct Clause;
struct Unit;
struct Item;

// ---------------------------------------------------------------------------
// Names

// A local name: of a parameter, a `let`, a `var`, a pattern, a local `fn`. Two
// alternatives of one pattern that bind a name share one Binding.
struct Binding {
  std::string_view name;  // "_" for a parameter nobody wants
  Span span;              // where it is introduced
  bool is_var = false;    // `var`: may be assigned; never captured
  bool is_used = false;   // some expression reads it
  // A parameter of a behavior: it lives in capture `capture` of `unit`, and its
  // uses there are RefKind::kCapture.
  bool is_capture = false;
  uint32_t capture = 0;
  Unit* unit = nullptr;         // the unit whose frame (or captures) holds it
  Binding* shadowed = nullptr;  // the resolver's
  uint32_t slot = UINT32_MAX;   // the compiler's, e.g. its register
};

enum class RefKind : uint8_t {
  kUnresolved,  // an error was reported
  kLocal,       // `binding`, of the unit that the use stands in
  kCapture,     // capture `index` of the unit that the use stands in
  kSelf,        // the function (a local `fn`) that the use stands in: no capture, an instruction
  kItem,        // `item` of this module; an item's use of itself is this too
  kImported,    // `member` of the module that `item` (an ItemKind::kImport) imports
  kBuiltin,     // builtin `index`: the id that the NamesAround gave for the name
};

// What stands behind a kItem, kImported or kBuiltin.
enum class Declared : uint8_t {
  kValue,     // a module's `let`, a builtin constant
  kFunction,  // may be called, and is a value
  kAct,       // may only be called; never a value
  kBehavior,  // with parameters: called with them it yields a behavior; without: is itself one
};

// What a name means at one place.
struct Ref {
  RefKind kind = RefKind::kUnresolved;
  Declared declared = Declared::kValue;
  uint32_t index = 0;
  Binding* binding = nullptr;
  Item* item = nullptr;
  std::string_view member;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_SCRIPT_SYNTAX_AST_NAME_H_
