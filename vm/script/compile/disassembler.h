// The disassembler shows code as text, after the formats in opcodes.h: for people
// and for tests.
//
//   link: 1 capture, 1 register
//       0  Enter            1 registers, 1 steps
//       1  ForwardLast      0
#ifndef VESICLE_VM_SCRIPT_COMPILE_DISASSEMBLER_H_
#define VESICLE_VM_SCRIPT_COMPILE_DISASSEMBLER_H_

#include <string>

#include "vm/heap/object.h"

namespace vesicle {

// `code` is a kCode whose body is a ScriptCode.
std::string Disassemble(const Object* code);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_COMPILE_DISASSEMBLER_H_
