#include "transport/captp/fields.h"

#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

using syrup::Token;

// absl's own string_view is another type in this release.
absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

const char* NameOf(Token token) {
  switch (token) {
    case Token::kEnd:
      return "the end of the message";
    case Token::kError:
      return "an error";
    case Token::kRecord:
      return "a record";
    case Token::kRecordEnd:
      return "the end of the record";
    case Token::kList:
      return "a list";
    case Token::kListEnd:
      return "the end of a list";
    case Token::kDict:
      return "a dictionary";
    case Token::kDictEnd:
      return "the end of a dictionary";
    case Token::kInt:
      return "an integer";
    case Token::kFloat:
      return "a float";
    case Token::kBytes:
      return "bytes";
    case Token::kText:
      return "a text";
    case Token::kSymbol:
      return "a symbol";
    case Token::kBool:
      return "a boolean";
  }
  return "?";
}

}  // namespace

absl::Status WrongField(std::string_view record, std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(Absl(record), ", ", Absl(field), ": ", Absl(what)));
}

bool Fields::Next(std::string_view field, Token* token) {
  if (!ok()) return false;
  *token = reader_.Next();
  if (*token != Token::kError) return true;
  return Fail(field, reader_.error().ToString());
}

bool Fields::Fail(std::string_view field, std::string_view what) {
  if (ok()) status_ = WrongField(record_, field, what);
  return false;
}

bool Fields::Wants(std::string_view field, std::string_view wants, Token has) {
  return Fail(field, absl::StrCat(Absl(wants), " is wanted, and byte ", reader_.begin(), " has ",
                                  NameOf(has)));
}

bool Fields::Integer(std::string_view field, uint64_t min, std::string_view wants,
                     uint64_t* value) {
  Token token;
  if (!Next(field, &token)) return false;
  if (token != Token::kInt) return Wants(field, wants, token);
  if (!reader_.fits_int64()) {
    return Fail(field, absl::StrCat(Absl(wants), " is wanted, and byte ", reader_.begin(),
                                    " has an integer beyond ", kPositionMax));
  }
  const int64_t n = reader_.int64();
  if (n < 0 || static_cast<uint64_t>(n) < min) {
    return Fail(field,
                absl::StrCat(Absl(wants), " is wanted, and byte ", reader_.begin(), " has ", n));
  }
  *value = static_cast<uint64_t>(n);
  return true;
}

bool Fields::AnyInteger(std::string_view field, uint64_t* value) {
  Token token;
  if (!Next(field, &token)) return false;
  if (token != Token::kInt) return Wants(field, "an integer", token);
  const bool is_index = reader_.fits_int64() && reader_.int64() >= 0;
  *value = is_index ? static_cast<uint64_t>(reader_.int64()) : kNoIndex;
  return true;
}

bool Fields::Position(std::string_view field, uint64_t* position) {
  return Integer(field, 0, "a position (0 or more)", position);
}

bool Fields::PositionOrFalse(std::string_view field, std::optional<uint64_t>* position) {
  constexpr std::string_view kWants = "a position (0 or more) or f";
  position->reset();
  if (const char c = Peek(); c == 'f' || c == 't') {
    bool value = false;
    if (!Bool(field, &value)) return false;
    return value ? Wants(field, kWants, Token::kBool) : true;
  }
  uint64_t n = 0;
  if (!Integer(field, 0, kWants, &n)) return false;
  *position = n;
  return true;
}

bool Fields::Bool(std::string_view field, bool* value) {
  Token token;
  if (!Next(field, &token)) return false;
  if (token != Token::kBool) return Wants(field, "t or f", token);
  *value = reader_.boolean();
  return true;
}

bool Fields::Payload(std::string_view field, std::string_view wants, Token token, Token other,
                     size_t bytes_max, std::string_view* text) {
  Token has;
  if (!Next(field, &has)) return false;
  if (has != token && has != other) return Wants(field, wants, has);
  if (reader_.text().size() > bytes_max) {
    return Fail(field,
                absl::StrCat(Absl(wants), " of at most ", bytes_max, " bytes is wanted, and byte ",
                             reader_.begin(), " has ", reader_.text().size()));
  }
  *text = reader_.text();
  return true;
}

bool Fields::Text(std::string_view field, size_t bytes_max, std::string_view* text) {
  return Payload(field, "a text", Token::kText, Token::kText, bytes_max, text);
}

