#include "transport/session/network_link.h"

#include <utility>

namespace vesicle {

NetworkLink::NetworkLink(Owner& owner, Environment& environment, Options options)
    : owner_(owner),
      id_(options.id),
      dialled_(std::move(options.dialled)),
      causer_(options.causer),
      connection_(std::move(options.connection)),
      handshake_(std::make_unique<Handshake>(options.handshake, environment,
                                             [this] { owner_.OnLate(*this); })) {}

void NetworkLink::Do(Work work) {
  if (is_open()) return work.go(*session_);
  if (work_.size() >= kWaitingMax) {
    Core& core = owner_.core();
    return core.Break(work.slot.value(), core.Reason("full", "too much waits for that peer"));
  }
  work_.push_back(std::move(work));
}

void NetworkLink::Open(std::unique_ptr<Session> session) {
  session_ = std::move(session);
  handshake_.reset();
  for (Work& work : TakeWork()) work.go(*session_);
  const std::string rest = std::exchange(rest_, {});
  if (!rest.empty()) session_->Take(rest);
}

std::vector<NetworkLink::Work> NetworkLink::TakeWork() { return std::exchange(work_, {}); }

void NetworkLink::BreakWork(std::string_view why) { Break(owner_.core(), TakeWork(), why); }

void Break(Core& core, std::vector<NetworkLink::Work> work, std::string_view why) {
  for (NetworkLink::Work& w : work) core.Break(w.slot.value(), core.Reason("disconnected", why));
}

void NetworkLink::Send(const syrup::Writer& out) {
  if (out.size() > 0) (void)connection_->Send(out.bytes());
}

void NetworkLink::OnBytes(std::string_view bytes) {
  ++chunks_heard_;
  if (session_ != nullptr) {
    session_->Take(bytes);
    return;
  }
  if (is_judged_) {
    rest_.append(bytes);
    return;
  }
  if (handshake_->has_ended()) return;
  syrup::Writer out;
  std::string_view rest;
  switch (handshake_->Take(bytes, &rest, out)) {
    case Handshake::Step::kMore:
      return;
    case Handshake::Step::kHello:
      rest_.assign(rest);
      is_judged_ = true;
      connection_->PauseReading();
      owner_.OnHello(*this);
      return;
    case Handshake::Step::kEnded:
      Send(out);
      owner_.OnRefused(*this);
      return;
  }
}

void NetworkLink::OnClosed(const absl::Status& why) {
  is_closed_ = true;
  owner_.OnLinkClosed(*this, why);
}

}  // namespace vesicle
