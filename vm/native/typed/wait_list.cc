#include "vm/native/typed/wait_list.h"

namespace vesicle {

WaitList::~WaitList() {
  for (std::list<Place*>* places : {&line_, &woken_}) {
    for (Place* place : *places) place->list_ = nullptr;
  }
}

Value WaitList::Place::Stand(WaitList& list) {
  if (list_ != &list) Leave();
  if (is_standing_) return promise_.value();
  if (list_ != nullptr) list.woken_.erase(at_);
  list_ = &list;
  is_standing_ = true;
  is_woken_ = false;
  at_ = list.line_.insert(list.line_.end(), this);
  promise_ = Root(list.core_.heap(), list.core_.NewPromise());
  return promise_.value();
}

void WaitList::Place::Leave() {
  if (list_ == nullptr) return;
  WaitList* list = std::exchange(list_, nullptr);
  (is_standing_ ? list->line_ : list->woken_).erase(at_);
  promise_.reset();
  is_standing_ = false;
  if (std::exchange(is_woken_, false)) list->WakeOne();
}

bool WaitList::WakeOne() {
  if (line_.empty()) return false;
  line_.front()->Wake();
  return true;
}

void WaitList::Place::Wake() {
  if (!is_standing_) return;
  list_->woken_.splice(list_->woken_.end(), list_->line_, at_);
  is_standing_ = false;
  is_woken_ = true;
  list_->core_.Keep(promise_.value(), Value::Nil());
}

}  // namespace vesicle
