// The names that patterns bind.
#include <string>

#include "absl/strings/str_cat.h"
#include "vm/script/compile/resolver_internal.h"

namespace vesicle {

void NameResolver::VisitPattern(Pattern& pattern) {
  PatternNames names;
  BindPatternNames(pattern, names);
  for (Binding* binding : names.order) Declare(binding);
}

void NameResolver::Bind(BindPattern& bind, PatternNames& names) {
  const std::string name(bind.name);
  if (const auto at = names.map.find(Key(bind.name)); at != names.map.end()) {
    bind.binding = at->second;
    return ErrorWithNote(bind.span, absl::StrCat("this pattern binds `", name, "` twice"),
                         "give one another name, and compare them in a guard", at->second->span,
                         "the first time");
  }
  if (names.model != nullptr) {
    const auto at = names.model->map.find(Key(bind.name));
    if (at != names.model->map.end()) {
      bind.binding = at->second;
    } else {
      Error(bind.span, absl::StrCat("only one side of `|` binds `", name, "`"),
            "all sides bind the same names; `_` takes what has none");
    }
  }
  if (bind.binding == nullptr) {
    bind.binding = ast_.arena.New<Binding>();
    bind.binding->name = bind.name;
    bind.binding->span = bind.span;
    bind.binding->unit = frame_->unit;
  }
  names.map.emplace(Key(bind.name), bind.binding);
  names.order.push_back(bind.binding);
}

void NameResolver::BindEither(EitherPattern& either, PatternNames& names) {
  PatternNames first;
  first.model = names.model;
  BindPatternNames(*either.alternatives[0], first);
  for (Pattern* alternative : either.alternatives.subspan(1)) {
    PatternNames other;
    other.model = &first;
    BindPatternNames(*alternative, other);
    for (const Binding* binding : first.order) {
      if (diagnostics_.full() || other.map.contains(Key(binding->name))) continue;
      ErrorWithNote(
          alternative->span,
          absl::StrCat("this side of `|` does not bind `", std::string(binding->name), "`"),
          "all sides bind the same names; `_` takes what has none", binding->span,
          "the first side does");
      break;
    }
  }
  for (Binding* binding : first.order) {
    const auto [at, is_new] = names.map.try_emplace(Key(binding->name), binding);
    if (is_new) {
      names.order.push_back(binding);
    } else {
      ErrorWithNote(binding->span,
                    absl::StrCat("this pattern binds `", std::string(binding->name), "` twice"),
                    "give one another name, and compare them in a guard", at->second->span,
                    "the first time");
    }
  }
}

void NameResolver::BindPatternNames(Pattern& pattern, PatternNames& names) {
  if (diagnostics_.full()) return;
  switch (pattern.kind) {
    case PatternKind::kError:
    case PatternKind::kAny:
    case PatternKind::kLiteral:
      break;
    case PatternKind::kBind:
      Bind(As<BindPattern>(pattern), names);
      break;
    case PatternKind::kPinned:
      VisitName(*As<PinnedPattern>(pattern).name, kNotCalled);
      break;
    case PatternKind::kTagged:
      for (Pattern* arg : As<TaggedPattern>(pattern).args) BindPatternNames(*arg, names);
      break;
    case PatternKind::kList: {
      auto& list = As<ListPattern>(pattern);
      for (Pattern* element : list.before) BindPatternNames(*element, names);
      if (list.rest.name != nullptr) Bind(*list.rest.name, names);
      for (Pattern* element : list.after) BindPatternNames(*element, names);
      break;
    }
    case PatternKind::kMap: {
      auto& map = As<MapPattern>(pattern);
      for (MapPatternEntry& entry : map.entries) {
        {
          Pure pure(*this, "a key in a pattern");
          Visit(entry.key, Use::kValue);
        }
        BindPatternNames(*entry.value, names);
      }
      if (map.rest.name != nullptr) Bind(*map.rest.name, names);
      break;
    }
    case PatternKind::kEither:
      BindEither(As<EitherPattern>(pattern), names);
      break;
    case PatternKind::kAs:
      BindPatternNames(*As<AsPattern>(pattern).pattern, names);
      Bind(*As<AsPattern>(pattern).name, names);
      break;
  }
}

}  // namespace vesicle
