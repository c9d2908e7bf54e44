// A turn that allocates as scripts do: refused memory it asks for some, waits where it
// is told to, and goes on at the same place.
//
//   const Root makes = world.CreateOn(budget, Allocates::Body(Allocates::Rounds(1000, 10)));
//   CHECK(world.Asked(makes, Value::Nil()) == "1");
#ifndef VESICLE_TESTS_VM_ACTOR_ALLOCATES_H_
#define VESICLE_TESTS_VM_ACTOR_ALLOCATES_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tests/vm/actor/sponsor_world.h"

namespace vesicle {

class Allocates final : public Suspension {
 public:
  struct Step {
    uint32_t words;             // of a tuple
    bool is_kept = false;       // until the turn is over
    bool drops_before = false;  // what was kept so far
  };
  using Steps = std::vector<Step>;
  enum class After : uint8_t { kReply, kAgain };  // kAgain: it sends itself a message, too

  // So many tuples of 9 KB, of which every `kept`th one is kept (0: none).
  static Steps Rounds(int rounds, int kept) {
    Steps steps;
    for (int left = rounds; left > 0; --left) {
      steps.push_back({.words = 1100, .is_kept = kept != 0 && left % kept == 0});
    }
    return steps;
  }
  // Replies 1 when it is through.
  static SponsorWorld::Body Body(Steps steps, After after = After::kReply) {
    return [steps = std::make_shared<const Steps>(std::move(steps)), after](Core& core) {
      return Allocates(core.heap(), steps, after).Resume(core);
    };
  }

  Allocates(Heap& heap, std::shared_ptr<const Steps> steps, After after)
      : heap_(heap), steps_(std::move(steps)), after_(after), held_(heap, Value::Nil()) {}
  void Visit(Visitor&) override {}
  Place Where() const override { return {}; }
  TurnEnd Resume(Core& core) override {
    while (at_ < steps_->size()) {
      const Step& step = (*steps_)[at_];
      if (step.drops_before) held_ = Root(heap_, Value::Nil());
      Object* o = heap_.TryAllocate(Kind::kTuple, step.words);
      if (o == nullptr) {
        if (tries_ == 2) return core.Quota(Resource::kMemory);
        core.fuel = -1;
        switch (core.Refuel(tries_++ == 0 ? Core::Need::kMemory : Core::Need::kAllMemory)) {
          case Core::Fuel::kGo:
            continue;
          case Core::Fuel::kSuspend:
            return core.Suspend(Rest());
          default:
            return core.Quota(Resource::kMemory);
        }
      }
      if (step.is_kept) {
        o->words()[0] = held_.value();
        held_ = Root(heap_, Value::Data(o));
      }
      tries_ = 0;
      ++at_;
    }
    if (after_ == After::kAgain) core.Send(core.turn().self, Value::Nil(), Value::Nil());
    core.StageReply(Value::SmallInt(1));
    return TurnEnd::kDone;
  }

 private:
  std::unique_ptr<Allocates> Rest() const {
    auto rest = std::make_unique<Allocates>(heap_, steps_, after_);
    rest->at_ = at_;
    rest->tries_ = std::min(tries_, 1);  // it may have waited for room
    rest->held_ = Root(heap_, held_.value());
    return rest;
  }

  Heap& heap_;
  std::shared_ptr<const Steps> steps_;
  After after_;
  size_t at_ = 0;
  int tries_ = 0;
  Root held_;
};

// `count` tuples in a list, from here on alive.
inline void Fill(SponsorWorld& world, Root& held, int64_t count) {
  Heap& heap = world.core.heap();
  for (int64_t i = 0; i < count; ++i) {
    Object* o = heap.Allocate(Kind::kTuple, 2);
    o->words()[0] = held.value();
    held = Root(heap, Value::Data(o));
    if (heap.wants_safe_point()) heap.SafePoint();
  }
  heap.Collect(Heap::Scope::kFull);
}

}  // namespace vesicle

#endif  // VESICLE_TESTS_VM_ACTOR_ALLOCATES_H_
