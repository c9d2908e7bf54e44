#include "vm/value/hash.h"

#include <cstring>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr uint64_t kMemoAfter = 1024;
constexpr uint64_t kMemoWorthwhile = 16;

uint64_t Seed(ValueKind kind) { return HashMix(0x7665736963ull, static_cast<uint64_t>(kind)); }

uint64_t HashWord(ValueKind kind, uint64_t word) { return HashMix(Seed(kind), word); }

// A container being hashed: what is left, and the hash so far.
struct Frame {
  Value container;
  Value position = Value::SmallInt(0);
  Value leaf;
  uint64_t hash = 0;
  uint64_t refs = 0;    // sum over ref entries, which have no order
  uint64_t entry = 0;   // hash of the entry being read
  Value pending_value;  // of the entry whose key was read
  uint64_t index = 0;   // parts read
  uint64_t work_before = 0;
};

class Hasher {
 public:
  explicit Hasher(IdentitySource& identities) : identities_(identities) {}

  uint64_t Hash(Value root) {
    uint64_t hash;
    if (Enter(root, &hash)) return hash;
    for (;;) {
      Value part;
      if (Next(stack_.back(), &part)) {
        if (Enter(part, &hash)) Fold(stack_.back(), hash);
        continue;
      }
      Frame& done = stack_.back();
      hash = HashMix(done.hash, done.refs);
      if (work_ > kMemoAfter && work_ - done.work_before >= kMemoWorthwhile) {
        memo_.emplace(done.container.bits(), hash);
      }
      stack_.pop_back();
      if (stack_.empty()) return hash;
      Fold(stack_.back(), hash);
    }
  }
  uint64_t work() const { return work_; }

 private:
  // The hash of v at once (true), or a frame for it.
  bool Enter(Value v, uint64_t* hash) {
    ++work_;
    const ValueKind kind = ValueKindOf(v);
    switch (kind) {
      case ValueKind::kInt:
        if (v.is_int()) {
          *hash = HashWord(kind, v.bits());
          return true;
        }
        [[fallthrough]];
      case ValueKind::kBytes: {
        const std::string_view bytes(v.data()->bytes(), v.data()->count);
        *hash = HashBytes(bytes, HashMix(Seed(kind), kind == ValueKind::kInt && SignOf(v) < 0));
        work_ += TextWork(bytes.size());
        return true;
      }
      case ValueKind::kFloat: {
        const double d = FloatOf(v);
        uint64_t bits;
        std::memcpy(&bits, &d, sizeof bits);
        *hash = HashWord(kind, bits);
        return true;
      }
      case ValueKind::kText:
        *hash = HashBytes(TextView(v), Seed(kind));
        work_ += TextWork(TextView(v).size());
        return true;
      case ValueKind::kSymbol:
        *hash = HashBytes(SymbolView(v), Seed(kind));
        return true;
      case ValueKind::kRef:
      case ValueKind::kPromise:
        *hash = HashWord(kind, identities_.SerialOf(v.target()));
        return true;
      case ValueKind::kNil:
      case ValueKind::kBool:
      case ValueKind::kInternal:
        *hash = HashWord(kind, v.is_true());
        return true;
      default:
        break;
    }
    if (!memo_.empty()) {
      const auto known = memo_.find(v.bits());
      if (known != memo_.end()) {
        *hash = known->second;
        return true;
      }
    }
    Frame frame;
    frame.container = v;
    frame.work_before = work_;
    frame.hash = Seed(kind);
    stack_.push_back(frame);
    return false;
  }

  static bool IsEntryKey(const Frame& f) { return IsMap(f.container) && (f.index & 1) == 1; }

  bool Next(Frame& f, Value* part) {
    const Object* o = f.container.data();
    if (o->kind == Kind::kList) {
      if (!ListNext(f.container, f.position, f.leaf, *part)) return false;
    } else if (o->kind == Kind::kMap) {
      if ((f.index & 1) == 1) {
        *part = f.pending_value;
      } else {
        MapEntry e;
        if (!MapNext(f.container, f.position, f.leaf, e)) return false;
        *part = e.key;
        f.pending_value = e.value;
      }
    } else {
      // Fields after the symbol, captures after the code; the symbol comes first.
      const uint64_t first = o->kind == Kind::kTagged ? 0 : 1;
      if (first + f.index >= o->count) return false;
      *part = o->words()[first + f.index];
    }
    ++f.index;
    return true;
  }

  void Fold(Frame& f, uint64_t hash) {
    if (!IsMap(f.container)) {
      f.hash = HashMix(f.hash, hash);
    } else if (IsEntryKey(f)) {
      f.entry = hash;
    } else if (f.index / 2 <= MapDataSize(f.container)) {
      f.hash = HashMix(f.hash, HashMix(f.entry, hash));
    } else {
      f.refs += HashMix(f.entry, hash);
    }
  }

  IdentitySource& identities_;
  std::vector<Frame> stack_;
  absl::flat_hash_map<uint64_t, uint64_t> memo_;  // looked up by address, within one call
  uint64_t work_ = 0;
};

}  // namespace

uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  uint64_t hash = HashMix(seed, bytes.size());
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = HashMix(hash, word);
    bytes.remove_prefix(8);
  }
  uint64_t last = 0;
  if (!bytes.empty()) std::memcpy(&last, bytes.data(), bytes.size());
  return HashMix(hash, last);
}

uint64_t HashValue(Value v, IdentitySource& identities, uint64_t* work) {
  Hasher hasher(identities);
  const uint64_t hash = hasher.Hash(v);
  if (work != nullptr) *work += hasher.work();
  return hash;
}

}  // namespace vesicle
