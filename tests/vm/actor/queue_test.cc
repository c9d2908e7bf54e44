// The queue against plain deques: everything it does, in random order.
#include "vm/actor/queue.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace vesicle {
namespace {

Event Numbered(int64_t n) { return {Value::SmallInt(n), Value::SmallInt(n), Value::Nil(), 0}; }

// Notes which numbers it was shown.
class Seen final : public Visitor {
 public:
  void Visit(Value* words, size_t) override { numbers.insert(words[0].small_int()); }
  std::set<int64_t> numbers;
};

uint64_t Seed() {
  const char* seed = std::getenv("VESICLE_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

TEST_CASE("queue: as two deques, whatever is sent, released, taken, cut off and moved") {
  for (uint64_t seed = Seed(); seed < Seed() + 200; ++seed) {
    INFO("replay with VESICLE_SEED=" << seed);
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t n) { return random() % n; };
    SegmentPool pool;
    EventQueue queue(pool);
    EventChain aside(pool);  // as the events of a turn that was cut short
    std::deque<int64_t> sent, released, plain_aside;
    std::set<int64_t> fresh;     // pushed since the last NoteSeen and still there
    std::set<int64_t> snapshot;  // in the snapshot, not yet visited, and still there
    bool marking = false;
    int64_t next = 0;
    const uint64_t burst = 1 + below(600);
    for (int step = 0; step < 300; ++step) {
      switch (below(10)) {
        case 0:
        case 1:
          for (uint64_t n = below(burst); n > 0; --n) {
            queue.Append(Numbered(next));
            sent.push_back(next);
            fresh.insert(next++);
          }
          break;
        case 2:
          for (uint64_t n = below(burst); n > 0 && !(sent.empty() && released.empty()); --n) {
            std::deque<int64_t>& first = released.empty() ? sent : released;
            REQUIRE_FALSE(queue.empty());
            REQUIRE(queue.Front().target.small_int() == first.front());
            fresh.erase(first.front());
            REQUIRE(queue.Take().target.small_int() == first.front());
            // Whoever takes it shades it, where there is need to.
            if (!queue.has_snapshot()) REQUIRE_FALSE(snapshot.contains(first.front()));
            snapshot.erase(first.front());
            first.pop_front();
          }
          break;
        case 3:
          for (uint64_t n = below(40); n > 0; --n) {
            queue.PushFront(Numbered(next));
            released.push_front(next);
            fresh.insert(next++);
          }
          break;
        case 4: {  // a turn that is rolled back: what it settled stays
          const EventQueue::Mark mark = queue.mark();
          const uint64_t count = below(burst);
          for (uint64_t n = 0; n < count; ++n) {
            queue.Append(Numbered(-1));
            if (below(20) != 0) continue;
            queue.Release(Numbered(next));
            released.push_back(next);
            fresh.insert(next++);
          }
          REQUIRE(queue.CountSince(mark) == static_cast<int64_t>(count));
          queue.Truncate(mark);
          break;
        }
        case 5: {  // a turn that is cut short
          const EventQueue::Mark mark = queue.mark();
          for (uint64_t n = below(burst); n > 0; --n) {
            queue.Append(Numbered(next));
            plain_aside.push_back(next);
            fresh.insert(next++);
          }
          queue.MoveTail(mark, aside, marking);
          break;
        }
        case 6:
          if (below(2) == 0) {  // and goes on to its end
            queue.AppendAll(aside, marking);
            sent.insert(sent.end(), plain_aside.begin(), plain_aside.end());
          } else {  // an inbox
            queue.PutFront(aside, marking);
            released.insert(released.begin(), plain_aside.begin(), plain_aside.end());
          }
          plain_aside.clear();
          break;
        case 7: {
          Seen seen;
          if (below(2) == 0) {
            queue.VisitFresh(seen);
            aside.VisitFresh(seen);
            for (int64_t n : fresh) REQUIRE(seen.numbers.count(n) == 1);
            if (below(2) == 0) break;
            queue.NoteSeen();
            aside.NoteSeen();
            fresh.clear();
            if (below(2) == 0) {
              queue.BeginSnapshot();
              aside.BeginSnapshot();
              snapshot = std::set<int64_t>(sent.begin(), sent.end());
              snapshot.insert(released.begin(), released.end());
              snapshot.insert(plain_aside.begin(), plain_aside.end());
              marking = true;
            }
          } else if (marking) {
            const bool more = queue.VisitSnapshot(seen, 100) || aside.VisitSnapshot(seen, 100);
            for (int64_t n : seen.numbers) snapshot.erase(n);
            if (!more) {
              REQUIRE(snapshot.empty());
              marking = false;
            }
          }
          break;
        }
        case 8:
          for (uint64_t n = below(40); n > 0; --n) {
            queue.Release(Numbered(next));
            released.push_back(next);
            fresh.insert(next++);
          }
          break;
        case 9:
          queue.Rest();
          break;
      }
      REQUIRE(queue.size() == static_cast<int64_t>(sent.size() + released.size()));
      REQUIRE(queue.empty() == (sent.empty() && released.empty()));
      REQUIRE(aside.size() == static_cast<int64_t>(plain_aside.size()));
    }
    std::vector<int64_t> all;
    queue.ForEach([&](const Event& e) { all.push_back(e.target.small_int()); });
    released.insert(released.end(), sent.begin(), sent.end());
    REQUIRE(all == std::vector<int64_t>(released.begin(), released.end()));
  }
}

}  // namespace
}  // namespace vesicle
