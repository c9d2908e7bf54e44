#include "transport/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/stream_connection.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

constexpr size_t kRecordBytes = size_t{16} << 10;  // plain bytes of one TLS record, at most

// "protocol version": the last thing that OpenSSL has to say, and whether the peer said it.
struct Complaint {
  std::string text;
  bool is_alert = false;
};
Complaint TakeComplaint() {
  Complaint complaint;
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) {
    complaint.text = "no reason given";
    return complaint;
  }
  complaint.is_alert =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
  const char* reason = ERR_reason_error_string(error);
  complaint.text = reason != nullptr ? reason : absl::StrCat("error ", error);
  return complaint;
}

absl::Status OpenSslStatus(std::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat(absl::string_view(what.data(), what.size()), ": ", TakeComplaint().text));
}

}  // namespace

struct TlsTransport::Context {
  ~Context() {
    SSL_CTX_free(ssl);
    BIO_meth_free(bio);
  }
  SSL_CTX* ssl = nullptr;
  BIO_METHOD* bio = nullptr;
  // What OpenSSL wrote in one call, and what it read: used by one connection after the other.
  std::string cipher;
  std::vector<char> plain = std::vector<char>(kRecordBytes);
  uint64_t records_per_key = 1;
};

// The bytes below go through a BIO of ours: it reads from what has just been received, and
// writes to one string that is sent at once, so that an idle connection holds no buffer.
class TlsConnection final : public StreamConnection, private ConnectionHandler {
 public:
  enum class Role : uint8_t { kDials, kAccepts };
  using DoneFn = absl::AnyInvocable<void(const absl::Status&)>;

  TlsConnection(Environment& environment, std::shared_ptr<TlsTransport::Context> context,
                const Limits& limits, std::unique_ptr<Connection> below, std::string expected)
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

  std::shared_ptr<TlsTransport::Context> context_;
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

// --- the BIO

BIO_METHOD* TlsConnection::MakeBioMethod() {
  BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "vesicle");
  if (method == nullptr) return nullptr;
  BIO_meth_set_create(method, [](BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  });
  BIO_meth_set_ctrl(method, [](BIO*, int command, long, void*) -> long {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  });
  BIO_meth_set_read(method, [](BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    auto* self = static_cast<TlsConnection*>(BIO_get_data(bio));
    const size_t count = std::min(self->feed_.size(), static_cast<size_t>(size));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(to, self->feed_.data(), count);
    self->feed_.remove_prefix(count);
    return static_cast<int>(count);
  });
  BIO_meth_set_write(method, [](BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    auto* self = static_cast<TlsConnection*>(BIO_get_data(bio));
    self->context_->cipher.append(bytes, static_cast<size_t>(size));
    return size;
  });
  return method;
}

bool TlsConnection::SendCipher() {
  std::string& cipher = context_->cipher;
  const absl::Status status = cipher.empty() ? absl::OkStatus() : below_->Send(cipher);
  cipher.clear();
  // What is closing below takes nothing any more; its OnClosed says why. But one record that is
  // missing ends the stream.
  if (!absl::IsResourceExhausted(status)) return true;
  Lost(status);
  return false;
}

// --- the handshake

absl::Status TlsConnection::Begin(Role role, int64_t deadline_ms, DoneFn on_done) {
  ssl_ = SSL_new(context_->ssl);
  BIO* bio = ssl_ != nullptr ? BIO_new(context_->bio) : nullptr;
  if (bio == nullptr) return OpenSslStatus("a TLS connection");
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  on_done_ = std::move(on_done);
  if (role == Role::kDials) {
    SSL_set_connect_state(ssl_);
    StartDeadline(deadline_ms);
  } else {
    SSL_set_accept_state(ssl_);
    handshake_timer_ = environment().After(deadline_ms * 1'000'000, [this, deadline_ms] {
      TellDone(absl::DeadlineExceededError(
          absl::StrCat("no handshake within ", deadline_ms, " ms from ", peer().address)));
    });
  }
  below_->Start(this);
  return absl::OkStatus();
}

// The chain is not looked at: that the peer holds the key is proved by the handshake, and nothing
// else is asked.
int TlsConnection::Verify(X509_STORE_CTX* store, void*) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<TlsConnection*>(SSL_get_app_data(ssl));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  EVP_PKEY* key = certificate != nullptr ? X509_get0_pubkey(certificate) : nullptr;
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
    self->objection_ = "its key is no Ed25519 key";
  } else {
    self->proved_ = DesignatorOf(key);
    if (!self->expected_.empty() && self->proved_ != self->expected_) {
      self->objection_ = absl::StrCat("it is ", self->proved_, ", not ", self->expected_);
    }
  }
  const bool ok = self->objection_.empty() && !self->proved_.empty();
  X509_STORE_CTX_set_error(store, ok ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
  return ok ? 1 : 0;
}

