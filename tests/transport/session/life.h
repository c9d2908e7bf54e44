// Life: a network of VMs that do anything to each other, from a seed: messages, questions,
// references given on, answers used before they are there, lines that are cut, VMs that end and
// come again, membranes between some of them, garbage; and what was wrong in it.
#ifndef VESICLE_TESTS_TRANSPORT_SESSION_LIFE_H_
#define VESICLE_TESTS_TRANSPORT_SESSION_LIFE_H_

#include <cstdint>
#include <string>

namespace vesicle {

struct Life {
  uint64_t hash = 0;  // of all that went over the lines
  uint64_t turns = 0;
  std::string wrong;  // the first thing; empty: nothing was
};

// What must hold: each question ends once; without cuts none ends for want of a session; what is
// sent to a reference arrives in order, once, and, without cuts, all of it; when lines are whole
// again everybody reaches everybody; when all is dropped every table is empty.
// kInProcess: the VMs take each other for VMs of one process, so that parcels go over the lines,
// cut and joined as any bytes.
enum class Lines : uint8_t { kBetweenProcesses, kInProcess };
Life Live(uint64_t seed, Lines lines = Lines::kBetweenProcesses);

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_SESSION_LIFE_H_
