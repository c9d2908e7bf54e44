#include "vm/script/compile/disassembler.h"

#include "absl/strings/str_format.h"
#include "vm/script/compile/script_code.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

std::string ConstantText(const Object* code, uint32_t index) {
  const Value v = code::Constants(code)[index];
  if (IsKind(v, Kind::kCode)) return "<" + code::Body(v.data())->name() + ">";
  if (IsKind(v, Kind::kTuple)) return "<items>";
  return Print(v, kReportOptions);
}

std::string Operands(const Object* code, const Instruction* at, int64_t pc) {
  const Instruction i = *at;
  const Op op = instruction::OpOf(i);
  const int64_t end = pc + 1 + FurtherWords(op);
  std::string text;
  int further = 1;
  const auto add = [&text](std::string operand) {
    if (!text.empty()) text += ", ";
    text += operand;
  };
  const auto reg = [](uint32_t n) { return "r" + std::to_string(n); };
  for (char letter : kOpTable[static_cast<int>(op)].format) {
    switch (letter) {
      case 'a':
        add(reg(instruction::A(i)));
        break;
      case 'b':
        add(reg(instruction::B(i)));
        break;
      case 'c':
        add(reg(instruction::C(i)));
        break;
      case 'p':
        add(std::to_string(instruction::A(i)));
        break;
      case 'q':
        add(std::to_string(instruction::B(i)));
        break;
      case 'r':
        add(std::to_string(instruction::C(i)));
        break;
      case 's':
        add(std::to_string(instruction::SignedB(i)));
        break;
      case 't':
        add(std::to_string(instruction::SignedC(i)));
        break;
      case 'i':
        add(std::to_string(instruction::SignedBx(i)));
        break;
      case 'u':
        add(std::to_string(instruction::Bx(i)));
        break;
      case 'k':
        add(ConstantText(code, instruction::Bx(i)));
        break;
      case 'j':
        add("-> " + std::to_string(pc + 1 + instruction::Jump24(i)));
        break;
      case 'J':
        add("-> " + std::to_string(end + static_cast<int32_t>(at[further++])));
        break;
      case 'K':
        add(ConstantText(code, at[further++]));
        break;
      default:
        add(std::to_string(at[further++]));
        break;
    }
  }
  return text;
}

}  // namespace

std::string Disassemble(const Object* code) {
  const auto& body = *static_cast<const ScriptCode*>(code::Body(code));
  std::string text = absl::StrFormat("%s: %d captures, %d registers\n", body.name(),
                                     body.header().captures, body.header().registers);
  for (uint32_t pc = 0; pc < body.size();) {
    const Instruction* at = body.begin() + pc;
    const Op op = instruction::OpOf(*at);
    const std::string name(kOpTable[static_cast<int>(op)].name);
    absl::StrAppendFormat(&text, "  %4d  %-16s %s\n", pc, name, Operands(code, at, pc));
    pc += 1 + static_cast<uint32_t>(FurtherWords(op));
  }
  return text;
}

}  // namespace vesicle
