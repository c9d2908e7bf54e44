#include "membrane/log_value.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "vm/actor/code.h"
#include "vm/value/map.h"
#include "vm/value/structure.h"
#include "vm/value/symbol.h"

namespace vesicle {
namespace {

bool HasCode(const Object* o) { return o->kind == Kind::kFunction || o->kind == Kind::kBehavior; }

Result CopyAtom(Core& to, Value atom) {
  const Object* o = atom.object();
  if (o->kind == Kind::kSymbol) return to.symbols().Intern(SymbolView(atom));
  Object* copy = to.heap().TryAllocate(o->kind, o->count);
  if (copy == nullptr) return Failure::kMemory;
  copy->flags |= static_cast<uint8_t>(o->flags & ~(Object::kKindFlagsFirst - 1));
  std::memcpy(copy->bytes(), o->bytes(), o->count);
  return Value::Data(copy);
}

// No collection comes between, so what was made stays where it is.
class Copier {
 public:
  Copier(Core& to, bool is_same_heap, absl::FunctionRef<Result(Value)> ref)
      : to_(to), is_same_heap_(is_same_heap), ref_(ref) {}

  Result Copy(Value value) {
    std::vector<Value> path = {value};
    while (!path.empty()) {
      const Value v = path.back();
      if (IsKnown(v)) {
        path.pop_back();
        continue;
      }
      const Result leaf = CopyLeaf(v);
      if (!leaf.ok()) return leaf;
      if (!leaf.value().is_absent()) {
        known_[v.object()] = leaf.value();
        path.pop_back();
        continue;
      }
      std::vector<Value> parts;
      if (!PartsOf(v.object(), &parts)) return Failure::kType;
      const size_t before = path.size();
      for (const Value part : parts) {
        if (!IsKnown(part)) path.push_back(part);
      }
      if (path.size() != before) continue;
      const Result made = Make(v.object(), std::move(parts));
      if (!made.ok()) return made;
      known_[v.object()] = made.value();
      path.pop_back();
    }
    return Known(value);
  }

 private:
  bool IsKnown(Value v) const { return !v.is_pointer() || known_.contains(v.object()); }
  Value Known(Value v) const { return v.is_pointer() ? known_.at(v.object()) : v; }
  // Absent: it is a node.
  Result CopyLeaf(Value v) {
    if (v.is_target()) return ref_(v);
    if (IsAtom(v.object())) return is_same_heap_ ? Result(v) : CopyAtom(to_, v);
    if (HasCode(v.object()) && !is_same_heap_) return Failure::kType;
    return Value::Absent();
  }
  Result Make(const Object* o, std::vector<Value> parts) {
    for (Value& part : parts) part = Known(part);
    if (!HasRefKeys(o)) return Rebuild(to_.heap(), o, parts);
    Value map = EmptyMap(to_.heap());
    for (size_t i = 0; i < parts.size(); i += 2) {
      const Result next = MapPut(to_.heap(), map, parts[i], parts[i + 1], to_);
      if (!next.ok()) return next;
      map = next.value();
    }
    return map;
  }

  Core& to_;
  bool is_same_heap_;
  absl::FunctionRef<Result(Value)> ref_;
  absl::flat_hash_map<const Object*, Value> known_;
};

// Of one text, which may have been compiled twice.
bool IsSameCode(const Object* x, const Object* y) {
  return x->words()[0] == y->words()[0] ||
         code::Body(code::Of(x))->name() == code::Body(code::Of(y))->name();
}

Kind KindOf(const Object* o) { return o->kind == Kind::kListRoom ? Kind::kListNode : o->kind; }

}  // namespace

Result CopyLogValue(Core& to, bool is_same_heap, Value value,
                    absl::FunctionRef<Result(Value)> ref) {
  return Copier(to, is_same_heap, ref).Copy(value);
}

bool IsSameLogValue(Value first, Value second, absl::FunctionRef<bool(Value, Value)> is_same) {
  absl::flat_hash_set<std::pair<const Object*, const Object*>> known;
  std::vector<std::pair<Value, Value>> path = {{first, second}};
  std::vector<Value> parts, others;
  while (!path.empty()) {
    const auto [a, b] = path.back();
    path.pop_back();
    if (!a.is_pointer() || !b.is_pointer()) {
      if (!(a == b)) return false;
      continue;
    }
    if (a.is_target() != b.is_target()) return false;
    if (a.is_target()) {
      if (!is_same(a, b)) return false;
      continue;
    }
    const Object* x = a.object();
    const Object* y = b.object();
    if (KindOf(x) != KindOf(y)) return false;
    if (IsAtom(x)) {
      if (x->count != y->count || std::memcmp(x->bytes(), y->bytes(), x->count) != 0) return false;
      continue;
    }
    if (!known.insert({x, y}).second) continue;
    parts.clear();
    others.clear();
    if (!PartsOf(x, &parts) || !PartsOf(y, &others) || parts.size() != others.size()) return false;
    if (HasCode(x) && !IsSameCode(x, y)) return false;
    for (size_t i = parts.size(); i-- > 0;) path.emplace_back(parts[i], others[i]);
  }
  return true;
}

}  // namespace vesicle
