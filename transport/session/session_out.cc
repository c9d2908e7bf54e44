// Session: what goes out, in turns of far refs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/planted.h"
#include "transport/session/session.h"
#include "transport/session/session_parcel.h"
#include "vm/actor/promise.h"
#include "vm/value/bytes.h"
#include "vm/value/tagged.h"

namespace vesicle {
Session::LongWriteState::LongWriteState(Session& session, const Outgoing& outgoing_in)
    : code(session.far_code_),
      alive(session.alive_),
      outgoing(outgoing_in),
      is_parcel(session.IsParcel(outgoing_in)),
      out(session.limits_.message),
      encoder(session.heap()),
      parcel_encoder(session.heap()),
      held(session.heap()) {
  ++session.long_writes_;
}

Session::LongWriteState::~LongWriteState() {
  if (*alive == nullptr) return;
  --(*alive)->long_writes_;
  (*alive)->FlushLater();
  for (const uint64_t position : sent) (*alive)->exports_.Unsend(position);
}

class Session::LongWrite final : public Suspension {
 public:
  using State = LongWriteState;

  explicit LongWrite(std::unique_ptr<State> state) : state_(std::move(state)) {}

  void Visit(Visitor& visitor) override {
    visitor.Visit(&state_->code, 1);
    state_->encoder.Visit(visitor);
    state_->parcel_encoder.Visit(visitor);
  }
  Place Where() const override { return {}; }

  TurnEnd Resume(Core& core) override {
    // What is used up by this goes on as another, which collections see meanwhile.
    auto next = std::make_unique<LongWrite>(std::move(state_));
    LongWrite& now = *next;
    const TurnEnd suspended = core.Suspend(std::move(next));
    for (bool has_collected = false;;) {
      State& state = *now.state_;
      Session* session = *state.alive;
      if (session == nullptr || session->is_over()) {
        core.ForgetSuspension();
        return core.turn().flag() == EventFlag::kMessage
                   ? core.Fault(core.Reason("disconnected"), {})
                   : TurnEnd::kDone;
      }
      switch (session->GoOnWriting(state)) {
        case syrup::Encoder::Step::kMore:
          return suspended;
        case syrup::Encoder::Step::kNoRoom:
          switch (core.Refuel(has_collected ? Core::Need::kAllMemory : Core::Need::kMemory)) {
            case Core::Fuel::kGo:
              has_collected = true;
              continue;
            case Core::Fuel::kSuspend:
              return suspended;
            case Core::Fuel::kQuotaSteps:
            case Core::Fuel::kTurnTooLong:
              core.ForgetSuspension();
              return core.Quota(Resource::kSteps);
            case Core::Fuel::kQuotaMemory: {
              const Outgoing outgoing = state.outgoing;
              core.ForgetSuspension();
              // Whoever waits at the other end must not wait for a refill here.
              if (outgoing.kind != Outgoing::Kind::kMessage) {
                return session->GiveUp(outgoing, core.QuotaReason(Resource::kMemory));
              }
              return core.Quota(Resource::kMemory);
            }
          }
          break;
        case syrup::Encoder::Step::kDone:
        case syrup::Encoder::Step::kFailed: {
          const std::unique_ptr<State> done = std::move(now.state_);
          core.ForgetSuspension();
          return session->FinishWriting(*done);
        }
      }
    }
  }

