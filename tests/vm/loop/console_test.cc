#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/devices.h"
#include "vm/value/number.h"

namespace vesicle {
namespace {

// A file takes all at once, as no pipe does.
struct OutFile {
  OutFile() { REQUIRE(fd >= 0); }
  ~OutFile() { close(fd); }
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;
  std::string ReadAll() const {
    std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
    const ssize_t n = pread(fd, text.data(), text.size(), 0);
    text.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return text;
  }

  TemporaryFolder folder;
  const int fd = open((folder.path + "/out").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
};

}  // namespace

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

TEST_CASE(
    "console: a long text goes in pieces, and others run between; what follows it stays behind "
    "it") {
  World world;
  Pipe out;
  const Root console = MakeConsole(*world.loop, {.out_fd = out.write_fd});
  Vm& vm = world.vm;
  // Three bytes each, so that pieces would end within one; and what is escaped.
  std::string text, shown;
  for (int i = 0; i < 200'000; ++i) {
    text += i % 50 == 0 ? "\x1b" : "\u20ac";
    shown += i % 50 == 0 ? "\\u{1b}" : "\u20ac";
  }
  std::string got;
  std::thread reader([&] {
    char buffer[65536];
    const size_t wanted = shown.size() + std::string_view("\n7 after\nlast\n").size();
    while (got.size() < wanted) {
      const ssize_t n = read(out.read_fd, buffer, sizeof buffer);
      if (n <= 0) break;
      got.append(buffer, static_cast<size_t>(n));
    }
  });
  int turns = 0, turns_at_end = 0;
  const Root other = vm.Create([&](Turn& turn) {
    if (++turns < 100'000 && turns_at_end == 0) turn.Send(turn.self(), turn.Nil());
  });
  const Root first = vm.Create([&](Turn& turn) {
    turn.Send(other.value(), turn.Nil());
    turn.When(turn.Ask(console.value(), turn.Text(text)), [&](Turn&) { turns_at_end = turns; });
    turn.Send(console.value(), turn.Tagged("write", 7));
    turn.Send(console.value(), turn.Text(" after"));
    turn.Send(console.value(), turn.Text("last"));
  });
  vm.Send(first, vm.Nil());
  world.loop->Run();
  reader.join();
  const bool is_whole = got == shown + "\n7 after\nlast\n";
  CHECK(is_whole);
  CHECK(turns_at_end > 1000);
}

TEST_CASE(
    "console: a long integer shows all its digits, in pieces; within a value only if there is "
    "room") {
  World world;
  OutFile out;
  const Root console = MakeConsole(*world.loop, {.out_fd = out.fd});
  Heap& heap = world.vm.core().heap();
  const Root n(heap, Power(heap, Value::SmallInt(10), Value::SmallInt(100'000)).value());
  CHECK(world.Ask(console, n.value()) == "nil");
  CHECK(world.Ask(console, world.vm.List({world.vm.Int(1), n.value(), world.vm.Int(2)})) == "nil");
  const bool is_whole = out.ReadAll() == "1" + std::string(100'000, '0') +
                                             "\n[1, <integer of about 100081 digits>...\n";
  CHECK(is_whole);
}

TEST_CASE("console: the loop goes while a long text is shown: all of it is shown") {
  OutFile out;
  const std::string text(600'000, 'x');
  {
    World world;
    const Root console = MakeConsole(*world.loop, {.out_fd = out.fd});
    const Root first = world.vm.Create([&](Turn& turn) {
      turn.Send(console.value(), turn.Text(text));
      turn.Send(console.value(), turn.Text("last"));
      world.loop->Stop();
    });
    world.vm.Send(first, world.vm.Nil());
    world.loop->Run();
    world.vm.RunSlice(1000);
  }
  const bool is_whole = out.ReadAll() == text + "\nlast\n";
  CHECK(is_whole);
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
