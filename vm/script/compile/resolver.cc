#include "vm/script/compile/resolver.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/script/compile/resolver_internal.h"

namespace vesicle {

void Resolve(Ast& ast, const NamesAround& around, Diagnostics& diagnostics) {
  NameResolver(ast, around, diagnostics).ResolveModule();
}

std::optional<Imported> Exported(const Item& item) {
  if (item.is_private) return std::nullopt;
  const uint32_t params =
      item.unit == nullptr ? 0 : static_cast<uint32_t>(item.unit->params.size());
  switch (item.kind) {
    case ItemKind::kFunction:
      return Imported{Declared::kFunction, {params, params}};
    case ItemKind::kAct:
      return Imported{Declared::kAct, {params, params}};
    case ItemKind::kBehavior:
      return Imported{Declared::kBehavior, {params, params}};
    case ItemKind::kConstant:
      return Imported{Declared::kValue, {0, 0}};
    case ItemKind::kImport:
    case ItemKind::kTest:
      break;
  }
  return std::nullopt;
}

std::string CallOf(const Item& item) {
  std::string call(item.name);
  call += "(";
  for (const Binding* param : item.unit->params) {
    if (call.back() != '(') call += ", ";
    call += param->name;
  }
  return call + ")";
}

void NameResolver::Error(Span span, std::string message, std::string hint) {
  diagnostics_.Error(span, std::move(message), std::move(hint));
}

void NameResolver::ErrorWithNote(Span span, std::string message, std::string hint, Span note_span,
                                 std::string note) {
  diagnostics_.Error({span, std::move(message), std::move(hint), note_span, std::move(note)});
}

void NameResolver::ResolveModule() {
  CollectItems();
  uses_.resize(ast_.items.size());
  for (Item* item : ast_.items) {
    if (item->unit == nullptr) continue;
    item_ = item;
    VisitUnit(*item->unit);
  }
  CheckConstants();
  ast_.units = ast_.arena.Copy(units_);
}

void NameResolver::CollectItems() {
  for (Item* item : ast_.items) {
    if (item->kind == ItemKind::kTest) continue;
    if (item->name == "_") {
      Error(item->name_span, "this needs a name");
      continue;
    }
    const auto [at, is_new] = items_.try_emplace(Key(item->name), item);
    if (!is_new) {
      ErrorWithNote(item->name_span,
                    absl::StrCat("there are two `", std::string(item->name), "` in this file"),
                    "rename one of them", at->second->name_span, "the first one");
    }
  }
}

// Constants are computed in the order of the file. Each constant marks, from the
// last to the first, everything that names it, directly or through functions;
// the first mark a thing gets is the latest constant that it needs.
void NameResolver::CheckConstants() {
  std::vector<std::vector<uint32_t>> used_by(ast_.items.size());
  auto counts = [](const Item& item) {
    return item.kind == ItemKind::kConstant || item.kind == ItemKind::kFunction;
  };
  for (const Item* item : ast_.items) {
    if (!counts(*item)) continue;
    for (const ItemUse& use : uses_[item->index]) {
      if (counts(*use.item)) used_by[use.item->index].push_back(item->index);
    }
  }
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> latest(ast_.items.size(), kNone);
  std::vector<uint32_t> work;
  for (size_t i = ast_.items.size(); i-- > 0;) {
    if (ast_.items[i]->kind != ItemKind::kConstant) continue;
    const auto constant = static_cast<uint32_t>(i);
    work.push_back(constant);
    while (!work.empty()) {
      const uint32_t at = work.back();
      work.pop_back();
      if (latest[at] != kNone) continue;
      latest[at] = constant;
      work.insert(work.end(), used_by[at].begin(), used_by[at].end());
    }
  }
  for (const Item* item : ast_.items) {
    if (item->kind != ItemKind::kConstant) continue;
    for (const ItemUse& use : uses_[item->index]) {
      const uint32_t needs = latest[use.item->index];
      if (!counts(*use.item) || needs == kNone || needs < item->index) continue;
      const Item& later = *ast_.items[needs];
      const std::string name(later.name);
      ErrorWithNote(use.span,
                    use.item == &later ? absl::StrCat("`", name, "` is not computed yet")
                                       : absl::StrCat("`", std::string(use.item->name), "` needs `",
                                                      name, "`, which is not computed yet"),
                    &later == item && item->unit->body->kind == ExprKind::kFunction
                        ? HintForRecursion(item->name)
                        : "constants are computed from the top of the file to its end",
                    later.name_span, absl::StrCat("`", name, "` is declared here"));
      break;
    }
  }
}

void NameResolver::DeclareParams(Unit& unit) {
  for (size_t i = 0; i < unit.params.size(); ++i) {
    Binding* param = unit.params[i];
    param->unit = &unit;
    if (unit.kind == UnitKind::kBehavior) {
      param->is_capture = true;
      param->capture = static_cast<uint32_t>(i);
      frame_->captures.push_back(
          {param->name, CaptureFrom::kParameter, static_cast<uint32_t>(i), param});
    }
    if (param->name == "_") continue;
    const Binding* same = FindLocal(param->name);
    if (same != nullptr && same->unit == &unit) {
      ErrorWithNote(param->span,
                    absl::StrCat("there are two parameters `", std::string(param->name), "`"),
                    "rename one of them", same->span, "the first one");
    }
    Declare(param);
  }
}

void NameResolver::VisitUnit(Unit& unit, const Binding* self) {
  Frame frame;
  frame.unit = &unit;
  frame.parent = frame_;
  frame.self = self;
  unit.parent = frame_ == nullptr ? nullptr : frame_->unit;
  units_.push_back(&unit);
  frame_ = &frame;
  {
    Pure pure(*this, "");
    Scope scope(*this);
    DeclareParams(unit);
    if (unit.body != nullptr) Visit(unit.body, Use::kLast);
    VisitClauses(unit.clauses, Use::kLast);
    VisitClauses(unit.else_clauses, Use::kLast);
  }
  frame_ = frame.parent;
  unit.captures = ast_.arena.Copy(frame.captures);
  if (frame_ != nullptr && unit.uses_self &&
      (unit.kind == UnitKind::kWhen || unit.kind == UnitKind::kTask)) {
    frame_->unit->uses_self = true;
  }
}

namespace {

bool TakesEverything(const Pattern& pattern) {
  switch (pattern.kind) {
    case PatternKind::kAny:
    case PatternKind::kBind:
      return true;
    case PatternKind::kAs:
      return TakesEverything(*As<AsPattern>(pattern).pattern);
    case PatternKind::kEither: {
      const auto& either = As<EitherPattern>(pattern).alternatives;
      return std::any_of(either.begin(), either.end(),
                         [](const Pattern* p) { return TakesEverything(*p); });
    }
    default:
      return false;
  }
}

}  // namespace

void NameResolver::CheckReached(std::span<const Clause> clauses) {
  const auto all = std::find_if(clauses.begin(), clauses.end(), [](const Clause& clause) {
    return clause.guard == nullptr && TakesEverything(*clause.pattern);
  });
  if (all == clauses.end() || all + 1 == clauses.end()) return;
  const auto* bind =
      all->pattern->kind == PatternKind::kBind ? &As<BindPattern>(*all->pattern) : nullptr;
  const std::string name(bind == nullptr ? "" : bind->name);
  const bool is_known =
      bind != nullptr && (FindLocal(bind->name) != nullptr || FindItem(bind->name) != nullptr ||
                          around_.FindBuiltin(bind->name).has_value());
  ErrorWithNote(all[1].pattern->span, "no value comes to this clause",
                is_known ? absl::StrCat("`", name, "` in a pattern is a new name; `^", name,
                                        "` takes what is the same as the one from around it")
                         : "clauses are tried in order: put this one first, or remove it",
                all->pattern->span, "this one takes everything");
}

void NameResolver::VisitClauses(std::span<Clause> clauses, Use use) {
  CheckReached(clauses);
  for (Clause& clause : clauses) {
    Scope scope(*this);
    VisitPattern(*clause.pattern);
    if (clause.guard != nullptr) {
      Pure pure(*this, "a guard");
      Visit(clause.guard, Use::kValue);
    }
    Visit(clause.body, use);
  }
}

}  // namespace vesicle
