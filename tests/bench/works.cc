// works: one work of one kernel, for peers.sh.
//
//   works raw|native|script WORK SIZE [SIZE]
//   works native ring 100000 100
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/typed_works.h"
#include "tests/bench/wall_works.h"
#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

void Result(const char* what, double value) { std::printf("RESULT %s %.6g\n", what, value); }

template <typename Fn>
double TimedNs(Fn fn) {
  const auto from = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count();
}

// Of behaviors in C++; programs/walls.ves has the same, but for what only C++ sees of a revoke.
void Walls(int64_t messages, int64_t proxies) {
  const auto pair = [&](Wall first, Wall second, void (WallWorks::*work)(int64_t)) {
    return MeasurePair(Kernel::kNative, {first, second, work}, messages);
  };
  const Pair tell = pair(Wall::kNone, Wall::kPlain, &WallWorks::Tell);
  Result("walls_tell_ns", tell.second_ns);
  Result("walls_tell_x", tell.times);
  Result("walls_refs_x", pair(Wall::kNone, Wall::kPlain, &WallWorks::TellRefs).times);
  Result("walls_rules_more_ns", pair(Wall::kPlain, Wall::kRules, &WallWorks::Tell).more_ns);
  Result("walls_audit_x", pair(Wall::kUnrecorded, Wall::kPlain, &WallWorks::Tell).times);
  const Pair ask = pair(Wall::kNone, Wall::kPlain, &WallWorks::Ask);
  Result("walls_ask_ns", ask.second_ns);
  Result("walls_ask_x", ask.times);
  Result("walls_ask_refs_ns", pair(Wall::kNone, Wall::kPlain, &WallWorks::AskRefs).second_ns);
  const std::unique_ptr<WallWorks> works = MakeNativeWallWorks(Wall::kPlain);
  works->Cross(messages);
  const int64_t from = ResidentBytes();
  const double n = static_cast<double>(messages);
  Result("walls_cross_ns", TimedNs([&] { works->Cross(messages); }) / n);
  Result("walls_cross_bytes", static_cast<double>(ResidentBytes() - from) / n);
  const RevokeFigures revoke = works->Revoke(proxies);
  Result("walls_revoke_ms", revoke.total_ms);
  Result("walls_pause_ms", revoke.longest_ms);
}

// Of typed actors; the ratios are to native behaviors in the same process.
void Host(int64_t messages) {
  const TypedFigures figures = MeasureTyped(messages);
  Result("host_send_ns", figures.send_ns);
  Result("host_tell_ns", figures.tell_ns);
  Result("host_ask_ns", figures.ask_ns);
  Result("host_fan_ns", figures.fan_ns);
  Result("host_spawn_ns", figures.spawn_ns);
  Result("host_tell_x", figures.tell_x);
  Result("host_ask_x", figures.ask_x);
}

// False: there is no such work.
bool Do(const std::string& work, Kernel kernel, int64_t size1, int64_t size2) {
  const double n = static_cast<double>(size1), m = static_cast<double>(size2);
  const auto computed = [&](const char* what, int64_t (*fn)(int64_t)) {
    if (kernel != Kernel::kRaw) return false;
    int64_t value = 0;
    Result(what, TimedNs([&] { value = fn(size1); }) / 1e6);
    return value != 0;
  };
  if (work == "fib") return computed("fib_ms", RawFib);
  if (work == "loop") return computed("loop_ms", RawAddUp);
  if (work == "list") return computed("list_ms", RawBuildAndReverse);

  if (work == "walls" && kernel == Kernel::kNative) return Walls(size1, size2), true;
  if (work == "host" && kernel == Kernel::kNative) return Host(size1), true;

  const std::unique_ptr<Works> works = MakeWorks(kernel);
  if (work == "ring") {
    Result("ring_build_us", TimedNs([&] { works->BuildRing(size1, Linking::kInOrder); }) / n / 1e3);
    Result("ring_hop_ns", TimedNs([&] { works->Laps(size2); }) / n / m);
  } else if (work == "fanin") {
    Result("fanin_burst_ns", TimedNs([&] { works->Burst(size1, size2); }) / n / m);
    Result("fanin_paced_ns", TimedNs([&] { works->Paced(size1, size2); }) / n / m);
  } else if (work == "create") {
    std::vector<double> times;
    for (int64_t i = 0; i < size2; ++i) times.push_back(TimedNs([&] { works->Create(size1); }));
    std::sort(times.begin(), times.end());
    Result("create_ns", times[times.size() / 2] / n);
  } else if (work == "idle") {
    const int64_t from = ResidentBytes();
    works->Fill(size1);
    Result("idle_bytes", static_cast<double>(ResidentBytes() - from) / n);
  } else {
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: works raw|native|script WORK SIZE [SIZE]\n");
    return 2;
  }
  const std::string name = argv[1];
  Kernel kernel = Kernel::kScript;
  if (name == "raw") kernel = Kernel::kRaw;
  if (name == "native") kernel = Kernel::kNative;
  const bool known = Do(argv[2], kernel, std::atoll(argv[3]), argc > 4 ? std::atoll(argv[4]) : 1);
  std::fflush(stdout);
  if (!known) std::fprintf(stderr, "works: no %s for %s\n", argv[2], argv[1]);
  return known ? 0 : 2;
}

}  // namespace
}  // namespace vesicle::bench

int main(int argc, char** argv) { return vesicle::bench::Main(argc, argv); }
