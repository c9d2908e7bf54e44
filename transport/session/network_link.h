// NetworkLink: one connection of a network: its handshake, then its session; and the work that
// waits for that session.
//
// Ownership: owns its connection and its session; borrows the owner and the environment.
// Threads:   the VM's.
// Limits:    kWaitingMax of what waits; more breaks, #full.
#ifndef VESICLE_TRANSPORT_SESSION_NETWORK_LINK_H_
#define VESICLE_TRANSPORT_SESSION_NETWORK_LINK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "transport/captp/handshake.h"
#include "transport/captp/locator.h"
#include "transport/environment.h"
#include "transport/session/session.h"
#include "transport/transport.h"
#include "vm/heap/root.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline std::string_view TextOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

class NetworkLink final : public ConnectionHandler {
 public:
  using Id = uint64_t;
  static constexpr size_t kWaitingMax = 10'000;

  class Owner {
   public:
    virtual Core& core() = 0;
    // The peer's hello is there, to be judged outside of this call. Nothing is read until then.
    virtual void OnHello(NetworkLink& link) = 0;
    // None came in time: it is to be refused.
    virtual void OnLate(NetworkLink& link) = 0;
    // The peer refused us, or said what is no hello.
    virtual void OnRefused(NetworkLink& link) = 0;
    virtual void OnLinkClosed(NetworkLink& link, const absl::Status& why) = 0;

   protected:
    ~Owner() = default;
  };

  // What waits for a session: a fetch, or what a gift is fetched by.
  struct Work {
    absl::AnyInvocable<void(Session&)> go;
    Root slot;  // breaks when there is none
  };

  struct Options {
    Id id = 0;
    std::unique_ptr<Connection> connection;
    Handshake::Options handshake = {};
    PeerLocator dialled = {};       // empty: it was accepted
    std::optional<Id> causer = {};  // the link whose peer wanted it dialled
  };
  NetworkLink(Owner& owner, Environment& environment, Options options);

  Id id() const { return id_; }
  Connection& connection() { return *connection_; }
  const Connection& connection() const { return *connection_; }
  // Until the session is open.
  Handshake& handshake() { return *handshake_; }
  const PeerLocator& dialled() const { return dialled_; }
  const std::optional<Id>& causer() const { return causer_; }

  Session* session() { return session_.get(); }
  const Session* session() const { return session_.get(); }
  bool is_open() const { return session_ != nullptr && !session_->is_over(); }
  bool is_closed() const { return is_closed_; }
  bool is_session_over() const { return is_session_over_; }
  void NoteSessionOver() { is_session_over_ = true; }

  // Now, or when the session is there.
  void Do(Work work);
  void Open(std::unique_ptr<Session> session);
  std::vector<Work> TakeWork();
  void BreakWork(std::string_view why);
  void Send(const syrup::Writer& out);

  // A sign of life.
  uint64_t chunks_heard() const { return chunks_heard_; }
  void WaitForProbe(std::unique_ptr<Environment::Timer> timer) { probe_ = std::move(timer); }

  void OnBytes(std::string_view bytes) override;
  void OnClosed(const absl::Status& why) override;

 private:
  Owner& owner_;
  Id id_;
  PeerLocator dialled_;
  std::optional<Id> causer_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<Session> session_;
  std::vector<Work> work_;
  uint64_t chunks_heard_ = 0;
  std::unique_ptr<Environment::Timer> probe_;  // of the session that this one may replace
  std::string rest_;                           // behind the hello, until it was judged
  bool is_judged_ = false;                     // or about to be
  bool is_closed_ = false;
  bool is_session_over_ = false;
};

// Breaks what it waits for, #disconnected(why).
void Break(Core& core, std::vector<NetworkLink::Work> work, std::string_view why);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_NETWORK_LINK_H_
