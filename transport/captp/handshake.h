// Handshake: how a connection becomes a session. Bytes in, bytes out: it knows no
// Connection, and whoever drives it sends what it wrote.
//
//   who dialled   key, hello at once  ...  the peer's hello  judged: open, or an abort
//   who accepted  ...  the peer's hello  judged: key, hello, open, or an abort
//
// The law: who accepts makes no key, writes nothing and keeps nothing before the peer's hello was
// read whole and its signature verified. What is wrong ends the handshake with an op:abort that
// says why; the driver sends it and closes the connection in order, for a close that finds unread
// bytes becomes a reset and loses the abort. Between a good hello and Accept() somebody judges:
// SessionTable, at the end of the loop's turn, when ends of older sessions that arrived in the same
// turn have been heard.
//
// Ownership: borrows the environment. Its timer goes with it.
// Threads:   the environment's.
// Limits:    a hello has at most kHelloBytesMax, so that less than 4 KiB are held for whoever has
//            not shown a key. hello_ms_max from its construction, and `on_late` is called.
//
//   Handshake handshake({.side = Handshake::Side::kAccepted}, environment, [this] { Late(); });
//   switch (handshake.Take(bytes, &rest, out)) {
//     case Handshake::Step::kMore: return;
//     case Handshake::Step::kHello: return JudgeLater(rest);        // then Accept or Refuse
//     case Handshake::Step::kEnded: return SendAndClose(out, handshake.why());
//   }
#ifndef VESICLE_TRANSPORT_CAPTP_HANDSHAKE_H_
#define VESICLE_TRANSPORT_CAPTP_HANDSHAKE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "transport/captp/dialect.h"
#include "transport/captp/hello.h"
#include "transport/captp/session_key.h"
#include "transport/environment.h"
#include "transport/syrup/framer.h"
#include "transport/syrup/writer.h"

#pragma GCC visibility push(default)
namespace vesicle {

class Handshake {
 public:
  enum class Side : uint8_t { kDialled, kAccepted };
  struct Options {
    Side side = Side::kAccepted;
    Dialect::Framing framing = Dialect::Framing::kBare;  // of what is written
    int64_t hello_ms_max = 30'000;
  };

  // `on_late` is called once when no hello came in time, unless it ended before; it is to Refuse().
  // It may destroy the handshake.
  Handshake(const Options& options, Environment& environment, absl::AnyInvocable<void()> on_late);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // Of who dialled, once and first: makes the key and writes the hello. Unavailable: no key.
  // ResourceExhausted: over a limit of `out`, or our location is too long for a hello.
  absl::Status Start(const PeerLocator& own, syrup::Writer& out);

  enum class Step : uint8_t {
    kMore,   // all was taken
    kHello,  // hello() is there and verified; *rest are bytes that followed it
    kEnded,  // why(); nothing further is taken
  };
  // Wants to have said nothing but kMore. `rest` points into `bytes`, and is the session's.
  Step Take(std::string_view bytes, std::string_view* rest, syrup::Writer& out);
  // The stream ended, or was lost, before a hello.
  Step End();

  // After kHello. Who accepted makes its key and writes its hello: errors as Start(), and it has
  // ended. OK: the session is open.
  absl::Status Accept(const PeerLocator& own, syrup::Writer& out);
  // At any time before it has ended: writes op:abort. `code` is of why().
  void Refuse(absl::StatusCode code, std::string_view reason, syrup::Writer& out);

  Side side() const { return options_.side; }
  bool is_open() const { return state_ == State::kOpen; }
  bool has_ended() const { return state_ == State::kEnded; }
  // From kHello on.
  const Hello& hello() const { return *hello_; }
  // It is gone from here then.
  Hello TakeHello() { return std::move(*std::exchange(hello_, nullptr)); }
  // From Start() or Accept() on.
  const SessionKey& key() const { return *key_; }
  // When open.
  SessionId session_id() const { return SessionIdOf(key_->id(), hello_->id); }
  // When ended. Of ReadHello: FailedPrecondition, Unauthenticated, InvalidArgument. Cancelled: the
  // peer aborted, with this reason. Unavailable: the stream ended. Or that of Refuse().
  const absl::Status& why() const { return why_; }
  // C++ memory beyond its own size.
  size_t bytes_held() const { return framer_.bytes_held(); }

 private:
  enum class State : uint8_t { kNew, kWaiting, kHello, kOpen, kEnded };

  Step Read(std::string_view message, syrup::Writer& out);
  absl::Status WriteOwnHello(const PeerLocator& own, syrup::Writer& out);
  Step EndWith(absl::Status why);

  Options options_;
  Environment& environment_;
  State state_ = State::kNew;
  syrup::Framer framer_;
  std::optional<SessionKey> key_;
  std::unique_ptr<Hello> hello_;
  absl::Status why_;
  absl::AnyInvocable<void()> on_late_;
  std::unique_ptr<Environment::Timer> timer_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_CAPTP_HANDSHAKE_H_
