#include <doctest/doctest.h>
#include <signal.h>

#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"

namespace vesicle {

TEST_CASE("console: texts as they are, values as a script writes them") {
  World world;
  Pipe out, error;
  const Root console =
      MakeConsole(*world.loop, {.out_fd = out.write_fd, .error_fd = error.write_fd});
  Vm& vm = world.vm;
  CHECK(world.Ask(console, vm.Text("plain \"quotes\" and \ttabs\nlines")) == "nil");
  CHECK(world.Ask(console, vm.Tagged("point", 1, "x")) == "nil");
  CHECK(world.Ask(console, vm.Tagged("write", "no ")) == "nil");
  CHECK(world.Ask(console, vm.Tagged("write", 7)) == "nil");
  CHECK(world.Ask(console, vm.Tagged("error", "oh")) == "nil");
  vm.Send(console, vm.Nil());
  world.loop->Run();
  CHECK(out.ReadAll() == "plain \"quotes\" and \ttabs\nlines\n#point(1, \"x\")\nno 7nil\n");
  CHECK(error.ReadAll() == "oh\n");
}

TEST_CASE("console: no text moves a cursor or turns the writing around") {
  World world;
  Pipe out;
  const Root console = MakeConsole(*world.loop, {.out_fd = out.write_fd});
  world.vm.Send(console, world.vm.Text("a\x1b[2Jb\rc\u202ed\u2066e\x7f"));
  world.loop->Run();
  CHECK(out.ReadAll() == "a\\u{1b}[2Jb\\u{d}c\\u{202e}d\\u{2066}e\\u{7f}\n");
}

TEST_CASE("console: a reader that does not read holds the VM back, and loses nothing") {
  World world;
  Pipe out;
  const Root console =
      MakeConsole(*world.loop, {.out_fd = out.write_fd, .pending_bytes_max = 100'000});
  constexpr int kLines = 200'000;
  int sent = 0;
  const std::string line(50, 'x');
  const Root talker = world.vm.Create([&](Turn& turn) {
    turn.Send(console.value(), turn.Text(line));
    if (++sent < kLines) turn.Send(turn.self(), turn.Nil());
  });
  world.vm.Send(talker, world.vm.Nil());
  // After a while somebody looks how far it came, and only then somebody reads.
  int sent_unread = 0;
  size_t got = 0;
  std::thread reader([&, poster = world.loop->poster()] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::ignore = poster.Post([&](Vm&) { sent_unread = sent; });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    char buffer[65536];
    while (got < kLines * 51u) {
      const ssize_t n = read(out.read_fd, buffer, sizeof buffer);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
  });
  world.loop->Run();
  reader.join();
  CHECK(sent == kLines);
  CHECK(got == kLines * 51u);
  CHECK(sent_unread < kLines);
}

TEST_CASE("console: a reader that is gone is told of once") {
  World world;
  Pipe out;
  int closed = 0;
  const Root console =
      MakeConsole(*world.loop, {.out_fd = out.write_fd, .on_closed = [&] { ++closed; }});
  signal(SIGPIPE, SIG_IGN);
  CHECK(world.Ask(console, world.vm.Text("one")) == "nil");
  out.CloseRead();
  const std::string reason = "broken: #disconnected(\"the console's other end is closed\")";
  CHECK(world.Ask(console, world.vm.Text("two")) == reason);
  CHECK(world.Ask(console, world.vm.Text("three")) == reason);
  CHECK(closed == 1);
}

TEST_CASE("console: a message over the limit is refused") {
  World world;
  Pipe out;
  const Root console = MakeConsole(*world.loop, {.out_fd = out.write_fd, .message_bytes_max = 10});
  CHECK(world.Ask(console, world.vm.Text("0123456789")) == "nil");
  CHECK(world.Ask(console, world.vm.Text("0123456789a")) ==
        "broken: #limit(\"a console message of more than 10 bytes\")");
  CHECK(out.ReadAll() == "0123456789\n");
}

}  // namespace vesicle
