// What the compiler makes of a text: the shapes that speed depends on, and the
// limits, each with its diagnostic.
#include "vm/script/compile/compiler.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/vm/script/script_world.h"

namespace vesicle {
namespace {

std::string Code(const std::string& text) {
  World world;
  if (!world.Load(text)) return world.errors;
  return world.module->Disassemble();
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("every opcode has a format that names only known operands") {
  for (const OpInfo& op : kOpTable) {
    CHECK_FALSE(op.doc.empty());
    CHECK(op.format.find_first_not_of("abcpqrstkiujJKN") == std::string_view::npos);
  }
}

TEST_CASE("a link of a ring is one instruction") {
  CHECK(Code("behavior link(next) { n => next <- n }") ==
        "link: 1 captures, 1 registers\n"
        "     0  Enter            1, 1\n"
        "     1  ForwardLast      0\n");
}

TEST_CASE("creating a known behavior makes no behavior value") {
  const std::string code = Code(
      "behavior counter(n) { #get => n }\n"
      "behavior main { #start(host) => { let c = create counter(0)\n c <- #get } }");
  CHECK(Has(code, "CreateKnown      r2, <counter>"));
  CHECK_FALSE(Has(code, "MakeBehavior"));
}

TEST_CASE("fields of a message land in registers with its test") {
  const std::string code = Code("behavior b { #add(x, y) => x + y }");
  CHECK(Has(code, "TestTag          r0, 2, #add"));
  CHECK(Has(code, "Add              r3, r1, r2"));
}

TEST_CASE("a loop over integers is an addition, a comparison and a jump") {
  const std::string code =
      Code("fn sum(n) { var s = 0\n var i = 1\n while i <= n { s = s + i\n i = i + 1 }\n s }");
  CHECK(Has(code, "Add              r1, r1, r2\n"));
  CHECK(Has(code, "AddInt           r2, r2, 1\n"));
  CHECK(Has(code, "LoopLessEq       r2, r0, 1"));
  CHECK_FALSE(Has(code, "Move "));
}

TEST_CASE("a range in a loop is never a list") {
  const std::string code = Code("fn f(n) { var s = 0\n for i in 1..n { s = s + i }\n s }");
  CHECK(Has(code, "RangeBegin"));
  CHECK_FALSE(Has(code, "MakeRange"));
}

TEST_CASE("calls in last position reuse the frame") {
  const std::string code = Code("fn f(n) = if n == 0 { 0 } else { f(n - 1) }");
  CHECK(Has(code, "TailCallKnown"));
  CHECK(Has(code, "JumpNotEqualInt  r0, 0"));
}

TEST_CASE("too many names at once is an error with a place") {
  std::string text = "fn f(x) {\n";
  for (int i = 0; i < 260; ++i) {
    text += "  let v" + std::to_string(i) + " = x + " + std::to_string(i) + "\n";
  }
  text += "  v0";
  for (int i = 1; i < 260; ++i) text += " + v" + std::to_string(i);
  text += "\n}";
  const std::string errors = Code(text);
  CHECK(Has(errors, "test.ves:250:"));
  CHECK(Has(errors, "more than 250 registers"));
}

TEST_CASE("too many parameters, fields, captures") {
  std::string params = "a0";
  std::string args = "0";
  for (int i = 1; i < 101; ++i) {
    params += ", a" + std::to_string(i);
    args += ", " + std::to_string(i);
  }
  CHECK(Has(Code("fn f(" + params + ") = 1"), "more than 100 parameters"));
  CHECK(Has(Code("fn f() = #t(" + args + ")"), "at most 100 fields"));
}

TEST_CASE("deep expressions compile") {
  std::string text = "fn f(x) = x";
  for (int i = 0; i < 400; ++i) text += " + 1";
  CHECK(Has(Code(text), "AddInt"));
  std::string nested;
  for (int i = 0; i < 150; ++i) nested += "[";
  nested += "1";
  for (int i = 0; i < 150; ++i) nested += "]";
  CHECK(Has(Code("fn g() = " + nested), "MakeList"));
}

}  // namespace
}  // namespace vesicle
