// Heap::Verify: what must be true of a heap between two safe points.
#include <string>
#include <unordered_set>

#include "vm/heap/block.h"
#include "vm/heap/heap.h"
#include "vm/heap/old_space.h"
#include "vm/heap/young_space.h"

namespace vesicle {

namespace {

class Checker final : public Visitor {
 public:
  const char* problem = nullptr;
  std::unordered_set<const Object*> objects;  // every one that may be pointed to
  bool young_allowed = true;

  void Complain(const char* what) {
    if (problem == nullptr) problem = what;
  }

  void CheckHeader(const Object* o, bool old) {
    const uint8_t kind = static_cast<uint8_t>(o->kind);
    if (kind % 2 == 0 || kind / 2 >= kKindCount) return Complain("a header's kind is none");
    if (o->is_old() != old) Complain("a header's old flag is wrong");
    if (!old && (o->flags & Object::kRemembered) != 0) Complain("a young object is remembered");
  }

  void Visit(Value* words, size_t count) override {
    for (size_t i = 0; i < count; ++i) {
      if (!words[i].is_pointer()) continue;
      const Object* o = words[i].object();
      if (!objects.contains(o)) {
        Complain("a word points to a freed object, or to none");
        continue;
      }
      if (!young_allowed && !o->is_old()) {
        Complain("an old object that is not remembered holds a young one");
      }
      if (vesicle::IsTargetKind(o->kind) != words[i].is_target()) {
        Complain("a word's tag does not fit the kind it points to");
      }
    }
  }
};

}  // namespace

const char* Heap::Verify() {
  Checker checker;
  // Dead objects whose memory was not freed yet may hold words that are stale; so
  // once a mark is over, only what it reached counts.
  const bool dead_known = phase_ == Phase::kClear || phase_ == Phase::kSweep;
  std::vector<Object*> all;
  young_->ForEach(top_, [&](Object* o) {
    checker.CheckHeader(o, false);
    all.push_back(o);
  });
  old_->ForEachBlock([&](Block* block, bool unswept) {
    const bool by_mark = unswept || phase_ == Phase::kClear;
    for (size_t i = 0; i < Block::kBytes / 8; ++i) {
      if (!Block::Test(block->begins, i)) continue;
      if (dead_known && by_mark && !Block::Test(block->marks, i)) continue;
      Object* o = block->at(i);
      checker.CheckHeader(o, true);
      if (block->cell_bytes != 0 && o->size_bytes() > block->cell_bytes) {
        checker.Complain("an object is larger than its cell");
      }
      all.push_back(o);
    }
  });
  if (checker.problem != nullptr) return checker.problem;
  checker.objects.insert(all.begin(), all.end());

  size_t remembered = 0;
  for (Object* o : all) {
    if ((o->flags & Object::kRemembered) != 0) ++remembered;
    if (IsByteKind(o->kind)) continue;
    const KindInfo& info = InfoOf(o->kind);
    // Weak words may be stale until they are cleared, and are read by ReadWeak only.
    if (info.write == Write::kWeak && phase_ == Phase::kClear) continue;
    checker.young_allowed = !o->is_old() || (o->flags & Object::kRemembered) != 0;
    checker.Visit(o->words(), o->count);
    if (info.death == Death::kFinal && client_ != nullptr) client_->Trace(o, checker);
  }
  if (remembered != remembered_.size())
    checker.Complain("the remembered set is not what flags say");
  checker.young_allowed = true;
  roots_.VisitAll(checker);
  if (client_ != nullptr) client_->VisitAllRoots(checker);
  return checker.problem;
}

}  // namespace vesicle
