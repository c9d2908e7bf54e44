#include "vm/value/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

// Words of a frame on the worklist: the two containers, the next place, and the
// work done when it was entered.
constexpr size_t kFrameWords = 4;
// Pairs that took less than this are not worth remembering: they cost as much
// again. What stays unremembered doubles a few times at most until it takes more.
constexpr int64_t kMemoWorthwhile = 16;

Outcome Ordered(int order) {
  return order < 0 ? Outcome::kLess : order > 0 ? Outcome::kGreater : Outcome::kSame;
}

bool IsOpaque(Value v) { return IsFunction(v) || IsBehavior(v); }

// Seven bytes at once; ties (zero bytes at the end) fall to the length.
int CompareShort(Value a, Value b) {
  const uint64_t x = __builtin_bswap64(a.bits() & ~uint64_t{0xff});
  const uint64_t y = __builtin_bswap64(b.bits() & ~uint64_t{0xff});
  if (x != y) return x < y ? -1 : 1;
  return a.short_size() - b.short_size();
}

// Texts or bytes too long to be compared in one go.
bool AreLong(Value a, Value b) {
  if (!a.is_data() || !b.is_data() || a == b) return false;
  const Object* x = a.data();
  const Object* y = b.data();
  return x->kind == y->kind && (x->kind == Kind::kText || x->kind == Kind::kBytes) &&
         std::min(x->count, y->count) > kAtOnceBytesMax;
}

int CompareViews(std::string_view x, std::string_view y, uint64_t* work) {
  *work += TextWork(std::min(x.size(), y.size()));
  return CompareBytes(x, y);
}

int CompareTexts(const Value& a, const Value& b, uint64_t* work) {
  if (a.is_short_text() && b.is_short_text()) return CompareShort(a, b);
  return CompareViews(TextView(a), TextView(b), work);
}

int CompareSymbols(const Value& a, const Value& b, uint64_t* work) {
  if (a == b) return 0;
  if (a.is_short_symbol() && b.is_short_symbol()) return CompareShort(a, b);
  return CompareViews(SymbolView(a), SymbolView(b), work);
}

Outcome CompareNumbersTotally(Value a, Value b, uint64_t* work) {
  *work += NumberWork(NumberOp::kAdd, a, b);
  const Order order = CompareNumbers(a, b);
  if (order == Order::kLess || order == Order::kGreater) return Ordered(static_cast<int>(order));
  const bool a_float = IsFloat(a);
  const bool b_float = IsFloat(b);
  if (order == Order::kUnordered) {
    return Ordered(static_cast<int>(a_float && std::isnan(FloatOf(a))) -
                   static_cast<int>(b_float && std::isnan(FloatOf(b))));
  }
  if (a_float != b_float) return Ordered(a_float ? 1 : -1);
  if (!a_float) return Outcome::kSame;
  return Ordered(static_cast<int>(std::signbit(FloatOf(b))) -
                 static_cast<int>(std::signbit(FloatOf(a))));
}

Outcome SameShallow(Value a, Value b, uint64_t* work) {
  if (IsOpaque(a) || IsOpaque(b)) return Outcome::kType;
  if (!a.is_data() || !b.is_data()) return a == b ? Outcome::kSame : Outcome::kDifferent;
  const Object* x = a.data();
  const Object* y = b.data();
  if (x->kind != y->kind) return Outcome::kDifferent;
  bool maybe = false;
  switch (x->kind) {
    case Kind::kTagged:
      maybe = x->count == y->count && x->words()[0] == y->words()[0];
      break;
    case Kind::kList:
      maybe = ListSize(a) == ListSize(b);
      break;
    case Kind::kMap:
      maybe = MapSize(a) == MapSize(b) && MapDataSize(a) == MapDataSize(b);
      break;
    case Kind::kBigInt:
    case Kind::kFloat:
    case Kind::kText:
    case Kind::kBytes: {
      if (x == y) return Outcome::kSame;
      if (x->count != y->count) return Outcome::kDifferent;
      if (x->kind == Kind::kBigInt && SignOf(a) != SignOf(b)) return Outcome::kDifferent;
      if (AreLong(a, b)) return Outcome::kMore;
      *work += TextWork(x->count);
      const bool same = x->count == 0 || std::memcmp(x->bytes(), y->bytes(), x->count) == 0;
      return same ? Outcome::kSame : Outcome::kDifferent;
    }
    default:  // a symbol is one object
      return x == y ? Outcome::kSame : Outcome::kDifferent;
  }
  return maybe ? Outcome::kMore : Outcome::kDifferent;
}

