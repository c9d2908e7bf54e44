// A law said in the language: each `test` of a module runs in a VM of its own, with
// membranes in the prelude.
#ifndef VESICLE_TESTS_MEMBRANE_SCRIPT_LAW_H_
#define VESICLE_TESTS_MEMBRANE_SCRIPT_LAW_H_

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "membrane/script.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace vesicle {

inline void CheckTests(const std::string& text) {
  size_t count = 1;
  for (size_t i = 0; i < count; ++i) {
    Vm vm({}, AddMembranes);
    absl::StatusOr<Module> module = vm.Load("law.ves", text);
    REQUIRE_MESSAGE(module.ok(), std::string(module.status().message()));
    count = module->Tests().size();
    REQUIRE(count > 0);
    std::string outcome = "it was left waiting";
    vm.StartTest(*module, i, [&](const Reply& reply) {
      outcome = reply.ok() ? "passed" : Print(reply.reason());
    });
    vm.Run();
    CHECK_MESSAGE(outcome == "passed", module->Tests()[i].name << ": " << outcome);
  }
}

// With those who play in it.
inline void CheckTests(const std::string& cast, const std::string& text) {
  CheckTests(cast + text);
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_MEMBRANE_SCRIPT_LAW_H_
