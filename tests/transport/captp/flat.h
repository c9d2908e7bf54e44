// What ReadFlat takes from the front of a stream, against a Framer and a Reader of all of it.
#ifndef VESICLE_TESTS_TRANSPORT_CAPTP_FLAT_H_
#define VESICLE_TESTS_TRANSPORT_CAPTP_FLAT_H_

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "transport/captp/flat_message.h"
#include "transport/captp/operation.h"
#include "transport/syrup/framer.h"

namespace vesicle {

// Whether the next value of `args` is that one.
inline bool IsNext(syrup::Reader& args, const FlatArgument& flat) {
  using Kind = FlatArgument::Kind;
  using syrup::Token;
  const Token token = args.Next();
  switch (flat.kind) {
    case Kind::kBool:
      return token == Token::kBool && args.boolean() == flat.is_true;
    case Kind::kInt:
      return token == Token::kInt && args.fits_int64() && args.int64() == flat.integer;
    case Kind::kFloat:
      return token == Token::kFloat &&
             std::bit_cast<uint64_t>(args.float64()) == std::bit_cast<uint64_t>(flat.number);
    case Kind::kText:
      return token == Token::kText && args.text() == flat.bytes() &&
             args.is_ascii() == flat.is_ascii;
    case Kind::kBytes:
      return token == Token::kBytes && args.text() == flat.bytes();
    case Kind::kSymbol:
      return token == Token::kSymbol && args.text() == flat.bytes();
    case Kind::kNil:
      return token == Token::kRecord && args.Next() == Token::kSymbol && args.text() == "void" &&
             args.Next() == Token::kRecordEnd;
    case Kind::kReference:
      break;
  }
  if (token != Token::kRecord || args.Next() != Token::kSymbol ||
      args.text() != LabelOf(flat.reference)) {
    return false;
  }
  Fields fields(args, args.text());
  Descriptor descriptor;
  return ReadArgument(fields, flat.reference, &descriptor) && descriptor.position == flat.position;
}

// What is wrong; empty: nothing.
inline std::string CompareFlat(std::string_view stream) {
  FlatMessage flat;
  if (!ReadFlat(stream, &flat)) return {};
  const syrup::Limits limits = {.depth_max = 3, .items_max = 516, .int_digits_max = 18};
  if (!FitFlat(limits)) return "it does not fit";
  syrup::Framer framer(limits);
  framer.Add(stream);
  std::string_view message;
  if (framer.Next(&message) != syrup::Framer::Step::kMessage) return "it is no message";
  if (message != flat.bytes) return "it ends elsewhere";
  syrup::Reader reader(limits);
  reader.Reset(message);
  Operation all;
  if (!ReadOperation(reader, &all).ok()) return "it is wrong";
  if (all.kind != flat.kind) return "it is another operation";
  if (flat.kind != Operation::Kind::kDeliver) {
    if (all.gc.left() != flat.gc.left()) return "it gives back more or less";
    GcEntry one, other;
    while (all.gc.Next(&one)) {
      if (!flat.gc.Next(&other) || one != other) return "it gives back something else";
    }
    return {};
  }
  if (!(flat.to == all.to) || flat.answer != all.answer || flat.resolver != all.resolver) {
    return "it says something else";
  }
  syrup::Reader args;
  args.Reset(all.args);
  if (args.Next() != syrup::Token::kList) return "its arguments are no list";
  for (const FlatArgument& argument : flat.arguments()) {
    if (!IsNext(args, argument)) return "an argument is another one";
  }
  if (args.Next() != syrup::Token::kListEnd) return "there are more arguments";
  return {};
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_CAPTP_FLAT_H_
