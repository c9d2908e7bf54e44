// The NameResolver behind Resolve(): one walk over the tree, in three files
// (resolver.cc: items, units, the order of constants; resolver_names.cc: what a
// name means; resolver_expr.cc: expressions and patterns).
//
// Scopes are one table from a name to its innermost Binding; each Binding
// remembers what it shadows, and leaving a scope puts that back. A use that
// stands deeper than its Binding's unit makes a capture in every unit between.
#ifndef VESICLE_VM_SCRIPT_COMPILE_RESOLVER_INTERNAL_H_
#define VESICLE_VM_SCRIPT_COMPILE_RESOLVER_INTERNAL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "vm/script/compile/resolver.h"
#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle {

// For `let name = fn .. name ..`.
std::string HintForRecursion(std::string_view name);

class NameResolver {
 public:
  NameResolver(Ast& ast, const NamesAround& around, Diagnostics& diagnostics)
      : ast_(ast), around_(around), diagnostics_(diagnostics) {}

  void ResolveModule();

 private:
  // std's string_view is not absl's, so hashing it takes absl's as a key.
  template <typename T>
  using NameMap = absl::flat_hash_map<absl::string_view, T>;
  static absl::string_view Key(std::string_view name) { return {name.data(), name.size()}; }

  // A unit that is being walked.
  struct Frame {
    Unit* unit = nullptr;
    Frame* parent = nullptr;
    const Binding* self = nullptr;  // a local function's own name
    std::vector<Capture> captures;
    absl::flat_hash_map<const Binding*, uint32_t> capture_of;
    // What names of the units around mean where this unit's own bindings shadow
    // them: `become with` looks past those.
    NameMap<Binding*> outer;
    NameMap<uint32_t> params;  // of a behavior; made when first asked
  };

  // Leaves the names of its lifetime behind.
  class Scope {
   public:
    explicit Scope(NameResolver& resolver)
        : resolver_(resolver), mark_(resolver.declared_.size()) {}
    ~Scope() { resolver_.LeaveScope(mark_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    NameResolver& resolver_;
    size_t mark_;
  };

  // A place in which nothing acts although the unit may, e.g. "a guard".
  class Pure {
   public:
    Pure(NameResolver& resolver, std::string_view place)
        : resolver_(resolver), before_(resolver.pure_place_) {
      resolver.pure_place_ = place;
    }
    ~Pure() { resolver_.pure_place_ = before_; }
    Pure(const Pure&) = delete;
    Pure& operator=(const Pure&) = delete;

   private:
    NameResolver& resolver_;
    std::string_view before_;
  };

  // The names that one pattern binds.
  struct PatternNames {
    std::vector<Binding*> order;
    NameMap<Binding*> map;
    // Of the first of several alternatives: the others bind the same.
    const PatternNames* model = nullptr;
  };

  // resolver.cc
  void CollectItems();
  void CheckConstants();
  void VisitUnit(Unit& unit, const Binding* self = nullptr);
  void DeclareParams(Unit& unit);
  void VisitClauses(std::span<Clause> clauses, Use use);
  // No clause stands behind one that takes everything.
  void CheckReached(std::span<const Clause> clauses);
  void Error(Span span, std::string message, std::string hint = "");
  void ErrorWithNote(Span span, std::string message, std::string hint, Span note_span,
                     std::string note);

  // resolver_names.cc
  void Declare(Binding* binding);
  void LeaveScope(size_t mark);
  Binding* FindLocal(std::string_view name) const;
  Item* FindItem(std::string_view name) const;
  Ref RefTo(Frame& frame, Binding& binding);
  bool CheckCapture(const Binding& binding, Span use);
  // A use of a name: called with `args`, or (kNotCalled) as a value.
  static constexpr size_t kNotCalled = SIZE_MAX;
  void VisitName(NameExpr& name, size_t args);
  void UseItem(NameExpr& name, Item& item, size_t args);
  void UseBuiltin(NameExpr& name, const Builtin& builtin, size_t args);
  // Turns `alias.name` into one name; false when `field` is no such thing.
  bool VisitMember(Expr*& slot, size_t args);
  void CheckUse(const NameExpr& name, Declared declared, Arity arity, std::string_view call,
                size_t args);
  void Unknown(const NameExpr& name);
  void OfferNames(Suggestion& suggestion) const;

  // resolver_expr.cc
  void Visit(Expr*& slot, Use use);
  void VisitAll(std::span<Expr*> exprs);
  void VisitCondition(Expr*& slot, std::string_view what);
  void VisitBinary(BinaryExpr& binary, Use use);
  void VisitCall(CallExpr& call);
  void VisitBlock(BlockExpr& block, Use use);
  void VisitIf(IfExpr& node, Use use);
  void VisitFor(ForExpr& loop);
  void VisitComprehension(ComprehensionExpr& node);
  void VisitMap(MapExpr& map);
  void VisitLet(LetExpr& let);
  void VisitAssign(AssignExpr& assign);
  void VisitBecomeWith(BecomeWithExpr& become);
  void VisitAwait(AwaitExpr& await, Use use);
  bool CheckBecome(Span span);
  bool FindChanged(BecomeField& field);
  // Whether acting is allowed here; reports that the place cannot `what`.
  bool CheckActs(Span span, std::string_view what);
  void CheckUnused(const Expr& expr, uint64_t acts_before);
  void CheckNotPromise(const Expr& expr, std::string_view what);
  void VisitPattern(Pattern& pattern);  // declares what it binds
  void BindPatternNames(Pattern& pattern, PatternNames& names);
  void BindEither(EitherPattern& either, PatternNames& names);
  void Bind(BindPattern& bind, PatternNames& names);

  Ast& ast_;
  const NamesAround& around_;
  Diagnostics& diagnostics_;
  NameMap<Item*> items_;
  NameMap<Binding*> names_;
  std::vector<Binding*> declared_;
  std::vector<Unit*> units_;
  Frame* frame_ = nullptr;
  std::string_view pure_place_;
  std::vector<std::string_view> let_functions_;  // `let f = fn ..` around here: no names yet
  uint64_t acts_ = 0;                            // acting expressions met so far
  absl::flat_hash_set<std::string> unknown_;     // reported once each
  // What each function and constant names, for the order of constants.
  struct ItemUse {
    const Item* item;
    Span span;
  };
  Item* item_ = nullptr;
  std::vector<std::vector<ItemUse>> uses_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_COMPILE_RESOLVER_INTERNAL_H_
