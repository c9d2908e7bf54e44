// What ReadPlainDeliver reads from both ends of a message, against a reader of all of it.
#ifndef VESICLE_TESTS_TRANSPORT_CAPTP_PLAIN_H_
#define VESICLE_TESTS_TRANSPORT_CAPTP_PLAIN_H_

#include <string>
#include <string_view>

#include "transport/captp/operation.h"

namespace vesicle {

// What is wrong; empty: nothing. `message`: as a Framer gives it out.
inline std::string ComparePlain(std::string_view message) {
  Operation plain, all;
  if (!ReadPlainDeliver(message, &plain)) return {};
  syrup::Reader reader;
  reader.Reset(message);
  const bool is_right = ReadOperation(reader, &all).ok();
  // Who decodes the arguments notices.
  syrup::Reader args;
  args.Reset(plain.args);
  const bool looks_right = args.Skip() && args.end() == plain.args.size();
  if (!is_right) return looks_right ? "it is wrong, and its arguments do not show it" : "";
  if (!looks_right) return "its arguments are no list";
  if (plain.kind != all.kind || !(plain.to == all.to) || plain.args != all.args ||
      plain.answer != all.answer || plain.resolver != all.resolver) {
    return "it says something else";
  }
  return {};
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_CAPTP_PLAIN_H_
