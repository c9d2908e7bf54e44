#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>

#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

struct World;

struct Actor {
  void (*run)(World&, Actor&, int64_t message);
  Actor* other;
  int64_t number;
};

struct Event {
  Actor* target;
  int64_t message;
};

// Events in a ring that doubles when it is full.
class Queue {
 public:
  bool empty() const { return head_ == tail_; }
  void Push(const Event& event) {
    if (tail_ - head_ == events_.size()) Grow();
    events_[tail_++ & mask_] = event;
  }
  Event Pop() { return events_[head_++ & mask_]; }

 private:
  void Grow() {
    std::vector<Event> grown(events_.size() * 2);
    for (uint64_t i = head_; i != tail_; ++i) grown[i - head_] = events_[i & mask_];
    tail_ -= head_;
    head_ = 0;
    events_ = std::move(grown);
    mask_ = events_.size() - 1;
  }

  std::vector<Event> events_ = std::vector<Event>(1024);
  uint64_t mask_ = 1023;
  uint64_t head_ = 0;
  uint64_t tail_ = 0;
};

struct World {
  void Send(Actor* target, int64_t message) { queue.Push({target, message}); }
  void Run() {
    while (!queue.empty()) {
      const Event event = queue.Pop();
      event.target->run(*this, *event.target, event.message);
    }
  }

  Queue queue;
  std::vector<Actor*> actors;  // what lives as long as the world
  Actor* first = nullptr;
};

void Link(World& world, Actor& self, int64_t n) { world.Send(self.other, n); }

void Gate(World& world, Actor& self, int64_t n) {
  if (n > 1) world.Send(self.other, n - 1);
}

void Builder(World& world, Actor& self, int64_t left) {
  if (left == 1) {
    self = {Gate, world.first, 0};
    return;
  }
  auto* next = new Actor{Builder, nullptr, 0};
  world.actors.push_back(next);
  world.Send(next, left - 1);
  self = {Link, next, 0};
}

void Counter(World&, Actor& self, int64_t) { --self.number; }

void BurstSender(World& world, Actor& self, int64_t n) {
  for (int64_t i = 0; i < n; ++i) world.Send(self.other, i);
}

void PacedSender(World& world, Actor& self, int64_t n) {
  if (n == 0) return;
  world.Send(self.other, n);
  world.Send(&self, n - 1);
}

void Once(World&, Actor& self, int64_t) { delete &self; }

void Idle(World&, Actor&, int64_t) {}

void Player(World& world, Actor& self, int64_t n) {
  if (n > 0) world.Send(self.other, n - 1);
}

class RawWorks final : public Works {
 public:
  ~RawWorks() override {
    for (Actor* actor : world_.actors) delete actor;
  }

  void BuildRing(int64_t actors, Linking linking) override {
    if (linking == Linking::kInOrder) {
      world_.actors.reserve(static_cast<size_t>(actors));
      world_.first = new Actor{Builder, nullptr, 0};
      world_.actors.push_back(world_.first);
      world_.Send(world_.first, actors);
      world_.Run();
      return;
    }
    for (int64_t i = 0; i < actors; ++i) world_.actors.push_back(new Actor{Link, nullptr, 0});
    const std::vector<int64_t> order = ShuffledIndices(actors);
    const auto at = [&](size_t i) { return world_.actors[static_cast<size_t>(order[i])]; };
    for (size_t i = 0; i + 1 < order.size(); ++i) at(i)->other = at(i + 1);
    world_.first = at(0);
    *at(order.size() - 1) = {Gate, world_.first, 0};
  }

  void Laps(int64_t laps) override {
    world_.Send(world_.first, laps);
    world_.Run();
  }

  void Burst(int64_t senders, int64_t messages) override { FanIn(BurstSender, senders, messages); }
  void Paced(int64_t senders, int64_t messages) override { FanIn(PacedSender, senders, messages); }

  void Create(int64_t actors) override {
    // In portions, as the native work.
    for (int64_t made = 0; made < actors; made += 1000) {
      const int64_t n = std::min<int64_t>(actors - made, 1000);
      for (int64_t i = 0; i < n; ++i) world_.Send(new Actor{Once, nullptr, 0}, i);
      world_.Run();
    }
  }

  void Fill(int64_t actors) override {
    Actor* before = nullptr;
    for (int64_t i = 0; i < actors; ++i) before = new Actor{Idle, before, 0};
    world_.first = before;  // ends with the process
  }

  void PingPong(int64_t messages) override {
    Actor a{Player, nullptr, 0}, b{Player, &a, 0};
    a.other = &b;
    world_.Send(&a, messages);
    world_.Run();
  }

 private:
  void FanIn(decltype(Actor::run) sender, int64_t senders, int64_t messages) {
    Actor counter{Counter, nullptr, senders * messages};
    std::deque<Actor> all;
    for (int64_t i = 0; i < senders; ++i) {
      all.push_back({sender, &counter, 0});
      world_.Send(&all.back(), messages);
    }
    world_.Run();
    if (counter.number != 0) std::abort();
  }

  World world_;
};

// Hides from the optimizer what a value is.
template <typename T>
T Opaque(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

struct Node {
  int64_t head;
  Node* tail;
};

}  // namespace

std::unique_ptr<Works> MakeRawWorks() { return std::make_unique<RawWorks>(); }

__attribute__((noinline)) int64_t RawFib(int64_t n) {
  return n < 2 ? n : RawFib(Opaque(n - 1)) + RawFib(Opaque(n - 2));
}

int64_t RawAddUp(int64_t n) {
  int64_t sum = 0;
  for (int64_t i = 1; i <= n; ++i) sum = Opaque(sum + i);
  return sum;
}

int64_t RawBuildAndReverse(int64_t n) {
  Node* list = nullptr;
  for (int64_t i = n; i > 0; --i) list = new Node{i, list};
  Node* turned = nullptr;
  while (list != nullptr) {
    turned = new Node{list->head, turned};
    delete std::exchange(list, list->tail);
  }
  const int64_t first = turned->head;
  while (turned != nullptr) delete std::exchange(turned, turned->tail);
  return first;
}

int64_t ResidentBytes() {
  long long size = 0, pages = 0;
  std::FILE* statm = std::fopen("/proc/self/statm", "r");
  if (statm == nullptr || std::fscanf(statm, "%lld %lld", &size, &pages) != 2) std::abort();
  std::fclose(statm);
  return pages * 4096;
}

}  // namespace vesicle::bench