 private:
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------

TurnEnd Session::Write(Object* far) {
  switch (core_.turn().flag()) {
    case EventFlag::kListen:
      return WriteListenTo(far);
    case EventFlag::kKept:
    case EventFlag::kBroken:
      return WriteSettlement(far);
    default:
      return WriteMessage(far);
  }
}

TurnEnd Session::WriteMessage(Object* far) {
  TurnState& turn = core_.turn();
  const std::optional<Descriptor> to = far_ref::DescriptorOf(far);
  if (to) return WriteOut({.kind = Outgoing::Kind::kMessage, .to = *to});
  // An answer that is known here by now.
  if (!core_.Send(far_ref::PromiseOf(far), turn.message, turn.slot)) {
    return core_.Quota(Resource::kEvents);
  }
  turn.slot = Value::Nil();
  return TurnEnd::kDone;
}

// The far ref is a resolver of the peer's: it hears how something of ours has settled.
TurnEnd Session::WriteSettlement(Object* far) {
  TurnState& turn = core_.turn();
  const std::optional<Descriptor> to = far_ref::DescriptorOf(far);
  if (!to) return TurnEnd::kDone;
  core_.Learn(std::exchange(turn.report, Value::Nil()));
  if (turn.flag() == EventFlag::kKept) {
    // A slot may be kept with a promise: the resolver hears what becomes of that.
    if (IsPromise(turn.message)) {
      core_.ListenOn(core_.sponsor().control, turn.message, turn.self);
      return TurnEnd::kDone;
    }
    return WriteOut({.kind = Outgoing::Kind::kFulfill, .to = *to});
  }
  // The wrapping goes on again over there; but where it stands twice it is the program's own.
  if (core_.IsFailed(turn.message) && !core_.IsFailed(FieldsOf(turn.message)[0])) {
    turn.message = FieldsOf(turn.message)[0];
  }
  return WriteOut({.kind = Outgoing::Kind::kBreak, .to = *to});
}

// Somebody waits for a promise that stands for one of the peer's.
TurnEnd Session::WriteListenTo(Object* far) {
  const Value promise = core_.turn().message;
  const std::optional<Descriptor> to = far_ref::DescriptorOf(far);
  // What was asked of the peer it settles anyway.
  if (!to || to->kind == Descriptor::Kind::kAnswer) return TurnEnd::kDone;
  Failure why = Failure::kTooBig;
  const std::optional<uint64_t> ask =
      AreAsksFull() ? std::nullopt : exports_.SendAsk(promise, ExportTable::kNoAnswer, &why);
  if (!ask) {
    core_.Break(promise, why == Failure::kMemory ? core_.QuotaReason(Resource::kMemory) : Full());
    return TurnEnd::kDone;
  }
  if (session_planted::Is(session_planted::kListenNotWritten)) return TurnEnd::kDone;
  WriteListen(*to, {Descriptor::Kind::kImportObject, *ask}, /*wants_partial=*/false, dialect_,
              out_);
  FlushLater();
  return TurnEnd::kDone;
}

// ---------------------------------------------------------------------------

Value Session::Full() {
  return core_.Reason("full", "a session takes no more of these: docs/wire.md, limits");
}

bool Session::HasRoomToSend() const {
  return connection_ != nullptr &&
         connection_->pending_bytes() + out_.size() + ParcelBytes() <= limits_.pending_bytes_max;
}

TurnEnd Session::WriteOut(const Outgoing& outgoing) {
  const bool is_answer = outgoing.kind != Outgoing::Kind::kMessage;
  const bool is_tell = !is_answer && core_.turn().slot.is_nil();
  if ((session_planted::Is(session_planted::kReplyNotWritten) && is_answer) ||
      (session_planted::Is(session_planted::kMessageNotWritten) && is_tell)) {
    if (session_planted::OneIn(20)) return TurnEnd::kDone;
  }
  if (!HasRoomToSend()) return GiveUp(outgoing, Full());
  if (IsParcel(outgoing)) return WriteParcel(outgoing);
  BeginOutgoing(outgoing, out_);
  syrup::Encoder& encoder = host_.codec().encoder;
  encoder.Start(core_.turn().message, AsOf(outgoing), &out_);
  const syrup::Encoder::Step step = encoder.Go(*this, kWriteWorkAtOnce);
  core_.fuel -= static_cast<int64_t>(encoder.work()) / kWriteWorkPerStep;
  switch (step) {
    case syrup::Encoder::Step::kDone: {
      Value reason;
      if (!EndOutgoing(outgoing, out_, &reason)) return GiveUp(outgoing, reason);
      FlushLater();
      return TurnEnd::kDone;
    }
    case syrup::Encoder::Step::kFailed: {
      const Value reason = ReasonOf(out_.error());
      TakeBack(out_);
      return GiveUp(outgoing, reason);
    }
    case syrup::Encoder::Step::kMore:
    case syrup::Encoder::Step::kNoRoom:
      break;
  }
  TakeBack(out_);
  auto state = std::make_unique<LongWriteState>(*this, outgoing);
  BeginOutgoing(outgoing, state->out);
  state->encoder.Start(core_.turn().message, AsOf(outgoing), &state->out);
  return SuspendWriting(std::move(state));
}

TurnEnd Session::SuspendWriting(std::unique_ptr<LongWriteState> state) {
  return core_.Suspend(std::make_unique<LongWrite>(std::move(state)));
}

// A piece of it.
syrup::Encoder::Step Session::GoOnWriting(LongWriteState& state) {
  if (state.is_parcel) return GoOnPacking(state);
  SwapSent(state);
  const uint64_t before = state.encoder.work();
  const syrup::Encoder::Step step = state.encoder.Go(*this, kWriteWorkOfPiece);
  core_.fuel -= static_cast<int64_t>(state.encoder.work() - before) / kWriteWorkPerStep;
  SwapSent(state);
  state.held.Set(state.out.bytes_held());
  return step;
}

void Session::SwapSent(LongWriteState& state) {
  std::swap(sent_, state.sent);
  std::swap(deposits_, state.deposits);
}

TurnEnd Session::FinishWriting(LongWriteState& state) {
  SwapSent(state);
  if (state.is_parcel) return FinishPacking(state);
  Value reason;
  if (!state.out.ok()) {
    reason = ReasonOf(state.out.error());
    TakeBack(state.out);
  } else if (!HasRoomToSend()) {
    reason = Full();
    TakeBack(state.out);
  } else if (EndOutgoing(state.outgoing, state.out, &reason)) {
    Flush();
    Send(state.out.bytes());
    return TurnEnd::kDone;
  }
  return GiveUp(state.outgoing, reason);
}

syrup::Encoder::As Session::AsOf(const Outgoing& outgoing) {
  return outgoing.kind == Outgoing::Kind::kMessage ? syrup::Encoder::As::kArguments
                                                   : syrup::Encoder::As::kValue;
}

// Up to the value.
void Session::BeginOutgoing(const Outgoing& outgoing, syrup::Writer& out) {
  Deliver deliver = {.to = outgoing.to};
  if (outgoing.kind == Outgoing::Kind::kMessage) {
    // Whose numbers are given out when the value is written.
    if (!core_.turn().slot.is_nil()) deliver.resolver = {Descriptor::Kind::kImportObject, 0};
    BeginDeliver(deliver, dialect_, out);
    return;
  }
  BeginDeliver(deliver, dialect_, out);
  out.BeginList();
  out.Symbol(outgoing.kind == Outgoing::Kind::kFulfill ? "fulfill" : "break");
}

bool Session::AreAsksFull() const {
  return exports_.asks() >= limits_.asks_max || exports_.size() >= limits_.exports_max;
}

// Behind the value. It takes the slot of the turn. False: nothing was written, no count has
// changed, and *reason says why.
bool Session::EndOutgoing(const Outgoing& outgoing, syrup::Writer& out, Value* reason) {
  Deliver deliver = {.to = outgoing.to};
  if (outgoing.kind != Outgoing::Kind::kMessage) out.EndList();
  Asked asked;
  if (!AskFor(outgoing, &asked, reason)) {
    TakeBack(out);
    return false;
  }
  deliver.answer = asked.answer;
  if (asked.ask) deliver.resolver = {Descriptor::Kind::kImportObject, *asked.ask};
  if (!EndDeliver(deliver, dialect_, out)) {
    *reason = ReasonOf(out.error());
    if (asked.ask) exports_.Unsend(*asked.ask);
    UndoSends();
    return false;
  }
  CommitOutgoing(asked);
  return true;
}

bool Session::AskFor(const Outgoing& outgoing, Asked* asked, Value* reason) {
  const Value slot = core_.turn().slot;
  if (outgoing.kind != Outgoing::Kind::kMessage || slot.is_nil()) return true;
  // Messages for the answer go after it, unless some wait here already or it has its own way.
  if (IsPromise(slot)) {
    Object* root = promise::Root(heap(), slot.target());
    if (promise::StateOf(root) == promise::State::kPending && promise::Held(root).is_nil() &&
        !promise::HasMessages(root)) {
      asked->routed = root;
    }
  }
  if (session_planted::Is(session_planted::kAnswerReused) && session_planted::OneIn(20)) {
    next_answer_ -= next_answer_ > 1 ? 1 : 0;
  }
  if (asked->routed != nullptr) asked->answer = next_answer_;
  Failure why = Failure::kTooBig;
  if (!AreAsksFull()) {
    asked->ask = exports_.SendAsk(slot, asked->answer.value_or(ExportTable::kNoAnswer), &why);
  }
  if (asked->ask) return true;
  *reason = why == Failure::kMemory ? core_.QuotaReason(Resource::kMemory) : Full();
  return false;
}

void Session::CommitOutgoing(const Asked& asked) {
  sent_.clear();
  WriteDeposits();
  if (asked.routed != nullptr) {
    promise::Hold(
        heap(), asked.routed,
        far_ref::MakeAnswer(heap(), far_code_, next_answer_++, Value::Target(asked.routed)));
  }
  core_.turn().slot = Value::Nil();
}

void Session::TakeBack(syrup::Writer& out) {
  out.Fail(syrup::Wrong::kRefRefused);
  out.EndMessage();
  UndoSends();
}

void Session::UndoSends() {
  for (const uint64_t position : sent_) exports_.Unsend(position);
  sent_.clear();
  deposits_.clear();
}

void Session::DepositWhenSent(Session& exporter, std::string_view gift_id, const Descriptor& gift) {
  deposits_.push_back({exporter.alive_, std::string(gift_id), gift});
}

void Session::WriteDeposits() {
  for (const Deposit& deposit : std::exchange(deposits_, {})) {
    Session* exporter = *deposit.exporter;
    if (exporter == nullptr || exporter->is_over()) continue;
    if (session_planted::Is(session_planted::kDepositNotWritten)) continue;
    const Deliver deliver = {.to = {Descriptor::Kind::kExport, 0}};
    BeginDeliver(deliver, exporter->dialect_, exporter->out_);
    WriteDepositGift(deposit.id, deposit.gift, exporter->out_);
    EndDeliver(deliver, exporter->dialect_, exporter->out_);
    exporter->FlushLater();
  }
}

void Session::Fetch(std::string_view swiss, Value slot) {
  host_.Wake();
  const Value beyond = Across(slot, Direction::kIn);
  if (beyond.is_nil()) return;
  const Result name = core_.symbols().Intern("fetch");
  const Result bytes = MakeBytes(heap(), swiss);
  Result fetch = Failure::kMemory;
  if (name.ok() && bytes.ok()) {
    const Value fields[] = {bytes.value()};
    fetch = MakeTagged(heap(), name.value(), fields);
  }
  if (!fetch.ok()) return core_.Break(beyond, core_.QuotaReason(Resource::kMemory));
  core_.DeliverOn(Value::Nil(), bootstrap_, fetch.value(), beyond);
}

void Session::WithdrawGift(std::string_view signed_give, const SessionKey& gifter_key, Value slot) {
  slot = Across(slot, Direction::kIn);
  Failure why = Failure::kTooBig;
  std::optional<uint64_t> ask;
  if (HasRoomToSend() && !AreAsksFull()) {
    ask = exports_.SendAsk(slot, ExportTable::kNoAnswer, &why);
  }
  if (!ask) return core_.Break(slot, Full());
  HandoffReceive receive;
  receive.session = id_;
  receive.side = key_.id();
  receive.count = next_receive_++;
  receive.give.bytes = signed_give;
  const Deliver deliver = {.to = {Descriptor::Kind::kExport, 0},
                           .answer = {},
                           .resolver = Descriptor{Descriptor::Kind::kImportObject, *ask}};
  BeginDeliver(deliver, dialect_, out_);
  WriteWithdrawGift(receive, gifter_key, out_);
  EndDeliver(deliver, dialect_, out_);
  FlushLater();
}

// It cannot be written. A message faults: its asker learns. A settlement breaks: whoever waits at
// the other end must not wait for ever.
TurnEnd Session::GiveUp(const Outgoing& outgoing, Value reason) {
  if (outgoing.kind == Outgoing::Kind::kMessage) return core_.Fault(reason, {});
  sent_.clear();
  const Outgoing instead = {.kind = Outgoing::Kind::kBreak, .to = outgoing.to};
  if (!WriteAtOnce(instead, reason)) {
    AbortLater("the answers owed are more than can be written");
    return TurnEnd::kDone;
  }
  FlushLater();
  return TurnEnd::kDone;
}

bool Session::WriteAtOnce(const Outgoing& outgoing, Value value) {
  if (IsParcel(outgoing)) return WriteParcelAtOnce(outgoing, value);
  BeginOutgoing(outgoing, out_);
  syrup::Encoder& encoder = host_.codec().encoder;
  encoder.Start(value, syrup::Encoder::As::kValue, &out_);
  Value ignored;
  if (encoder.Go(*this, kWriteWorkAtOnce) == syrup::Encoder::Step::kDone &&
      EndOutgoing(outgoing, out_, &ignored)) {
    return true;
  }
  TakeBack(out_);
  return false;
}

Value Session::ReasonOf(const syrup::Error& error) {
  using syrup::Wrong;
  switch (error.wrong) {
    case Wrong::kTableFull:
      return Full();
    case Wrong::kTooLong:
    case Wrong::kTooDeep:
    case Wrong::kTooMany:
    case Wrong::kIntTooLong:
      return core_.Reason("limit", error.ToString());
    default:
      return core_.Reason("type",
                          absl::StrCat("it cannot be sent to another VM: ", error.ToString()));
  }
}

// ---------------------------------------------------------------------------

std::optional<Failure> Session::WriteRef(Value ref, syrup::Writer& out) {
  std::optional<Descriptor> as;
  const std::optional<Failure> failure = Tell(ref, out, &as);
  if (!failure && as) WriteDescriptor(*as, out);
  return failure;
}

std::optional<Failure> Session::Tell(Value ref, syrup::Writer& record,
                                     std::optional<Descriptor>* as) {
  if (IsPromise(ref)) {
    Object* root = promise::Root(heap(), ref.target());
    const Value route = promise::RouteOf(root);
    if (!route.is_nil()) {
      const FarCode* code = FarCodeOf(route);
      if (code != nullptr && code->session() == this) {
        *as = far_ref::DescriptorOf(actor::Holder(route.target()));
        if (*as) return std::nullopt;
      }
    } else if (promise::StateOf(root) == promise::State::kKept &&
               promise::Outcome(root).is_target()) {
      // Promises have no identity over a session: what it was kept with will do.
      return Tell(promise::Outcome(root), record, as);
    }
    return TellExport(Value::Target(root), Descriptor::Kind::kImportPromise, as);
  }
  if (const FarCode* code = FarCodeOf(ref); code != nullptr && code->session() != nullptr) {
    if (code->session() == this) {
      *as = far_ref::DescriptorOf(actor::Holder(ref.target()));
      VESICLE_CHECK(as->has_value());
      return std::nullopt;
    }
    if (!wall_ && host_.Give(*this, *code->session(), ref, record)) return std::nullopt;
  } else if (const Locator* sturdyref = host_.SturdyrefOf(ref)) {
    WriteSturdyref(*sturdyref, record);
    return std::nullopt;
  }
  return TellExport(ref, Descriptor::Kind::kImportObject, as);
}

std::optional<Failure> Session::TellExport(Value ref, Descriptor::Kind kind,
                                           std::optional<Descriptor>* as) {
  if (exports_.size() >= limits_.exports_max) return Failure::kTooBig;
  Failure why;
  const std::optional<uint64_t> position = exports_.Send(ref, &why);
  if (!position) return why;
  sent_.push_back(*position);
  const bool is_wrong = session_planted::Is(session_planted::kWrongExport) && *position > 1 &&
                        session_planted::OneIn(50);
  *as = Descriptor{kind, *position - (is_wrong ? 1 : 0)};
  return std::nullopt;
}

}  // namespace vesicle
