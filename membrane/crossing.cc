#include "membrane/crossing.h"

#include <bit>
#include <utility>

#include "membrane/planted.h"
#include "vm/actor/code.h"
#include "vm/value/map.h"
#include "vm/value/structure.h"

namespace vesicle {
namespace {

constexpr uint32_t kShortWordsMax = 16;

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
      return (Is(planted::kListTailRaw) && i + 1 == parent->count) ||
             (Is(planted::kListHeadRaw) && i == 0);
    case Kind::kMap:
      return HasRefKeys(parent) ? Is(i % 2 == 0 ? planted::kMapKeyRaw : planted::kMapValueRaw)
                                : Is(planted::kMapValueRaw) && i + 1 == parent->count;
    case Kind::kFunction:
    case Kind::kBehavior:
      return (Is(planted::kCaptureRaw) && i == 0) || (Is(planted::kSecondCaptureRaw) && i == 1);
    default:
      return false;
  }
}

}  // namespace

Crossing::Shape Crossing::ShapeOf(Value value, Cost* cost) {
  if (!value.is_pointer()) return Shape::kFlat;
  if (value.is_target()) return Shape::kRefs;
  const Object* o = value.object();
  cost->size += o->size_bytes();
  if (IsAtom(o)) return Shape::kFlat;
  if (!IsShort(o)) return Shape::kDeep;
  cost->work += o->count;
  Shape shape = Shape::kFlat;
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (!v.is_pointer()) continue;
    if (v.is_target()) {
      // What else holds refs has an order or a shape of its own.
      if (o->kind != Kind::kTagged) return Shape::kDeep;
      shape = Shape::kRefs;
      continue;
    }
    if (!IsAtom(v.object())) return Shape::kDeep;
    cost->size += v.object()->size_bytes();
  }
  return shape;
}

std::optional<Result> Crossing::Short(Heap& heap, Value value, RefMap& refs, Cost* cost) {
  if (planted::IsOfWalks()) return std::nullopt;
  switch (ShapeOf(value, cost)) {
    case Shape::kFlat:
      return value;
    case Shape::kRefs:
      return MapShort(heap, value, refs, cost);
    case Shape::kDeep:
      break;
  }
  return std::nullopt;
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
  for (const Young& y : moved) known_.Erase(y.address);
  for (const Young& y : moved) {
    const Object* o = y.source.object();
    known_.Set(o, y.result);
    if (!o->is_old()) young_.push_back({o, y.source, y.result});
  }
}

bool Crossing::Learn(Value source, Value mapped) {
  constexpr uint64_t kLearnWork = 10;  // as much as a node: a table without end is in no cache
  const Object* o = source.object();
  cost_.work += kLearnWork;
  const auto result = static_cast<uint32_t>(results_.size());
  if (!results_.Push(mapped)) return false;
  known_.Set(o, result);
  if (!o->is_old()) young_.push_back({o, source, result});
  return true;
}

Crossing::Step Crossing::Map(RefMap& refs, Value part, Value* mapped) {
  *mapped = part;
  if (!part.is_pointer()) return Step::kDone;
  const bool is_target = part.is_target();
  if (!is_target && IsAtom(part.object())) {
    cost_.size += part.object()->size_bytes();
    return Step::kDone;
  }
  if (const uint32_t* at = known_.Find(part.object())) {
    *mapped = results_[*at];
    return Step::kDone;
  }
  if (!is_target) return Step::kMore;
  ++cost_.work;
  const Result ref = refs.MapRef(part);
  if (!ref.ok()) return FailWith(ref.failure());
  *mapped = ref.value();
  return Learn(part, *mapped) ? Step::kDone : Step::kNoRoom;
}

Crossing::Step Crossing::Enter(Value object) {
  const Object* o = object.object();
  const size_t begin = parts_.size();
  const bool has_code = o->kind == Kind::kFunction || o->kind == Kind::kBehavior;
  if (has_code && code::Body(code::Of(o))->is_opaque()) return FailWith(Failure::kType);
  before_.clear();
  if (!PartsOf(o, &before_)) return FailWith(Failure::kType);
  bool has_room = true;
  for (size_t i = 0; i < before_.size() && has_room; ++i) has_room = parts_.Push(before_[i]);
  if (!has_room || !objects_.Push(object)) {
    parts_.Resize(begin);
    return Step::kNoRoom;
  }
  cost_.work += before_.size() + kNodeWork;
  cost_.size += o->size_bytes();
  path_.push_back({begin, begin});
  return Step::kDone;
}