absl::Status TlsConnection::CheckPeer() {
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl_, &alpn, &alpn_size);
  if (std::string_view(reinterpret_cast<const char*>(alpn), alpn_size) != kTlsAlpn) {
    return absl::UnauthenticatedError(
        absl::StrCat(peer().address, ": speaks TLS, but not vesicle-tls"));
  }
  // Neither can be otherwise, as the context is set up.
  VESICLE_CHECK_EQ(SSL_version(ssl_), TLS1_3_VERSION);
  VESICLE_CHECK(!proved_.empty() && SSL_session_reused(ssl_) == 0);
  return absl::OkStatus();
}

bool TlsConnection::Shake() {
  ERR_clear_error();
  const int rc = SSL_do_handshake(ssl_);
  if (!SendCipher()) return false;
  if (rc != 1) {
    if (SSL_get_error(ssl_, rc) == SSL_ERROR_WANT_READ) return false;
    const Complaint complaint = TakeComplaint();
    Refuse(absl::UnauthenticatedError(
        absl::StrCat(peer().address, complaint.is_alert ? ": refused us: " : ": ",
                     objection_.empty() ? complaint.text : objection_)));
    return false;
  }
  if (absl::Status status = CheckPeer(); !status.ok()) {
    Refuse(std::move(status));
    return false;
  }
  return FinishHandshake();
}

bool TlsConnection::FinishHandshake() {
  is_shaken_ = true;
  handshake_timer_.reset();
  mutable_peer() = PeerInfo{below_->peer().address, std::exchange(proved_, {})};
  const bool accepted = static_cast<bool>(on_done_);
  Opened(accepted ? Announce::kNo : Announce::kYes);
  if (!is_reading()) below_->PauseReading();
  return TellDone(absl::OkStatus());
}

bool TlsConnection::TellDone(const absl::Status& status) {
  if (!on_done_) return true;
  DoneFn on_done = std::exchange(on_done_, nullptr);
  bool is_gone = false;
  bool* outer = std::exchange(gone_, &is_gone);
  on_done(status);
  if (is_gone) {
    if (outer != nullptr) *outer = true;
    return false;
  }
  gone_ = outer;
  return true;
}

void TlsConnection::Refuse(absl::Status why) {
  refused_ = std::move(why);
  leaves_ = true;
  below_->ResumeReading();
  below_->Close(std::string_view(refused_.message().data(), refused_.message().size()));
}

// --- bytes

void TlsConnection::Pump(std::string_view bytes) {
  if (!refused_.ok() || leaves_ || state() == State::kClosed) return;
  const bool from_held = !held_.empty();
  if (from_held) held_.append(bytes);
  feed_ = from_held ? std::string_view(held_) : bytes;
  bool is_gone = false;
  bool* outer = std::exchange(gone_, &is_gone);
  const bool goes_on = is_shaken_ || Shake();
  if (is_gone) {
    if (outer != nullptr) *outer = true;
    return;
  }
  if (goes_on) ReadAll(&is_gone);
  if (is_gone) {
    if (outer != nullptr) *outer = true;
    return;
  }
  gone_ = outer;
  if (state() == State::kClosed || !refused_.ok() || peer_ended_ || feed_.empty()) {
    held_ = std::string();
    if (state() != State::kClosed && is_shaken_ && is_reading()) below_->ResumeReading();
  } else {
    // Paused in the middle of it.
    held_ = std::string(feed_);
  }
  feed_ = {};
}

void TlsConnection::ReadAll(bool* is_gone) {
  std::vector<char>& plain = context_->plain;
  while (is_reading() && refused_.ok() && !peer_ended_) {
    size_t size = 0;
    ERR_clear_error();
    const int rc = SSL_read_ex(ssl_, plain.data(), plain.size(), &size);
    if (!SendCipher()) return;
    if (rc == 1) {
      if (Received({plain.data(), size}) == Next::kGone) {
        *is_gone = true;
        return;
      }
      continue;
    }
    switch (SSL_get_error(ssl_, rc)) {
      case SSL_ERROR_WANT_READ:
        return;
      case SSL_ERROR_ZERO_RETURN:
        peer_ended_ = true;
        return ReceivedEnd();
      default: {
        const Complaint complaint = TakeComplaint();
        const std::string text = absl::StrCat(
            peer().address, complaint.is_alert ? ": refused us: " : ": garbled: ", complaint.text);
        return Refuse(complaint.is_alert ? absl::UnauthenticatedError(text)
                                         : absl::DataLossError(text));
      }
    }
  }
}

