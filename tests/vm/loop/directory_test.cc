#include <doctest/doctest.h>
#include <malloc.h>
#include <sys/stat.h>
#include <uv.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/vm/loop/fixture.h"
#include "vm/loop/beneath.h"
#include "vm/loop/devices.h"

namespace vesicle {
namespace fs = std::filesystem;
namespace {

struct Files : World {
  Files() {
    fs::create_directories(folder.path + "/in/sub");
    std::ofstream(folder.path + "/in/a.txt") << "hello";
    std::ofstream(folder.path + "/secret") << "secret";
    fs::create_symlink("../secret", folder.path + "/in/link");
    fs::create_symlink("/etc", folder.path + "/in/etc");
    fs::create_symlink("a.txt", folder.path + "/in/inner");
    writable = *MakeDirectory(*loop, folder.path + "/in", Access::kReadWrite);
    readable = *MakeDirectory(*loop, folder.path + "/in", Access::kRead);
  }
  TemporaryFolder folder;
  Root writable, readable;
};

bool Says(const std::string& answer, const std::string& what) {
  return answer.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("directory: reads, writes, lists, tells") {
  Files f;
  Vm& vm = f.vm;
  CHECK(f.Ask(f.readable, vm.Tagged("read", "a.txt")) == "\"hello\"");
  CHECK(f.Ask(f.readable, vm.Tagged("read_bytes", "a.txt")) == "b\"hello\"");
  CHECK(f.Ask(f.readable, vm.Tagged("read", "inner")) == "\"hello\"");
  CHECK(f.Ask(f.readable, vm.Tagged("list", "")) ==
        "[\"a.txt\", \"etc\", \"inner\", \"link\", \"sub\"]");
  CHECK(f.Ask(f.readable, vm.Tagged("exists", "a.txt")) == "true");
  CHECK(f.Ask(f.readable, vm.Tagged("exists", "b.txt")) == "false");
  CHECK(Says(f.Ask(f.readable, vm.Tagged("info", "a.txt")), "kind: #file"));
  CHECK(Says(f.Ask(f.readable, vm.Tagged("info", "sub")), "kind: #dir"));
  CHECK(f.Ask(f.writable, vm.Tagged("write", "sub/b", "one\n")) == "nil");
  CHECK(f.Ask(f.writable, vm.Tagged("append", "sub/b", vm.Bytes("two\n"))) == "nil");
  CHECK(f.Ask(f.readable, vm.Tagged("read", "sub/b")) == "\"one\\ntwo\\n\"");
  CHECK(f.Ask(f.writable, vm.Tagged("write", "sub/b", "")) == "nil");
  CHECK(f.Ask(f.readable, vm.Tagged("read", "sub/b")) == "\"\"");
  CHECK(f.Ask(f.writable, vm.Tagged("make_dir", "new")) == "nil");
  CHECK(Says(f.Ask(f.writable, vm.Tagged("make_dir", "new")), "broken: #exists"));
  CHECK(f.Ask(f.writable, vm.Tagged("rename", "sub/b", "new/c")) == "nil");
  CHECK(Says(f.Ask(f.writable, vm.Tagged("remove", "new")), "broken: #io"));
  CHECK(f.Ask(f.writable, vm.Tagged("remove", "new/c")) == "nil");
  CHECK(f.Ask(f.writable, vm.Tagged("remove", "new")) == "nil");
  CHECK(f.Ask(f.writable, vm.Tagged("remove", "link")) == "nil");
  CHECK(fs::exists(f.folder.path + "/secret"));
}

TEST_CASE("directory: no path and no link leads out") {
  Files f;
  Vm& vm = f.vm;
  for (const char* path : {"../secret", "/etc/passwd", "link", "etc/passwd", "sub/../../secret",
                           "sub/../../in/a.txt"}) {
    CAPTURE(path);
    CHECK(Says(f.Ask(f.writable, vm.Tagged("read", path)), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("write", path, "x")), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("info", path)), "broken: #denied"));
  }
  for (const char* path : {"../secret", "/etc/passwd", "etc/passwd", "sub/../../secret"}) {
    CAPTURE(path);
    CHECK(Says(f.Ask(f.writable, vm.Tagged("remove", path)), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("rename", path, "got")), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("rename", "a.txt", path)), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("make_dir", path)), "broken: #denied"));
  }
  for (const char* path : {"..", "/", "etc", "sub/../.."}) {
    CAPTURE(path);
    CHECK(Says(f.Ask(f.writable, vm.Tagged("open_dir", path)), "broken: #denied"));
    CHECK(Says(f.Ask(f.writable, vm.Tagged("list", path)), "broken: #denied"));
  }
  for (const char* path : {"", ".", "..", "sub/..", "/"}) {
    CAPTURE(path);
    CHECK(Says(f.Ask(f.writable, vm.Tagged("remove", path)), "broken: #"));
  }
  CHECK(fs::exists(f.folder.path + "/in/a.txt"));
  CHECK(
      Says(f.Ask(f.writable, vm.Tagged("read", std::string_view("a.txt\0x", 7))), "broken: #type"));
}

