#include "transport/tls_connection.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "transport/tls.h"
#include "vm/heap/check.h"

namespace vesicle {

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
  if (bio == nullptr) return TlsMemoryStatus("a TLS connection");
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
    const TlsComplaint complaint = TakeTlsComplaint();
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
        const TlsComplaint complaint = TakeTlsComplaint();
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
                                std::min(bytes.size() - taken, kTlsRecordBytes), &count);
    // Writing wants nothing but memory.
    if (rc != 1) {
      Lost(TlsMemoryStatus("TLS"));
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

}  // namespace vesicle