size_t TlsConnection::Write(std::string_view bytes) {
  // Nobody will read it; what is below says when it is over.
  if (leaves_) return bytes.size();
  size_t taken = 0;
  while (taken < bytes.size() && below_->wants_more()) {
    size_t count = 0;
    ERR_clear_error();
    const int rc = SSL_write_ex(ssl_, bytes.data() + taken,
                                std::min(bytes.size() - taken, kRecordBytes), &count);
    // Writing wants nothing but memory.
    if (rc != 1) {
      Lost(OpenSslStatus("TLS"));
      return taken;
    }
    if (!SendCipher()) return taken;
    taken += count;
    if (++records_ % context_->records_per_key == 0) {
      SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED);  // goes with the next record
    }
  }
  return taken;
}

void TlsConnection::EndWriting() {
  if (leaves_) return;
  leaves_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_);  // writes that this is the end
  const bool sent = SendCipher();
  ERR_clear_error();
  if (!sent) return;
  below_->ResumeReading();
  below_->Close("the stream of TLS ended");
}

void TlsConnection::SetReading(bool wanted) {
  if (!is_shaken_ || leaves_) return;
  if (wanted) {
    environment().AtTurnEnd(resume_);  // first what is held
  } else {
    below_->PauseReading();
  }
}

void TlsConnection::OnClosed(const absl::Status& why) {
  const bool in_order = why.ok() || absl::IsCancelled(why);
  absl::Status status = why;
  if (!refused_.ok()) {
    status = refused_;
  } else if (is_shaken_ && in_order && (leaves_ || peer_ended_)) {
    EndWritten();
    return ReceivedEnd();
  } else if (!is_shaken_ && in_order) {
    status = absl::UnavailableError(absl::StrCat(peer().address, ": ended during the handshake"));
  } else if (in_order) {
    status = absl::DataLossError(
        absl::StrCat(peer().address, ": the stream was cut off without its authenticated end"));
  }
  if (on_done_) {
    TellDone(status);
    return;
  }
  Lost(std::move(status));
}

void TlsConnection::Drop(Leave) {
  handshake_timer_.reset();
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
  below_.reset();
}

// --- the listener

class TlsListener final : public Listener {
 public:
  TlsListener(Environment& environment, std::shared_ptr<TlsTransport::Context> context,
              const TlsOptions& options, const Limits& limits, AcceptFn on_accept)
      : environment_(environment),
        context_(std::move(context)),
        options_(options),
        limits_(limits),
        on_accept_(std::move(on_accept)) {}
  ~TlsListener() override {
    if (was_destroyed_ != nullptr) *was_destroyed_ = true;
  }

  void set_below(std::unique_ptr<Listener> below) { below_ = std::move(below); }
  const std::string& address() const override { return below_->address(); }
  uint64_t dropped() const override { return below_->dropped(); }

  void Take(std::unique_ptr<Connection> below) {
    auto connection =
        std::make_unique<TlsConnection>(environment_, context_, limits_, std::move(below), "");
    TlsConnection* raw = connection.get();
    shaking_.emplace(raw, std::move(connection));
    const absl::Status begun =
        raw->Begin(TlsConnection::Role::kAccepts, options_.handshake_ms_max,
                   [this, raw](const absl::Status& status) { Done(raw, status); });
    if (!begun.ok()) Done(raw, begun);
  }

 private:
  void Done(TlsConnection* raw, const absl::Status& status) {
    auto node = shaking_.extract(raw);
    if (!status.ok()) {
      if (options_.on_refused) options_.on_refused(node.mapped()->peer(), status);
      return;
    }
    bool was_destroyed = false;
    was_destroyed_ = &was_destroyed;
    AcceptFn accept = std::move(on_accept_);
    accept(std::move(node.mapped()));
    if (was_destroyed) return;
    was_destroyed_ = nullptr;
    on_accept_ = std::move(accept);
  }

  Environment& environment_;
  std::shared_ptr<TlsTransport::Context> context_;
  TlsOptions options_;
  Limits limits_;
  AcceptFn on_accept_;
  bool* was_destroyed_ = nullptr;  // while on_accept_ is called
  std::map<TlsConnection*, std::unique_ptr<TlsConnection>> shaking_;
  std::unique_ptr<Listener> below_;
};

