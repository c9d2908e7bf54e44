#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "vm/script/compile/resolver_internal.h"
#include "vm/script/syntax/token.h"

namespace vesicle {
namespace {

std::string Quoted(std::string_view name) { return absl::StrCat("`", std::string(name), "`"); }

std::string Count(size_t n, std::string_view what) {
  return absl::StrCat(n, " ", std::string(what), n == 1 ? "" : "s");
}

std::string ArityText(Arity arity) {
  if (arity.min == arity.max) return Count(arity.min, "argument");
  if (arity.max == Arity::kAny) return absl::StrCat(Count(arity.min, "argument"), " or more");
  return absl::StrCat(arity.min, " to ", Count(arity.max, "argument"));
}

Declared DeclaredAs(ItemKind kind) {
  switch (kind) {
    case ItemKind::kFunction:
      return Declared::kFunction;
    case ItemKind::kAct:
      return Declared::kAct;
    case ItemKind::kBehavior:
      return Declared::kBehavior;
    default:
      return Declared::kValue;
  }
}

std::string_view UnitWords(UnitKind kind) {
  switch (kind) {
    case UnitKind::kFunction:
      return "a function";
    case UnitKind::kAct:
      return "an act";
    case UnitKind::kBehavior:
      return "a behavior";
    case UnitKind::kWhen:
      return "a `when`";
    case UnitKind::kTask:
      return "a task";
    case UnitKind::kTest:
      return "a test";
    case UnitKind::kConstant:
      break;
  }
  return "a constant";
}

}  // namespace

std::string HintForRecursion(std::string_view name) {
  return absl::StrCat("a function that names itself is declared `fn ", std::string(name), "(..)`");
}

void NameResolver::Declare(Binding* binding) {
  binding->unit = frame_->unit;
  Binding*& innermost = names_[Key(binding->name)];
  binding->shadowed = innermost;
  if (innermost != nullptr && innermost->unit != frame_->unit) {
    frame_->outer.try_emplace(Key(binding->name), innermost);
  }
  innermost = binding;
  declared_.push_back(binding);
}

void NameResolver::LeaveScope(size_t mark) {
  for (; declared_.size() > mark; declared_.pop_back()) {
    Binding* binding = declared_.back();
    const auto at = names_.find(Key(binding->name));
    if (binding->shadowed != nullptr) {
      at->second = binding->shadowed;
    } else {
      names_.erase(at);
    }
  }
}

Binding* NameResolver::FindLocal(std::string_view name) const {
  const auto at = names_.find(Key(name));
  return at == names_.end() ? nullptr : at->second;
}

Item* NameResolver::FindItem(std::string_view name) const {
  const auto at = items_.find(Key(name));
  return at == items_.end() ? nullptr : at->second;
}

// What `binding` is in `frame`: its own, or a capture of what it is around it.
Ref NameResolver::RefTo(Frame& frame, Binding& binding) {
  Ref ref;
  ref.binding = &binding;
  if (frame.self == &binding) {
    ref.kind = RefKind::kSelf;
  } else if (binding.unit == frame.unit) {
    ref.kind = binding.is_capture ? RefKind::kCapture : RefKind::kLocal;
    ref.index = binding.capture;
  } else {
    ref.kind = RefKind::kCapture;
    const auto at = frame.capture_of.find(&binding);
    if (at != frame.capture_of.end()) {
      ref.index = at->second;
      return ref;
    }
    const Ref outer = RefTo(*frame.parent, binding);
    Capture capture;
    capture.name = binding.name;
    capture.binding = &binding;
    capture.index = outer.index;
    capture.from = outer.kind == RefKind::kSelf      ? CaptureFrom::kSelf
                   : outer.kind == RefKind::kCapture ? CaptureFrom::kCapture
                                                     : CaptureFrom::kLocal;
    ref.index = static_cast<uint32_t>(frame.captures.size());
    frame.captures.push_back(capture);
    frame.capture_of.emplace(&binding, ref.index);
  }
  return ref;
}

// A `var` changes while its unit runs; whoever would keep it must take a copy.
bool NameResolver::CheckCapture(const Binding& binding, Span use) {
  if (!binding.is_var || binding.unit == frame_->unit) return true;
  const Unit* taker = frame_->unit;
  while (taker->parent != binding.unit && taker->parent != nullptr) taker = taker->parent;
  const std::string name(binding.name);
  ErrorWithNote(use,
                absl::StrCat("`", name, "` is a `var`, and ", std::string(UnitWords(taker->kind)),
                             " cannot capture it"),
                absl::StrCat("take its value before: `let ", name, "_now = ", name, "`"),
                binding.span, absl::StrCat("`", name, "` is declared here"));
  return false;
}

void NameResolver::VisitName(NameExpr& name, size_t args) {
  if (Binding* binding = FindLocal(name.name)) {
    if (!CheckCapture(*binding, name.span)) return;
    binding->is_used = true;
    name.ref = RefTo(*frame_, *binding);
    return;
  }
  if (Item* item = FindItem(name.name)) return UseItem(name, *item, args);
  if (const std::optional<Builtin> builtin = around_.FindBuiltin(name.name)) {
    return UseBuiltin(name, *builtin, args);
  }
  Unknown(name);
}

void NameResolver::UseItem(NameExpr& name, Item& item, size_t args) {
  if (item.kind == ItemKind::kImport) {
    return Error(name.span, absl::StrCat(Quoted(name.name), " is a module, not a value"),
                 absl::StrCat("write `", std::string(name.name), ".name` for something in it"));
  }
  name.ref.kind = RefKind::kItem;
  name.ref.declared = DeclaredAs(item.kind);
  name.ref.item = &item;
  if (item_ != nullptr) uses_[item_->index].push_back({&item, name.span});
  const auto params = static_cast<uint32_t>(item.unit->params.size());
  if (args != kNotCalled && args != params) {
    return CheckUse(name, name.ref.declared, {params, params}, CallOf(item), args);
  }
  CheckUse(name, name.ref.declared, {params, params}, "", args);
}

void NameResolver::UseBuiltin(NameExpr& name, const Builtin& builtin, size_t args) {
  name.ref.kind = RefKind::kBuiltin;
  name.ref.declared = builtin.declared;
  name.ref.index = builtin.id;
  CheckUse(name, builtin.declared, builtin.arity, builtin.call, args);
}

bool NameResolver::VisitMember(Expr*& slot, size_t args) {
  auto& field = As<FieldExpr>(*slot);
  const auto* object = If<NameExpr>(field.object);
  if (object == nullptr || FindLocal(object->name) != nullptr) return false;
  Item* import = FindItem(object->name);
  if (import == nullptr || import->kind != ItemKind::kImport) return false;

  auto* name = ast_.arena.New<NameExpr>();
  name->span = field.span;
  name->use = field.use;
  name->parens = field.parens;
  name->name = field.name;
  slot = name;
  const std::string module(import->name);
  if (field.name.substr(0, 1) == "_") {
    Error(field.name_span, absl::StrCat(Quoted(field.name), " is private to its module"),
          "names that start with _ are for their own file");
    return true;
  }
  const std::optional<Imported> member = around_.FindImported(*import, field.name);
  if (!member.has_value()) {
    Suggestion suggestion(field.name);
    around_.EachImported(*import, [&](std::string_view offer) { suggestion.Offer(offer); });
    std::string hint = suggestion.Hint();
    Error(field.name_span, absl::StrCat("the module `", module, "` has no ", Quoted(field.name)),
          std::move(hint));
    return true;
  }
  name->ref.kind = RefKind::kImported;
  name->ref.declared = member->declared;
  name->ref.item = import;
  name->ref.member = field.name;
  CheckUse(*name, member->declared, member->arity, member->call, args);
  return true;
}

void NameResolver::CheckUse(const NameExpr& name, Declared declared, Arity arity,
                            std::string_view call, size_t args) {
  const std::string quoted = Quoted(name.name);
  const std::string plain(name.name);
  if (args == kNotCalled) {
    if (declared == Declared::kAct) {
      Error(name.span, absl::StrCat(quoted, " is an act; acts are called and are no values"),
            absl::StrCat("call it: `", plain, "(..)`"));
    } else if (declared == Declared::kBehavior && arity.min > 0) {
      Error(name.span, absl::StrCat(quoted, " needs ", ArityText(arity), " to be a behavior"),
            absl::StrCat("write `", plain, "(..)`"));
    }
    return;
  }
  if (declared == Declared::kAct) CheckActs(name.span, absl::StrCat("call the act ", quoted));
  if (declared == Declared::kValue) return;
  if (declared == Declared::kBehavior && arity.max == 0) {
    return Error(name.span, absl::StrCat(quoted, " has no parameters; it is itself the behavior"),
                 absl::StrCat("write `", plain, "` without parentheses"));
  }
  if (args < arity.min || args > arity.max) {
    Error(name.span,
          absl::StrCat(quoted, " takes ", ArityText(arity),
                       args == 1 ? ", here is " : ", here are ", args),
          call.empty() ? "" : Quoted(call));
  }
}

void NameResolver::OfferNames(Suggestion& suggestion) const {
  for (const auto& [name, binding] : names_) suggestion.Offer({name.data(), name.size()});
  for (const auto& [name, item] : items_) suggestion.Offer({name.data(), name.size()});
  around_.EachBuiltin([&](std::string_view name) { suggestion.Offer(name); });
}

void NameResolver::Unknown(const NameExpr& name) {
  if (diagnostics_.full() || !unknown_.insert(std::string(name.name)).second) return;
  Suggestion suggestion(name.name);
  OfferNames(suggestion);
  std::string hint(HintForHabit(name.name));
  if (std::find(let_functions_.begin(), let_functions_.end(), name.name) != let_functions_.end()) {
    hint = HintForRecursion(name.name);
  }
  Error(name.span, absl::StrCat("there is no ", Quoted(name.name), " here"),
        hint.empty() ? suggestion.Hint() : hint);
}

}  // namespace vesicle
