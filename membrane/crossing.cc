#include "membrane/crossing.h"

#include <span>

#include "vm/actor/code.h"
#include "vm/value/structure.h"

namespace vesicle {

bool Crossing::IsFlatData(const Object* o) {
  constexpr uint32_t kWordsMax = 16;
  if (IsAtom(o)) return true;
  if (o->kind != Kind::kTagged && o->kind != Kind::kList && o->kind != Kind::kMap) return false;
  if (o->count > kWordsMax) return false;
  work_ += o->count;
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (v.is_pointer() && (v.is_target() || !IsAtom(v.object()))) return false;
  }
  return true;
}

Result Crossing::MapTarget(Value ref) {
  const auto [at, is_new] = mapped_.try_emplace(ref.object(), ref);
  if (!is_new) return at->second;
  ++work_;
  const Result mapped = refs_.MapRef(ref);
  if (mapped.ok()) mapped_[ref.object()] = mapped.value();
  return mapped;
}

bool Crossing::Known(Value part, Value* mapped, Result* failed) {
  *mapped = part;
  if (!part.is_pointer()) return true;
  if (part.is_target()) {
    const Result ref = MapTarget(part);
    if (ref.ok()) {
      *mapped = ref.value();
    } else {
      *failed = ref;
    }
    return true;
  }
  if (IsAtom(part.object())) return true;
  const auto at = mapped_.find(part.object());
  if (at == mapped_.end()) return false;
  *mapped = at->second;
  return true;
}

// Depth first. A node on the path has its parts in parts_, mapped up to `next`; data have no
// cycles, so what is met again is done.
Result Crossing::Walk(Value value) {
  Value next = value;
  for (;;) {
    // Down to `next`, which is no atom and was not walked.
    const Object* o = next.object();
    const size_t begin = parts_.size();
    const bool has_code = o->kind == Kind::kFunction || o->kind == Kind::kBehavior;
    if (!PartsOf(o, &parts_) || (has_code && code::Body(code::Of(o))->is_opaque())) {
      return Failure::kType;
    }
    work_ += parts_.size() - begin + 1;
    path_.push_back({o, begin, begin});
    // Along the parts, and up as long as they are all known.
    for (bool goes_down = false; !goes_down;) {
      Node& node = path_.back();
      for (; node.next < parts_.size(); ++node.next) {
        Value mapped;
        Result failed = Value::Nil();
        if (!Known(parts_[node.next], &mapped, &failed)) {
          next = parts_[node.next];
          goes_down = true;
          break;
        }
        if (!failed.ok()) return failed;
        parts_[node.next] = mapped;
      }
      if (goes_down) break;
      const Result left = Leave(node);
      if (!left.ok()) return left;
      mapped_[node.object] = left.value();
      parts_.resize(node.parts);
      path_.pop_back();
      if (path_.empty()) return left;
    }
  }
}

// All parts are mapped. The node itself when none of them changed.
Result Crossing::Leave(const Node& node) {
  const std::span<const Value> mapped(parts_.data() + node.parts, parts_.size() - node.parts);
  std::vector<Value>& before = parts_before_;
  before.clear();
  PartsOf(node.object, &before);
  bool changed = false;
  for (size_t i = 0; i < mapped.size() && !changed; ++i) changed = !(mapped[i] == before[i]);
  if (!changed) return Value::Data(const_cast<Object*>(node.object));
  return Rebuild(heap_, node.object, mapped, identities_);
}

}  // namespace vesicle
