// Any bytes as a program: lexed, parsed, resolved and compiled, nothing run. Whatever
// they are, there is a module or there are diagnostics that name a place.
#include <cstddef>
#include <cstdint>
#include <string>

#include "vm/heap/check.h"
#include "vm/native/vm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  vesicle::Vm vm;
  const absl::StatusOr<vesicle::Module> module = vm.Load("fuzz.ves", text);
  if (module.ok()) {
    (void)module->Disassemble();
  } else {
    VESICLE_CHECK(module.status().message().find("fuzz.ves:") != absl::string_view::npos);
  }
  return 0;
}
