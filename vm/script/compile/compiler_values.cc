// Values that are built from parts: texts, tagged values, lists, maps, and the
// holders of code with their captures.
#include <algorithm>
#include <vector>

#include "vm/script/compile/compiler_internal.h"

namespace vesicle::compiler_internal {
namespace {

// Elements, pairs or parts that are gathered in registers before they are joined.
constexpr size_t kChunk = 32;

}  // namespace

void UnitCompiler::GenInterpolation(const InterpolationExpr& e, Dest d) {
  const uint32_t base = BlockAt(d);
  size_t at = 0;
  uint32_t used = 0;  // registers of the group; the first holds what was joined before
  while (at < e.parts.size()) {
    for (; at < e.parts.size() && used < kChunk; ++at, ++used) {
      Gen(*e.parts[at], Dest::To(used == 0 ? base : Reg()));
    }
    Emit(Op::kInterpolate, base, used);
    next_ = base + 1;
    used = 1;
  }
  Settle(base, d);
}

void UnitCompiler::GenTagged(const TaggedExpr& e, Dest d) {
  if (e.args.size() > kFieldsWrittenMax) {
    return LimitError("a tagged value written in one place has at most " +
                          std::to_string(kFieldsWrittenMax) + " fields",
                      "put some of them into a list");
  }
  const uint32_t base = BlockAt(d);
  for (size_t i = 0; i < e.args.size(); ++i) Gen(*e.args[i], Dest::To(i == 0 ? base : Reg()));
  Emit(Op::kMakeTagged, base, static_cast<uint32_t>(e.args.size()));
  Put(ConstantValue(SymbolValue(e.tag)));
  Settle(base, d);
}

void UnitCompiler::GenList(const ListExpr& e, Dest d) {
  const size_t n = e.elements.size();
  // [a, ...rest]: prepends share the rest.
  constexpr size_t kPrependsMax = 4;
  if (n >= 2 && n <= kPrependsMax + 1 && e.elements[n - 1].is_spread &&
      std::none_of(e.elements.begin(), e.elements.end() - 1,
                   [](const ListElement& element) { return element.is_spread; })) {
    std::vector<uint32_t> regs;
    for (size_t i = 0; i < n; ++i) {
      const Expr& element = *e.elements[i].value;
      const bool later_is_simple =
          std::all_of(e.elements.begin() + static_cast<ptrdiff_t>(i) + 1, e.elements.end(),
                      [](const ListElement& later) { return IsSimple(*later.value); });
      regs.push_back(later_is_simple ? Any(element) : AnyStable(element));
    }
    uint32_t list = regs.back();
    const uint32_t to = d.kind == Dest::Kind::kRegister ? d.reg : Reg();
    for (size_t i = n - 1; i-- > 0;) {
      // The destination may be the variable that holds the rest: written at the end only.
      const uint32_t result = i == 0 ? to : Reg();
      Emit(Op::kListPrepend, result, regs[i], list);
      list = result;
    }
    return Settle(to, d);
  }
  const uint32_t base = BlockAt(d);
  bool begun = false;
  size_t at = 0;
  while (at < n || !begun) {
    if (at < n && e.elements[at].is_spread) {
      if (!begun) Emit(Op::kMakeList, base, 0);
      const uint32_t part = Any(*e.elements[at].value);
      At place(*this, e.elements[at].value->span);
      Emit(Op::kListSpread, base, part);
      ++at;
    } else {
      size_t end = at;
      while (end < n && end - at < kChunk && !e.elements[end].is_spread) ++end;
      const uint32_t first = begun ? Reg() : base;
      for (size_t i = at; i < end; ++i) {
        Gen(*e.elements[i].value, Dest::To(i == at ? first : Reg()));
      }
      if (begun && end - at == 1) {
        Emit(Op::kListAppend, base, first);
      } else {
        Emit(Op::kMakeList, first, static_cast<uint32_t>(end - at));
        if (begun) Emit(Op::kListSpread, base, first);
      }
      at = end;
    }
    begun = true;
    next_ = base + 1;
  }
  Settle(base, d);
}

void UnitCompiler::GenMap(const MapExpr& e, Dest d) {
  const size_t n = e.entries.size();
  const uint32_t base = BlockAt(d);
  bool begun = false;
  size_t at = 0;
  while (at < n || !begun) {
    if (at < n && e.entries[at].key == nullptr) {
      if (!begun) Emit(Op::kMakeMap, base, 0);
      const uint32_t part = Any(*e.entries[at].value);
      At place(*this, e.entries[at].value->span);
      Emit(Op::kMapSpread, base, part);
      ++at;
    } else {
      size_t end = at;
      while (end < n && end - at < kChunk && e.entries[end].key != nullptr) ++end;
      const uint32_t first = begun ? Reg() : base;
      for (size_t i = at; i < end; ++i) {
        Gen(*e.entries[i].key, Dest::To(i == at ? first : Reg()));
        Gen(*e.entries[i].value, Dest::To(Reg()));
      }
      Emit(Op::kMakeMap, first, static_cast<uint32_t>(end - at));
      if (begun) Emit(Op::kMapSpread, base, first);
      at = end;
    }
    begun = true;
    next_ = base + 1;
  }
  Settle(base, d);
}

void UnitCompiler::GenHolder(Op op, const Unit& unit, std::span<Expr* const> args, Dest d) {
  const uint32_t base = BlockAt(d);
  for (size_t i = 0; i < unit.captures.size(); ++i) {
    const Capture& capture = unit.captures[i];
    const uint32_t reg = i == 0 ? base : Reg();
    switch (capture.from) {
      case CaptureFrom::kParameter:
        if (capture.index < args.size()) Gen(*args[capture.index], Dest::To(reg));
        break;
      case CaptureFrom::kLocal:
        Emit(Op::kMove, reg, capture.binding->slot);
        break;
      case CaptureFrom::kCapture:
        EmitX(Op::kLoadCapture, reg, capture.index);
        break;
      case CaptureFrom::kSelf:
        Emit(Op::kLoadHolder, reg);
        break;
    }
    if (failed_) return;
  }
  EmitX(op, base, CodeOf(unit));
  Settle(base, d);
}

void UnitCompiler::GenKnownBehavior(Op op, const Ref& ref, std::span<Expr* const> args, Dest d) {
  const uint32_t base = BlockAt(d);
  for (size_t i = 0; i < args.size(); ++i) Gen(*args[i], Dest::To(i == 0 ? base : Reg()));
  EmitX(op, base, CodeOf(ref));
  Settle(base, d);
}

}  // namespace vesicle::compiler_internal
