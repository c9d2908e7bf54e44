// Transport: how bytes get from one VM to another. It carries streams of bytes, whole and in
// order, and knows nothing of actors, messages or frames: those are Syrup's and the session's.
//
// The law that every transport keeps (tests/transport/conformance_test.cc tries it):
//   - What was sent before a Close() arrives, whole and in order, however it is split and joined
//     on the way; or OnClosed says that it may not have.
//   - A handler is called from the environment's loop only, never from within a function of its
//     connection. OnClosed is called once, and is the last.
//   - Both ways have a high-water mark. A sender that goes on beyond send_bytes_max is refused; a
//     receiver that pauses holds back its peer, and costs a bounded number of bytes.
//   - After OnClosed, and after its destruction, a connection holds no handle and no descriptor.
//
// Errors, each with one meaning everywhere below:
//   OK                  (OnClosed) the peer ended the stream in order; all of it was given to us
//   Cancelled           (OnClosed) Close() here, with its reason; all was delivered, the peer ended
//   too Aborted             (OnClosed) Abort() here, with its reason Unavailable         nobody
//   listens there, or the connection was lost or cut by the peer DeadlineExceeded    not connected
//   in time; or the peer did not end within close_ms_max of
//                       Close(), and may not have got everything
//   DataLoss            the stream ended where only an authenticated end may end it
//   Unauthenticated     the peer did not prove the key that was asked for, or any; or refused ours
//   PermissionDenied    not granted: the host forbids that address, or the system does
//   NotFound            the name of the host is not known
//   AlreadyExists       somebody listens at that address
//   InvalidArgument     that is no address; the text says what one looks like
//   FailedPrecondition  the connection is closing or closed; or a designator was asked of a
//                       transport that proves none
//   ResourceExhausted   a limit here: descriptors, send_bytes_max, too many newcomers
//
// Ownership: a Connection and a Listener belong to who got them; they borrow their handler and
//            the environment, which outlive them. A transport outlives its listeners, and its
//            connections while they connect. Everything may be destroyed from any callback.
// Threads:   one, that of the environment.
//
// A host adds its own in one class: derive from Transport, and for the connections from
// StreamConnection (stream_connection.h), which keeps most of the law.
//
//   tcp.Listen("127.0.0.1:0", {}, [&](std::unique_ptr<Connection> c) { Serve(std::move(c)); });
//   auto connection = tcp.Connect("127.0.0.1:7000", {.deadline_ms = 5000});
//   (*connection)->Start(&session);           // a ConnectionHandler
//   (*connection)->Send("hello");             // also before OnOpen
//   (*connection)->Close("done");             // keep it until OnClosed
#ifndef VESICLE_TRANSPORT_TRANSPORT_H_
#define VESICLE_TRANSPORT_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Of one connection. Bytes that were sent and not yet taken by the system (the peer, in memory)
// are *pending*.
struct Limits {
  size_t send_high_bytes = size_t{256} << 10;  // pending: from here on the sender is to stop,
  size_t send_low_bytes = size_t{64} << 10;    // and from here on (at most so many) to go on
  size_t send_bytes_max = size_t{16} << 20;    // pending: what is over is refused
  // One write holds whole Sends only and at most so much (more if one Send is): some peers take
  // one read for one message.
  size_t write_bytes_max = size_t{16} << 10;
  // Of a peer that acknowledges nothing of what was sent, takes nothing of it, or is not there when
  // it is looked for in a long silence: the connection is lost then, Unavailable. Over TCP only; 0:
  // as long as the system likes.
  int64_t silence_ms_max = 30'000;
  int64_t close_ms_max = 5000;  // for what is pending to go, and for the peer to end, at a Close()
};

// What is known of who is at the other end.
struct PeerInfo {
  std::string address;  // for people and for counting; as text, "127.0.0.1:7000"
  // The key that the peer proved to hold: lowercase base32 of SHA-256 of its public key. Empty
  // where a transport proves none.
  std::string designator;
};

