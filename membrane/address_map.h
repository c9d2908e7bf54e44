// AddressMap: what is known of an object, by its address. It grows in steps: no insertion
// moves more than some thousand entries, however many there are.
#ifndef VESICLE_MEMBRANE_ADDRESS_MAP_H_
#define VESICLE_MEMBRANE_ADDRESS_MAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "vm/heap/object.h"

#pragma GCC visibility push(default)
namespace vesicle {

class AddressMap {
 public:
  // Null: nothing is known.
  const uint32_t* Find(const Object* o) const {
    const Map& map = far_.empty() ? near_ : far_[Shard(o)];
    const auto at = map.find(o);
    return at == map.end() ? nullptr : &at->second;
  }
  void Set(const Object* o, uint32_t value) {
    if (far_.empty()) {
      near_[o] = value;
      if (near_.size() > kNear) Spread();
    } else {
      SetFar(o, value);
    }
  }
  void Erase(const Object* o) { (far_.empty() ? near_ : far_[Shard(o)]).erase(o); }
  void Clear() {
    near_ = {};
    far_ = {};
    far_slots_ = 0;
  }
  size_t bytes() const {
    return (near_.capacity() + far_slots_) * (sizeof(std::pair<const Object*, uint32_t>) + 1) +
           far_.capacity() * sizeof(Map);
  }

 private:
  using Map = absl::flat_hash_map<const Object*, uint32_t>;
  static constexpr size_t kNear = 4'096;
  static constexpr size_t kShards = 256;
  void SetFar(const Object* o, uint32_t value) {
    Map& map = far_[Shard(o)];
    const size_t before = map.capacity();
    map[o] = value;
    far_slots_ += map.capacity() - before;
  }
  // One look for what is many.
  void Spread() {
    far_.resize(kShards);
    for (const auto& entry : std::exchange(near_, {})) SetFar(entry.first, entry.second);
  }
  // Shard n is wider than shard n - 1 by the 256th root of 2: so they do not double all at once,
  // but one after the other, while all of it doubles.
  static constexpr int kShardBits = 10;
  static constexpr std::array<uint8_t, size_t{1} << kShardBits> MakeShards() {
    constexpr double kRoot = 1.0027112750502025;
    std::array<uint8_t, size_t{1} << kShardBits> shards{};
    double end = kRoot;  // of a shard; all of them stand between 1 and 2
    uint8_t shard = 0;
    for (size_t i = 0; i < shards.size(); ++i) {
      while (shard < kShards - 1 && 1 + double(i) / double(shards.size()) >= end) {
        ++shard;
        end *= kRoot;
      }
      shards[i] = shard;
    }
    return shards;
  }
  static size_t Shard(const Object* o) {
    static constexpr auto kShardOf = MakeShards();
    // Neighbours in memory are apart.
    return kShardOf[(reinterpret_cast<uintptr_t>(o) * 0x9e3779b97f4a7c15u) >> (64 - kShardBits)];
  }

  Map near_;  // while there are few
  std::vector<Map> far_;
  size_t far_slots_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_ADDRESS_MAP_H_
