// What a peer may say once it has shaken hands, as decisions (tests/transport/session/hostile.h):
// the VM stays sound, and an honest peer beside it is served. The first byte says in which mode.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/transport/session/hostile.h"
#include "vm/heap/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string wrong = vesicle::LiveWithHostile(bytes, data[0] % 2 == 1);
  VESICLE_CHECK(wrong.empty());
  return 0;
}