class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  // A connection made by Connect() is there, and peer() complete. Not called for accepted ones,
  // which are open from the beginning.
  virtual void OnOpen() {}
  // The next bytes, one or more, good until it returns.
  virtual void OnBytes(std::string_view bytes) = 0;
  // wants_more() had been false, and is true again.
  virtual void OnSendable() {}
  // The end; see the table above.
  virtual void OnClosed(const absl::Status& why) = 0;
};

// Destroying one is an Abort() of which its handler hears nothing.
class Connection {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Once: `handler` hears of everything from now on. Nothing is read before.
  virtual void Start(ConnectionHandler* handler) = 0;

  // Copies the bytes; they leave at the end of the turn, together with what else was sent. OK: all
  // were taken. FailedPrecondition: it is closing or closed. ResourceExhausted: send_bytes_max
  // would be passed. Otherwise than OK none were taken. While it connects, bytes wait.
  virtual absl::Status Send(std::string_view bytes) = 0;
  virtual size_t pending_bytes() const = 0;
  // False from send_high_bytes pending until OnSendable.
  virtual bool wants_more() const = 0;

  // While paused OnBytes is not called, and a loss or end of the connection may not be seen.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;

  // Ends it in order: what is pending is sent, then our end; what the peer still sends is dropped
  // until its end. `reason` stays here, for OnClosed and its records. Nothing if it is closing.
  virtual void Close(std::string_view reason) = 0;
  // Ends it at once; what is pending is lost. The peer sees Unavailable, or OK where the system
  // does not tell the two apart (Unix-domain sockets).
  virtual void Abort(std::string_view reason) = 0;

  // Whether an event loop stays for this connection although nothing is under way; it does, until
  // told otherwise. It stays in any case while one connects, closes or has bytes to send.
  virtual void HoldLoop(bool /*holds*/) {}

  // Good as long as the connection.
  virtual const PeerInfo& peer() const = 0;
  // Whoever uses an accepted connection knows now who that is: it is no longer one of the
  // newcomers, of which a listener keeps few (newcomers.h).
  virtual void MarkAuthenticated() {}
};

// Destroying one ends the listening; what was accepted goes on.
class Listener {
 public:
  Listener() = default;
  virtual ~Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // To connect to: with the port that the system chose, where it was to choose.
  virtual const std::string& address() const = 0;
  // Connections dropped because nothing was left to accept them with.
  virtual uint64_t dropped() const { return 0; }
};

struct ConnectOptions {
  int64_t deadline_ms = 10'000;  // until OnOpen
  // The peer that it must be; empty: whoever is there. Only a transport that proves_keys().
  std::string designator = {};
  Limits limits = {};
};

struct ListenOptions {
  // Of connections not MarkAuthenticated(): in all, from one address (of one network, in IPv6), and
  // how long each may stay. Over a number the oldest is closed, ResourceExhausted; over the time,
  // DeadlineExceeded. Kept by transports over sockets; 0: no limit.
  size_t newcomers_max = 1000;
  size_t newcomers_per_address_max = 64;
  int64_t newcomer_ms_max = 30'000;
  Limits limits = {};
};

using AcceptFn = absl::AnyInvocable<void(std::unique_ptr<Connection>)>;

class Transport {
 public:
  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // As in a locator: "tcp-testing-only", "vesicle-tls".
  virtual std::string_view name() const = 0;
  // Whether each connection has a designator in its peer().
  virtual bool proves_keys() const { return false; }
  // Whether both ends are VMs of this process: a session may hand over what only means something
  // there.
  virtual bool stays_in_process() const { return false; }

  // Calls `on_accept` with each connection, open and not started, until the listener goes.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                           const ListenOptions& options,
                                                           AcceptFn on_accept) = 0;
  // Begins to connect. What is wrong with the call itself is returned; everything else is OnClosed.
  virtual absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                              const ConnectOptions& options) = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_TRANSPORT_H_
