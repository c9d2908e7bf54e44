#include "membrane/crossing.h"

#include <span>
#include <utility>

#include "membrane/planted.h"
#include "vm/actor/code.h"
#include "vm/value/map.h"
#include "vm/value/structure.h"

namespace vesicle {
namespace {

constexpr uint32_t kShortWordsMax = 16;
// What it takes to come to a node and to leave it, in words.
constexpr uint64_t kNodeWork = 8;

// An atom, an integer, a ref: a word that leads to no node.
bool IsLeaf(Value v) { return !v.is_pointer() || v.is_target() || IsAtom(v.object()); }
uint64_t SizeOfLeaf(Value v) {
  return v.is_pointer() && !v.is_target() ? v.object()->size_bytes() : 0;
}

// A tagged value, a list or a map that stands in one small object.
bool IsShort(const Object* o) {
  return (o->kind == Kind::kTagged || o->kind == Kind::kList || o->kind == Kind::kMap) &&
         o->count <= kShortWordsMax;
}

// For a harness that shall notice.
bool IsLeftRaw(const Object* parent, size_t i) {
  using planted::Is;
  switch (parent->kind) {
    case Kind::kTagged:
      return Is(planted::kTaggedFieldRaw) && i == 2;
    case Kind::kList:
    case Kind::kListNode:
      return Is(planted::kListTailRaw) && i + 1 == parent->count;
    case Kind::kMap:
      return HasRefKeys(parent) ? Is(i % 2 == 0 ? planted::kMapKeyRaw : planted::kMapValueRaw)
                                : Is(planted::kMapValueRaw) && i + 1 == parent->count;
    case Kind::kFunction:
    case Kind::kBehavior:
      return Is(planted::kCaptureRaw) && i == 0;
    default:
      return false;
  }
}

}  // namespace

bool Crossing::IsFlatData(Value value, Cost* cost) {
  if (!value.is_pointer()) return true;
  if (value.is_target()) return false;
  const Object* o = value.object();
  cost->size += o->size_bytes();
  if (IsAtom(o)) return true;
  if (!IsShort(o)) return false;
  cost->work += o->count;
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (v.is_target() || !IsLeaf(v)) return false;
    cost->size += SizeOfLeaf(v);
  }
  return true;
}

std::optional<Result> Crossing::Short(Heap& heap, Value value, RefMap& refs, Cost* cost) {
  if (planted::kIsBuilt) return std::nullopt;
  if (value.is_target()) return refs.MapRef(value);
  if (IsFlatData(value, cost)) return value;
  const Object* o = value.object();
  // Whatever else holds refs has an order or a shape of its own.
  if (o->kind != Kind::kTagged || o->count > kShortWordsMax) return std::nullopt;
  Value mapped[kShortWordsMax];
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (!IsLeaf(v)) return std::nullopt;
    mapped[i] = v;
  }
  for (uint32_t i = 0; i < o->count; ++i) {
    if (!mapped[i].is_target()) continue;
    const Result ref = refs.MapRef(mapped[i]);
    if (!ref.ok()) return ref;
    mapped[i] = ref.value();
  }
  cost->work += kNodeWork;
  return Rebuild(heap, o, std::span<const Value>(mapped, o->count));
}

Crossing::Step Crossing::FailWith(Failure failure) {
  if (failure == Failure::kMemory) return Step::kNoRoom;
  failure_ = failure;
  return Step::kFailed;
}

void Crossing::Refresh() {
  const uint64_t collections = heap_.young_collections();
  if (collections == collections_) return;
  collections_ = collections;
  // All old addresses first: another source may have moved to where one stood.
  std::vector<Young> moved = std::exchange(young_, {});
  for (const Young& y : moved) known_.erase(y.address);
  for (const Young& y : moved) {
    const Object* o = y.source.object();
    known_[o] = y.result;
    if (!o->is_old()) young_.push_back({o, y.source, y.result});
  }
}

void Crossing::Learn(Value source, Value mapped) {
  const Object* o = source.object();
  const auto result = static_cast<uint32_t>(results_.size());
  results_.push_back(mapped);
  known_[o] = result;
  if (!o->is_old()) young_.push_back({o, source, result});
}

Crossing::Step Crossing::Map(RefMap& refs, Value part, Value* mapped) {
  *mapped = part;
  if (!part.is_pointer()) return Step::kDone;
  const bool is_target = part.is_target();
  if (!is_target && IsAtom(part.object())) {
    cost_.size += part.object()->size_bytes();
    return Step::kDone;
  }
  if (const auto at = known_.find(part.object()); at != known_.end()) {
    *mapped = results_[at->second];
    return Step::kDone;
  }
  if (!is_target) return Step::kMore;
  ++cost_.work;
  const Result ref = refs.MapRef(part);
  if (!ref.ok()) return FailWith(ref.failure());
  *mapped = ref.value();
  Learn(part, *mapped);
  return Step::kDone;
}

