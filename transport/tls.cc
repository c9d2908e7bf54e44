#include "transport/tls.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/tls_connection.h"
#include "transport/tls_context.h"

namespace vesicle {

// --- the listener

class TlsListener final : public Listener {
 public:
  TlsListener(Environment& environment, std::shared_ptr<TlsContext> context,
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
  std::shared_ptr<TlsContext> context_;
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

}  // namespace

TlsTransport::TlsTransport(Environment& environment, Transport& below, TlsOptions options,
                           std::shared_ptr<TlsContext> context)
    : environment_(environment),
      below_(below),
      options_(std::move(options)),
      context_(std::move(context)) {}

TlsTransport::~TlsTransport() = default;

absl::StatusOr<std::unique_ptr<TlsTransport>> TlsTransport::Create(Environment& environment,
                                                                   Transport& below,
                                                                   const Identity& identity,
                                                                   TlsOptions options) {
  auto context = TlsContext::Create(identity, options.records_per_key);
  if (!context.ok()) return context.status();
  return std::unique_ptr<TlsTransport>(
      new TlsTransport(environment, below, std::move(options), *std::move(context)));
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