bool Fields::Symbol(std::string_view field, size_t bytes_max, std::string_view* name) {
  return Payload(field, "a symbol", Token::kSymbol, Token::kSymbol, bytes_max, name);
}

bool Fields::TextOrSymbol(std::string_view field, size_t bytes_max, std::string_view* text) {
  return Payload(field, "a text or a symbol", Token::kText, Token::kSymbol, bytes_max, text);
}

bool Fields::Bytes(std::string_view field, size_t bytes_max, std::string_view* bytes) {
  return Payload(field, "a byte string", Token::kBytes, Token::kBytes, bytes_max, bytes);
}

bool Fields::BytesOrText(std::string_view field, size_t bytes_max, std::string_view* bytes) {
  return Payload(field, "a byte string or a text", Token::kBytes, Token::kText, bytes_max, bytes);
}

bool Fields::BytesOf(std::string_view field, size_t size, std::string_view* bytes) {
  if (!Bytes(field, SIZE_MAX, bytes)) return false;
  if (bytes->size() == size) return true;
  return Fail(field, absl::StrCat(size, " bytes are wanted, and byte ", reader_.begin(), " has ",
                                  bytes->size()));
}

bool Fields::Any(std::string_view field, std::string_view* encoded) {
  if (!ok()) return false;
  const size_t begin = at();
  if (IsAtEnd() || Peek() == '\0') {
    Token token;
    return Next(field, &token) && Wants(field, "a value", token);
  }
  if (!reader_.Skip()) return Fail(field, reader_.error().ToString());
  *encoded = Since(begin);
  return true;
}

bool Fields::Integers(std::string_view field, uint64_t min, std::string_view wants,
                      std::string_view* encoded, size_t* count) {
  if (!ok()) return false;
  uint64_t ignored = 0;
  const bool is_list = Peek() == '[';
  if (is_list) {
    Token token;
    if (!Next(field, &token)) return false;
  }
  const size_t begin = at();
  *count = 0;
  while (!is_list || Peek() != ']') {
    if (!Integer(field, min, wants, &ignored)) return false;
    ++*count;
    if (!is_list) break;
  }
  *encoded = Since(begin);
  Token token;
  return !is_list || Next(field, &token);
}

bool Fields::List(std::string_view field, std::string_view* encoded, syrup::Reader::Mark* at) {
  if (!ok()) return false;
  if (Peek() != '[') {
    Token token;
    return Next(field, &token) && Wants(field, "a list", token);
  }
  if (at != nullptr) *at = reader_.mark();
  return Any(field, encoded);
}

bool Fields::BeginAnyRecord(std::string_view field, std::string_view wants,
                            std::string_view* label) {
  Token token;
  if (!Next(field, &token)) return false;
  if (token != Token::kRecord) return Wants(field, wants, token);
  if (!Next(field, &token)) return false;
  if (token != Token::kSymbol) return Wants(field, "a symbol as the label", token);
  *label = reader_.text();
  return true;
}

bool Fields::BeginRecord(std::string_view field, std::string_view label) {
  std::string_view has;
  const size_t begin = at();
  if (!BeginAnyRecord(field, label, &has)) return false;
  if (has == label) return true;
  return Fail(field,
              absl::StrCat(Absl(label), " is wanted, and byte ", begin, " has another record"));
}

bool Fields::BeginList(std::string_view field) {
  Token token;
  if (!Next(field, &token)) return false;
  return token == Token::kList || Wants(field, "a list", token);
}

bool Fields::EndList(std::string_view field) {
  Token token;
  if (!Next(field, &token)) return false;
  return token == Token::kListEnd || Wants(field, "no further value", token);
}

bool Fields::BeginDict(std::string_view field) {
  Token token;
  if (!Next(field, &token)) return false;
  return token == Token::kDict || Wants(field, "a dictionary", token);
}

bool Fields::End() {
  Token token;
  if (!Next("end", &token)) return false;
  return token == Token::kRecordEnd || Wants("end", "no further field", token);
}

bool Fields::EndDict(std::string_view field) {
  Token token;
  if (!Next(field, &token)) return false;
  return token == Token::kDictEnd || Wants(field, "no further entry", token);
}

char Fields::Peek() const {
  const std::string_view bytes = reader_.bytes();
  return reader_.end() < bytes.size() ? bytes[reader_.end()] : '\0';
}

}  // namespace vesicle