TEST_CASE("directory: read-only refuses to write, and so does what comes from it") {
  Files f;
  Vm& vm = f.vm;
  const Root sub = f.AskValue(f.readable, vm.Tagged("open_dir", "sub"));
  const Root narrowed = f.AskValue(f.writable, vm.Symbol("read_only"));
  for (const Root* dir : std::initializer_list<const Root*>{&f.readable, &sub, &narrowed}) {
    const auto refuses = [&](Value message) {
      CHECK(Says(f.Ask(*dir, message), "broken: #denied(\"this directory is read-only"));
    };
    refuses(vm.Tagged("write", "x", "x"));
    refuses(vm.Tagged("append", "x", "x"));
    refuses(vm.Tagged("make_dir", "x"));
    refuses(vm.Tagged("remove", "a.txt"));
    refuses(vm.Tagged("rename", "a.txt", "b"));
  }
  const Root writable_sub = f.AskValue(f.writable, vm.Tagged("open_dir", "sub"));
  CHECK(f.Ask(writable_sub, vm.Tagged("write", "x", "x")) == "nil");
  CHECK(Says(f.Ask(writable_sub, vm.Tagged("read", "../a.txt")), "broken: #denied"));
}

TEST_CASE("directory: a link swapped in while paths are resolved leads nowhere") {
  Files f;
  std::atomic<bool> stop = false;
  const std::string place = f.folder.path + "/in/swap";
  fs::create_directory(place);
  std::ofstream(place + "/secret") << "inside";
  std::thread swapper([&] {
    while (!stop) {
      fs::rename(place, f.folder.path + "/in/aside");
      fs::create_symlink("..", place);  // in/swap/secret would be in/../... no: in/secret
      fs::remove(place);
      fs::create_symlink("../..", place);
      fs::remove(place);
      fs::rename(f.folder.path + "/in/aside", place);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const std::string got = f.Ask(f.readable, f.vm.Tagged("read", "swap/secret"));
    if (got != "\"inside\"" && !Says(got, "broken: #")) FAIL(got);
  }
  stop = true;
  swapper.join();
}

TEST_CASE("directory: what is no regular file is refused without waiting for it") {
  Files f;
  REQUIRE(mkfifo((f.folder.path + "/in/fifo").c_str(), 0600) == 0);
  CHECK(Says(f.Ask(f.writable, f.vm.Tagged("read", "fifo")), "broken: #io"));
  CHECK(Says(f.Ask(f.writable, f.vm.Tagged("write", "fifo", "x")), "broken: #io"));
  CHECK(Says(f.Ask(f.writable, f.vm.Tagged("read", "sub")), "broken: #io"));
}

TEST_CASE("directory: limits") {
  World world;
  Vm& vm = world.vm;
  TemporaryFolder folder;
  std::ofstream(folder.path + "/big") << std::string(1001, 'x');
  std::ofstream(folder.path + "/latin") << "caf\xe9";
  const Root dir = *MakeDirectory(*world.loop, folder.path, Access::kReadWrite,
                                  {.file_bytes_max = 1000, .names_max = 1, .waiting_max = 2});
  CHECK(Says(world.Ask(dir, vm.Tagged("read", "big")),
             "broken: #limit(\"big: has 1001 bytes; the limit is 1000\")"));
  CHECK(Says(world.Ask(dir, vm.Tagged("write", "b", std::string_view(std::string(1001, 'x')))),
             "broken: #limit"));
  CHECK(Says(world.Ask(dir, vm.Tagged("list", ".")), "broken: #limit"));
  CHECK(Says(world.Ask(dir, vm.Tagged("read", "latin")), "broken: #type"));
  CHECK(world.Ask(dir, vm.Tagged("read_bytes", "latin")) == "b\"caf\\xe9\"");
  int full = 0, answered = 0;
  for (int i = 0; i < 5; ++i) {
    vm.Ask(dir, vm.Tagged("exists", "big"), [&](const Reply& reply) {
      ++answered;
      if (!reply.ok()) full += Says(Print(reply.reason()), "#full");
    });
  }
  world.loop->Run();
  CHECK(answered == 5);
  CHECK(full == 3);
}

TEST_CASE(
    "directory: what waits to be written is not copied, and a collection does not disturb it") {
  VmOptions options;
  options.heap.collect_at_every_safe_point = true;
  World world({}, options);
  Vm& vm = world.vm;
  TemporaryFolder folder;
  constexpr size_t kSize = size_t{4} << 20;
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  {
    const Root dir = *MakeDirectory(*world.loop, folder.path, Access::kReadWrite);
    const Root text(vm.core().heap(), vm.Text(std::string(kSize, 'x')));
    for (int i = 0; i < 50; ++i) {
      vm.Send(dir, vm.Tagged("append", "big", text.value()));
      vm.Send(dir, vm.Tagged("append", "small", vm.Text(std::to_string(100'000'000 + i))));
      vm.Send(dir, vm.Tagged("append", "bytes", vm.Bytes(std::string(5000, 'y'))));
    }
  }
  vm.Run();
  CHECK(mallinfo2().uordblks + mallinfo2().hblkhd < before + 5 * kSize);
  world.loop->Run();
  const auto content = [&](const char* name) {
    std::ifstream file(folder.path + "/" + name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  CHECK(content("big") == std::string(50 * kSize, 'x'));
  std::string numbers;
  for (int i = 0; i < 50; ++i) numbers += std::to_string(100'000'000 + i);
  CHECK(content("small") == numbers);
  CHECK(content("bytes") == std::string(50 * 5000, 'y'));
}

TEST_CASE("directory: a loop that goes leaves no write behind that reads a heap that is gone") {
  TemporaryFolder folder;
  uv_loop_t host;
  REQUIRE(uv_loop_init(&host) == 0);
  for (int i = 0; i < 20; ++i) {
    Vm vm;
    auto loop = *VmLoop::Create(vm, {.host_loop = &host});
    const Root dir = *MakeDirectory(*loop, folder.path, Access::kReadWrite);
    vm.Send(dir, vm.Tagged("write", "big", vm.Text(std::string(3'000'000, 'x'))));
    vm.Send(dir, vm.Tagged("write", "big", vm.Text(std::string(3'000'000, 'y'))));
    vm.Run();
  }
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("directory: what one grant opens is bounded, and what nobody holds does not count") {
  World world;
  Vm& vm = world.vm;
  TemporaryFolder folder;
  fs::create_directory(folder.path + "/sub");
  const Root dir = *MakeDirectory(*world.loop, folder.path, Access::kRead, {.opened_max = 10});
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  for (int i = 0; i < 100; ++i) {
    CHECK(world.Ask(dir, vm.Tagged("open_dir", "sub")) == "<ref>");
    CHECK(descriptors() <= before + 12);
  }
  std::vector<Root> held;
  held.push_back(dir);
  for (int i = 0; i < 10; ++i) {
    held.push_back(world.AskValue(held.back(), vm.Tagged("open_dir", i == 0 ? "sub" : ".")));
    CHECK_FALSE(held.back().value().is_nil());
  }
  // By whichever ref of the grant, narrowed or not.
  const Root narrowed = world.AskValue(held.back(), vm.Symbol("read_only"));
  for (const Root& ref : {held.front(), held.back(), narrowed}) {
    CHECK(world.Ask(ref, vm.Tagged("open_dir", ".")) ==
          "broken: #full(\"10 directories are open already\")");
  }
  held.erase(held.begin() + 1);
  CHECK(world.Ask(narrowed, vm.Tagged("open_dir", ".")) == "<ref>");
}

TEST_CASE("directory: requests are done in the order of their coming") {
  Files f;
  Vm& vm = f.vm;
  std::string last;
  for (int i = 0; i < 50; ++i) {
    vm.Send(f.writable, vm.Tagged("write", "n", std::to_string(i)));
    vm.Ask(f.writable, vm.Tagged("read", "n"), [&, i](const Reply& reply) {
      CHECK(Print(reply.value()) == "\"" + std::to_string(i) + "\"");
    });
  }
  f.loop->Run();
}

TEST_CASE("beneath: without openat2 every link and every .. is refused") {
  Files f;
  const int in = open((f.folder.path + "/in").c_str(), O_PATH | O_DIRECTORY);
  const auto opens = [&](const char* path, int flags) {
    const auto fd = beneath_internal::OpenByComponents(in, path, flags, 0);
    if (fd.ok()) close(*fd);
    return fd.ok();
  };
  CHECK(opens("a.txt", O_RDONLY));
  CHECK(opens("./sub/./", O_RDONLY | O_DIRECTORY));
  CHECK(opens(".", O_PATH | O_DIRECTORY));
  CHECK(opens("", O_PATH | O_DIRECTORY));
  for (const char* path : {"..", "sub/..", "/etc", "link", "etc/passwd", "inner", "sub/../a.txt"}) {
    CAPTURE(path);
    CHECK_FALSE(opens(path, O_RDONLY));
    CHECK_FALSE(opens(path, O_PATH));
  }
  close(in);
}

TEST_CASE("grants: what was not granted says which flag would") {
  World world;
  Vm& vm = world.vm;
  const Root none = MakeRefusal(vm, "files", "run with --allow-read=DIR");
  CHECK(world.Ask(none, vm.Tagged("read", "x")) ==
        "broken: #denied(\"run with --allow-read=DIR\")");
  std::vector<std::pair<std::string, Root>> grants;
  const Root a = vm.Create([](Turn& turn) { turn.Reply(turn.Text("a")); });
  grants.emplace_back("data", a);
  grants.emplace_back("out", none);
  const Root several = MakeGrants(vm, std::move(grants));
  const Root data = world.AskValue(several, vm.Tagged("open_dir", "data"));
  CHECK(world.Ask(data, vm.Nil()) == "\"a\"");
  CHECK(Says(world.Ask(several, vm.Tagged("open_dir", "etc")), "with one of: data, out"));
}

}  // namespace vesicle