// --- the transport

namespace {

// For what carries the records: they are a little larger than what they carry.
Limits LimitsBelow(Limits limits) {
  limits.send_bytes_max = 2 * limits.send_bytes_max + (size_t{1} << 20);
  limits.write_bytes_max = std::max(limits.write_bytes_max, size_t{64} << 10);
  return limits;
}

int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
               unsigned in_size, void*) {
  for (unsigned at = 0; at < in_size; at += 1u + in[at]) {
    const unsigned size = in[at];
    if (size > in_size - at - 1) break;
    if (std::string_view(reinterpret_cast<const char*>(in + at + 1), size) != kTlsAlpn) continue;
    *out = in + at + 1;
    *out_size = static_cast<unsigned char>(size);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool SetUp(SSL_CTX* ssl, const Identity& identity) {
  std::string alpn(1, static_cast<char>(kTlsAlpn.size()));
  alpn += kTlsAlpn;
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(ssl, TlsTransport::kCertificateBytesMax);
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(ssl, TlsConnection::Verify, nullptr);
  SSL_CTX_set_alpn_select_cb(ssl, SelectAlpn, nullptr);
  return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
         SSL_CTX_set1_groups_list(ssl, "X25519") == 1 &&
         SSL_CTX_set1_sigalgs_list(ssl, "ed25519") == 1 &&
         SSL_CTX_set_ciphersuites(ssl,
                                  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                  "TLS_AES_256_GCM_SHA384") == 1 &&
         // Zero is well, of this one alone.
         SSL_CTX_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                                 static_cast<unsigned>(alpn.size())) == 0 &&
         SSL_CTX_use_certificate(ssl, identity.certificate()) == 1 &&
         SSL_CTX_use_PrivateKey(ssl, identity.key()) == 1;
}

}  // namespace

TlsTransport::TlsTransport(Environment& environment, Transport& below, TlsOptions options,
                           std::shared_ptr<Context> context)
    : environment_(environment),
      below_(below),
      options_(std::move(options)),
      context_(std::move(context)) {}

TlsTransport::~TlsTransport() = default;

absl::StatusOr<std::unique_ptr<TlsTransport>> TlsTransport::Create(Environment& environment,
                                                                   Transport& below,
                                                                   const Identity& identity,
                                                                   TlsOptions options) {
  auto context = std::make_shared<Context>();
  ERR_clear_error();
  VESICLE_CHECK_GT(options.records_per_key, 0u);
  context->records_per_key = options.records_per_key;
  context->bio = TlsConnection::MakeBioMethod();
  context->ssl = SSL_CTX_new(TLS_method());
  if (context->bio == nullptr || context->ssl == nullptr || !SetUp(context->ssl, identity)) {
    return OpenSslStatus("setting up TLS");
  }
  return std::unique_ptr<TlsTransport>(
      new TlsTransport(environment, below, std::move(options), std::move(context)));
}

absl::StatusOr<std::unique_ptr<Listener>> TlsTransport::Listen(const std::string& address,
                                                               const ListenOptions& options,
                                                               AcceptFn on_accept) {
  auto listener = std::make_unique<TlsListener>(environment_, context_, options_, options.limits,
                                                std::move(on_accept));
  ListenOptions below = options;
  below.limits = LimitsBelow(options.limits);
  auto socket =
      below_.Listen(address, below, [raw = listener.get()](std::unique_ptr<Connection> connection) {
        raw->Take(std::move(connection));
      });
  if (!socket.ok()) return socket.status();
  listener->set_below(*std::move(socket));
  return listener;
}

absl::StatusOr<std::unique_ptr<Connection>> TlsTransport::Connect(const std::string& address,
                                                                  const ConnectOptions& options) {
  if (!options.designator.empty() && !IsDesignator(options.designator)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", options.designator,
                     "\" is no designator, which is 52 of the characters a-z and 2-7"));
  }
  ConnectOptions below = options;
  below.designator.clear();
  below.limits = LimitsBelow(options.limits);
  auto socket = below_.Connect(address, below);
  if (!socket.ok()) return socket.status();
  auto connection = std::make_unique<TlsConnection>(environment_, context_, options.limits,
                                                    *std::move(socket), options.designator);
  if (absl::Status begun =
          connection->Begin(TlsConnection::Role::kDials, options.deadline_ms, nullptr);
      !begun.ok()) {
    return begun;
  }
  return connection;
}

}  // namespace vesicle
