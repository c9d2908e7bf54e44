// TLS: who is not who he should be is refused, by both sides, and so is whoever speaks anything
// but this. The others here are made with OpenSSL directly, and may do what ours would not.
#include "transport/tls.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/nets.h"
#include "transport/loop_environment.h"
#include "transport/tcp.h"
#include "vm/heap/poison.h"

namespace vesicle {
namespace {

struct TlsWorld {
  explicit TlsWorld(int64_t handshake_ms_max = 20'000) {
    REQUIRE(uv_loop_init(&loop) == 0);
    environment = std::make_unique<LoopEnvironment>(&loop);
    tcp = std::make_unique<TcpTransport>(*environment);
    TlsOptions options;
    options.on_refused = [this](const PeerInfo& peer, const absl::Status& why) {
      CHECK_FALSE(peer.address.empty());
      refused.push_back(why);
    };
    options.handshake_ms_max = handshake_ms_max;
    tls = *TlsTransport::Create(*environment, *tcp, me, options);
    listener = *tls->Listen("127.0.0.1:0", {}, [this](std::unique_ptr<Connection> c) {
      accepted.push_back(std::make_unique<End>());
      accepted.back()->Take(std::move(c));
    });
  }
  ~TlsWorld() {
    accepted.clear();
    listener.reset();
    tls.reset();
    tcp.reset();
    environment.reset();
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  bool RunUntil(const std::function<bool()>& done) {
    bool late = false;
    const auto timer = environment->After(int64_t{20'000'000'000}, [&] { late = true; });
    while (!done() && !late) uv_run(&loop, UV_RUN_ONCE);
    return !late;
  }

  uv_loop_t loop;
  Identity me = *Identity::Generate();
  std::unique_ptr<LoopEnvironment> environment;
  std::unique_ptr<TcpTransport> tcp;
  std::unique_ptr<TlsTransport> tls;
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<End>> accepted;
  std::vector<absl::Status> refused;
};

// OpenSSL over a plain connection, as a stranger would use it.
class Stranger {
 public:
  struct Options {
    int version_min = TLS1_3_VERSION;
    int version_max = TLS1_3_VERSION;
    std::string alpn = std::string(kTlsAlpn);
    const Identity* identity = nullptr;
    const char* key_kind = nullptr;  // a key of another kind, in a certificate
    bool is_server = false;
  };
  explicit Stranger(const Options& options) {
    context_ = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context_, options.version_min);
    SSL_CTX_set_max_proto_version(context_, options.version_max);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION*) {
      ++static_cast<Stranger*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->tickets;
      return 0;
    });
    // Asks for the peer's certificate, and is content with any.
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    if (options.identity != nullptr) {
      SSL_CTX_use_certificate(context_, options.identity->certificate());
      SSL_CTX_use_PrivateKey(context_, options.identity->key());
    }
    if (options.key_kind != nullptr) UseOtherKey(options.key_kind);
    if (!options.alpn.empty()) {
      alpn_ = std::string(1, char(options.alpn.size())) + options.alpn;
      SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(alpn_.data()),
                              static_cast<unsigned>(alpn_.size()));
      SSL_CTX_set_alpn_select_cb(
          context_,
          [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned,
             void* self) {
            const std::string& alpn = static_cast<Stranger*>(self)->alpn_;
            *out = reinterpret_cast<const unsigned char*>(alpn.data()) + 1;
            *size = static_cast<unsigned char>(alpn.size() - 1);
            return SSL_TLSEXT_ERR_OK;
          },
          this);
    }
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_, in_, out_);
    options.is_server ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
    end.ear.on_open = [this] { Step(); };
    end.ear.on_bytes = [this](std::string_view bytes) {
      BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
      Step();
    };
  }
  ~Stranger() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  void Step() {
    if (!shaken) shaken = SSL_do_handshake(ssl_) == 1;
    char bytes[4096];
    int n = 0;
    while (shaken && (n = SSL_read(ssl_, bytes, sizeof bytes)) > 0) {
      got.append(bytes, static_cast<size_t>(n));
    }
    while ((n = BIO_read(out_, bytes, sizeof bytes)) > 0) {
      static_cast<void>(end.connection->Send({bytes, static_cast<size_t>(n)}));
    }
  }