Outcome ScriptOrderShallow(Value a, Value b, uint64_t* work) {
  if (IsNumber(a) && IsNumber(b)) {
    *work += NumberWork(NumberOp::kAdd, a, b);
    const Order order = CompareNumbers(a, b);
    return order == Order::kUnordered ? Outcome::kUnordered : Ordered(static_cast<int>(order));
  }
  if (AreLong(a, b)) return Outcome::kMore;
  if (IsText(a) && IsText(b)) return Ordered(CompareTexts(a, b, work));
  if (IsBytes(a) && IsBytes(b)) return Ordered(CompareViews(BytesView(a), BytesView(b), work));
  if (IsList(a) && IsList(b)) return Outcome::kMore;
  return Outcome::kType;
}

int RankOf(ValueKind kind) {
  return static_cast<int>(kind == ValueKind::kFloat ? ValueKind::kInt : kind);
}

Outcome TotalOrderShallow(Value a, Value b, IdentitySource* identities, uint64_t* work) {
  const ValueKind x = ValueKindOf(a);
  const ValueKind y = ValueKindOf(b);
  const ValueKind last = identities == nullptr ? ValueKind::kMap : ValueKind::kRef;
  if (x > last || y > last) return Outcome::kType;
  if (RankOf(x) != RankOf(y)) return Ordered(RankOf(x) - RankOf(y));
  if (AreLong(a, b)) return Outcome::kMore;
  switch (x) {
    case ValueKind::kNil:
      return Outcome::kSame;
    case ValueKind::kBool:
      return Ordered(static_cast<int>(a.is_true()) - static_cast<int>(b.is_true()));
    case ValueKind::kInt:
    case ValueKind::kFloat:
      return CompareNumbersTotally(a, b, work);
    case ValueKind::kText:
      return Ordered(CompareTexts(a, b, work));
    case ValueKind::kBytes:
      return Ordered(CompareViews(BytesView(a), BytesView(b), work));
    case ValueKind::kSymbol:
      return Ordered(CompareSymbols(a, b, work));
    case ValueKind::kTagged: {
      const Value a_tag = TagOf(a);
      const Value b_tag = TagOf(b);
      const int order = CompareSymbols(a_tag, b_tag, work);
      return order == 0 ? Outcome::kMore : Ordered(order);
    }
    case ValueKind::kList:
      return Outcome::kMore;
    case ValueKind::kMap:
      return MapHasRefKeys(a) || MapHasRefKeys(b) ? Outcome::kType : Outcome::kMore;
    case ValueKind::kRef: {
      if (a == b) return Outcome::kSame;
      const uint64_t s = identities->SerialOf(a.target());
      const uint64_t t = identities->SerialOf(b.target());
      return Ordered(s < t ? -1 : 1);
    }
    default:
      return Outcome::kType;
  }
}

// The parts of a container one by one: fields, elements, or each entry's key and
// value. Keeps the run of memory it stands in.
class Walk {
 public:
  explicit Walk(Value container) : container_(container), kind_(container.data()->kind) {
    if (kind_ == Kind::kTagged) {
      words_ = container.data()->words() + 1;
      count_ = size_ = container.data()->count - 1;
    } else {
      size_ = kind_ == Kind::kList ? ListSize(container) : 2 * MapSize(container);
    }
  }
  uint64_t size() const { return size_; }
  Value At(uint64_t i) {
    if (kind_ == Kind::kMap) {
      const uint64_t entry = i / 2;
      if (entry - first_ >= count_) {
        const MapChunk chunk = MapChunkAt(container_, entry);
        words_ = chunk.keys;
        values_ = chunk.values;
        first_ = chunk.first;
        count_ = chunk.count;
      }
      return (i & 1) == 0 ? words_[entry - first_] : values_[entry - first_];
    }
    if (i - first_ >= count_) {
      const ListLeaf leaf = LeafAt(container_, i);
      words_ = leaf.words;
      first_ = leaf.first;
      count_ = leaf.count;
    }
    return words_[i - first_];
  }

