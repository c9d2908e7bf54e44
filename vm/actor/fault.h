// Faults: turns that failed, and how they are reported.
//
// A reason is a value. What a guest raises with `fail e` is #failed(e) (once: failing
// with a #failed(...) raises it as it is), so that no guest can forge what only the
// VM makes:
//   #revoked #disconnected #stopped #full #denied #timeout #not_a_ref #quota(which)
//   #type(text)            an operation on the wrong kind of value
//   #no_clause(text)       no clause takes the message;  #no_match(text) for match and let
//   #divide_by_zero  #missing_key(text)  #bad_index(text)  #limit(text)  #cycle
//
// The fault of an actor that is supervised goes to its supervisor, as data without refs
// (supervision.h), and to the host's on_fault; it is observed by that. Other faults are
// reported at the end, unless somebody learns of them:
//
// A report is data without refs, made when the fault happens. It is dropped when somebody
// learns of the fault. The break carries it there: promise by promise, through every `when`,
// `await` and resolver that only passes it on, goes a *report link* (a kTuple: the number
// of the report, and whether anybody has learned). So there is one report for one fault,
// however long the way, and if the way ends at nobody it stays.
#ifndef VESICLE_VM_ACTOR_FAULT_H_
#define VESICLE_VM_ACTOR_FAULT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Heap;
class SymbolTable;

// Where in a source something happened. line and column count from 1; 0: unknown.
struct Place {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  // The source line and how many code points the caret spans, for people; may be empty.
  std::string excerpt;
  uint32_t caret_columns = 1;
};

struct FaultReport {
  struct Frame {
    std::string behavior;
    Place place;
  };
  uint64_t turn = 0;   // serial of the turn that failed
  std::string reason;  // printed, shortened
  std::string behavior;
  std::string message;  // what it failed on, printed, shortened
  Place place;
  std::vector<Frame> calls;         // function calls inside the turn, innermost first
  std::vector<std::string> causes;  // the turns that led there, nearest first
  bool observed = false;            // somebody waits for the asker's promise
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_ACTOR_FAULT_H_
