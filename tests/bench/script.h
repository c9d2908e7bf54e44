// Script: a program of tests/bench/programs in a VM of its own, and one actor of its
// behavior `bench`, which does what it is asked and replies when that is done.
//
//   Script list("list");
//   list.Ask(list.vm().Tagged("build_and_reverse", 1'000'000));
#ifndef VESICLE_TESTS_BENCH_SCRIPT_H_
#define VESICLE_TESTS_BENCH_SCRIPT_H_

#include <string>

#include "membrane/script.h"
#include "vm/native/vm.h"

namespace vesicle::bench {

class Script {
 public:
  // `program`: the file's name without .ves. A program that does not load, or an ask that breaks,
  // ends the process and says why: a figure of something else is worse than none.
  explicit Script(const std::string& program);

  // Runs until nothing can run, and wants the reply by then.
  Root Ask(Value message) { return Ask(bench_, message); }
  Root Ask(const Root& target, Value message);

  Vm& vm() { return vm_; }

 private:
  Vm vm_{{.memory_bytes_max = uint64_t{16} << 30}, AddMembranes};
  Root bench_;
};

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_SCRIPT_H_
