// Feed: a source that an actor serves beside its inbox, as an activity of the actor; from item to
// item. For task/attach.h.
//
// An item's turn may fail, and what it staged is undone then, also that the feed is to go on. So
// there is always a wait that an earlier turn committed, the net: its promise is kept at once and
// for good, and wakes the feed in a turn of the actor, on the budget that attached it.
#ifndef VESICLE_VM_NATIVE_TASK_FEED_H_
#define VESICLE_VM_NATIVE_TASK_FEED_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "vm/native/typed/actor_code.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Feed;

// A source that is attached, or was. Copies are of the same; dropping it changes nothing.
class Attachment {
 public:
  Attachment() = default;
  // No further item is served; the source is let go, with what is in it. At once and for good,
  // also when the turn that does it fails.
  void Detach();
  bool is_attached() const { return feed_ != nullptr && *feed_ != nullptr; }

 private:
  friend class Feed;
  explicit Attachment(std::shared_ptr<Feed*> feed) : feed_(std::move(feed)) {}
  std::shared_ptr<Feed*> feed_;
};

class Feed : public Activity {
 public:
  Feed(ActorCode& code, AttachOptions options);
  ~Feed() override { *link_ = nullptr; }

  // In a turn of its actor: attached if that ends well.
  static Attachment Begin(std::unique_ptr<Feed> feed, Turn& turn);
  void OnWake(Turn& turn) override;
  void Detach();

 protected:
  ActorCode& code() { return code_; }
  // The next item, which becomes one when it is first looked at.
  virtual bool IsReadyNow() = 0;
  virtual bool IsReady() = 0;
  virtual void Arm(Actors& actors) = 0;
  // Takes the item and calls the method; NoteLast() before, if there is no next one.
  virtual void Serve(Turn& turn) = 0;
  void NoteLast() { is_over_ = true; }

 private:
  struct Net final : Waiting {
    void OnWake(Turn& turn) override { feed->OnNet(turn); }
    Feed* feed = nullptr;
    Root promise;
  };

  void OnNet(Turn& turn);
  // Runs `fn` as a part of an actor's turn; what becomes of the feed after it.
  void InTurn(Turn& turn, absl::FunctionRef<void()> fn);
  void ServeOrWait(Turn& turn);
  void GoOn();
  void Wait();
  void WaitBehind();
  void SpreadNet();

  ActorCode& code_;
  AttachOptions options_;
  std::shared_ptr<Feed*> link_;
  Net net_;
  bool is_mending_ = false;  // the net was used: an item's turn failed
  bool is_due_ = false;      // what waited when the item came has had its turn
  bool is_running_ = false;
  bool is_over_ = false;
  size_t in_a_row_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_FEED_H_
