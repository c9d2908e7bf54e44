// The random device.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/bigint.h"
#include "vm/value/list.h"
#include "vm/value/number.h"

namespace vesicle {

namespace {

// Each is done in one turn, within some 10 ms.
constexpr uint64_t kBytesAtOnceMax = uint64_t{1} << 20;
constexpr uint64_t kShuffleMax = uint64_t{1} << 17;

// Evenly below n, which is at least 1.
uint64_t Below(RandomSource& source, uint64_t n) {
  // What is left over above a multiple of n would favor the small numbers.
  const uint64_t left_over = (UINT64_MAX % n + 1) % n;
  for (;;) {
    const uint64_t r = source.Next();
    if (r <= UINT64_MAX - left_over) return r % n;
  }
}

void RandomInt(RandomSource& source, Turn& turn, Value below) {
  if (!IsInt(below) || SignOf(below) <= 0) {
    return turn.Fault("type", "#int(below) wants an integer of at least 1");
  }
  if (below.is_int()) {
    return turn.Reply(
        turn.Int(static_cast<int64_t>(Below(source, static_cast<uint64_t>(below.small_int())))));
  }
  const bigint::View limit(below);
  const mp_size_t size = limit.size();
  const int spare = __builtin_clzl(limit.limbs()[size - 1]);
  bigint::Limbs limbs(static_cast<size_t>(size));
  do {
    for (mp_limb_t& limb : limbs) limb = source.Next();
    limbs.back() >>= spare;
  } while (mpn_cmp(limbs.data(), limit.limbs(), size) >= 0);
  turn.Charge(size);
  const Result made = bigint::Make(turn.core().heap(), limbs.data(), size, false);
  if (!made.ok()) return turn.Quota(Resource::kMemory);
  turn.Reply(made.value());
}

void RandomBytes(RandomSource& source, Turn& turn, Value count) {
  const std::optional<uint64_t> n = Uint64Of(count);
  if (!n || *n > kBytesAtOnceMax) {
    return turn.Fault("type", absl::StrCat("#bytes(n) wants an integer, 0 to ", kBytesAtOnceMax));
  }
  std::string bytes(static_cast<size_t>(*n), '\0');
  for (size_t i = 0; i < bytes.size(); i += 8) {
    const uint64_t word = source.Next();
    bytes.replace(i, std::min<size_t>(8, bytes.size() - i), reinterpret_cast<const char*>(&word),
                  std::min<size_t>(8, bytes.size() - i));
  }
  turn.Charge(static_cast<int64_t>(*n / 64));
  const Result made = MakeBytes(turn.core().heap(), bytes);
  if (!made.ok()) return turn.Quota(Resource::kMemory);
  turn.Reply(made.value());
}

void Shuffle(RandomSource& source, Turn& turn, Value list) {
  if (!IsList(list)) return turn.Fault("type", "#shuffle(list) wants a list");
  if (ListSize(list) > kShuffleMax) {
    return turn.Fault("limit", absl::StrCat("a list of more than ", kShuffleMax, " elements"));
  }
  std::vector<Value> elements;
  elements.reserve(ListSize(list));
  Value position = kListStart, leaf, element;
  while (ListNext(list, position, leaf, element)) elements.push_back(element);
  // Fisher and Yates, as Durstenfeld has it.
  for (size_t i = elements.size(); i > 1; --i) {
    std::swap(elements[i - 1], elements[Below(source, i)]);
  }
  turn.Charge(static_cast<int64_t>(elements.size()));
  const Result made = MakeList(turn.core().heap(), elements);
  if (!made.ok()) return turn.Quota(Resource::kMemory);
  turn.Reply(made.value());
}

}  // namespace

Root MakeRandom(Vm& vm, std::unique_ptr<RandomSource> source) {
  return vm.Create(
      MakeNativeBehavior(vm.core(), "random", [source = std::move(source)](Turn& turn) {
        const Value m = turn.message();
        if (Is(m, "int", 1)) return RandomInt(*source, turn, FieldsOf(m)[0]);
        if (Is(m, "float", 0)) {
          return turn.Reply(turn.Float(static_cast<double>(source->Next() >> 11) * 0x1p-53));
        }
        if (Is(m, "bytes", 1)) return RandomBytes(*source, turn, FieldsOf(m)[0]);
        if (Is(m, "shuffle", 1)) return Shuffle(*source, turn, FieldsOf(m)[0]);
        Refuse(turn, "random takes #int(below), #float, #bytes(n) and #shuffle(list)");
      }));
}

}  // namespace vesicle
