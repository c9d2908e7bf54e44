#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {

TEST_CASE("stdin: lines of a pipe, then nil for ever") {
  World world;
  Pipe in;
  in.Write("one\ntwo\r\n\nlast");
  in.CloseWrite();
  const Root input = MakeStdin(*world.loop, {.fd = in.read_fd});
  const Value line = world.vm.Symbol("line");
  CHECK(world.Ask(input, line) == "\"one\"");
  CHECK(world.Ask(input, line) == "\"two\"");
  CHECK(world.Ask(input, line) == "\"\"");
  CHECK(world.Ask(input, line) == "\"last\"");
  CHECK(world.Ask(input, line) == "nil");
  CHECK(world.Ask(input, line) == "nil");
}

TEST_CASE("stdin: askers are served in order, as the lines come") {
  World world;
  Pipe in;
  const Root input = MakeStdin(*world.loop, {.fd = in.read_fd});
  std::string order;
  for (int i = 0; i < 3; ++i) {
    world.vm.Ask(input, world.vm.Symbol("line"),
                 [&order](const Reply& reply) { order += Print(reply.value()); });
  }
  std::thread writer([&] {
    for (const char* piece : {"fir", "st\nsec", "ond\n", "third\n"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      in.Write(piece);
    }
  });
  world.loop->Run();
  writer.join();
  CHECK(order == "\"first\"\"second\"\"third\"");
}

TEST_CASE("stdin: a file is read on the pool") {
  World world;
  TemporaryFolder folder;
  const std::string path = folder.path + "/in";
  std::ofstream(path) << "a\nb\n";
  const int fd = open(path.c_str(), O_RDONLY);
  const Root input = MakeStdin(*world.loop, {.fd = fd});
  CHECK(world.Ask(input, world.vm.Symbol("line")) == "\"a\"");
  CHECK(world.Ask(input, world.vm.Symbol("line")) == "\"b\"");
  CHECK(world.Ask(input, world.vm.Symbol("line")) == "nil");
  close(fd);
}

TEST_CASE("stdin: bad lines break one asker, the next one goes on behind them") {
  World world;
  Pipe in;
  in.Write("\xff\xfe\nok\n" + std::string(5000, 'x') + "\nfine\n");
  in.CloseWrite();
  const Root input = MakeStdin(*world.loop, {.fd = in.read_fd, .line_bytes_max = 100});
  const Value line = world.vm.Symbol("line");
  CHECK(world.Ask(input, line) == "broken: #type(\"a line of input that is no UTF-8\")");
  CHECK(world.Ask(input, line) == "\"ok\"");
  CHECK(world.Ask(input, line) == "broken: #limit(\"a line of more than 100 bytes\")");
  CHECK(world.Ask(input, line) == "\"fine\"");
  CHECK(world.Ask(input, world.vm.Symbol("lines")) == "broken: #no_clause(\"stdin takes #line\")");
}

TEST_CASE("stdin: a line without an end does not fill the memory") {
  World world;
  Pipe in;
  const Root input = MakeStdin(*world.loop, {.fd = in.read_fd, .line_bytes_max = 1000});
  std::thread writer([&] {
    const std::string piece(60'000, 'x');
    for (int i = 0; i < 100; ++i) in.Write(piece);
    in.Write("\nafter\n");
    in.CloseWrite();
  });
  CHECK(world.Ask(input, world.vm.Symbol("line")) ==
        "broken: #limit(\"a line of more than 1000 bytes\")");
  CHECK(world.Ask(input, world.vm.Symbol("line")) == "\"after\"");
  writer.join();
}

TEST_CASE("stdin: a socket on which nothing comes holds up nobody who goes") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  std::atomic<bool> gone = false;
  bool had_to_help = false;
  std::thread helper([&] {
    for (int i = 0; i < 500 && !gone; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    had_to_help = !gone;
    close(ends[1]);
  });
  {
    World world;
    const Root input = MakeStdin(*world.loop, {.fd = ends[0]});
    REQUIRE(write(ends[1], "first\n", 6) == 6);
    CHECK(world.Ask(input, world.vm.Symbol("line")) == "\"first\"");
    const Root timer = MakeTimer(*world.loop);
    world.vm.Ask(timer, world.vm.Tagged("after", 50), [&](const Reply&) { world.loop->Stop(); });
    CHECK(world.Ask(input, world.vm.Symbol("line")) == "");
  }
  gone = true;
  helper.join();
  CHECK_FALSE(had_to_help);
  close(ends[0]);
}

}  // namespace vesicle
