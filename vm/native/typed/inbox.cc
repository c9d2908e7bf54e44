#include "vm/native/typed/inbox.h"

#include <memory>

#include "vm/native/typed/actors.h"

namespace vesicle {

class Inbox::Request final : public Activity {
 public:
  explicit Request(Inbox& inbox) : inbox_(inbox) {}
  void OnWake(Turn&) override {
    Inbox& inbox = inbox_;
    End();
    inbox.line_.WakeOne();
  }

 private:
  Inbox& inbox_;
};

Inbox::Request* Inbox::Take() {
  return static_cast<Request*>(under_way_.Add(std::make_unique<Request>(*this)));
}

Value Inbox::SlotOfTell(Actors& actors) {
  Request* request = Take();
  const Value slot = actors.SlotFor(*request);
  actors.NoteTaken();
  return slot;
}

void Inbox::TakeForAsk(Actors& actors, Value promise) {
  Request* request = Take();
  const Value slot = actors.SlotFor(*request);
  actors.NoteTaken();
  actors.Listen(promise, slot);
}

void Inbox::Close() {
  under_way_.Clear();
  line_.WakeAll();
}

}  // namespace vesicle
