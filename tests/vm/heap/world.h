// World: a random program over a heap, beside a shadow of what the heap must hold.
//
// Each object has an id in its word 0, or, where the kind is final, behind it in
// C++ memory. The shadow knows by id every object's kind and words. Each step
// walks from a root in both at once, so that each word read is compared.
// What may be a root is: Roots, a queue (visited in slices, as event queues are)
// and words in C++ memory behind objects.
//
//   World world(seed, options);
//   world.Run(5000);
//   world.problem();       // empty if all went well
#ifndef VESICLE_TESTS_VM_HEAP_WORLD_H_
#define VESICLE_TESTS_VM_HEAP_WORLD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "vm/heap/heap.h"

namespace vesicle {

class World final : public HeapClient {
 public:
  struct Options {
    HeapOptions heap;
    bool weak_tables = true;  // what they say depends on when collections happen
  };

  World(uint64_t seed, Options options);
  ~World();

  void Run(int steps);
  // As Run, but safe points fall where the seed says, whatever the heap wants.
  void RunAlike(int steps);
  // A full collection, then everything that must be gone is.
  void CheckNothingLeft();
  const std::string& problem() const { return problem_; }
  // Of everything reachable, ids and words in the order they are met.
  uint64_t GraphHash();
  Heap& heap() { return *heap_; }

 private:
  // A word of the shadow: an integer, or the object of that id.
  struct Cell {
    bool is_object = false;
    int64_t n = 0;
  };
  struct Node {
    Kind kind;
    SponsorIndex sponsor;
    std::vector<Cell> words;   // the object's, without the first
    std::vector<Cell> behind;  // in C++ memory, final kinds only
  };
  struct Behind {
    int64_t id;
    std::vector<Value> words;
  };
  // A value and what it is in the shadow.
  struct Both {
    Value value;
    Cell cell;
  };

  void VisitYoungRoots(Visitor& visitor) override;
  void OnYoungEmptied() override;
  void VisitMarkRoots(Visitor& visitor) override;
  bool VisitMarkRootsSlice(Visitor& visitor, size_t words_max) override;
  void Trace(Object* object, Visitor& visitor) override;
  void Finalize(Object* object) override;
  void VisitAllRoots(Visitor& visitor) override;

  uint64_t Pick(uint64_t n) { return n == 0 ? 0 : random_() % n; }
  void Fail(const std::string& what);
  bool Step();
  Both PickRoot();
  Both Walk();
  bool Matches(Both b);  // the object is the one that the shadow says
  void Make();
  void Write();
  void Hide();
  void WriteBehind();
  void WeakWrite();
  void WeakRead();
  void QueuePush();
  void QueuePop();
  void ChangeRoots();
  void SafePointIfWanted();
  void Verify(const char* when);
  std::set<int64_t> ReachableIds();

  std::mt19937_64 random_;
  Options options_;
  std::unique_ptr<Heap> heap_;
  std::vector<Node> nodes_;
  std::vector<Root> roots_;
  std::vector<Cell> root_cells_;
  std::deque<Value> queue_;
  std::deque<Cell> queue_cells_;
  size_t queue_scanned_ = 0;   // words at the front that hold no young object
  size_t queue_unmarked_ = 0;  // words at the front that a running mark is still to see
  size_t queue_next_ = 0;      // of these, the first unseen one
  std::set<int64_t> finals_;   // ids of final objects not finalized yet
  bool alike_ = false;
  std::string problem_;
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_VM_HEAP_WORLD_H_
