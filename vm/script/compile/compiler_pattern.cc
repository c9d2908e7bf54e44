// Patterns become tests that jump on, and clauses sequences of them.
#include "vm/script/compile/compiler_internal.h"
#include "vm/value/number.h"
#include "vm/value/text.h"

namespace vesicle::compiler_internal {

void UnitCompiler::Defer(Label label, uint32_t subject, NoClauseOf of) {
  if (label.jumps.empty()) return;
  deferred_.push_back({std::move(label), subject, of, span_});
}

void UnitCompiler::BindName(const BindPattern& p, uint32_t subject) {
  Binding& binding = *p.binding;
  if (binding.slot == UINT32_MAX) {
    binding.slot = subject;
  } else if (binding.slot != subject) {
    Emit(Op::kMove, binding.slot, subject);
  }
}

void UnitCompiler::Reserve(const Pattern& p) {
  const auto name = [this](const BindPattern* bind) {
    if (bind != nullptr && bind->binding->slot == UINT32_MAX) bind->binding->slot = Reg();
  };
  switch (p.kind) {
    case PatternKind::kBind:
      return name(&As<BindPattern>(p));
    case PatternKind::kTagged:
      for (const Pattern* arg : As<TaggedPattern>(p).args) Reserve(*arg);
      return;
    case PatternKind::kList: {
      const auto& list = As<ListPattern>(p);
      for (const Pattern* item : list.before) Reserve(*item);
      for (const Pattern* item : list.after) Reserve(*item);
      return name(list.rest.name);
    }
    case PatternKind::kMap: {
      const auto& map = As<MapPattern>(p);
      for (const MapPatternEntry& entry : map.entries) Reserve(*entry.value);
      return name(map.rest.name);
    }
    case PatternKind::kEither:
      return Reserve(*As<EitherPattern>(p).alternatives[0]);
    case PatternKind::kAs:
      Reserve(*As<AsPattern>(p).pattern);
      return name(As<AsPattern>(p).name);
    default:
      return;
  }
}

void UnitCompiler::MatchWord(Value value, uint32_t subject, Label& fail) {
  if (value.is_int() && value.small_int() >= INT16_MIN && value.small_int() <= INT16_MAX) {
    EmitX(Op::kTestInt, subject, static_cast<uint16_t>(value.small_int()));
  } else {
    EmitX(Op::kTestWord, subject, ConstantValue(value));
  }
  EmitTarget(fail);
}

void UnitCompiler::Match(const Pattern& p, uint32_t subject, Label& fail) {
  if (failed_) return;
  At at(*this, p.span);
  switch (p.kind) {
    case PatternKind::kError:
    case PatternKind::kAny:
      return;
    case PatternKind::kBind:
      return BindName(As<BindPattern>(p), subject);
    case PatternKind::kLiteral: {
      const Value value = *LiteralValue(*As<LiteralPattern>(p).value);
      // Symbols are one object each; other objects are compared by content.
      if (!value.is_data() || IsSymbol(value)) return MatchWord(value, subject, fail);
      const uint32_t mark = next_;
      const uint32_t literal = Reg();
      LoadLiteral(value, literal);
      Emit(Op::kJumpNotEqual, subject, literal);
      EmitTarget(fail);
      next_ = mark;
      return;
    }
    case PatternKind::kPinned: {
      const uint32_t mark = next_;
      const uint32_t pinned = Any(*As<PinnedPattern>(p).name);
      Emit(Op::kJumpNotEqual, subject, pinned);
      EmitTarget(fail);
      next_ = mark;
      return;
    }
    case PatternKind::kTagged:
      return MatchTagged(As<TaggedPattern>(p), subject, fail);
    case PatternKind::kList:
      return MatchList(As<ListPattern>(p), subject, fail);
    case PatternKind::kMap:
      return MatchMap(As<MapPattern>(p), subject, fail);
    case PatternKind::kEither:
      return MatchEither(As<EitherPattern>(p), subject, fail);
    case PatternKind::kAs: {
      const auto& as = As<AsPattern>(p);
      Match(*as.pattern, subject, fail);
      return BindName(*as.name, subject);
    }
  }
}

void UnitCompiler::MatchTagged(const TaggedPattern& p, uint32_t subject, Label& fail) {
  const uint32_t count = static_cast<uint32_t>(p.args.size());
  if (count > kFieldsWrittenMax) {
    return LimitError("a pattern has at most " + std::to_string(kFieldsWrittenMax) + " fields",
                      "match the list of them");
  }
  const bool is_topmost = subject + 1 == next_;
  Emit(is_topmost ? Op::kTestTag : Op::kTestTagged, subject, count);
  Put(ConstantValue(SymbolValue(p.tag)));
  EmitTarget(fail);
  if (is_topmost) {
    for (uint32_t i = 0; i < count; ++i) Reg();
    for (uint32_t i = 0; i < count; ++i) Match(*p.args[i], subject + 1 + i, fail);
    return;
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (p.args[i]->kind == PatternKind::kAny) continue;
    const uint32_t field = Reg();
    Emit(Op::kTaggedField, field, subject, i);
    Match(*p.args[i], field, fail);
  }
}

void UnitCompiler::MatchList(const ListPattern& p, uint32_t subject, Label& fail) {
  const size_t before = p.before.size();
  const size_t after = p.after.size();
  if (before > kListPatternMax || after > kListPatternMax) {
    return LimitError("a list pattern names at most " + std::to_string(kListPatternMax) +
                          " elements on a side of `...`",
                      "");
  }
  EmitX(p.rest.is_present ? Op::kTestListMin : Op::kTestList, subject,
        static_cast<uint32_t>(before + after));
  EmitTarget(fail);
  const auto item = [&](Op op, const Pattern& pattern, size_t index) {
    if (pattern.kind == PatternKind::kAny) return;
    const uint32_t reg = Reg();
    Emit(op, reg, subject, static_cast<uint32_t>(index));
    Match(pattern, reg, fail);
  };
  for (size_t i = 0; i < before; ++i) item(Op::kListItem, *p.before[i], i);
  for (size_t i = 0; i < after; ++i) item(Op::kListItemBack, *p.after[i], after - i);
  if (p.rest.name != nullptr) {
    const uint32_t reg = Reg();
    Emit(Op::kListRest, reg, subject, static_cast<uint32_t>(before));
    Put(static_cast<uint32_t>(after));
    BindName(*p.rest.name, reg);
  }
}

void UnitCompiler::MatchMap(const MapPattern& p, uint32_t subject, Label& fail) {
  if (p.entries.size() > UINT16_MAX) {
    return LimitError("a map pattern has at most 65535 entries", "");
  }
  EmitX(p.rest.is_present ? Op::kTestMapMin : Op::kTestMap, subject,
        static_cast<uint32_t>(p.entries.size()));
  EmitTarget(fail);
  std::vector<uint32_t> keys;
  for (const MapPatternEntry& entry : p.entries) {
    const uint32_t key = Any(*entry.key);
    keys.push_back(key);
    const uint32_t value = Reg();
    Emit(Op::kMapFind, value, subject, key);
    EmitTarget(fail);
    Match(*entry.value, value, fail);
  }
  if (p.rest.name == nullptr) return;
  const uint32_t rest = Reg();
  Emit(Op::kMove, rest, subject);
  for (const uint32_t key : keys) Emit(Op::kMapWithout, rest, rest, key);
  BindName(*p.rest.name, rest);
}

void UnitCompiler::MatchEither(const EitherPattern& p, uint32_t subject, Label& fail) {
  // Names have registers of their own, so that every alternative leaves them there.
  Reserve(*p.alternatives[0]);
  Label done;
  for (size_t i = 0; i < p.alternatives.size(); ++i) {
    const uint32_t mark = next_;
    if (i + 1 == p.alternatives.size()) {
      Match(*p.alternatives[i], subject, fail);
    } else {
      Label next;
      Match(*p.alternatives[i], subject, next);
      EmitJump(done);
      Bind(next);
    }
    next_ = mark;
  }
  Bind(done);
}

void UnitCompiler::GenClauses(std::span<const Clause> clauses, uint32_t subject, Dest d,
                              Label& none) {
  Label end;
  for (size_t i = 0; i < clauses.size() && !failed_; ++i) {
    const Clause& clause = clauses[i];
    const uint32_t mark = next_;
    const bool is_last = i + 1 == clauses.size();
    Label next;
    Label& fail = is_last ? none : next;
    Match(*clause.pattern, subject, fail);
    if (clause.guard != nullptr) {
      At at(*this, clause.guard->span);
      JumpIf(*clause.guard, false, fail, ConditionOf::kGuard);
    }
    const bool takes_all = fail.jumps.empty();
    Gen(*clause.body, d);
    next_ = mark;
    if (takes_all) break;  // what follows is never reached
    if (!is_last) {
      if (!d.is_last()) EmitJump(end);
      Bind(next);
    }
  }
  if (clauses.empty()) EmitJump(none);
  Bind(end);
}

}  // namespace vesicle::compiler_internal
