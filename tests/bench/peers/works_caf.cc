// The works of tests/bench/peers.sh that are about actors, as CAF's users write them: function-
// based, event-based actors. For CAF 0.17, which is Debian's.
//
//   g++ -O2 -std=c++17 works_caf.cc -lcaf_core -o works_caf && ./works_caf ring 100000 100
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "caf/all.hpp"

namespace {

using caf::actor;
using caf::behavior;
using caf::event_based_actor;

double NowNs() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count());
}

void Result(const char* what, double value) { std::printf("RESULT %s %.6g\n", what, value); }

// --- ring: each actor makes the next one and becomes a link to it.

behavior builder(event_based_actor* self, int64_t left, actor report) {
  return {[=](const actor& first) {
    if (left > 1) {
      const actor next = self->spawn(builder, left - 1, report);
      self->send(next, first);
      self->become([=](int64_t n) { self->send(next, n); });
    } else {
      self->send(report, true);
      self->become([=](int64_t n) {
        if (n > 1) {
          self->send(first, n - 1);
        } else {
          self->send(report, true);
        }
      });
    }
  }};
}

void AwaitReport(caf::scoped_actor& self) {
  self->receive([](bool) {});
}

void Ring(caf::actor_system& system, int64_t actors, int64_t laps) {
  caf::scoped_actor self{system};
  const actor report = caf::actor_cast<actor>(self);
  const double from = NowNs();
  const actor first = system.spawn(builder, actors, report);
  self->send(first, first);
  AwaitReport(self);
  const double built = NowNs();
  self->send(first, laps);
  AwaitReport(self);
  const double done = NowNs();
  Result("ring_build_us", (built - from) / static_cast<double>(actors) / 1e3);
  Result("ring_hop_ns", (done - built) / static_cast<double>(actors) / static_cast<double>(laps));
}

// --- fan-in

struct Count {
  int64_t left = 0;
};

behavior counter(caf::stateful_actor<Count>* self, int64_t expected, actor report) {
  self->state.left = expected;
  return {[=](int64_t) {
    if (--self->state.left == 0) {
      self->send(report, true);
      self->quit();
    }
  }};
}

behavior burst(event_based_actor* self, actor to) {
  return {[=](int64_t n) {
    for (int64_t i = 0; i < n; ++i) self->send(to, i);
    self->quit();
  }};
}

behavior paced(event_based_actor* self, actor to) {
  return {[=](int64_t n) {
    if (n == 0) return self->quit();
    self->send(to, n);
    self->send(self, n - 1);
  }};
}

template <typename Sender>
double FanIn(caf::actor_system& system, int64_t senders, int64_t n, Sender sender) {
  caf::scoped_actor self{system};
  const double from = NowNs();
  const actor to = system.spawn(counter, senders * n, caf::actor_cast<actor>(self));
  for (int64_t i = 0; i < senders; ++i) self->send(system.spawn(sender, to), n);
  AwaitReport(self);
  return (NowNs() - from) / static_cast<double>(senders) / static_cast<double>(n);
}

// --- create

// The last one to run says so.
std::atomic<int64_t> to_run;

behavior once(event_based_actor* self, actor report) {
  return {[=](int64_t) {
    if (--to_run == 0) self->send(report, true);
    self->quit();
  }};
}

behavior maker(event_based_actor* self, actor report) {
  return {[=](int64_t n) {
    for (int64_t i = 0; i < n; ++i) self->send(self->spawn(once, report), i);
  }};
}

void Create(caf::actor_system& system, int64_t actors, int64_t rounds) {
  caf::scoped_actor self{system};
  const actor make = system.spawn(maker, caf::actor_cast<actor>(self));
  std::vector<double> times;
  for (int64_t round = 0; round < rounds; ++round) {
    to_run = actors;
    const double from = NowNs();
    self->send(make, actors);
    AwaitReport(self);
    times.push_back(NowNs() - from);
  }
  std::sort(times.begin(), times.end());
  Result("create_ns", times[times.size() / 2] / static_cast<double>(actors));
}

// --- host: what is told, asked and made, by typed actors

using pass_atom = caf::atom_constant<caf::atom("pass")>;
using get_atom = caf::atom_constant<caf::atom("get")>;
using next_atom = caf::atom_constant<caf::atom("next")>;
using link_actor =
    caf::typed_actor<caf::reacts_to<next_atom, actor>, caf::reacts_to<pass_atom, int64_t>,
                     caf::replies_to<get_atom>::with<int64_t>>;

