// Session: what comes in, operation by operation.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/planted.h"
#include "transport/session/query.h"
#include "transport/session/session.h"
#include "transport/session/session_parcel.h"
#include "transport/syrup/forms.h"
#include "vm/actor/promise.h"
#include "vm/value/bytes.h"
#include "vm/value/form.h"
#include "vm/value/number.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
void Session::Take(std::string_view bytes) {
  if (stage_ != Stage::kOpen) return;
  host_.environment().AtTurnEnd(*this);
  if (incoming_.is_under_way || !behind_.empty()) {
    behind_.append(bytes);
    return;
  }
  TakeMore(bytes);
}

void Session::TakeMore(std::string_view bytes) {
  if (parcels_ != nullptr) return TakeParcels(bytes);
  TakeSyrup(bytes);
}

void Session::TakeSyrup(std::string_view bytes) {
  framer_.Add(bytes);
  absl::Status status;
  {
    const Core::Paying paying(core_, payer_);  // for all of them
    status = TakeMessages();
  }
  if (!status.ok()) return Guilty(status);
  if (stage_ != Stage::kOpen) return;
  if (!incoming_.is_under_way) return PauseIfBusy();
  behind_.assign(framer_.rest());
  Pause();
}

absl::Status Session::TakeMessages() {
  FlatMessage flat;
  std::string_view message;
  while (stage_ == Stage::kOpen && !incoming_.is_under_way) {
    if (fits_flat_ && !framer_.is_within() && ReadFlat(framer_.rest(), &flat)) {
      framer_.Skip(flat.bytes.size());
      if (absl::Status status = TakeFlat(flat); !status.ok()) return status;
      continue;
    }
    switch (framer_.Next(&message)) {
      case syrup::Framer::Step::kMore:
        return absl::OkStatus();
      case syrup::Framer::Step::kError:
        return absl::InvalidArgumentError(framer_.error().ToString());
      case syrup::Framer::Step::kMessage:
        if (absl::Status status = TakeMessage(message); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// The peer is not read while there is much of it to do.
void Session::PauseIfBusy() {
  if (core_.EventsOn(payer_) > limits_.events_high) Pause();
}

void Session::Pause() {
  if (!is_paused_) connection_->PauseReading();
  is_paused_ = true;
  host_.environment().AtTurnEnd(*this);
}

absl::Status Session::TakeMessage(std::string_view message) {
  if (message.size() > kReadBytesAtOnce) {
    long_message_.assign(message);
    message = long_message_;
  }
  message_ = message;
  Operation op;
  is_checked_ = message.size() > kReadBytesAtOnce || !ReadPlainDeliver(message, &op);
  if (is_checked_) {
    syrup::Reader& reader = codec().reader;
    reader.Reset(message);
    if (absl::Status status = ReadOperation(reader, &op); !status.ok()) return status;
  }
  const Core::Paying paying(core_, payer_, static_cast<int64_t>(message.size()));
  return Do(op);
}

// What is wrong with the message itself, of which only the ends were read so far.
absl::Status Session::CheckMessage() {
  if (std::exchange(is_checked_, true)) return absl::OkStatus();
  syrup::Reader reader(limits_.message);
  reader.Reset(message_);
  Operation op;
  return ReadOperation(reader, &op);
}

absl::Status Session::Do(const Operation& op) {
  is_over_limit_ = false;
  switch (op.kind) {
    case Operation::Kind::kDeliver:
      return DoDeliver(op);
    case Operation::Kind::kListen:
      return DoListen(op);
    case Operation::Kind::kGet:
    case Operation::Kind::kIndex:
    case Operation::Kind::kUntag:
      return DoQuery(op);
    case Operation::Kind::kGcExports:
      return DoGcExports(op.gc);
    case Operation::Kind::kGcAnswers:
      return DoGcAnswers(op.gc);
    case Operation::Kind::kAbort:
      End(absl::CancelledError(std::string(op.name)));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------------------
// deliver

absl::Status Session::DoDeliver(const Operation& op) {
  incoming_ = {};
  incoming_.args = op.args;
  if (op.to.is_bootstrap()) return DoBootstrap(op);
  if (absl::Status s = AddressDeliver(op.to, op.answer, op.resolver); !s.ok()) return s;
  return ReadArguments();
}

absl::Status Session::AddressDeliver(const Descriptor& to, const std::optional<uint64_t>& answer,
                                     const std::optional<Descriptor>& resolver) {
  if (to.kind == Descriptor::Kind::kExport) {
    const std::optional<ExportTable::Found> found = exports_.Find(to.position);
    if (found && found->is_ask) {
      incoming_.ask = found;
      incoming_.position = to.position;
    } else if (found) {
      incoming_.target = found->value;
    } else {
      return NotExported("op:deliver", to.position);
    }
  } else if (absl::Status s = FindTarget(to, "op:deliver", &incoming_.target); !s.ok()) {
    return s;
  }
  return MakeSlot(answer, resolver, &incoming_.slot);
}

absl::Status Session::ReadArguments() {
  if (incoming_.args.size() > kReadBytesAtOnce && own_codec_ == nullptr) {
    own_codec_ = std::make_unique<SessionCodec>(core_, limits_.message);
  }
  SessionCodec& codec = this->codec();
  codec.reader.Reset(incoming_.args);
  codec.decoder.Start(syrup::Decoder::As::kMessage, &codec.reader);
  incoming_.is_under_way = true;
  return GoOnDecoding();
}

bool Session::CollectAgain(int* collections) {
  if ((*collections)++ == kReadCollectionsMax) return false;
  core_.CollectFor(payer_);
  return true;
}

// A piece of it. It is over when incoming_ is no longer under way.
absl::Status Session::GoOnDecoding() {
  if (incoming_.is_parcel) return GoOnUnpacking();
  const bool is_long = incoming_.args.size() > kReadBytesAtOnce;
  SessionCodec& codec = this->codec();
  for (int collections = 0;;) {
    switch (codec.decoder.Go(*this, is_long ? kReadWorkOfPiece : kReadWorkOfShort)) {
      case syrup::Decoder::Step::kMore:
        if (is_long) return absl::OkStatus();
        continue;
      case syrup::Decoder::Step::kNoRoom:
        if (CollectAgain(&collections)) continue;
        return RefuseIncoming(core_.QuotaReason(Resource::kMemory));
      case syrup::Decoder::Step::kFailed:
        if (absl::Status s = CheckMessage(); !s.ok()) return s;
        if (!abort_.ok()) return abort_;
        return RefuseIncoming(ReasonOfArguments());
      case syrup::Decoder::Step::kDone:
        if (codec.reader.end() != codec.reader.bytes().size()) return CheckMessage();
        return is_over_limit_ ? RefuseIncoming(Full()) : FinishDeliver(codec.decoder.value());
    }
  }
}

Value Session::ReasonOfArguments() {
  syrup::Error error = codec().decoder.error();
  if (error.wrong == syrup::Wrong::kTableFull) return Full();
  // Places are those in the message.
  error.at += static_cast<uint64_t>(incoming_.args.data() - message_.data());
  return core_.Reason("type", absl::StrCat("op:deliver, args: ", error.ToString()));
}

// That message is lost, and its asker learns why; the session goes on.
absl::Status Session::RefuseIncoming(Value reason) {
  const Incoming incoming = std::exchange(incoming_, {});
  refusal_.clear();
  if (incoming.ask) {
    // Whoever waits for it waits for nothing else.
    SettleAsk(incoming.position, *incoming.ask, EventFlag::kBroken, reason);
  }
  core_.Break(incoming.slot, reason);
  host_.Wake();
  return absl::OkStatus();
}

absl::Status Session::FinishDeliver(Value message) {
  if (!refusal_.empty()) {
    return RefuseIncoming(core_.Reason("type", std::exchange(refusal_, {})));
  }
  if (incoming_.ask) {
    if (Is(message, "fulfill", 1)) return Answer(EventFlag::kKept, FieldsOf(message)[0]);
    if (Is(message, "break", 1)) return Answer(EventFlag::kBroken, FieldsOf(message)[0]);
  }
  const Incoming incoming = std::exchange(incoming_, {});
  host_.Wake();
  if (incoming.ask) {
    core_.Break(incoming.slot, core_.Reason("no_clause",
                                            "a resolver takes ['fulfill value] and "
                                            "['break reason]"));
    return absl::OkStatus();
  }
  if (session_planted::Is(session_planted::kOvertakes)) {
    if (held_back_.heap() == nullptr && incoming.slot.is_nil() && session_planted::OneIn(20)) {
      held_back_ = Root(heap(), message);
      return absl::OkStatus();
    }
    core_.DeliverOn(payer_, incoming.target, message, incoming.slot);
    if (held_back_.heap() != nullptr) {
      core_.DeliverOn(payer_, incoming.target, held_back_.value());
      held_back_.reset();
    }
    return absl::OkStatus();
  }
  core_.DeliverOn(payer_, incoming.target, message, incoming.slot);
  if (session_planted::Is(session_planted::kDeliveredTwice) && session_planted::OneIn(20)) {
    core_.DeliverOn(payer_, incoming.target, message);
  }
  return absl::OkStatus();
}

// What we asked for is there.
absl::Status Session::Answer(EventFlag how, Value value) {
  const Incoming incoming = std::exchange(incoming_, {});
  host_.Wake();
  SettleAsk(incoming.position, *incoming.ask, how,
            how == EventFlag::kKept ? value : core_.Failed(value));
  core_.Keep(incoming.slot, Value::Nil());
  return absl::OkStatus();
}

// ---------------------------------------------------------------------------
// flat messages

absl::Status Session::TakeFlat(const FlatMessage& message) {
  const Core::Paying paying(core_, payer_, static_cast<int64_t>(message.bytes.size()));
  is_over_limit_ = false;
  if (message.kind == Operation::Kind::kGcExports) return DoGcExports(message.gc);
  if (message.kind == Operation::Kind::kGcAnswers) return DoGcAnswers(message.gc);
  incoming_ = {};
  if (absl::Status s = AddressDeliver(message.to, message.answer, message.resolver); !s.ok()) {
    return s;
  }
  Value values[FlatMessage::kArgumentsMax];
  size_t count = 0;
  for (int collections = 0; count < message.count;) {
    const Result value = ValueOf(message.all[count]);
    if (value.ok()) {
      values[count++] = value.value();
      continue;
    }
    if (value.failure() != Failure::kMemory) return abort_;
    flat_ = {values, count};
    const bool is_collected = CollectAgain(&collections);
    flat_ = {};
    if (!is_collected) return RefuseIncoming(core_.QuotaReason(Resource::kMemory));
  }
  if (is_over_limit_) return RefuseIncoming(Full());
  return FinishFlat({values, count});
}

absl::Status Session::FinishFlat(std::span<Value> arguments) {
  // No message is made of an answer.
  if (incoming_.ask && arguments.size() == 2) {
    if (arguments[0] == Value::ShortSymbol("fulfill", 7)) {
      return Answer(EventFlag::kKept, arguments[1]);
    }
    if (arguments[0] == Value::ShortSymbol("break", 5)) {
      return Answer(EventFlag::kBroken, arguments[1]);
    }
  }
  for (int collections = 0;;) {
    const Result made = syrup::MessageOf(heap(), arguments);
    if (made.ok()) return FinishDeliver(made.value());
    flat_ = arguments;
    const bool is_collected = CollectAgain(&collections);
    flat_ = {};
    if (!is_collected) return RefuseIncoming(core_.QuotaReason(Resource::kMemory));
  }
}

Result Session::ValueOf(const FlatArgument& argument) {
  switch (argument.kind) {
    case FlatArgument::Kind::kNil:
      return Value::Nil();
    case FlatArgument::Kind::kBool:
      return Value::Bool(argument.is_true);
    case FlatArgument::Kind::kInt:
      return MakeInt(heap(), argument.integer);
    case FlatArgument::Kind::kFloat:
      return MakeFloat(heap(), argument.number);
    case FlatArgument::Kind::kText:
      return syrup::TextOf(heap(), argument.bytes(), argument.is_ascii);
    case FlatArgument::Kind::kBytes:
      return MakeBytes(heap(), argument.bytes());
    case FlatArgument::Kind::kSymbol:
      return argument.size <= static_cast<size_t>(kShortBytesMax)
                 ? SymbolTable::Short(argument.bytes())
                 : core_.symbols().Intern(argument.bytes());
    case FlatArgument::Kind::kReference:
      break;
  }
  return RefOf({argument.reference, argument.position});
}

// The peer settles something of ours.
void Session::SettleAsk(uint64_t position, const ExportTable::Found& ask, EventFlag how,
                        Value value) {
  // The first one counts.
  if (ask.value.is_nil()) return;
  exports_.EndAsk(position);
  if (how == EventFlag::kBroken) {
    ReturnAnswer(ask);
    core_.Break(ask.value, value);
    return;
  }
  // Messages go on the way that they took so far, unless that is where the value lives: none may
  // overtake those before it.
  Value route;
  if (IsPromise(ask.value)) {
    Object* root = promise::Root(heap(), ask.value.target());
    if (promise::StateOf(root) == promise::State::kPending) route = promise::RouteOf(root);
    if (!route.is_nil() && value.is_target() && !IsOfPeer(value)) {
      promise::KeepRoute(root);
      Failure why;
      // What was no answer is an import, which is returned when the route has died.
      if (ask.answer != ExportTable::kNoAnswer &&
          kept_answers_.Add(ask.answer, route, &why) == nullptr) {
        AbortLater("the answers that are kept are more than can be");
      }
      // What is settled later keeps its own promise until then, so that the route is not lost.
      if (IsPromise(value)) return core_.ListenOn(payer_, value, ask.value);
      core_.Keep(ask.value, value);
      return;
    }
  }
  ReturnAnswer(ask);
  core_.Keep(ask.value, value);
}

// The route of a settled promise is not needed any more.
void Session::ReturnAnswer(const ExportTable::Found& ask) {
  if (ask.answer == ExportTable::kNoAnswer) return;
  if (IsPromise(ask.value)) {
    const Object* root = promise::Root(heap(), ask.value.target());
    const Value route = promise::RouteOf(root);
    const FarCode* code = FarCodeOf(route);
    if (code != nullptr && code->session() == this) {
      Object* far = actor::Holder(route.target());
      const auto known = far_ref::DescriptorOf(far);
      if (known && *known == Descriptor{Descriptor::Kind::kAnswer, ask.answer})
        far_ref::Return(far);
    }
  }
  if (!session_planted::Is(session_planted::kAnswerNotReturned)) returned_.push_back(ask.answer);
  FlushLater();
}

absl::Status Session::MakeSlot(const std::optional<uint64_t>& answer,
                               const std::optional<Descriptor>& resolver, Value* slot) {
  if (!answer && !resolver) return absl::OkStatus();
  Value listener;
  if (resolver) {
    const Result imported = Import(resolver->position);
    if (!imported.ok()) return ImportFailed();
    listener = imported.value();
  }
  const Value promise = core_.NewPromise();
  if (answer) {
    if (answers_.Find(*answer) != nullptr) {
      return WrongField("op:deliver", "answer-pos", absl::StrCat("answer ", *answer, " is in use"));
    }
    const bool is_full = answers_.size() >= limits_.answers_max;
    Failure why;
    if (answers_.Add(*answer, promise, &why) == nullptr) {
      return WrongField("op:deliver", "answer-pos",
                        absl::StrCat("there are more than ", 2 * limits_.answers_max,
                                     " answers that were not returned"));
    }
    if (is_full) {
      is_over_limit_ = true;
      core_.Break(promise, Full());
    }
  }
  if (!listener.is_nil()) core_.ListenOn(payer_, promise, listener);
  *slot = promise;
  return absl::OkStatus();
}

absl::Status Session::DoBootstrap(const Operation& op) {
  Value slot;
  if (absl::Status s = MakeSlot(op.answer, op.resolver, &slot); !s.ok()) return s;
  BootstrapCall call;
  if (absl::Status status = ReadBootstrapCall(codec().reader, op, &call); !status.ok()) {
    incoming_.slot = slot;
    refusal_ = std::string(status.message());
    // Its arguments are read all the same: references in them are counted, and may be false. A
    // certificate has none, and is no value.
    return call.kind == BootstrapCall::Kind::kWithdrawGift
               ? RefuseIncoming(core_.Reason("type", std::exchange(refusal_, {})))
               : ReadArguments();
  }
  incoming_ = {};
  host_.Wake();
  switch (call.kind) {
    case BootstrapCall::Kind::kFetch:
      host_.Fetch(call.swiss, Across(slot, Direction::kOut));
      return absl::OkStatus();
    case BootstrapCall::Kind::kDepositGift: {
      Value gift;
      if (absl::Status s = FindTarget(call.gift, "deposit-gift", &gift); !s.ok()) return s;
      if (absl::Status s = host_.Deposit(*this, call.gift_id, gift); !s.ok()) {
        core_.Break(slot, core_.Reason("full", std::string(s.message())));
      } else {
        core_.Keep(slot, Value::Nil());
      }
      return absl::OkStatus();
    }
    case BootstrapCall::Kind::kWithdrawGift:
      host_.Withdraw(*this, call.receive, Across(slot, Direction::kOut));
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------------------
// listen, get, index, untag, garbage

absl::Status Session::DoListen(const Operation& op) {
  Value target;
  if (absl::Status s = FindTarget(op.to, "op:listen", &target); !s.ok()) return s;
  const Result resolver = Import(op.resolver->position);
  if (!resolver.ok()) return ImportFailed();
  host_.Wake();
  if (!IsPromise(target)) {
    core_.Keep(resolver.value(), target);
    return absl::OkStatus();
  }
  const bool is_full = listeners_.size() >= limits_.listens_max;
  const Value listener =
      far_ref::MakeListener(heap(), far_code_, op.resolver->position, resolver.value());
  Failure why;
  if (listeners_.Add(next_listener_++, listener, &why) == nullptr) {
    return WrongField("op:listen", "to-desc",
                      absl::StrCat("there are more than ", listeners_.entries_max(), " listeners"));
  }
  if (is_full) {
    core_.Break(listener, Full());
  } else {
    core_.ListenOn(payer_, target, listener);
  }
  return absl::OkStatus();
}

absl::Status Session::DoQuery(const Operation& op) {
  Value target, slot;
  if (absl::Status s = FindTarget(op.to, NameOf(op.kind), &target); !s.ok()) return s;
  if (absl::Status s = MakeSlot(op.answer, std::nullopt, &slot); !s.ok()) return s;
  host_.Wake();
  Query query = {.kind = Query::Kind::kIndex, .index = op.index};
  if (op.kind != Operation::Kind::kIndex) {
    query.kind = op.kind == Operation::Kind::kGet ? Query::Kind::kGet : Query::Kind::kUntag;
    const bool is_text = op.kind == Operation::Kind::kGet;
    const Result name = is_text ? MakeText(heap(), op.name) : core_.symbols().Intern(op.name);
    if (!name.ok()) {
      core_.Break(slot, core_.Reason("limit", "a name of that length"));
      return absl::OkStatus();
    }
    query.name = name.value();
  }
  Ask(core_, payer_, target, query, slot);
  return absl::OkStatus();
}

absl::Status Session::DoGcExports(GcEntries entries) {
  GcEntry entry;
  while (entries.Next(&entry)) {
    // The bootstrap is there for good; some count it.
    if (entry.position == 0) continue;
    const std::optional<ExportTable::Found> found = exports_.Find(entry.position);
    if (!exports_.Release(entry.position, entry.delta)) {
      return WrongField(
          "op:gc-exports", "wire-delta",
          absl::StrCat("export ", entry.position, " is not out ", entry.delta, " times"));
    }
    // Given back without an answer: there will be none.
    if (found->is_ask && !found->value.is_nil() && !exports_.Find(entry.position)) {
      ReturnAnswer(*found);
      core_.Break(found->value, core_.Reason("disconnected"));
      host_.Wake();
    }
  }
  return absl::OkStatus();
}

absl::Status Session::DoGcAnswers(GcEntries entries) {
  GcEntry entry;
  while (entries.Next(&entry)) {
    PositionTable::Entry* answer = answers_.Find(entry.position);
    if (answer == nullptr) {
      return WrongField("op:gc-answers", "answer-pos",
                        absl::StrCat("no answer ", entry.position, " is there"));
    }
    answers_.Remove(answer);
  }
  return absl::OkStatus();
}

}  // namespace vesicle
