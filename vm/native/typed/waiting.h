// Waiting: what goes on when a promise settles or an alarm rings: a task that an actor runs,
// a callback. It goes on in a turn of the actor that began to wait.
//
// A promise holds no C++ memory: it holds the number of the wait in a table of Actors. So what is
// waited for may settle when who waited is long gone, and nothing is found.
//
// Ownership: by whoever made it; it takes itself out of the table when it goes.
// Threads:   its VM's.
#ifndef VESICLE_VM_NATIVE_TYPED_WAITING_H_
#define VESICLE_VM_NATIVE_TYPED_WAITING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)
namespace vesicle {

class Turn;
class WaitingTable;

// Of one wait for one or several things: set by what happens at once on the other side, such as a
// receiver that takes what was offered, so that it is the only one.
struct Claim {
  bool is_taken = false;
};

class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  virtual ~Waiting();

  // Something it waits for may have come; it waits no more. May delete itself.
  virtual void OnWake(Turn& turn) = 0;

 private:
  friend class WaitingTable;
  WaitingTable* table_ = nullptr;  // null: it waits for nothing
  uint32_t index_ = 0;
};

class WaitingTable {
 public:
  WaitingTable() = default;
  ~WaitingTable();
  WaitingTable(const WaitingTable&) = delete;
  WaitingTable& operator=(const WaitingTable&) = delete;

  struct Number {
    uint32_t index;
    int64_t serial;
  };
  // A new wait of `waiting`; an earlier one of it is over.
  Number Begin(Waiting& waiting);
  void End(Waiting& waiting);
  // Ends the wait, too. Null: it is over.
  Waiting* Take(Number number);
  size_t size() const { return entries_.size() - free_.size(); }

 private:
  struct Entry {
    Waiting* waiting = nullptr;
    int64_t serial = 0;
  };
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  int64_t serial_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_WAITING_H_
