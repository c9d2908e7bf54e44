// ProgramText: what a load was made of: the first file and all that it imports, in the order in
// which they were linked. The same text compiles to the same code in every VM with the same
// builtins; so a unit of code is known anywhere by its program, the number of its module, and its
// own number there (CodeOrigin).
//
// Ownership: shared by all code of the load, and by whoever loads it again elsewhere.
// Threads:   any, once the load is done: nothing changes it then.
#ifndef VESICLE_VM_SCRIPT_PROGRAM_TEXT_H_
#define VESICLE_VM_SCRIPT_PROGRAM_TEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vm/script/syntax/source.h"

namespace vesicle {

struct ProgramText {
  struct File {
    std::string path;  // from the folder of the first file
    std::shared_ptr<const Source> source;
  };
  std::string name;         // of the first file, as it was given
  std::vector<File> files;  // by the numbers of their modules; the first file is the last one
};

struct CodeOrigin {
  static constexpr uint32_t kNone = UINT32_MAX;
  std::shared_ptr<const ProgramText> program = {};  // null: the VM made it
  uint32_t module = 0;
  uint32_t unit = kNone;     // kNone: no unit of the text
  uint32_t builtin = kNone;  // made by the VM for a builtin of that number
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_PROGRAM_TEXT_H_
