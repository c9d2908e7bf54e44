// What hosts do with typed actors, in turns with the same by native behaviors: for `works native
// host`, beside peers. Of each figure the median of several rounds.
#ifndef VESICLE_TESTS_BENCH_TYPED_WORKS_H_
#define VESICLE_TESTS_BENCH_TYPED_WORKS_H_

#include <cstdint>

namespace vesicle::bench {

struct TypedFigures {
  double send_ns;   // a hop in a ring of 100 native behaviors
  double tell_ns;   // the same of typed actors
  double ask_ns;    // co_await of an answer, one after the other
  double fan_ns;    // a question of those that 100 are asked at once
  double spawn_ns;  // an actor is made, told one thing, and let go
  double tell_x;    // of one round: tell to send, ask to send
  double ask_x;
};
TypedFigures MeasureTyped(int64_t messages);

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_TYPED_WORKS_H_