struct LinkState {
  link_actor next;
};

link_actor::behavior_type linked(link_actor::stateful_pointer<LinkState> self, actor report) {
  return {
      [=](next_atom, const actor& next) { self->state.next = caf::actor_cast<link_actor>(next); },
      [=](pass_atom, int64_t left) {
        if (left > 0) {
          self->send(self->state.next, pass_atom::value, left - 1);
        } else {
          caf::anon_send(report, true);
        }
      },
      [](get_atom) { return int64_t{1}; }};
}

// So many questions, one after the other.
struct Asker {
  static void Ask(event_based_actor* self, link_actor of, int64_t left, actor report) {
    if (left == 0) return self->send(report, true);
    self->request(of, caf::infinite, get_atom::value).then([=](int64_t) {
      Ask(self, of, left - 1, report);
    });
  }
  // All of them at once, and again when all have answered.
  static void Fan(event_based_actor* self, std::vector<link_actor> all, int64_t left,
                  actor report) {
    if (left == 0) return self->send(report, true);
    auto missing = std::make_shared<size_t>(all.size());
    for (const link_actor& one : all) {
      self->request(one, caf::infinite, get_atom::value).then([=](int64_t) {
        if (--*missing == 0) Fan(self, all, left - 1, report);
      });
    }
  }
};

void Host(caf::actor_system& system, int64_t messages) {
  caf::scoped_actor self{system};
  const actor report = caf::actor_cast<actor>(self);
  std::vector<link_actor> all;
  for (int i = 0; i < 100; ++i) all.push_back(system.spawn(linked, report));
  for (size_t i = 0; i < all.size(); ++i) {
    self->send(all[i], next_atom::value, caf::actor_cast<actor>(all[(i + 1) % all.size()]));
  }
  const auto timed = [&](const char* what, int64_t count, auto begin) {
    const double from = NowNs();
    begin();
    AwaitReport(self);
    Result(what, (NowNs() - from) / static_cast<double>(count));
  };
  const int64_t asks = messages / 10, rounds = asks / 100;
  timed("host_tell_ns", messages, [&] { self->send(all[0], pass_atom::value, messages); });
  timed("host_ask_ns", asks, [&] {
    system.spawn([=](event_based_actor* asker) { Asker::Ask(asker, all[1], asks, report); });
  });
  timed("host_fan_ns", rounds * 100, [&] {
    system.spawn([=](event_based_actor* asker) { Asker::Fan(asker, all, rounds, report); });
  });
  const actor make = system.spawn(maker, report);
  to_run = asks;
  timed("host_spawn_ns", asks, [&] { self->send(make, asks); });
}

// --- idle

double ResidentBytes() {
  long size = 0, pages = 0;
  std::FILE* statm = std::fopen("/proc/self/statm", "r");
  if (statm == nullptr || std::fscanf(statm, "%ld %ld", &size, &pages) != 2) std::abort();
  std::fclose(statm);
  return static_cast<double>(pages) * 4096;
}

behavior idle(event_based_actor* self, actor before) {
  return {[=](int64_t n) {
    if (before) self->send(before, n);
  }};
}

void Idle(caf::actor_system& system, int64_t actors) {
  const double from = ResidentBytes();
  // Never given back: each holds the one before, and that goes deep.
  auto* last = new actor;
  for (int64_t i = 0; i < actors; ++i) *last = system.spawn(idle, *last);
  Result("idle_bytes", (ResidentBytes() - from) / static_cast<double>(actors));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string work = argv[1];
  const int64_t size1 = std::atoll(argv[2]);
  const int64_t size2 = argc > 3 ? std::atoll(argv[3]) : 0;
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 1);
  caf::actor_system system{config};
  if (work == "ring") {
    Ring(system, size1, size2);
  } else if (work == "fanin") {
    Result("fanin_burst_ns", FanIn(system, size1, size2, burst));
    Result("fanin_paced_ns", FanIn(system, size1, size2, paced));
  } else if (work == "create") {
    Create(system, size1, size2);
  } else if (work == "host") {
    Host(system, size1);
  } else if (work == "idle") {
    Idle(system, size1);
  }
  // Actors that know each other in a ring never end by themselves.
  std::fflush(stdout);
  std::_Exit(0);
}
