// Fields: the fields of one record, read one after the other, each as what it must be. The
// first that is not gives the error, which names the record, the field, what is wanted and what is
// there; from then on every call is false and reads nothing.
//
// Ownership: borrows the Reader, and the names, which are literals. What is given out points into
//            the Reader's bytes.
// Costs:     allocates for an error only.
//
//   Fields fields(reader, "op:abort");          // the reader stands behind the label
//   if (!fields.Text("reason", 1000, &reason) || !fields.End()) return fields.status();
#ifndef VESICLE_TRANSPORT_CAPTP_FIELDS_H_
#define VESICLE_TRANSPORT_CAPTP_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "transport/syrup/reader.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Positions, indices and counts on the wire: what a Reader takes in one look. A peer that counts
// from 1 a thousand million times a second gets there in thirty years.
inline constexpr uint64_t kPositionMax = 999'999'999'999'999'999;
inline constexpr uint64_t kNoIndex = UINT64_MAX;

// InvalidArgument, as the errors of Fields say it: "op:deliver, to-desc: what".
absl::Status WrongField(std::string_view record, std::string_view field, std::string_view what);

class Fields {
 public:
  Fields(syrup::Reader& reader, std::string_view record) : reader_(reader), record_(record) {}

  bool ok() const { return status_.ok(); }
  // InvalidArgument.
  const absl::Status& status() const { return status_; }
  std::string_view record() const { return record_; }
  syrup::Reader& reader() { return reader_; }

  // An integer from `min` to kPositionMax; `wants` says so in words.
  bool Integer(std::string_view field, uint64_t min, std::string_view wants, uint64_t* value);
  // Any integer; one below 0 or beyond kPositionMax is kNoIndex.
  bool AnyInteger(std::string_view field, uint64_t* value);
  bool Position(std::string_view field, uint64_t* position);
  bool PositionOrFalse(std::string_view field, std::optional<uint64_t>* position);
  bool Bool(std::string_view field, bool* value);
  bool Text(std::string_view field, size_t bytes_max, std::string_view* text);
  bool Symbol(std::string_view field, size_t bytes_max, std::string_view* name);
  bool TextOrSymbol(std::string_view field, size_t bytes_max, std::string_view* text);
  bool Bytes(std::string_view field, size_t bytes_max, std::string_view* bytes);
  bool BytesOrText(std::string_view field, size_t bytes_max, std::string_view* bytes);
  bool BytesOf(std::string_view field, size_t size, std::string_view* bytes);
  // Any value, as its bytes.
  bool Any(std::string_view field, std::string_view* encoded);
  // An integer of at least `min`, or a list of such, as the bytes of the integers; how many.
  bool Integers(std::string_view field, uint64_t min, std::string_view wants,
                std::string_view* encoded, size_t* count);
  // A list, as its bytes; `*at` (unless null) is the place before it.
  bool List(std::string_view field, std::string_view* encoded, syrup::Reader::Mark* at = nullptr);

  // Into a container: what follows is read from its inside, until the End() of the same kind.
  bool BeginRecord(std::string_view field, std::string_view label);
  bool BeginAnyRecord(std::string_view field, std::string_view wants, std::string_view* label);
  bool BeginList(std::string_view field);
  bool BeginDict(std::string_view field);
  // No more values here: the end of the record, the list or the dictionary.
  bool End();
  bool EndList(std::string_view field);
  bool EndDict(std::string_view field);

  // What comes next, without reading it; 0 at the end of the bytes.
  char Peek() const;
  bool IsAtEnd() const { return Peek() == '>'; }
  // The place of what comes next.
  size_t at() const { return reader_.end(); }
  std::string_view Since(size_t begin) const {
    return reader_.bytes().substr(begin, reader_.end() - begin);
  }

  // The caller's own error about the field read last. False, always.
  bool Fail(std::string_view field, std::string_view what);

 private:
  // The next token. False: the bytes are wrong, or an error came before.
  bool Next(std::string_view field, syrup::Token* token);
  bool Wants(std::string_view field, std::string_view wants, syrup::Token has);
  bool Payload(std::string_view field, std::string_view wants, syrup::Token token,
               syrup::Token other, size_t bytes_max, std::string_view* text);

  syrup::Reader& reader_;
  std::string_view record_;
  absl::Status status_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_FIELDS_H_
