// Lanes: what one thread pushes another one gets, whole, in order.
#include "transport/host/lane.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

namespace vesicle {
namespace {

TEST_CASE("lane: batches come whole and in order, from thread to thread") {
  constexpr int kBatches = 100'000;
  Lane lane;
  std::thread sender([&lane] {
    for (int i = 0; i < kBatches; ++i) {
      const std::string batch = std::to_string(i) + std::string(static_cast<size_t>(i % 50), 'x');
      while (!lane.Push(batch)) std::this_thread::yield();
    }
    lane.SetEnd(Lane::End::kInOrder);
  });
  int next = 0;
  bool is_right = true;
  for (;;) {
    const Lane::End end = lane.end();
    const std::string* batch = lane.Front();
    if (batch == nullptr) {
      if (end == Lane::End::kInOrder) break;
      std::this_thread::yield();
      continue;
    }
    is_right &= *batch == std::to_string(next) + std::string(static_cast<size_t>(next % 50), 'x');
    ++next;
    lane.Pop();
  }
  sender.join();
  CHECK(is_right);
  CHECK(next == kBatches);
}

TEST_CASE("lane: a full one takes nothing, until something was taken out of it") {
  Lane lane;
  for (size_t i = 0; i < Lane::kBatches; ++i) CHECK(lane.Push(std::to_string(i)));
  CHECK(!lane.Push("more"));
  CHECK(!lane.has_room());
  CHECK(*lane.Front() == "0");
  lane.Pop();
  CHECK(lane.has_room());
  CHECK(lane.Push("more"));
  std::string last;
  while (lane.Front() != nullptr) {
    last = *lane.Front();
    lane.Pop();
  }
  CHECK(last == "more");
}

TEST_CASE("lane: large batches fill it too, and it is empty enough for any of them again") {
  Lane lane;
  const std::string large(Lane::kBytesMax / 2, 'x');
  CHECK(lane.Push(large));
  CHECK(lane.Push(large));
  CHECK(!lane.Push("more"));
  const auto pop = [&] {
    REQUIRE(lane.Front() != nullptr);
    lane.Pop();
  };
  pop();
  CHECK(lane.Push(std::string(Lane::kBytesMax * 2, 'y')));  // over it, once
  CHECK(!lane.has_room());
  pop();
  CHECK(!lane.has_room());
  CHECK(lane.Front()->size() == Lane::kBytesMax * 2);
  pop();
  CHECK(lane.Front() == nullptr);
  CHECK(lane.Push("more"));
  CHECK(*lane.Front() == "more");
}

}  // namespace
}  // namespace vesicle
