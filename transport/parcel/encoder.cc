#include "transport/parcel/encoder.h"

#include "vm/actor/code.h"
#include "vm/value/list.h"
#include "vm/value/structure.h"

namespace vesicle::parcel {
namespace {

constexpr uint64_t kNodeWork = 8;
constexpr uint64_t kBytesPerUnit = 64;
constexpr uint32_t kFlatWordsMax = 16;

bool HasCode(const Object* o) { return o->kind == Kind::kFunction || o->kind == Kind::kBehavior; }
// Those that are the kind's own.
uint8_t FlagsOf(const Object* o) {
  return static_cast<uint8_t>(o->flags & ~(Object::kKindFlagsFirst - 1));
}
bool IsDeepList(const Object* o) {
  return o->kind == Kind::kList && (o->flags & list_internal::kDeep) != 0;
}

}  // namespace

void Encoder::Start(Value value, Words* out, size_t bytes_max) {
  root_ = value;
  out_ = out;
  begin_ = out->size();
  words_max_ = bytes_max / sizeof(uint64_t);
  is_begun_ = false;
  is_too_long_ = false;
  work_ = 0;
  path_.clear();
  objects_.Resize(0);
  parts_.Resize(0);
}

Step Encoder::FailWith(Failure failure) {
  if (failure == Failure::kMemory) return Step::kNoRoom;
  failure_ = failure;
  return Step::kFailed;
}

bool Encoder::IsTooLong() {
  is_too_long_ = out_->size() - begin_ > words_max_;
  return is_too_long_;
}

Step Encoder::PutAtom(const Object* atom) {
  work_ += atom->count / kBytesPerUnit + 1;
  if (WordsFor(atom->count) > words_max_) {
    is_too_long_ = true;
    return FailWith(Failure::kTooBig);
  }
  const Op op = atom->kind == Kind::kSymbol ? Op::kSymbol : Op::kBytes;
  out_->Push(OpWord(op, atom->kind, FlagsOf(atom), atom->count));
  out_->Bytes({atom->bytes(), atom->count});
  return Step::kDone;
}

bool Encoder::PutFlat(const Object* o) {
  if (o->count > kFlatWordsMax) return false;
  if (o->kind != Kind::kTagged && !(o->kind == Kind::kList && !IsDeepList(o)) &&
      !(o->kind == Kind::kMap && !HasRefKeys(o))) {
    return false;
  }
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (v.is_pointer() && (v.is_target() || !IsAtom(v.object()))) return false;
  }
  for (uint32_t i = 0; i < o->count; ++i) {
    const Value v = o->words()[i];
    if (!v.is_pointer()) {
      out_->Push(v.bits());
    } else if (PutAtom(v.object()) != Step::kDone) {
      // It is found again, at the same place, by who goes on node by node.
      return false;
    }
  }
  out_->Push(OpWord(Op::kNode, o->kind, FlagsOf(o), o->count));
  work_ += o->count + kNodeWork;
  return true;
}

Step Encoder::Put(RefWriter& refs, const Value& value) {
  ++work_;
  if (!value.is_pointer()) {
    out_->Push(value.bits());
    return Step::kDone;
  }
  if (value.is_target()) {
    const std::optional<Failure> failure = refs.WriteRef(value, *out_);
    return failure ? FailWith(*failure) : Step::kDone;
  }
  const Object* o = value.object();
  if (IsAtom(o)) return PutAtom(o);
  const size_t before = out_->size();
  if (PutFlat(o)) return Step::kDone;
  out_->Truncate(before);
  return Enter(value);
}

Step Encoder::Enter(Value node) {
  const Object* o = node.object();
  if (HasCode(o) && code::Body(code::Of(o))->is_opaque()) return FailWith(Failure::kType);
  before_.clear();
  if (!PartsOf(o, &before_)) return FailWith(Failure::kType);
  const size_t begin = parts_.size();
  bool has_room = true;
  for (size_t i = 0; i < before_.size() && has_room; ++i) has_room = parts_.Push(before_[i]);
  if (!has_room || !objects_.Push(node)) {
    parts_.Resize(begin);
    return Step::kNoRoom;
  }
  work_ += before_.size() + kNodeWork;
  const bool is_ref_map = HasRefKeys(o);
  if (is_ref_map) out_->Push(OpWord(Op::kEmptyMap, Kind::kMap, 0, 0));
  path_.push_back({.begin = begin, .next = begin, .puts = 0, .is_ref_map = is_ref_map});
  return Step::kMore;
}

// All parts are written: what makes the node of them.
Step Encoder::Leave(RefWriter& refs) {
  const Object* o = objects_[path_.size() - 1].object();
  const size_t count = parts_.size() - path_.back().begin;
  if (path_.back().is_ref_map) {
    // Its last entry was put.
  } else if (HasCode(o)) {
    out_->Push(OpWord(Op::kHolder, o->kind, FlagsOf(o), count));
    if (const std::optional<Failure> failure = refs.WriteCode(code::Of(o), *out_)) {
      out_->Truncate(out_->size() - 1);
      return FailWith(*failure);
    }
  } else if (IsDeepList(o)) {
    out_->Push(OpWord(Op::kDeepList, o->kind, FlagsOf(o), count));
    out_->Push(o->words()[0].bits());
  } else {
    // A room is a leaf from here on: what else it may take in is another list's.
    const Kind kind = o->kind == Kind::kListRoom ? Kind::kListNode : o->kind;
    out_->Push(OpWord(Op::kNode, kind, FlagsOf(o), count));
  }
  parts_.Resize(path_.back().begin);
  path_.pop_back();
  objects_.Resize(path_.size());
  return Step::kDone;
}

Step Encoder::Go(RefWriter& refs, uint64_t work_max) {
  const uint64_t end = work_ + work_max;
  if (!is_begun_) {
    const Step first = Put(refs, root_);
    if (first == Step::kNoRoom || first == Step::kFailed) return first;
    is_begun_ = true;
  }
  while (!path_.empty()) {
    if (IsTooLong()) return FailWith(Failure::kTooBig);
    if (work_ >= end) {
      ChargeMemory();
      return heap_.over_allowance() ? Step::kNoRoom : Step::kMore;
    }
    const size_t at = path_.size() - 1;
    Frame& frame = path_[at];
    if (frame.is_ref_map && frame.puts < (frame.next - frame.begin) / 2) {
      out_->Push(OpWord(Op::kPut, Kind::kMap, 0, 0));
      ++frame.puts;
      continue;
    }
    if (frame.next == parts_.size()) {
      const Step left = Leave(refs);
      if (left != Step::kDone) return left;
      continue;
    }
    const Step put = Put(refs, parts_[frame.next]);
    if (put == Step::kNoRoom || put == Step::kFailed) return put;
    ++path_[at].next;
  }
  return IsTooLong() ? FailWith(Failure::kTooBig) : Step::kDone;
}

void Encoder::ChargeMemory() {
  bytes_.Set(objects_.bytes() + parts_.bytes() + path_.capacity() * sizeof(Frame) +
             before_.capacity() * sizeof(Value));
}

void Encoder::Visit(Visitor& visitor) {
  visitor.Visit(&root_, 1);
  objects_.Visit(visitor);
  parts_.Visit(visitor);
}

}  // namespace vesicle::parcel
