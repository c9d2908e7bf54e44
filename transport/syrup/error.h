// What can be wrong with bytes that should be Syrup, or with a value that should become
// some; and the limits that both are held to.
//
// The law of limits: what is written under some limits is read under the same limits. Each
// is checked before anything is done about what lies beyond it, and nothing is allocated from a
// length that was only declared.
//
//   Error e = reader.error();
//   Log(e.ToString());        // "byte 17: more nested than depth_max (100)"
#ifndef VESICLE_TRANSPORT_SYRUP_ERROR_H_
#define VESICLE_TRANSPORT_SYRUP_ERROR_H_

#include <cstddef>
#include <cstdint>
#include <string>

#pragma GCC visibility push(default)
namespace vesicle::syrup {

struct Limits {
  // Of one message, without the prefix of a netstring; at most kMessageBytesMax.
  uint32_t message_bytes_max = uint32_t{16} << 20;
  // Records, lists and dictionaries that are open at once.
  uint32_t depth_max = 100'000;
  // Values in one message, at all depths, containers, keys and labels among them.
  uint32_t items_max = 1'000'000;
  // Of one integer. The default is what the VM's own limit of 2^20 bits comes to: reading one such
  // takes some 20 ms, which cannot be cut in pieces.
  uint32_t int_digits_max = 315'653;
};
// So that any place in a message is a uint32_t.
inline constexpr uint32_t kMessageBytesMax = uint32_t{1} << 30;

//  name, what is said of it, the limit that it names or ""
#define VESICLE_SYRUP_WRONGS(X)                                                  \
  X(kNothing, "nothing is wrong", "")                                            \
  X(kUnexpectedByte, "a byte that begins no value", "")                          \
  X(kNoMessage, "a message begins with < or with the length of a netstring", "") \
  X(kWrongEnd, "an end of what is not open", "")                                 \
  X(kLeadingZero, "a number with leading zeros", "")                             \
  X(kNegativeZero, "0- is no integer", "")                                       \
  X(kSet, "sets are not taken", "")                                              \
  X(kSingleFloat, "single floats are not taken", "")                             \
  X(kNaN, "a NaN other than 7ff8000000000000", "")                               \
  X(kUtf8, "a text or a symbol that is no UTF-8", "")                            \
  X(kKeyOrder, "dictionary keys out of order", "")                               \
  X(kKeyTwice, "a key twice", "")                                                \
  X(kNoValue, "a key without a value", "")                                       \
  X(kNoLabel, "a record without a label", "")                                    \
  X(kCut, "the bytes end within a value", "")                                    \
  X(kTrailing, "bytes after the end", "")                                        \
  X(kNetstring, "a netstring that is not one record", "")                        \
  X(kTooLong, "more bytes", "message_bytes_max")                                 \
  X(kTooDeep, "more nested", "depth_max")                                        \
  X(kTooMany, "more values", "items_max")                                        \
  X(kIntTooLong, "an integer of more digits", "int_digits_max")                  \
  /* of values */                                                                \
  X(kNoData, "a function or a behavior, which does not leave its process", "")   \
  X(kRefRefused, "a reference that may not cross", "")                           \
  X(kRecord, "a record that is not known here", "")                              \
  X(kRecordForm, "a record of a known label and another form", "")               \
  X(kReservedTag, "a tag of vesicle: that is not spelled so", "")                \
  X(kKey, "what cannot be a key of a map", "")                                   \
  X(kSymbolTooLong, "a symbol of more bytes", "symbol_bytes_max")                \
  X(kFieldsTooMany, "a tagged value or a message of more fields", "fields_max")  \
  X(kTableFull, "a table of references that is full", "")

enum class Wrong : uint8_t {
#define VESICLE_SYRUP_WRONG(name, text, limit) name,
  VESICLE_SYRUP_WRONGS(VESICLE_SYRUP_WRONG)
#undef VESICLE_SYRUP_WRONG
};

struct Error {
  Wrong wrong = Wrong::kNothing;
  uint32_t limit = 0;  // which one: its value; 0 where there is none
  uint64_t at = 0;     // the byte, counted from where the message begins

  bool ok() const { return wrong == Wrong::kNothing; }
  std::string ToString() const;
};

}  // namespace vesicle::syrup
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SYRUP_ERROR_H_
