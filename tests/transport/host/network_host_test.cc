// A VM on the network as one object: what it exports others fetch, and each thing that can go wrong
// has its status.
#include "transport/host/network_host.h"

#include <doctest/doctest.h>
#include <uv.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "vm/native/task/task.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

using Line = NetworkHostOptions::Line;

class Room {
 public:
  explicit Room(std::string name) : name_(std::move(name)) {}
  std::string Name() const { return name_; }
  int64_t Add(int64_t n) { return sum_ += n; }
  void Hidden() {}
  using Methods = vesicle::Methods<&Room::Name, &Room::Add>;

 private:
  std::string name_;
  int64_t sum_ = 0;
};

class Lobby {
 public:
  absl::StatusOr<ActorRef<Room>> Find(Context& context, const std::string& name) {
    if (name.empty()) return absl::NotFoundError("no room is called so");
    return context.Spawn<Room>(name);
  }
  using Methods = vesicle::Methods<&Lobby::Find>;
};

// In a task of one VM: goes to a lobby elsewhere.
class Visitor {
 public:
  explicit Visitor(NetworkHost* host) : host_(host) {}
  Task<absl::StatusOr<std::string>> Visit(std::string locator) {
    const absl::StatusOr<ActorRef<Lobby>> lobby = co_await host_->Fetch<Lobby>(locator);
    if (!lobby.ok()) co_return lobby.status();
    const absl::StatusOr<ActorRef<Room>> room = co_await lobby->Ask(&Lobby::Find, "hall");
    if (!room.ok()) co_return room.status();
    co_return co_await room->Ask(&Room::Name);
  }

 private:
  NetworkHost* host_;
};