  End end;  // the plain connection
  bool shaken = false;
  std::string got;
  int tickets = 0;

 private:
  void UseOtherKey(const char* kind) {
    EVP_PKEY* key = std::string(kind) == "RSA"
                        ? EVP_PKEY_Q_keygen(nullptr, nullptr, kind, size_t{2048})
                        : EVP_PKEY_Q_keygen(nullptr, nullptr, kind, "P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
    X509_set_pubkey(certificate, key);
    REQUIRE(X509_sign(certificate, key, EVP_sha256()) != 0);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  SSL_CTX* context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
  std::string alpn_;
};

// Runs a stranger against our listener to the end of it.
void Visit(TlsWorld& world, Stranger& stranger) {
  stranger.end.Take(*world.tcp->Connect(world.listener->address(), {}));
  REQUIRE(world.RunUntil([&] { return stranger.end.ear.closed || !world.accepted.empty(); }));
}

// Between two, and may do something to what passes.
struct Relay {
  Relay(TlsWorld& world_in, std::string to) : world(world_in) {
    listener = *world.tcp->Listen("127.0.0.1:0", {}, [this, to](std::unique_ptr<Connection> c) {
      near.ear.on_bytes = [this](std::string_view bytes) {
        std::string changed(bytes);
        if (change) change(&changed);
        static_cast<void>(far.connection->Send(changed));
      };
      far.ear.on_bytes = [this](std::string_view bytes) {
        static_cast<void>(near.connection->Send(bytes));
      };
      far.Take(*world.tcp->Connect(to, {}));
      near.Take(std::move(c));
    });
  }
  TlsWorld& world;
  std::unique_ptr<Listener> listener;
  End near, far;
  std::function<void(std::string*)> change;
};

}  // namespace

TEST_CASE("tls: both know the other's key, and the right designator is let in") {
  TlsWorld world;
  const Identity other = *Identity::Generate();
  const auto theirs = *TlsTransport::Create(*world.environment, *world.tcp, other);
  End end;
  ConnectOptions options;
  options.designator = world.me.designator();
  end.Take(*theirs->Connect(world.listener->address(), options));
  CHECK(end.Send("hello").ok());
  REQUIRE(world.RunUntil([&] { return !world.accepted.empty() && end.ear.opened; }));
  REQUIRE(world.RunUntil([&] { return world.accepted[0]->ear.got == "hello"; }));
  CHECK(end.connection->peer().designator == world.me.designator());
  CHECK(end.connection->peer().address == world.listener->address());
  CHECK(world.accepted[0]->connection->peer().designator == other.designator());
  CHECK(world.tls->proves_keys());
}

TEST_CASE("tls: a wrong designator is refused before anything is told to it") {
  TlsWorld world;
  End end;
  ConnectOptions options;
  options.designator = Identity::Generate()->designator();
  end.Take(*world.tls->Connect(world.listener->address(), options));
  CHECK(end.Send("a secret").ok());
  REQUIRE(world.RunUntil([&] { return end.ear.closed && world.refused.size() == 1; }));
  CHECK(absl::IsUnauthenticated(end.ear.why));
  CHECK(std::string(end.ear.why.message()).find(world.me.designator()) != std::string::npos);
  CHECK_FALSE(end.ear.opened);
  CHECK(world.accepted.empty());
  CHECK(absl::IsUnauthenticated(world.refused[0]));
  options.designator = "short";
  CHECK(absl::IsInvalidArgument(world.tls->Connect(world.listener->address(), options).status()));
}

TEST_CASE("tls: a stranger that does all as we do is let in, and gets no ticket") {
  TlsWorld world;
  const Identity other = *Identity::Generate();
  Stranger stranger({.identity = &other});
  Visit(world, stranger);
  REQUIRE(world.accepted.size() == 1);
  CHECK(world.accepted[0]->Send("welcome").ok());
  REQUIRE(world.RunUntil([&] { return stranger.got == "welcome"; }));
  CHECK(stranger.tickets == 0);
  CHECK(world.refused.empty());
}

TEST_CASE("tls: refused are 1.2, no certificate, a key of another kind, and another protocol") {
  const Identity other = *Identity::Generate();
  const std::pair<const char*, Stranger::Options> strangers[] = {
      {"TLS 1.2",
       {.version_min = TLS1_2_VERSION, .version_max = TLS1_2_VERSION, .identity = &other}},
      {"no certificate", {}},
      {"RSA", {.key_kind = "RSA"}},
      {"EC", {.key_kind = "EC"}},
      {"another ALPN", {.alpn = "h2", .identity = &other}},
      {"no ALPN", {.alpn = "", .identity = &other}},
  };
  for (const auto& [kind, options] : strangers) {
    const std::string name = kind;
    CAPTURE(name);
    TlsWorld world;
    Stranger stranger(options);
    Visit(world, stranger);
    REQUIRE(world.RunUntil([&] { return world.refused.size() == 1; }));
    CHECK(world.accepted.empty());
    CHECK(absl::IsUnauthenticated(world.refused[0]));
    CHECK(stranger.end.ear.why.ok());  // it was told why, in order
    CHECK_FALSE(stranger.end.ear.got.empty());
  }
}

TEST_CASE("tls: a server of the wrong kind is refused by who dials") {
  const Identity other = *Identity::Generate();
  const std::pair<const char*, Stranger::Options> strangers[] = {
      {"TLS 1.2",
       {.version_min = TLS1_2_VERSION,
        .version_max = TLS1_2_VERSION,
        .identity = &other,
        .is_server = true}},
      {"RSA", {.key_kind = "RSA", .is_server = true}},
      {"another ALPN", {.alpn = "h2", .identity = &other, .is_server = true}},
      {"no ALPN", {.alpn = "", .identity = &other, .is_server = true}},
  };
  for (const auto& [kind, options] : strangers) {
    const std::string name = kind;
    CAPTURE(name);
    TlsWorld world;
    Stranger stranger(options);
    auto listener = *world.tcp->Listen(
        "127.0.0.1:0", {}, [&](std::unique_ptr<Connection> c) { stranger.end.Take(std::move(c)); });
    End end;
    end.Take(*world.tls->Connect(listener->address(), {}));
    REQUIRE(world.RunUntil([&] { return end.ear.closed; }));
    CHECK(absl::IsUnauthenticated(end.ear.why));
    CHECK_FALSE(end.ear.opened);
  }
}

TEST_CASE("tls: garbage instead of a hello is refused, and half a hello has its time") {
  const uint64_t seed = SeedFor("garbage");
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\n\r\n"), Pattern(5000, seed), std::string(3000, '\x16'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')}) {
    TlsWorld world;
    End end;
    end.Take(*world.tcp->Connect(world.listener->address(), {}));
    CHECK(end.Send(garbage).ok());
    REQUIRE(world.RunUntil([&] { return end.ear.closed && world.refused.size() == 1; }));
    CHECK(absl::IsUnauthenticated(world.refused[0]));
    CHECK(world.accepted.empty());
  }
  TlsWorld world(100);
  End end, silent;
  end.Take(*world.tcp->Connect(world.listener->address(), {}));
  silent.Take(*world.tcp->Connect(world.listener->address(), {}));
  CHECK(end.Send(std::string("\x16\x03\x01\x01\x00\x01", 6)).ok());
  REQUIRE(world.RunUntil([&] { return world.refused.size() == 2; }));
  CHECK(absl::IsDeadlineExceeded(world.refused[0]));
  CHECK(absl::IsDeadlineExceeded(world.refused[1]));
  REQUIRE(world.RunUntil([&] { return end.ear.closed && silent.ear.closed; }));
}

