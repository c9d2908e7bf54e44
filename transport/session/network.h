// Network: a VM among others. It listens and dials by one transport, makes sessions of its
// connections (handshake, crossed hellos, ghosts), and keeps what holds for all of them: the
// objects that it offers by swiss numbers, and gifts.
//
// The laws: two peers have one session. A dial that waits serves all who want that peer. What waits
// for a dial breaks when it fails, #disconnected(text); to another connection it moves only where
// keys are proved, when two dials have crossed.
// Connections that a peer causes are counted to it, and may be refused by may_dial.
//
// Ownership: borrows the VM, the environment and the transport, which outlive it. Destroying it
//            ends all sessions at once; what waits breaks.
// Threads:   the VM's.
// Limits:    NetworkOptions.
//
//   Network network(vm, environment, tcp, {.own = own});
//   network.Listen("127.0.0.1:0");
//   std::string text = PrintLocator(*network.Offer(counter.value()));       // ocapn://...
//   network.Fetch(*ParseLocator(text), slot);                               // elsewhere
#ifndef VESICLE_TRANSPORT_SESSION_NETWORK_H_
#define VESICLE_TRANSPORT_SESSION_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "membrane/membrane.h"
#include "transport/captp/locator.h"
#include "transport/captp/session_table.h"
#include "transport/environment.h"
#include "transport/session/gift_table.h"
#include "transport/session/network_link.h"
#include "transport/session/session.h"
#include "transport/transport.h"
#include "vm/native/vm.h"

#pragma GCC visibility push(default)
namespace vesicle {

// How a peer is dealt with, from the opening of its session on.
struct PeerTerms {
  // Mode relay: a membrane with these options stands between this VM, its inside, and the peer. So
  // `inward` are rules for what the peer sends, and a revoke cuts all that the peer was given. It
  // may come again: refuse it, or retract what is offered.
  std::optional<MembraneOptions> relay = {};
  // The control ref of a sponsor that pays for what the peer sends; none: relay's payer_in, or the
  // root of the VM.
  Root payer = {};
};

struct NetworkOptions {
  // As what we are known. Where it has no hints Listen() adds those of its address.
  PeerLocator own;
  Dialect dialect = {};
  SessionLimits limits = {};
  GiftTable::Limits gifts = {};
  // Asked when the session of a peer opens; an error refuses it. Empty: direct, paid by the root.
  std::function<absl::StatusOr<PeerTerms>(const PeerLocator&)> terms = {};
  size_t sessions_max = 10'000;
  // Of connections that are dialled because one peer said so (gifts), at once.
  size_t caused_dials_max = 100;
  int64_t hello_ms_max = 30'000;
  int64_t connect_ms_max = 10'000;
  int64_t probe_ms_max = 5'000;
  // See SessionTable. For conformance tests.
  bool trusts_locations = false;
  ListenOptions listen = {};
  // Whether we may connect to that peer; empty: to any.
  std::function<absl::Status(const PeerLocator&)> may_dial = {};
  // Told once of each connection whose session begins to end, or that ended before there was one:
  // whose it was (where nothing is known, who was dialled), and why. From within the network, which
  // is to be destroyed later.
  std::function<void(const PeerLocator&, const absl::Status& why)> on_gone = {};
  // Whether we may listen at that address; empty: at any.
  std::function<absl::Status(const std::string&)> may_listen = {};
  // With peers of this process: by what functions and behaviors cross; null: they do not. It
  // outlives the network.
  CodeCourier* code = nullptr;
};

class Network final : public SessionHost, private NetworkLink::Owner, private TurnEndTask {
 public:
  // `on_work`: told when the VM got something to run, for who runs it otherwise than by a VmLoop,
  // which hears of it from the VM.
  Network(Vm& vm, Environment& environment, Transport& transport, NetworkOptions options,
          absl::AnyInvocable<void()> on_work = nullptr);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // As Transport::Listen. The address that it listens at.
  absl::StatusOr<std::string> Listen(const std::string& address);
  // Asked for, or given, so.
  bool IsListeningAt(std::string_view address) const;
  const PeerLocator& own() const { return options_.own; }

  // A locator of `ref` from now on, with a swiss number that nobody can guess.
  Locator Offer(Value ref);
  // With a swiss number of the host's. AlreadyExists.
  absl::Status OfferAs(std::string_view swiss, Value ref);
  // False: nothing is offered so. What was fetched before stays.
  bool Retract(std::string_view swiss);

  // Settles `slot` with the object that the locator means, dialling its peer if there is no session
  // yet. InvalidArgument: it names no object, or no address; FailedPrecondition: another transport;
  // PermissionDenied: may_dial; nothing is settled then. What fails later breaks the slot.
  absl::Status Fetch(const Locator& locator, Value slot);
  // The same for the opaque value that a sturdyref of the wire is. InvalidArgument: it is none.
  absl::Status Enliven(Value sturdyref, Value slot);

