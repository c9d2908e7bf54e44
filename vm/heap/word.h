// Value: the one 64-bit word in which the VM holds everything a script can hold.
//
// The three low bits say what the other 61 are. One representation per value:
// two words with the same bits are the same value, and scalars and short texts
// that fit a word are never boxed, so sameness of scalars is sameness of bits.
//
//   tag  payload
//   000  integer of 61 bits, two's complement      -2^60 .. 2^60-1
//   001  pointer to a data object (object.h)
//   010  constant: nil, false, true, 0.0, -0.0, NaN, inf, -inf, absent
//   011  float, rotated left by four bits:  2^-255 <= |x| < 2
//   100  float, rotated left by four bits:  2 <= |x| < 2^257
//   101  text of at most 7 bytes: length in bits 3..5, bytes from bit 8 up
//   110  symbol of at most 7 bytes, the same way
//   111  pointer to a target: an object that takes messages (actor, promise, ...)
//
// Integers carry tag 0 so that + - and < work on the raw words. Floats tag
// themselves: after a rotation by four the top exponent bits stand where the
// tag is, and 011 and 100 are the common exponents (arXiv 2411.16544); others
// are boxed. Targets have a tag of their own so that a send checks its target
// without touching the target's memory: the cache miss then falls once, at
// dispatch. Measured: docs/decisions/001-four-headers.md.
//
// Ownership: a Value owns nothing; it is valid until the next safe point of its
//            heap (heap.h) unless it is reachable from a root.
// Threads:   plain data.
#ifndef VESICLE_VM_HEAP_WORD_H_
#define VESICLE_VM_HEAP_WORD_H_

#include <bit>
#include <cstdint>
#include <cstring>

#pragma GCC visibility push(default)
namespace vesicle {

struct Object;

enum class Tag : uint8_t {
  kInt = 0,
  kObject = 1,
  kConstant = 2,
  kFloatLow = 3,
  kFloatHigh = 4,
  kShortText = 5,
  kShortSymbol = 6,
  kTarget = 7,
};

inline constexpr int64_t kSmallIntMax = (int64_t{1} << 60) - 1;
inline constexpr int64_t kSmallIntMin = -(int64_t{1} << 60);
inline constexpr int kShortBytesMax = 7;

class Value {
 public:
  constexpr Value() : bits_(Tagged(0, Tag::kConstant)) {}  // nil
  static constexpr Value FromBits(uint64_t bits) { return Value(bits); }

  // --- constants
  static constexpr Value Nil() { return Constant(0); }
  static constexpr Value False() { return Constant(1); }
  static constexpr Value True() { return Constant(2); }
  static constexpr Value Bool(bool b) { return Constant(b ? 2 : 1); }
  static constexpr Value Zero() { return Constant(3); }
  static constexpr Value MinusZero() { return Constant(4); }
  static constexpr Value NaN() { return Constant(5); }
  static constexpr Value Infinity() { return Constant(6); }
  static constexpr Value MinusInfinity() { return Constant(7); }
  // No script ever sees it: an empty slot of a table, a register not yet set.
  static constexpr Value Absent() { return Constant(8); }

  // --- immediates. SmallInt wants kSmallIntMin <= i <= kSmallIntMax.
  static constexpr Value SmallInt(int64_t i) { return Value(static_cast<uint64_t>(i) << 3); }
  static constexpr bool FitsSmallInt(int64_t i) { return i >= kSmallIntMin && i <= kSmallIntMax; }

  // A float that has an immediate form; see FloatFits. Boxing is value/number.h's.
  static constexpr bool FloatFits(double d) {
    const uint64_t r = std::rotl(std::bit_cast<uint64_t>(d), 4);
    return ((0b00011000u >> (r & 7)) & 1) != 0;
  }
  static constexpr Value ImmediateFloat(double d) {
    return Value(std::rotl(std::bit_cast<uint64_t>(d), 4));
  }

  // At most kShortBytesMax bytes (text: valid UTF-8).
  static Value ShortText(const char* bytes, int size) {
    return Short(bytes, size, Tag::kShortText);
  }
  static Value ShortSymbol(const char* bytes, int size) {
    return Short(bytes, size, Tag::kShortSymbol);
  }