TEST_CASE("tls: what is changed on the way is found, and so is a stream that is cut") {
  for (const bool cut : {false, true}) {
    CAPTURE(cut);
    TlsWorld world;
    Relay relay(world, world.listener->address());
    End end;
    end.Take(*world.tls->Connect(relay.listener->address(), {}));
    CHECK(end.Send("first").ok());
    REQUIRE(world.RunUntil(
        [&] { return !world.accepted.empty() && world.accepted[0]->ear.got == "first"; }));
    if (cut) {
      // In order, for all that TCP knows.
      relay.near.Close();
      relay.far.Close();
    } else {
      relay.change = [](std::string* bytes) { bytes->back() = char(bytes->back() ^ 1); };
      CHECK(end.Send("second").ok());
    }
    REQUIRE(world.RunUntil([&] { return world.accepted[0]->ear.closed && end.ear.closed; }));
    CHECK(world.accepted[0]->ear.got == "first");
    CHECK(absl::IsDataLoss(world.accepted[0]->ear.why));
    if (cut) CHECK(absl::IsDataLoss(end.ear.why));
    if (!cut) CHECK(absl::IsUnauthenticated(end.ear.why));  // it was told so
    relay.near.connection.reset();
    relay.far.connection.reset();
  }
}

TEST_CASE("tls: keys are changed after so many records, and nothing is lost by it") {
  TlsWorld world;
  TlsOptions options;
  options.records_per_key = 3;
  const auto theirs = *TlsTransport::Create(*world.environment, *world.tcp, world.me, options);
  End end;
  end.Take(*theirs->Connect(world.listener->address(), {}));
  std::string all;
  REQUIRE(world.RunUntil([&] { return end.ear.opened && !world.accepted.empty(); }));
  for (int i = 0; i < 50; ++i) {
    const std::string piece = Pattern(100, uint64_t(i));
    CHECK(end.Send(piece).ok());
    all += piece;
    REQUIRE(world.RunUntil([&] { return world.accepted[0]->ear.got == all; }));
    // And back, under the keys of the other.
    CHECK(world.accepted[0]->Send("x").ok());
    REQUIRE(world.RunUntil([&] { return end.ear.got.size() == size_t(i) + 1; }));
  }
}