// Any number of them on one loop, which is theirs.
struct Net {
  Net() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~Net() {
    uv_run(&loop, UV_RUN_NOWAIT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  std::unique_ptr<NetworkHost> Add(Line line = Line::kTls, NetworkOptions network = {}) {
    auto host = NetworkHost::Create(
        {.line = line, .network = std::move(network), .loop = {.host_loop = &loop}});
    REQUIRE_MESSAGE(host.ok(), host.status().ToString());
    return *std::move(host);
  }
  std::unique_ptr<NetworkHost> AddServer(Line line = Line::kTls, NetworkOptions network = {}) {
    std::unique_ptr<NetworkHost> host = Add(line, std::move(network));
    REQUIRE(host->Listen("127.0.0.1:0").ok());
    return host;
  }
  uv_loop_t loop;
};

template <typename T>
absl::StatusCode CodeOf(NetworkHost& host, std::string_view locator) {
  return host.Await(host.Fetch<T>(locator)).status().code();
}

TEST_CASE("network host: what one exports another fetches, by either kind of line") {
  for (const Line line : {Line::kTls, Line::kPlain}) {
    Net net;
    const auto server = net.AddServer(line), client = net.Add(line);
    const std::string locator = *server->Export(server->vm().Spawn<Lobby>());
    CHECK(locator.find(server->designator()) != std::string::npos);
    const auto lobby = client->Await(client->Fetch<Lobby>(locator));
    REQUIRE_MESSAGE(lobby.ok(), lobby.status().ToString());
    const auto room = client->Await(lobby->Ask(&Lobby::Find, "hall"));
    REQUIRE(room.ok());
    CHECK_FALSE(room->is_near());
    CHECK(*client->Await(room->Ask(&Room::Name)) == "hall");
    // Of what is not there yet, all in one go.
    const auto early = client->Fetch<Lobby>(locator).Early();
    const auto garden = early.Ask(&Lobby::Find, "garden").Early();
    garden.Tell(&Room::Add, 2);
    CHECK(*client->Await(garden.Ask(&Room::Add, 3)) == 5);
    const auto none = early.Ask(&Lobby::Find, "").Early();
    CHECK(client->Await(none.Ask(&Room::Name)).status().code() == absl::StatusCode::kNotFound);
    // Its own, too, without a line.
    const auto near = server->Await(server->Fetch<Lobby>(locator));
    REQUIRE(near.ok());
    CHECK(near->is_near());
    // In a task, which waits for the answers.
    const auto visitor = client->vm().Spawn<Visitor>(client.get());
    CHECK(*client->Await(visitor.Ask(&Visitor::Visit, locator)) == "hall");
  }
}

TEST_CASE("network host: each failure has a status of its own") {
  Net net;
  const auto server = net.AddServer(), client = net.Add(), plain = net.Add(Line::kPlain);
  const std::string lobby = *server->Export(server->vm().Spawn<Lobby>());
  CHECK(CodeOf<Lobby>(*client, "no locator") == absl::StatusCode::kInvalidArgument);
  CHECK(CodeOf<Lobby>(*client, lobby.substr(0, lobby.find("/s/"))) ==
        absl::StatusCode::kInvalidArgument);
  CHECK(CodeOf<Room>(*server, lobby) == absl::StatusCode::kInvalidArgument);  // a Lobby
  CHECK(CodeOf<Lobby>(*plain, lobby) == absl::StatusCode::kFailedPrecondition);
  CHECK(client->Export(client->vm().Spawn<Lobby>()).status().code() ==
        absl::StatusCode::kFailedPrecondition);
  NetworkOptions nowhere_at_all;
  nowhere_at_all.may_dial = [](const PeerLocator&) { return absl::PermissionDeniedError("no"); };
  const auto barred = net.Add(Line::kTls, nowhere_at_all);
  CHECK(CodeOf<Lobby>(*barred, lobby) == absl::StatusCode::kPermissionDenied);

  const auto there = *client->Await(client->Fetch<Lobby>(lobby));
  CHECK(client->Await(there.Ask(&Lobby::Find, "")).status().code() ==
        absl::StatusCode::kNotFound);  // the method's own
  CHECK(server->Retract(lobby));
  CHECK_FALSE(server->Retract(lobby));
  CHECK_FALSE(client->Retract(lobby));
  CHECK(CodeOf<Lobby>(*client, lobby) == absl::StatusCode::kAborted);
  CHECK(client->Await(there.Ask(&Lobby::Find, "hall")).ok());  // what was fetched stays

  // Somebody else listens where the locator leads; nobody does.
  auto gone = net.AddServer();
  const std::string nowhere = *gone->Export(gone->vm().Spawn<Lobby>());
  gone.reset();
  CHECK(CodeOf<Lobby>(*client, nowhere) == absl::StatusCode::kUnavailable);
  std::string other = lobby;
  const size_t at = other.find(server->designator());
  other.replace(at, server->designator().size(), client->designator());
  CHECK(CodeOf<Lobby>(*net.Add(), other) == absl::StatusCode::kUnavailable);
}

TEST_CASE("network host: an identity and a swiss number that are kept make the same locator") {
  const absl::StatusOr<Identity> identity = Identity::Generate();
  std::string first;
  for (int run = 0; run < 2; ++run) {
    auto host = NetworkHost::Create({.identity = *identity});
    REQUIRE(host.ok());
    const ActorRef<Lobby> lobby = (*host)->vm().Spawn<Lobby>();
    CHECK((*host)->ExportAs("the lobby", lobby).status().code() ==
          absl::StatusCode::kFailedPrecondition);
    const std::string at = *(*host)->Listen("127.0.0.1:0");
    std::string locator = *(*host)->ExportAs("the lobby", lobby);
    CHECK((*host)->ExportAs("the lobby", lobby).status().code() ==
          absl::StatusCode::kAlreadyExists);
    CHECK((*host)->ExportAs("", lobby).status().code() == absl::StatusCode::kInvalidArgument);
    // But for the port, which the system chose.
    locator.resize(locator.find("port="));
    if (run == 0) first = locator;
    CHECK(locator == first);
  }
}

TEST_CASE("network host: who ends takes what was asked along; who closes says why") {
  Net net;
  auto server = net.AddServer();
  const auto client = net.Add();
  std::string said;
  NetworkOptions noting;
  noting.on_gone = [&](const PeerLocator&, const absl::Status& why) { said = why.ToString(); };
  const auto listener = net.Add(Line::kTls, noting);
  const std::string locator = *server->Export(server->vm().Spawn<Lobby>());
  const auto lobby = *client->Await(client->Fetch<Lobby>(locator));
  REQUIRE(listener->Await(listener->Fetch<Lobby>(locator)).ok());
  auto asked = lobby.Ask(&Lobby::Find, "hall");
  server->Close("until tomorrow");
  server.reset();
  CHECK(client->Await(std::move(asked)).status().code() == absl::StatusCode::kUnavailable);
  CHECK(client->Await(lobby.Ask(&Lobby::Find, "hall")).status().code() ==
        absl::StatusCode::kUnavailable);
  CHECK(listener->RunUntil([&] { return !said.empty(); }));
  CHECK(said.find("until tomorrow") != std::string::npos);
}

TEST_CASE("network host: for a VM that its host has; waiting for nothing ends") {
  Vm vm;
  auto loop = *VmLoop::Create(vm);
  auto host = NetworkHost::Create(*loop, {.line = Line::kPlain});
  REQUIRE(host.ok());
  CHECK(&(*host)->vm() == &vm);
  CHECK((*host)->Listen("127.0.0.1:0").ok());
  const ActorRef<Room> room = vm.Spawn<Room>("hall");
  CHECK((*host)->Await((*host)->Fetch<Room>(*(*host)->Export(room)))->is_near());
  (*host)->Close("done");

  // Nobody listens, and nobody will ever answer.
  const Root silent = vm.Create([](Turn& turn) { (void)turn.TakeReply(); });
  const auto nobody = *ActorRef<Room>::From(vm.actors(), silent.value());
  CHECK((*host)->Await(nobody.Ask(&Room::Name)).status().code() == absl::StatusCode::kUnavailable);
  host->reset();
  vm.Send(silent, vm.Nil());
  loop->Run();
}

}  // namespace
}  // namespace vesicle
