// A chat server with rooms, and guests in VMs of their own, who reach it over TLS by a locator and
// nothing else. A room tells everybody what one says; who comes late hears its last lines; who has
// vanished is left out, when a line to them breaks. It speaks as samples/net/chat_server.ves does.
//
//   build/release/samples/host/chat_server                           server and guests, all in one
//   build/release/samples/host/chat_server 127.0.0.1:7002            a server, which prints a
//   locator vesicle run --allow-net=127.0.0.1:7002 samples/net/chat_client.ves LOCATOR Ada hello
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "transport/host/network_host.h"
#include "vm/native/task/task.h"

namespace {

using std::chrono_literals::operator""s;
using vesicle::ActorRef;
using vesicle::Context;
using vesicle::NetworkHost;

// A guest's. Of it the server has a ref that leads out, and is typed all the same: Methods is what
// the other side may call.
struct Ear {
  explicit Ear(std::vector<std::string>* heard_in) : heard(*heard_in) {}
  void Line(const std::string& text) { heard.push_back(text); }
  using Methods = vesicle::Methods<&Ear::Line>;
  std::vector<std::string>& heard;
};

class Room;

// What a member holds: the right to speak under one name.
class Seat {
 public:
  Seat(ActorRef<Room> room, std::string name) : room_(std::move(room)), name_(std::move(name)) {}
  void Say(const std::string& text);
  void Leave();
  using Methods = vesicle::Methods<&Seat::Say, &Seat::Leave>;

 private:
  ActorRef<Room> room_;
  std::string name_;
};

class Room {
 public:
  absl::StatusOr<ActorRef<Seat>> Join(Context& context, std::string name, ActorRef<Ear> ear) {
    if (members_.contains(name)) return absl::AlreadyExistsError(name + " is here already");
    for (const std::string& line : lines_) ear.Tell(&Ear::Line, line);
    Tell(name + " has come");
    const ActorRef<Seat> seat = context.Spawn<Seat>(context.self<Room>(), name);
    members_.emplace(std::move(name), std::pair(std::move(ear), seat));
    return seat;
  }
  // Not for guests, who have a seat for it.
  void Say(const std::string& name, const std::string& text) {
    if (members_.contains(name)) Tell(name + ": " + text);
  }
  void Leave(const std::string& name) {
    const auto member = members_.extract(name);
    if (member.empty()) return;
    member.mapped().second.Stop();  // whoever has the seat now
    Tell(name + " is gone");
  }
  using Methods = vesicle::Methods<&Room::Join>;

 private:
  void Tell(const std::string& line) {
    for (const auto& [name, member] : members_) {
      // Asked, to learn whether it was heard; nobody waits for that.
      const auto& [ear, seat] = member;
      ear.Ask(&Ear::Line, line).Within(10s).Then([seat = seat](const absl::Status& heard) {
        if (!heard.ok()) seat.Tell(&Seat::Leave);
      });
    }
    lines_.push_back(line);
    if (lines_.size() > 5) lines_.erase(lines_.begin());
  }
  std::map<std::string, std::pair<ActorRef<Ear>, ActorRef<Seat>>> members_;
  std::vector<std::string> lines_;  // the last ones
};

void Seat::Say(const std::string& text) { room_.Tell(&Room::Say, name_, text); }
void Seat::Leave() { room_.Tell(&Room::Leave, name_); }

// What the locator means. Made when they are first asked for, up to a hundred.
class Lobby {
 public:
  absl::StatusOr<ActorRef<Room>> FindRoom(Context& context, const std::string& name) {
    if (rooms_.contains(name)) return rooms_[name];
    if (rooms_.size() == 100) return absl::ResourceExhaustedError("there are 100 rooms");
    return rooms_[name] = context.Spawn<Room>();
  }
  using Methods = vesicle::Methods<vesicle::Named<"room", &Lobby::FindRoom>()>;

 private:
  std::map<std::string, ActorRef<Room>> rooms_;
};

template <typename T>
T OrExit(absl::StatusOr<T> t) {
  if (t.ok()) return *std::move(t);
  std::cerr << t.status() << "\n";
  std::exit(1);
}

// Each has a VM and a key of its own; on a loop of its own, or all on one.
std::unique_ptr<NetworkHost> MakeHost(uv_loop_t* loop = nullptr) {
  return OrExit(NetworkHost::Create({.loop = {.host_loop = loop}}));
}

struct Guest {
  explicit Guest(uv_loop_t* loop) : host(MakeHost(loop)) {}
  void Enter(const std::string& lobby, const std::string& room, const std::string& as) {
    const auto there = OrExit(host->Await(host->Fetch<Lobby>(lobby)));
    const auto found = OrExit(host->Await(there.Ask(&Lobby::FindRoom, room)));
    const auto joined = host->Await(found.Ask(&Room::Join, as, host->vm().Spawn<Ear>(&heard)));
    if (!joined.ok()) std::cout << joined.status().message() << "\n";
    if (joined.ok()) seat = *joined;
    name = as;
  }
  void Say(const std::string& text) {
    if (host->Await(seat.Ask(&Seat::Say, text)).ok()) WaitFor(name + ": " + text);
  }
  void WaitFor(const std::string& line) {
    host->RunUntil([&] { return std::find(heard.begin(), heard.end(), line) != heard.end(); });
  }

  std::string name;
  std::vector<std::string> heard;
  std::unique_ptr<NetworkHost> host;
  ActorRef<Seat> seat;
};

int Demonstrate(uv_loop_t* loop, const std::string& lobby) {
  Guest ada(loop), carol(loop);
  auto bob = std::make_unique<Guest>(loop);
  ada.Enter(lobby, "hall", "Ada");
  bob->Enter(lobby, "hall", "Bob");
  ada.Say("good morning");
  bob->Say("it is noon");
  bob->Enter(lobby, "garden", "Bob");
  bob->Say("how still it is");
  bob.reset();  // his VM ends, and he has not said a word
  ada.Say("Bob?");
  ada.WaitFor("Bob is gone");
  carol.Enter(lobby, "hall", "Ada");
  carol.Enter(lobby, "hall", "Carol");
  (void)ada.host->Await(ada.seat.Ask(&Seat::Leave));
  carol.WaitFor("Ada is gone");
  carol.Say("so I am alone");
  std::cout << "--- Ada heard\n" << absl::StrJoin(ada.heard, "\n") << "\n";
  std::cout << "--- Carol heard\n" << absl::StrJoin(carol.heard, "\n") << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto server = MakeHost();
  (void)OrExit(server->Listen(argc > 1 ? argv[1] : "127.0.0.1:0"));
  const std::string lobby = OrExit(server->Export(server->vm().Spawn<Lobby>()));
  if (argc == 1) return Demonstrate(server->loop().uv(), lobby);
  std::cout << lobby << std::endl;
  server->loop().Run();
}