TEST_CASE("tls: a listener may go while others shake hands with it") {
  TlsWorld world;
  End end;
  end.Take(*world.tls->Connect(world.listener->address(), {}));
  REQUIRE(world.RunUntil([&] { return end.connection->peer().address != ""; }));
  bool over = false;
  const auto timer = world.environment->After(1'000'000, [&] {
    world.listener.reset();
    over = true;
  });
  REQUIRE(world.RunUntil([&] { return over; }));
  end.connection.reset();
}

#if !VESICLE_ASAN
TEST_CASE("tls: an idle connection costs less than 40 KiB") {
  TlsWorld world;
  std::vector<std::unique_ptr<End>> ends;
  const auto add = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      ends.push_back(std::make_unique<End>());
      ends.back()->Take(*world.tls->Connect(world.listener->address(), {}));
      CHECK(ends.back()->Send("x").ok());
      REQUIRE(world.RunUntil([&] { return world.accepted.size() == ends.size(); }));
      REQUIRE(world.RunUntil([&] { return world.accepted.back()->ear.got == "x"; }));
      world.accepted.back()->connection->MarkAuthenticated();
    }
  };
  add(10);
  const size_t before = mallinfo2().uordblks;
  add(100);
  const size_t each = (mallinfo2().uordblks - before) / 200;
  MESSAGE("bytes an idle TLS connection: " << each);
  CHECK(each < size_t{40} << 10);
}
#endif

}  // namespace vesicle
