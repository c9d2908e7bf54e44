#include "transport/captp/handshake.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/captp/operation.h"
#include "transport/syrup/reader.h"
#include "vm/heap/check.h"
#include "vm/value/escape.h"

namespace vesicle {
namespace {

constexpr syrup::Limits kHelloLimits = {
    .message_bytes_max = kHelloBytesMax, .depth_max = 8, .items_max = 100, .int_digits_max = 20};
constexpr int64_t kNsPerMs = 1'000'000;
constexpr size_t kShownBytesMax = 200;

std::string Escaped(std::string_view text) {
  std::string out;
  AppendEscaped(text, Escape::kQuoted, &out);
  return out;
}

}  // namespace

Handshake::Handshake(const Options& options, Environment& environment,
                     absl::AnyInvocable<void()> on_late)
    : options_(options),
      environment_(environment),
      framer_(kHelloLimits),
      on_late_(std::move(on_late)) {
  if (options_.side == Side::kAccepted) state_ = State::kWaiting;
  timer_ = environment_.After(options_.hello_ms_max * kNsPerMs, [this] {
    // The call may destroy the handshake, and so what is called.
    absl::AnyInvocable<void()> late = std::move(on_late_);
    if (late) late();
  });
}

absl::Status Handshake::Start(const PeerLocator& own, syrup::Writer& out) {
  VESICLE_CHECK(options_.side == Side::kDialled && state_ == State::kNew);
  state_ = State::kWaiting;
  return WriteOwnHello(own, out);
}

absl::Status Handshake::WriteOwnHello(const PeerLocator& own, syrup::Writer& out) {
  absl::StatusOr<SessionKey> key = SessionKey::Generate(environment_.random());
  if (!key.ok()) {
    EndWith(key.status());
    return why_;
  }
  key_ = *std::move(key);
  if (WriteHello(*key_, own, options_.framing, out)) return absl::OkStatus();
  EndWith(absl::ResourceExhaustedError(
      absl::StrCat("op:start-session, acceptable-location: ", out.error().ToString(),
                   "; a location with fewer hints, or shorter ones, is wanted")));
  return why_;
}

Handshake::Step Handshake::EndWith(absl::Status why) {
  state_ = State::kEnded;
  why_ = std::move(why);
  timer_.reset();
  return Step::kEnded;
}

Handshake::Step Handshake::Take(std::string_view bytes, std::string_view* rest,
                                syrup::Writer& out) {
  *rest = {};
  if (state_ == State::kEnded) return Step::kEnded;
  VESICLE_CHECK(state_ == State::kWaiting);
  framer_.Add(bytes);
  std::string_view message;
  switch (framer_.Next(&message)) {
    case syrup::Framer::Step::kMore:
      return Step::kMore;
    case syrup::Framer::Step::kError:
      Refuse(absl::StatusCode::kInvalidArgument,
             absl::StrCat("op:start-session: ", framer_.error().ToString()), out);
      return Step::kEnded;
    case syrup::Framer::Step::kMessage:
      break;
  }
  const Step step = Read(message, out);
  if (step == Step::kHello) *rest = framer_.rest();
  return step;
}

Handshake::Step Handshake::Read(std::string_view message, syrup::Writer& out) {
  syrup::Reader reader(kHelloLimits);
  reader.Reset(message);
  Fields fields(reader, "message");
  std::string_view label;
  absl::Status status;
  if (!fields.BeginAnyRecord("operation", "op:start-session", &label)) {
    status = fields.status();
  } else if (label == kHelloLabel) {
    Hello hello;
    status = ReadHello(reader, &hello);
    if (status.ok()) {
      hello_ = std::make_unique<Hello>(std::move(hello));
      state_ = State::kHello;
      timer_.reset();
      return Step::kHello;
    }
  } else if (label == NameOf(Operation::Kind::kAbort)) {
    reader.Reset(message);
    Operation abort;
    status = ReadOperation(reader, &abort);
    // Who said goodbye hears none.
    if (status.ok()) {
      return EndWith(absl::CancelledError(
          absl::StrCat("the peer aborted: ", Escaped(abort.name.substr(0, kShownBytesMax)))));
    }
  } else {
    status = absl::InvalidArgumentError("message, operation: op:start-session is to come first");
  }
  Refuse(status.code(), std::string(status.message()), out);
  return Step::kEnded;
}

Handshake::Step Handshake::End() {
  if (state_ == State::kEnded) return Step::kEnded;
  return EndWith(absl::UnavailableError(framer_.is_within()
                                            ? "the connection ended within an op:start-session"
                                            : "the connection ended before an op:start-session"));
}

absl::Status Handshake::Accept(const PeerLocator& own, syrup::Writer& out) {
  VESICLE_CHECK(state_ == State::kHello);
  if (options_.side == Side::kAccepted) {
    absl::Status status = WriteOwnHello(own, out);
    if (!status.ok()) return status;
  }
  state_ = State::kOpen;
  return absl::OkStatus();
}

void Handshake::Refuse(absl::StatusCode code, std::string_view reason, syrup::Writer& out) {
  VESICLE_CHECK(state_ != State::kOpen);
  if (state_ == State::kEnded) return;
  // A reason that does not fit in what is left of the buffer is none: the end says enough.
  static_cast<void>(WriteAbort(reason, options_.framing, out));
  EndWith(absl::Status(code, absl::string_view(reason.data(), reason.size())));
}

}  // namespace vesicle
