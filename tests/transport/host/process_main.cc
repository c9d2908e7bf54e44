// doctest's main, of a program that is its own children, too.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <optional>

#include "membrane/script.h"
#include "tests/transport/host/child_actors.h"

int main(int argc, char** argv) {
  vesicle::CutIfAsked();
  const vesicle::ChildRegistry actors = vesicle::TestActors();
  if (const std::optional<int> code =
          vesicle::RunChild(argc, argv, actors, {.builtins = vesicle::AddMembranes})) {
    return *code;
  }
  return doctest::Context(argc, argv).run();
}