// False: it may not cross.
bool Crossing::Enter(Value object) {
  const Object* o = object.object();
  const size_t begin = parts_.size();
  const bool has_code = o->kind == Kind::kFunction || o->kind == Kind::kBehavior;
  if (has_code && code::Body(code::Of(o))->is_opaque()) return false;
  if (!PartsOf(o, &parts_)) return false;
  cost_.work += parts_.size() - begin + kNodeWork;
  cost_.size += o->size_bytes();
  path_.push_back({object, begin, begin});
  return true;
}

// All parts are mapped. The node itself when none of them changed.
Crossing::Step Crossing::Leave(const Node& node, uint64_t work_end, Value* mapped) {
  const Object* o = node.object.object();
  if (HasRefKeys(o)) return LeaveMap(node, work_end, mapped);
  const std::span<const Value> parts(parts_.data() + node.parts, parts_.size() - node.parts);
  std::vector<Value>& before = parts_before_;
  before.clear();
  PartsOf(o, &before);
  bool changed = false;
  for (size_t i = 0; i < parts.size() && !changed; ++i) changed = !(parts[i] == before[i]);
  *mapped = node.object;
  if (!changed) return Step::kDone;
  const Result copy = Rebuild(heap_, o, parts);
  if (!copy.ok()) return FailWith(copy.failure());
  *mapped = copy.value();
  return Step::kDone;
}

// Other keys have another order: entry by entry.
Crossing::Step Crossing::LeaveMap(const Node& node, uint64_t work_end, Value* mapped) {
  constexpr uint64_t kWorkPerEntry = 16;
  if (map_.is_nil()) {
    map_ = EmptyMap(heap_);
    map_next_ = node.parts;
  }
  for (; map_next_ < parts_.size(); map_next_ += 2) {
    if (cost_.work >= work_end) return Step::kMore;
    const Result map = MapPut(heap_, map_, parts_[map_next_], parts_[map_next_ + 1], identities_);
    if (!map.ok()) return FailWith(map.failure());
    map_ = map.value();
    cost_.work += kWorkPerEntry;
  }
  *mapped = std::exchange(map_, Value::Nil());
  return Step::kDone;
}

// Depth first: down to what was not walked, along the parts, and up as long as all are known.
Crossing::Step Crossing::Go(RefMap& refs, uint64_t work_max) {
  Refresh();
  const uint64_t end = cost_.work + work_max;
  Value mapped;
  if (stage_ == Stage::kDone) return Step::kDone;
  if (stage_ == Stage::kNew) {
    const Step first = Map(refs, value_, &mapped);
    if (first == Step::kDone) Finish(mapped);
    if (first != Step::kMore) return first;
    stage_ = Stage::kWalking;
    if (!Enter(value_)) return FailWith(Failure::kType);
  }
  while (!path_.empty()) {
    if (cost_.work >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    Node& node = path_.back();
    bool goes_down = false;
    for (; node.next < parts_.size(); ++node.next) {
      if (IsLeftRaw(node.object.object(), node.next - node.parts)) continue;
      const Step step = Map(refs, parts_[node.next], &mapped);
      if (step == Step::kMore) {
        // The node moves when path_ grows.
        if (!Enter(parts_[node.next])) return FailWith(Failure::kType);
        goes_down = true;
        break;
      }
      if (step != Step::kDone) return step;
      parts_[node.next] = mapped;
    }
    if (goes_down) continue;
    const Step left = Leave(node, end, &mapped);
    if (left == Step::kMore) continue;  // the work says so
    if (left != Step::kDone) return left;
    Learn(node.object, mapped);
    parts_.resize(node.parts);
    path_.pop_back();
  }
  Finish(mapped);
  return Step::kDone;
}

void Crossing::Finish(Value mapped) {
  value_ = mapped;
  stage_ = Stage::kDone;
}

void Crossing::ChargeMemory() {
  bytes_.Set(known_.capacity() * (sizeof(std::pair<const Object*, uint32_t>) + 1) +
             (results_.capacity() + parts_.capacity() + parts_before_.capacity()) * sizeof(Value) +
             young_.capacity() * sizeof(Young) + path_.capacity() * sizeof(Node));
}

void Crossing::Visit(Visitor& visitor) {
  const auto visit = [&](std::vector<Value>& words) {
    if (!words.empty()) visitor.Visit(words.data(), words.size());
  };
  visitor.Visit(&value_, 1);
  visitor.Visit(&map_, 1);
  visit(results_);
  visit(parts_);
  for (Young& y : young_) visitor.Visit(&y.source, 1);
  for (Node& node : path_) visitor.Visit(&node.object, 1);
}

}  // namespace vesicle