  // Ends them all, in order.
  void Close(std::string_view reason);

  struct PeerState {
    PeerLocator peer;
    std::string address;
    bool is_open = false;
    Session::Counts counts = {};
    std::optional<Membrane> wall = {};  // mode relay
  };
  std::vector<PeerState> Peers() const;
  // Of sessions that open from now on.
  void SetTerms(std::function<absl::StatusOr<PeerTerms>(const PeerLocator&)> terms) {
    options_.terms = std::move(terms);
  }
  size_t sessions() const;

 private:
  using LinkId = NetworkLink::Id;

  // SessionHost
  Core& core() override { return vm_.core(); }
  SessionCodec& codec() override { return codec_; }
  Environment& environment() override { return environment_; }
  void Wake() override {
    if (on_work_) on_work_();
  }
  void Fetch(std::string_view swiss, Value slot) override;
  absl::Status Deposit(Session& gifter, std::string_view gift_id, Value gift) override;
  void Withdraw(Session& receiver, const SignedReceive& receive, Value slot) override;
  Result Receive(Session& gifter, const SignedGive& give) override;
  bool Give(Session& receiver, Session& exporter, Value ref, syrup::Writer& out) override;
  Value MakeSturdyref(const Locator& locator) override;
  const Locator* SturdyrefOf(Value ref) override;
  void OnTraffic() override { ArmIdle(); }
  void OnEnding(Session& session) override;
  void OnEnded(Session& session, const absl::Status& why) override;

  // NetworkLink::Owner
  void OnHello(NetworkLink& link) override;
  void OnLate(NetworkLink& link) override;
  void OnRefused(NetworkLink& link) override;
  void OnLinkClosed(NetworkLink& link, const absl::Status& why) override;

  void OnTurnEnd() override;
  std::unique_ptr<NetworkLink> NewLink(std::unique_ptr<Connection> connection, Handshake::Side side,
                                       const PeerLocator& dialled, std::optional<LinkId> causer);
  void Accept(std::unique_ptr<Connection> connection);
  // The link by which work for that peer goes; dialled now if there is none.
  absl::StatusOr<NetworkLink*> LinkTo(const PeerLocator& peer, std::optional<LinkId> causer);
  absl::StatusOr<NetworkLink*> Dial(const PeerLocator& peer, std::optional<LinkId> causer);
  absl::Status MayDial(const PeerLocator& peer);
  // "host:port", as transports read it. InvalidArgument: the locator does not say.
  static absl::StatusOr<std::string> AddressOf(const PeerLocator& peer);
  // A swiss number, or the name of a gift: 32 bytes that nobody guesses.
  std::string NewSecret();
  absl::Status MayCause(LinkId causer) const;
  void Judge(NetworkLink& link);
  absl::StatusOr<PeerTerms> TermsOf(const PeerLocator& peer);
  void Probe(NetworkLink& newcomer, LinkId other);
  void Open(NetworkLink& link, const SessionTable::Verdict& verdict);
  void Refuse(NetworkLink& link, absl::StatusCode code, std::string_view reason);
  void LoseWork(NetworkLink& link, std::string_view why);
  void BreakStranded(std::string_view why);
  NetworkLink* FindLink(LinkId id);
  void Forget(LinkId id);
  void ExpireGifts();
  void ArmIdle();
  void OnIdle();

  Vm& vm_;
  Environment& environment_;
  Transport& transport_;
  NetworkOptions options_;
  SessionCodec codec_;
  absl::AnyInvocable<void()> on_work_;
  SessionTable table_;
  GiftTable gifts_;
  std::map<LinkId, std::unique_ptr<NetworkLink>> links_;
  std::map<SessionId, LinkId> by_session_;
  LinkId next_link_ = 1;
  std::map<std::string, Root> offers_;  // by the hashes of their swiss numbers
  struct Listening {
    std::string asked;
    std::unique_ptr<Listener> listener;
  };
  std::vector<Listening> listeners_;
  std::deque<LinkId> judged_later_;
  // What waits for the other one of two connections that crossed.
  struct Stranded {
    PeerName peer;
    std::string why;
    std::vector<NetworkLink::Work> work;
    std::unique_ptr<Environment::Timer> timer;
  };
  std::map<uint64_t, Stranded> stranded_;
  uint64_t next_stranded_ = 1;
  std::vector<LinkId> forgotten_;
  std::unique_ptr<Environment::Timer> gift_timer_;
  std::unique_ptr<Environment::Timer> idle_timer_;
  uint64_t idle_cycle_ = 0;  // that collects because nothing else is to be done; 0: none
  uint64_t events_when_idle_ = 0;
  uint64_t events_at_collection_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_NETWORK_H_
