// LoopLink: a session link of two VMs on one loop of libuv. What an End has beside its VM, its
// shore and its network, and when nothing is on the way any more, is whoever's who derives from it.
#ifndef VESICLE_TESTS_TRANSPORT_RELAY_LOOP_LINK_H_
#define VESICLE_TESTS_TRANSPORT_RELAY_LOOP_LINK_H_

#include <uv.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "tests/transport/relay/session_link.h"
#include "transport/loop_environment.h"

namespace vesicle {

struct UvLoop {
  UvLoop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~UvLoop() {
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  uv_loop_t loop;
};

// An End has `vm`, `shore` and `network`, a pointer.
template <typename End>
class LoopLink : public SessionLink {
 public:
  ~LoopLink() override {
    alice_.reset();
    bob_.reset();
    environment_.reset();
  }
  Shore& inside() override { return bob_->shore; }
  Shore& outside() override { return alice_->shore; }
  void RunFor(int64_t steps) override {
    bob_->vm.RunSlice(steps);
    alice_->vm.RunSlice(steps);
    uv_run(&uv_.loop, UV_RUN_NOWAIT);
  }

 protected:
  LoopLink() : environment_(std::make_unique<LoopEnvironment>(&uv_.loop)) {}
  // Called once, by who derives from it.
  void Join(std::unique_ptr<End> inside, std::unique_ptr<End> outside) {
    bob_ = std::move(inside);
    alice_ = std::move(outside);
    Meet();
  }
  LoopEnvironment& environment() { return *environment_; }
  uv_loop_t* uv() { return &uv_.loop; }
  // All that both can do now, and one round of the loop. False: nothing has happened.
  bool RunOnce() {
    const uint64_t events = Events();
    bool any = false;
    while (bob_->vm.RunSlice(10'000) || alice_->vm.RunSlice(10'000)) any = true;
    uv_run(&uv_.loop, UV_RUN_NOWAIT);
    return any || Events() != events;
  }
  // The loop has tasks of its own, such as the pieces of a long message.
  bool HasTasks() { return uv_backend_timeout(&uv_.loop) == 0; }

 private:
  Network& inside_network() override { return *bob_->network; }
  Network& outside_network() override { return *alice_->network; }
  uint64_t Events() {
    return bob_->vm.core().events_dispatched() + alice_->vm.core().events_dispatched();
  }

  UvLoop uv_;
  std::unique_ptr<LoopEnvironment> environment_;
  std::unique_ptr<End> bob_;
  std::unique_ptr<End> alice_;
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_RELAY_LOOP_LINK_H_