 private:
  Value container_;
  Kind kind_;
  const Value* words_ = nullptr;
  const Value* values_ = nullptr;
  uint64_t first_ = 0;
  uint64_t count_ = 0;
  uint64_t size_ = 0;
};

// Ref entries, which stand in any order: the parts at place `i` of maps of one
// size that is beyond the data part. False when b has no such key.
bool RefParts(Value a, Value b, uint64_t i, Value* x, Value* y) {
  const uint64_t entry = i / 2;
  if (MapSize(a) > kFlatEntriesMax) {
    const uint64_t place = entry - MapDataSize(a);
    const MapEntry e = map_internal::RefAtByKey(a, place);
    const MapEntry f = map_internal::RefAtByKey(b, place);
    *x = (i & 1) == 0 ? e.key : e.value;
    *y = (i & 1) == 0 ? f.key : f.value;
    return true;
  }
  const MapEntry e = MapAt(a, entry);
  for (uint64_t j = MapDataSize(b); j < MapSize(b); ++j) {
    const MapEntry f = MapAt(b, j);
    // Keys are small (kKeyWorkMax).
    if (CompareNow(e.key, f.key, CompareMode::kSame) != Outcome::kSame) continue;
    *x = (i & 1) == 0 ? Value::Nil() : e.value;
    *y = (i & 1) == 0 ? Value::Nil() : f.value;
    return true;
  }
  return false;
}

}  // namespace

struct Comparer::Memo {
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> same;
};

Comparer::Comparer() = default;
Comparer::~Comparer() = default;

Outcome CompareShallow(Value a, Value b, CompareMode mode, IdentitySource* identities,
                       uint64_t* work) {
  switch (mode) {
    case CompareMode::kSame:
      return SameShallow(a, b, work);
    case CompareMode::kScriptOrder:
      return ScriptOrderShallow(a, b, work);
    case CompareMode::kValueOrder:
      return TotalOrderShallow(a, b, nullptr, work);
    case CompareMode::kKeyOrder:
      return TotalOrderShallow(a, b, identities, work);
  }
  return Outcome::kType;
}

void Comparer::Start(Value a, Value b, CompareMode mode, IdentitySource* identities) {
  stack_.clear();
  if (memo_ != nullptr) memo_->same.clear();
  identities_ = identities;
  work_ = 0;
  mode_ = mode;
  started_ = false;
  root_[0] = a;
  root_[1] = b;
}

void Comparer::Push(Value a, Value b) {
  stack_.insert(stack_.end(),
                {a, b, Value::SmallInt(0), Value::SmallInt(static_cast<int64_t>(work_))});
}

bool Comparer::Remembered(Value a, Value b) const {
  return memo_ != nullptr && memo_->same.contains({a.bits(), b.bits()});
}

void Comparer::Remember(Value a, Value b) {
  if (memo_ == nullptr) memo_ = std::make_unique<Memo>();
  if (memo_->same.size() >= kMemoMax) memo_->same.clear();
  memo_->same.insert({a.bits(), b.bits()});
}

Outcome Comparer::Run(uint64_t units) {
  const uint64_t limit = work_ + std::max<uint64_t>(units, 1);
  if (!started_) {
    started_ = true;
    ++work_;
    const Outcome outcome = CompareShallow(root_[0], root_[1], mode_, identities_, &work_);
    if (outcome != Outcome::kMore) return outcome;
    Push(root_[0], root_[1]);
  }
  while (!stack_.empty()) {
    const Outcome outcome = RunFrame(limit);
    if (outcome == Outcome::kMore && work_ >= limit) return outcome;
    if (outcome != Outcome::kMore && outcome != Outcome::kSame) return outcome;
  }
  return Outcome::kSame;
}

