// A collection is not seen: what was asked of a device comes to pass when its ref is
// garbage, whatever the device. All of these collect completely after every turn.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {
namespace {

VmOptions CollectingAlways() {
  VmOptions options;
  options.heap.collect_at_every_safe_point = true;
  return options;
}

struct CollectingWorld : World {
  CollectingWorld() : World({}, CollectingAlways()) {}

  // Something happens, so that there are turns to collect after.
  void Churn() {
    const Root busy = vm.Create([n = 0](Turn& turn) mutable {
      if (++n < 20) turn.Send(turn.self(), turn.Nil());
    });
    vm.Send(busy, vm.Nil());
  }
};

}  // namespace

TEST_CASE("collected: a timer rings when nobody holds it") {
  CollectingWorld world;
  int rang = 0, ticked = 0, started = 0;
  Root cancel;
  {
    const Root timer = MakeTimer(*world.loop), other = MakeTimer(*world.loop);
    world.vm.Ask(timer, world.vm.Tagged("after", 5), [&](const Reply&) { ++rang; });
    const Root on_start = world.vm.Create([&](Turn&) { ++started; });
    const Root on_tick = world.vm.Create([&](Turn& turn) {
      if (++ticked == 5) turn.Send(cancel.value(), turn.Symbol("cancel"));
    });
    world.vm.Send(other, world.vm.Tagged("start", 3, on_start.value(), 1));
    world.vm.Ask(other, world.vm.Tagged("every", 1, on_tick.value()),
                 [&](const Reply& reply) { cancel = Root(world.vm.core().heap(), reply.value()); });
  }
  world.Churn();
  world.loop->Run();
  CHECK(rang == 1);
  CHECK(started == 1);
  CHECK(ticked == 5);
}

TEST_CASE("collected: a line is answered when nobody holds stdin") {
  for (const bool polled : {true, false}) {
    CAPTURE(polled);
    CollectingWorld world;
    Pipe pipe;
    TemporaryFolder folder;
    std::ofstream(folder.path + "/in") << "one\ntwo\n";
    const int file = open((folder.path + "/in").c_str(), O_RDONLY | O_CLOEXEC);
    std::string got;
    {
      const Root input = MakeStdin(*world.loop, {.fd = polled ? pipe.read_fd : file});
      for (int i = 0; i < 2; ++i) {
        world.vm.Ask(input, world.vm.Symbol("line"),
                     [&](const Reply& reply) { got += Print(reply.value()); });
      }
    }
    world.Churn();
    std::thread writer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pipe.Write("one\n");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pipe.Write("two\n");
    });
    world.loop->Run();
    writer.join();
    close(file);
    CHECK(got == "\"one\"\"two\"");
  }
}

TEST_CASE("collected: files are read and written when nobody holds the directory") {
  CollectingWorld world;
  TemporaryFolder folder;
  std::ofstream(folder.path + "/a") << "hello";
  int answered = 0;
  {
    const Root dir = *MakeDirectory(*world.loop, folder.path, Access::kReadWrite);
    for (int i = 0; i < 300; ++i) {
      world.vm.Ask(dir, world.vm.Tagged("read", "a"),
                   [&](const Reply& reply) { answered += reply.ok(); });
    }
    world.vm.Send(dir, world.vm.Tagged("write", "b", "written"));
  }
  world.Churn();
  world.loop->Run();
  CHECK(answered == 300);
  std::string text;
  std::ifstream(folder.path + "/b") >> text;
  CHECK(text == "written");
}

TEST_CASE("collected: every line reaches a slow reader when nobody holds the console, which goes") {
  CollectingWorld world;
  Pipe out;
  constexpr int kLines = 10'000;
  const std::string line(50, 'x');
  int written = 0;
  {
    Root console =
        MakeConsole(*world.loop, {.out_fd = out.write_fd, .pending_bytes_max = 10'000'000});
    const Root talker = world.vm.Create([&, console](Turn& turn) mutable {
      for (int i = 0; i < kLines; ++i) turn.Send(console.value(), turn.Text(line));
      console.reset();
    });
    world.vm.Send(talker, world.vm.Nil());
    world.vm.Ask(console, world.vm.Text("first"), [&](const Reply&) { ++written; });
  }
  world.Churn();
  size_t got = 0;
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    char buffer[65536];
    while (got < kLines * 51u + 6) {
      const ssize_t n = read(out.read_fd, buffer, sizeof buffer);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
  });
  world.loop->Run();
  out.CloseWrite();
  reader.join();
  CHECK(written == 1);
  CHECK(got == kLines * 51u + 6);
  // The console has a descriptor of its own: the end is found when that is closed too.
  world.vm.core().heap().Collect(Heap::Scope::kFull);
  fcntl(out.read_fd, F_SETFL, O_NONBLOCK);
  char byte;
  CHECK(read(out.read_fd, &byte, 1) == 0);
}

}  // namespace vesicle