  // --- pointers
  static Value Data(const Object* o) {
    return Value(reinterpret_cast<uint64_t>(o) | static_cast<uint64_t>(Tag::kObject));
  }
  static Value Target(const Object* o) {
    return Value(reinterpret_cast<uint64_t>(o) | static_cast<uint64_t>(Tag::kTarget));
  }

  // --- tests
  constexpr uint64_t bits() const { return bits_; }
  constexpr Tag tag() const { return static_cast<Tag>(bits_ & 7); }
  constexpr bool is_int() const { return (bits_ & 7) == 0; }
  constexpr bool is_nil() const { return bits_ == Nil().bits_; }
  constexpr bool is_true() const { return bits_ == True().bits_; }
  constexpr bool is_false() const { return bits_ == False().bits_; }
  constexpr bool is_bool() const { return is_true() || is_false(); }
  constexpr bool is_absent() const { return bits_ == Absent().bits_; }
  constexpr bool is_data() const { return tag() == Tag::kObject; }
  constexpr bool is_target() const { return tag() == Tag::kTarget; }
  // Tags 001 and 111: the word is an address the collector follows.
  constexpr bool is_pointer() const { return is_data() || is_target(); }
  constexpr bool is_short_text() const { return tag() == Tag::kShortText; }
  constexpr bool is_short_symbol() const { return tag() == Tag::kShortSymbol; }
  constexpr bool is_immediate_float() const {
    return ((0b00011000u >> (bits_ & 7)) & 1) != 0 ||
           (bits_ >= Zero().bits_ && bits_ <= MinusInfinity().bits_ && tag() == Tag::kConstant);
  }

  // --- contents. Each wants the matching test to hold.
  constexpr int64_t small_int() const { return static_cast<int64_t>(bits_) >> 3; }
  constexpr double immediate_float() const;
  Object* object() const { return reinterpret_cast<Object*>(bits_ & ~uint64_t{7}); }
  // Tag known, so that the subtraction folds into the displacement of the access.
  Object* data() const { return reinterpret_cast<Object*>(bits_ - uint64_t{1}); }
  Object* target() const { return reinterpret_cast<Object*>(bits_ - uint64_t{7}); }
  // Short text and short symbol: the bytes stand inside the word itself, so the
  // pointer is valid as long as this Value is where it is.
  constexpr int short_size() const { return static_cast<int>((bits_ >> 3) & 7); }
  const char* short_bytes() const { return reinterpret_cast<const char*>(&bits_) + 1; }

  // The same word. Sameness of values in general is value/compare.h's.
  friend constexpr bool operator==(Value a, Value b) { return a.bits_ == b.bits_; }

 private:
  constexpr explicit Value(uint64_t bits) : bits_(bits) {}
  static constexpr uint64_t Tagged(uint64_t payload, Tag tag) {
    return (payload << 3) | static_cast<uint64_t>(tag);
  }
  static constexpr Value Constant(uint64_t n) { return Value(Tagged(n, Tag::kConstant)); }
  static Value Short(const char* bytes, int size, Tag tag) {
    uint64_t w = 0;
    std::memcpy(reinterpret_cast<char*>(&w) + 1, bytes, static_cast<size_t>(size));
    return Value(w | (static_cast<uint64_t>(size) << 3) | static_cast<uint64_t>(tag));
  }

  uint64_t bits_;
};

static_assert(sizeof(Value) == 8);
static_assert(std::endian::native == std::endian::little, "short texts stand in memory order");

constexpr double Value::immediate_float() const {
  if (tag() != Tag::kConstant) return std::bit_cast<double>(std::rotr(bits_, 4));
  constexpr double kInf = __builtin_huge_val();
  switch (bits_ >> 3) {
    case 3:
      return 0.0;
    case 4:
      return -0.0;
    case 6:
      return kInf;
    case 7:
      return -kInf;
    default:
      return std::bit_cast<double>(uint64_t{0x7ff8000000000000});
  }
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_WORD_H_