// Goes on in the topmost frame until it is done (kSame: taken off), something
// inside is pushed or the limit is reached (kMore), or the answer is found.
Outcome Comparer::RunFrame(uint64_t limit) {
  const size_t at = stack_.size() - kFrameWords;
  const Value a = stack_[at];
  const Value b = stack_[at + 1];
  if (IsByteKind(a.data()->kind)) return RunBytes(limit);
  uint64_t i = static_cast<uint64_t>(stack_[at + 2].small_int());
  Walk x(a);
  Walk y(b);
  const bool is_map = IsMap(a);
  const uint64_t refs_from =
      is_map && mode_ == CompareMode::kSame ? 2 * MapDataSize(a) : UINT64_MAX;
  const uint64_t end = std::min(x.size(), y.size());
  for (; i < end; ++i) {
    if (work_ >= limit) {
      stack_[at + 2] = Value::SmallInt(static_cast<int64_t>(i));
      return Outcome::kMore;
    }
    ++work_;
    Value p;
    Value q;
    if (i >= refs_from) {
      work_ += kFlatEntriesMax;
      if (!RefParts(a, b, i, &p, &q)) return Outcome::kDifferent;
    } else {
      p = x.At(i);
      q = y.At(i);
    }
    if (mode_ == CompareMode::kSame && !p.is_data() && !q.is_data()) {
      if (p == q) continue;
      return Outcome::kDifferent;
    }
    const Outcome outcome = CompareShallow(p, q, mode_, identities_, &work_);
    if (outcome == Outcome::kSame) continue;
    if (outcome != Outcome::kMore) return outcome;
    if (Remembered(p, q)) continue;
    stack_[at + 2] = Value::SmallInt(static_cast<int64_t>(i + 1));
    Push(p, q);
    return Outcome::kMore;
  }
  if (x.size() != y.size()) return x.size() < y.size() ? Outcome::kLess : Outcome::kGreater;
  const int64_t spent = static_cast<int64_t>(work_) - stack_[at + 3].small_int();
  stack_.resize(at);
  if (work_ > kMemoAfter && spent >= kMemoWorthwhile) Remember(a, b);
  return Outcome::kSame;
}

// As RunFrame, of two long texts or bytes.
Outcome Comparer::RunBytes(uint64_t limit) {
  const size_t at = stack_.size() - kFrameWords;
  const Object* x = stack_[at].data();
  const Object* y = stack_[at + 1].data();
  const size_t end = std::min(x->count, y->count);
  size_t i = static_cast<size_t>(stack_[at + 2].small_int());
  while (i < end) {
    if (work_ >= limit) {
      stack_[at + 2] = Value::SmallInt(static_cast<int64_t>(i));
      return Outcome::kMore;
    }
    constexpr size_t kWindowBytes = size_t{16} << 10;
    const size_t n = std::min(kWindowBytes, end - i);
    work_ += TextWork(n) + 1;
    const int order = std::memcmp(x->bytes() + i, y->bytes() + i, n);
    if (order != 0) return mode_ == CompareMode::kSame ? Outcome::kDifferent : Ordered(order);
    i += n;
  }
  if (x->count != y->count) return x->count < y->count ? Outcome::kLess : Outcome::kGreater;
  const Value a = stack_[at];
  const Value b = stack_[at + 1];
  stack_.resize(at);
  Remember(a, b);
  return Outcome::kSame;
}

uint64_t Comparer::bytes_held() const {
  constexpr uint64_t kSlotBytes = sizeof(std::pair<uint64_t, uint64_t>) + 1;
  return sizeof *this + stack_.capacity() * sizeof(Value) +
         (memo_ == nullptr ? 0 : memo_->same.capacity() * kSlotBytes);
}

void Comparer::Visit(Visitor& visitor) {
  visitor.Visit(root_, 2);
  if (!stack_.empty()) visitor.Visit(stack_.data(), stack_.size());
}

void Comparer::OnMoved() {
  if (memo_ != nullptr) memo_->same.clear();
}

Outcome CompareNow(Value a, Value b, CompareMode mode, IdentitySource* identities) {
  uint64_t work = 0;
  const Outcome shallow = CompareShallow(a, b, mode, identities, &work);
  if (shallow != Outcome::kMore) return shallow;
  Comparer comparer;
  comparer.Start(a, b, mode, identities);
  Outcome outcome;
  do {
    outcome = comparer.Run(kWorkMax);
  } while (outcome == Outcome::kMore);
  return outcome;
}

int CompareKeysSlow(Value a, Value b, IdentitySource& identities) {
  // The common kinds of keys, without a detour.
  uint64_t work = 0;
  if (IsText(a) && IsText(b)) return CompareTexts(a, b, &work);
  if (IsSymbol(a) && IsSymbol(b)) return CompareSymbols(a, b, &work);
  switch (CompareNow(a, b, CompareMode::kKeyOrder, &identities)) {
    case Outcome::kLess:
      return -1;
    case Outcome::kGreater:
      return 1;
    default:
      return 0;
  }
}

}  // namespace vesicle
