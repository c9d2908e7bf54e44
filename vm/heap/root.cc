#include "vm/heap/root.h"

#include "vm/heap/heap.h"

namespace vesicle {

using heap_internal::RootLinks;

namespace {

void InsertAfter(RootLinks* at, RootLinks* node) {
  node->prev = at;
  node->next = at->next;
  at->next->prev = node;
  at->next = node;
}

void Remove(RootLinks* node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->prev = nullptr;
  node->next = nullptr;
}

}  // namespace

Root::Root(Heap& heap, Value value) { Attach(&heap, value); }

Root::Root(const Root& other) {
  if (other.heap_ != nullptr) Attach(other.heap_, other.value_);
}

Root::Root(Root&& other) noexcept {
  if (other.heap_ != nullptr) TakeOver(other);
}

Root& Root::operator=(const Root& other) {
  if (this == &other) return *this;
  if (heap_ == other.heap_ && heap_ != nullptr) {
    set(other.value_);
    return *this;
  }
  reset();
  if (other.heap_ != nullptr) Attach(other.heap_, other.value_);
  return *this;
}

Root& Root::operator=(Root&& other) noexcept {
  if (this == &other) return *this;
  reset();
  if (other.heap_ != nullptr) TakeOver(other);
  return *this;
}

Root::~Root() { reset(); }

void Root::Attach(Heap* heap, Value value) {
  heap_ = heap;
  value_ = value;
  heap->roots_.LinkYoung(this);
}

// The other's place in its ring, so that a move is no change to what is visited.
void Root::TakeOver(Root& other) {
  heap_ = other.heap_;
  value_ = other.value_;
  InsertAfter(&other, this);
  if (heap_->roots_.mark_next_ == &other) heap_->roots_.mark_next_ = this;
  Remove(&other);
  other.heap_ = nullptr;
  other.value_ = Value::Nil();
}

void Root::set(Value value) {
  if (heap_ == nullptr) {
    VESICLE_CHECK(!value.is_pointer());
    value_ = value;
    return;
  }
  heap_->Shade(value_);
  heap_->roots_.Unlink(this);
  value_ = value;
  heap_->roots_.LinkYoung(this);
}

void Root::reset() {
  if (heap_ == nullptr) {
    value_ = Value::Nil();
    return;
  }
  heap_->Shade(value_);
  heap_->roots_.Unlink(this);
  heap_ = nullptr;
  value_ = Value::Nil();
}

RootList::RootList() {
  young_.prev = young_.next = &young_;
  old_.prev = old_.next = &old_;
}

RootList::~RootList() {
  for (RootLinks* ring : {&young_, &old_}) {
    while (ring->next != ring) {
      Root* root = static_cast<Root*>(ring->next);
      Remove(root);
      root->heap_ = nullptr;
      root->value_ = Value::Nil();
    }
  }
}

void RootList::LinkYoung(Root* root) { InsertAfter(&young_, root); }

void RootList::Unlink(Root* root) {
  if (mark_next_ == root) mark_next_ = root->next;
  Remove(root);
}

void RootList::VisitYoung(Visitor& visitor) {
  for (RootLinks* n = young_.next; n != &young_; n = n->next) {
    visitor.Visit(&static_cast<Root*>(n)->value_, 1);
  }
}

void RootList::YoungEmptied() {
  if (young_.next == &young_) return;
  // All of them to the front of the others, behind the cursor of a running mark:
  // what they hold is no part of its snapshot, or was shaded when it left its Root.
  RootLinks* first = young_.next;
  RootLinks* last = young_.prev;
  last->next = old_.next;
  old_.next->prev = last;
  old_.next = first;
  first->prev = &old_;
  young_.prev = young_.next = &young_;
}

void RootList::BeginMark() { mark_next_ = old_.next; }

bool RootList::VisitMarkSlice(Visitor& visitor, size_t roots_max) {
  if (mark_next_ == nullptr) return false;
  while (mark_next_ != &old_ && roots_max-- > 0) {
    visitor.Visit(&static_cast<Root*>(mark_next_)->value_, 1);
    mark_next_ = mark_next_->next;
  }
  if (mark_next_ != &old_) return true;
  mark_next_ = nullptr;
  return false;
}

void RootList::VisitAll(Visitor& visitor) {
  for (RootLinks* ring : {&young_, &old_}) {
    for (RootLinks* n = ring->next; n != ring; n = n->next) {
      visitor.Visit(&static_cast<Root*>(n)->value_, 1);
    }
  }
}

}  // namespace vesicle
