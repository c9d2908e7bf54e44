// TlsConnection: TLS over another connection, either side of it.
//
// Bytes pass OpenSSL through a BIO of ours: it reads from what has just been received, and writes
// to one string that is sent at once, so that an idle connection holds no buffer.
//
// Ownership: owns the connection below, and is its handler.
// Limits:    while paused it holds what was received in one piece; see tls.h.
#ifndef VESICLE_TRANSPORT_TLS_CONNECTION_H_
#define VESICLE_TRANSPORT_TLS_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "transport/stream_connection.h"
#include "transport/tls_context.h"

namespace vesicle {

class TlsConnection final : public StreamConnection, private ConnectionHandler {
 public:
  enum class Role : uint8_t { kDials, kAccepts };
  using DoneFn = absl::AnyInvocable<void(const absl::Status&)>;

  TlsConnection(Environment& environment, std::shared_ptr<TlsContext> context, const Limits& limits,
                std::unique_ptr<Connection> below, std::string expected)
      : StreamConnection(environment, limits, below->peer(), State::kConnecting),
        context_(std::move(context)),
        below_(std::move(below)),
        expected_(std::move(expected)),
        resume_(*this) {}
  ~TlsConnection() override {
    if (gone_ != nullptr) *gone_ = true;
    if (state() != State::kClosed) Drop(Leave::kReset);
  }

  // `on_done`, of an accepted one: called once when the handshake is over, well or not; may
  // destroy us.
  absl::Status Begin(Role role, int64_t deadline_ms, DoneFn on_done);

  size_t pending_bytes() const override {
    return waiting_bytes() + (below_ != nullptr ? below_->pending_bytes() : 0);
  }
  void MarkAuthenticated() override {
    if (below_ != nullptr) below_->MarkAuthenticated();
  }

  void HoldLoop(bool holds) override {
    if (below_ != nullptr) below_->HoldLoop(holds);
  }

  static int Verify(X509_STORE_CTX* store, void*);
  static BIO_METHOD* MakeBioMethod();

 private:
  struct ResumeTask final : vesicle::TurnEndTask {
    explicit ResumeTask(TlsConnection& connection) : owner(connection) {}
    void OnTurnEnd() override { owner.Pump(""); }
    TlsConnection& owner;
  };

  // --- as a StreamConnection
  size_t Write(std::string_view bytes) override;
  void EndWriting() override;
  void SetReading(bool wanted) override;
  void Drop(Leave leave) override;

  // --- as the handler of what is below
  void OnOpen() override { Pump(""); }
  void OnBytes(std::string_view bytes) override { Pump(bytes); }
  void OnSendable() override {
    // The last thing done here: it may destroy us.
    static_cast<void>(Writable());
  }
  void OnClosed(const absl::Status& why) override;

  void Pump(std::string_view bytes);
  bool Shake();
  // False: we are gone, or the handshake is not over.
  bool FinishHandshake();
  void ReadAll(bool* is_gone);
  // False: it is over.
  bool SendCipher();
  // Says so to the peer and leaves in order; told when what is below is closed.
  void Refuse(absl::Status why);
  bool TellDone(const absl::Status& status);
  absl::Status CheckPeer();

  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<Connection> below_;
  std::string expected_;   // designator; empty: any
  std::string proved_;     // the peer's, from its certificate
  std::string objection_;  // against its certificate
  SSL* ssl_ = nullptr;
  DoneFn on_done_;
  std::unique_ptr<Environment::Timer> handshake_timer_;
  std::string_view feed_;  // for the BIO to read from
  std::string held_;       // received while paused
  bool is_shaken_ = false;
  bool peer_ended_ = false;
  bool leaves_ = false;  // Close() was called below
  absl::Status refused_;
  uint64_t records_ = 0;  // written
  bool* gone_ = nullptr;
  ResumeTask resume_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_TLS_CONNECTION_H_