// All parts are mapped. The node itself when none of them changed.
Crossing::Step Crossing::Leave(uint64_t work_end, Value* mapped) {
  const Value node = objects_[path_.size() - 1];
  const Object* o = node.object();
  if (HasRefKeys(o)) return LeaveMap(work_end, mapped);
  const size_t begin = path_.back().parts;
  cost_.work += parts_.size() - begin + kNodeWork;
  before_.clear();
  PartsOf(o, &before_);
  bool changed = false;
  for (size_t i = 0; i < before_.size(); ++i) {
    const Value part = parts_[begin + i];
    changed |= !(part == before_[i]);
    before_[i] = part;
  }
  *mapped = node;
  if (!changed) return Step::kDone;
  const Result copy = Rebuild(heap_, o, before_);
  if (!copy.ok()) return FailWith(copy.failure());
  *mapped = copy.value();
  return Step::kDone;
}

// Other keys have another order: entry by entry.
Crossing::Step Crossing::LeaveMap(uint64_t work_end, Value* mapped) {
  constexpr uint64_t kWorkPerEntry = 16;
  // It is looked at to be put in, and again for each comparison.
  const auto work_of_key = [this](Value key) {
    return KeyWork(key) * (2 + static_cast<uint64_t>(std::bit_width(MapSize(map_))));
  };
  if (map_.is_nil()) {
    map_ = EmptyMap(heap_);
    map_next_ = path_.back().parts;
  }
  for (; map_next_ < parts_.size(); map_next_ += 2) {
    if (cost_.work >= work_end) return Step::kMore;
    cost_.work += kWorkPerEntry + work_of_key(parts_[map_next_]);
    const Result map = MapPut(heap_, map_, parts_[map_next_], parts_[map_next_ + 1], identities_);
    if (!map.ok()) return FailWith(map.failure());
    map_ = map.value();
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
    const Step entered = Enter(value_);
    if (entered != Step::kDone) return entered;
    stage_ = Stage::kWalking;
  }
  while (!path_.empty()) {
    if (cost_.work >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    const Object* node = objects_[path_.size() - 1].object();
    Step step = Step::kDone;
    bool goes_down = false;
    for (size_t next = path_.back().next; next < parts_.size(); path_.back().next = ++next) {
      if (IsLeftRaw(node, next - path_.back().parts)) continue;
      step = Map(refs, parts_[next], &mapped);
      if (step == Step::kMore) {
        step = Enter(parts_[next]);
        goes_down = true;
      }
      if (step != Step::kDone) return step;
      if (goes_down) break;
      parts_.Set(next, mapped);
    }
    if (goes_down) continue;
    step = Leave(end, &mapped);
    if (step == Step::kMore) continue;  // the work says so
    if (step != Step::kDone) return step;
    if (!Learn(objects_[path_.size() - 1], mapped)) return Step::kNoRoom;
    parts_.Resize(path_.back().parts);
    path_.pop_back();
    objects_.Resize(path_.size());
  }
  Finish(mapped);
  return Step::kDone;
}

void Crossing::Finish(Value mapped) {
  value_ = mapped;
  stage_ = Stage::kDone;
}

void Crossing::ChargeMemory() {
  bytes_.Set(known_.bytes() + results_.bytes() + parts_.bytes() + objects_.bytes() +
             before_.capacity() * sizeof(Value) + young_.capacity() * sizeof(Young) +
             path_.size() * sizeof(Node));
}

void Crossing::Visit(Visitor& visitor) {
  visitor.Visit(&value_, 1);
  visitor.Visit(&map_, 1);
  results_.Visit(visitor);
  parts_.Visit(visitor);
  objects_.Visit(visitor);
  for (Young& y : young_) visitor.Visit(&y.source, 1);
}

}  // namespace vesicle
