#include "transport/session/session_parcel.h"

#include <cstring>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/planted.h"

namespace vesicle {
namespace {

using parcel::OpWord;
using parcel::Words;

constexpr size_t kWordBytes = sizeof(uint64_t);
enum class FrameKind : uint8_t { kMessage = 1, kSyrup = 2 };
constexpr size_t kMessageHeader = 4;  // words
constexpr size_t kSyrupHeader = 2;
constexpr uint64_t kHasAnswer = uint64_t{1} << 16;
constexpr uint64_t kHasResolver = uint64_t{1} << 17;

constexpr uint64_t FrameWord(FrameKind kind, uint64_t bits, size_t words) {
  return static_cast<uint64_t>(kind) | bits | uint64_t{words} << 32;
}
uint64_t WordAt(std::string_view bytes, size_t i) {
  uint64_t word;
  std::memcpy(&word, bytes.data() + i * kWordBytes, kWordBytes);
  return word;
}
bool IsAligned(std::string_view bytes) {
  return reinterpret_cast<uintptr_t>(bytes.data()) % kWordBytes == 0;
}

syrup::Encoder::Step ToSyrup(parcel::Step step) {
  switch (step) {
    case parcel::Step::kDone:
      return syrup::Encoder::Step::kDone;
    case parcel::Step::kMore:
      return syrup::Encoder::Step::kMore;
    case parcel::Step::kNoRoom:
      return syrup::Encoder::Step::kNoRoom;
    case parcel::Step::kFailed:
      break;
  }
  return syrup::Encoder::Step::kFailed;
}

// The frame up to the value: its first words are filled in when it ends.
size_t BeginFrame(bool is_message, bool is_fulfill, Words& out) {
  const size_t begin = out.size();
  for (size_t i = 0; i < kMessageHeader; ++i) out.Push(0);
  // A settlement is the message that a resolver takes: the value in it follows.
  if (!is_message) {
    out.Push(
        (is_fulfill ? Value::ShortSymbol("fulfill", 7) : Value::ShortSymbol("break", 5)).bits());
  }
  return begin;
}

}  // namespace

Session::Parcels::Parcels(Session& session, CodeCourier* code)
    : encoder(session.heap()),
      decoder(session.heap(), session.core_.symbols(), session.core_),
      session_(session),
      code_(code),
      record_(session.limits_.message) {}

bool Session::IsParcel(const Outgoing& outgoing) const {
  return parcels_ != nullptr && !outgoing.to.is_bootstrap();
}

size_t Session::ParcelBytes() const {
  return parcels_ == nullptr ? 0 : parcels_->out.bytes().size();
}

// ---------------------------------------------------------------------------
// Out

TurnEnd Session::WriteParcel(const Outgoing& outgoing) {
  // What was written before goes before.
  if (out_.size() > 0) SendParcels();
  Words& out = parcels_->out;
  parcel::Encoder& encoder = parcels_->encoder;
  const size_t begin = BeginFrame(outgoing.kind == Outgoing::Kind::kMessage,
                                  outgoing.kind == Outgoing::Kind::kFulfill, out);
  encoder.Start(core_.turn().message, &out, limits_.message.message_bytes_max);
  const parcel::Step step = encoder.Go(*parcels_, kWriteWorkAtOnce);
  core_.fuel -= static_cast<int64_t>(encoder.work()) / kWriteWorkPerStep;
  switch (step) {
    case parcel::Step::kDone: {
      Value reason;
      if (!EndParcel(outgoing, begin, out, &reason)) return GiveUp(outgoing, reason);
      FlushLater();
      return TurnEnd::kDone;
    }
    case parcel::Step::kFailed: {
      const Value reason = ReasonOfParcel(encoder, out.size() - begin);
      out.Truncate(begin);
      UndoSends();
      return GiveUp(outgoing, reason);
    }
    case parcel::Step::kMore:
    case parcel::Step::kNoRoom:
      break;
  }
  out.Truncate(begin);
  UndoSends();
  auto state = std::make_unique<LongWriteState>(*this, outgoing);
  BeginFrame(outgoing.kind == Outgoing::Kind::kMessage, outgoing.kind == Outgoing::Kind::kFulfill,
             state->words);
  state->parcel_encoder.Start(core_.turn().message, &state->words,
                              limits_.message.message_bytes_max);
  return SuspendWriting(std::move(state));
}

bool Session::EndParcel(const Outgoing& outgoing, size_t begin, Words& out, Value* reason) {
  if (outgoing.kind != Outgoing::Kind::kMessage) {
    out.Push(OpWord(parcel::Op::kNode, Kind::kTagged, 0, 2));
  }
  Asked asked;
  if (!AskFor(outgoing, &asked, reason)) {
    out.Truncate(begin);
    UndoSends();
    return false;
  }
  uint64_t bits = uint64_t{static_cast<uint8_t>(outgoing.to.kind)} << 8;
  if (asked.answer) bits |= kHasAnswer;
  if (asked.ask) bits |= kHasResolver;
  out.Set(begin, FrameWord(FrameKind::kMessage, bits, out.size() - begin));
  out.Set(begin + 1, outgoing.to.position);
  out.Set(begin + 2, asked.answer.value_or(0));
  out.Set(begin + 3, asked.ask.value_or(0));
  CommitOutgoing(asked);
  return true;
}

bool Session::WriteParcelAtOnce(const Outgoing& outgoing, Value value) {
  if (out_.size() > 0) SendParcels();
  Words& out = parcels_->out;
  const size_t begin = BeginFrame(outgoing.kind == Outgoing::Kind::kMessage,
                                  outgoing.kind == Outgoing::Kind::kFulfill, out);
  parcels_->encoder.Start(value, &out, limits_.message.message_bytes_max);
  Value ignored;
  if (parcels_->encoder.Go(*parcels_, kWriteWorkAtOnce) == parcel::Step::kDone) {
    return EndParcel(outgoing, begin, out, &ignored);
  }
  out.Truncate(begin);
  UndoSends();
  return false;
}

syrup::Encoder::Step Session::GoOnPacking(LongWriteState& state) {
  SwapSent(state);
  const uint64_t before = state.parcel_encoder.work();
  const parcel::Step step = state.parcel_encoder.Go(*parcels_, kWriteWorkOfPiece);
  core_.fuel -= static_cast<int64_t>(state.parcel_encoder.work() - before) / kWriteWorkPerStep;
  SwapSent(state);
  state.held.Set(state.words.bytes_held());
  if (step == parcel::Step::kFailed) state.is_failed = true;
  return ToSyrup(step);
}

TurnEnd Session::FinishPacking(LongWriteState& state) {
  Value reason;
  if (state.is_failed) {
    reason = ReasonOfParcel(state.parcel_encoder, state.words.size());
    UndoSends();
  } else if (!HasRoomToSend()) {
    reason = Full();
    UndoSends();
  } else if (EndParcel(state.outgoing, 0, state.words, &reason)) {
    Flush();
    Send(state.words.bytes());
    return TurnEnd::kDone;
  }
  return GiveUp(state.outgoing, reason);
}

Value Session::ReasonOfParcel(const parcel::Encoder& encoder, size_t at) {
  syrup::Error error = {.wrong = syrup::Wrong::kNoData, .limit = 0, .at = at * kWordBytes};
  if (encoder.is_too_long()) {
    error.wrong = syrup::Wrong::kTooLong;
    error.limit = limits_.message.message_bytes_max;
  } else if (encoder.failure() == Failure::kTooBig) {
    error.wrong = syrup::Wrong::kTableFull;
  }
  return ReasonOf(error);
}

// Words come before Syrup: who writes words behind Syrup has called this first.
void Session::SendParcels() {
  Words& out = parcels_->out;
  if (out.size() > 0) Send(out.bytes());
  out.Clear();
  if (out_.size() == 0) return;
  out.Push(FrameWord(FrameKind::kSyrup, 0, kSyrupHeader + parcel::WordsFor(out_.size())));
  out.Push(out_.size());
  out.Bytes(out_.bytes());
  out_.Clear();
  Send(out.bytes());
  out.Clear();
}

std::optional<Failure> Session::Parcels::WriteRef(Value ref, Words& words) {
  record_.Clear();
  record_.BeginMessage();
  std::optional<Descriptor> as;
  if (const std::optional<Failure> failure = session_.Tell(ref, record_, &as)) return failure;
  if (as) {
    words.Push(parcel::RefWord(static_cast<uint8_t>(as->kind), as->position));
    return std::nullopt;
  }
  words.Push(OpWord(parcel::Op::kRecord, Kind::kBytes, 0, record_.size()));
  words.Bytes(record_.bytes());
  return std::nullopt;
}

std::optional<Failure> Session::Parcels::WriteCode(const Object* code, Words& words) {
  const std::optional<CodeName> name = code_ == nullptr ? std::nullopt : code_->NameOf(code);
  if (!name) return Failure::kType;
  words.Push(uint64_t{name->program} | uint64_t{name->module} << 32);
  words.Push(name->unit);
  return std::nullopt;
}

// ---------------------------------------------------------------------------
// In

void Session::TakeParcels(std::string_view bytes) {
  std::string& partial = parcels_->partial;
  std::string whole;
  if (!partial.empty()) {
    partial.append(bytes);
    whole.swap(partial);
    bytes = whole;
  } else if (!IsAligned(bytes)) {
    whole.assign(bytes);
    bytes = whole;
  }
  while (stage_ == Stage::kOpen && bytes.size() >= kWordBytes) {
    const size_t size = (WordAt(bytes, 0) >> 32) * kWordBytes;
    if (size > bytes.size()) break;
    TakeParcel(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (incoming_.is_under_way && stage_ == Stage::kOpen) {
      behind_.assign(bytes);
      return Pause();
    }
  }
  if (stage_ != Stage::kOpen) return;
  partial.assign(bytes);
  PauseIfBusy();
}

void Session::TakeParcel(std::string_view frame) {
  const uint64_t first = WordAt(frame, 0);
  if (static_cast<FrameKind>(first & 255) == FrameKind::kSyrup) {
    TakeSyrup(frame.substr(kSyrupHeader * kWordBytes, WordAt(frame, 1)));
    // Only values are long, and those are words.
    VESICLE_CHECK(!incoming_.is_under_way);
    return;
  }
  if (frame.size() > kReadBytesAtOnce) {
    long_message_.assign(frame);
    frame = long_message_;
  }
  Deliver deliver = {.to = {static_cast<Descriptor::Kind>((first >> 8) & 255), WordAt(frame, 1)}};
  if ((first & kHasAnswer) != 0) deliver.answer = WordAt(frame, 2);
  if ((first & kHasResolver) != 0) {
    deliver.resolver = Descriptor{Descriptor::Kind::kImportObject, WordAt(frame, 3)};
  }
  is_over_limit_ = false;
  const Core::Paying paying(core_, payer_, static_cast<int64_t>(frame.size()));
  const absl::Status status = DoParcel(deliver, frame.substr(kMessageHeader * kWordBytes));
  if (!status.ok()) Guilty(status);
}

absl::Status Session::DoParcel(const Deliver& deliver, std::string_view words) {
  incoming_ = {};
  incoming_.args = words;
  incoming_.is_parcel = true;
  if (absl::Status s = AddressDeliver(deliver.to, deliver.answer, deliver.resolver); !s.ok()) {
    return s;
  }
  parcels_->decoder.Start(
      {reinterpret_cast<const uint64_t*>(words.data()), words.size() / kWordBytes});
  incoming_.is_under_way = true;
  return GoOnUnpacking();
}

// As GoOnDecoding.
absl::Status Session::GoOnUnpacking() {
  const bool is_long = incoming_.args.size() > kReadBytesAtOnce;
  parcel::Decoder& decoder = parcels_->decoder;
  for (int collections = 0;;) {
    switch (decoder.Go(*parcels_, is_long ? kReadWorkOfPiece : kReadWorkOfShort)) {
      case parcel::Step::kMore:
        if (is_long) return absl::OkStatus();
        continue;
      case parcel::Step::kNoRoom:
        if (CollectAgain(&collections)) continue;
        return RefuseIncoming(core_.QuotaReason(Resource::kMemory));
      case parcel::Step::kFailed:
        if (!abort_.ok()) return std::exchange(abort_, absl::OkStatus());
        if (decoder.failure() == Failure::kTooBig) return RefuseIncoming(Full());
        return RefuseIncoming(
            core_.Reason("type", "a function or a behavior that cannot be loaded here"));
      case parcel::Step::kDone:
        return is_over_limit_ ? RefuseIncoming(Full()) : FinishDeliver(decoder.value());
    }
  }
}

Result Session::Parcels::ReadRef(uint8_t kind, uint64_t position) {
  return session_.RefOf({static_cast<Descriptor::Kind>(kind), position});
}

// As it would stand in a message of Syrup.
Result Session::Parcels::ReadRecord(std::string_view bytes) {
  SessionCodec& codec = session_.codec();
  codec.reader.Reset(bytes);
  codec.decoder.Start(syrup::Decoder::As::kValue, &codec.reader);
  switch (codec.decoder.Go(session_, kReadWorkOfShort)) {
    case syrup::Decoder::Step::kDone:
      return codec.decoder.value();
    case syrup::Decoder::Step::kNoRoom:
      return Failure::kMemory;
    default:
      return session_.AbortWith(absl::InternalError(
          absl::StrCat("op:deliver, args: ", codec.decoder.error().ToString())));
  }
}

Result Session::Parcels::ReadCode(uint64_t first, uint64_t second) {
  if (code_ == nullptr) return Failure::kType;
  return code_->CodeOf({.program = static_cast<uint32_t>(first),
                        .module = static_cast<uint32_t>(first >> 32),
                        .unit = static_cast<uint32_t>(second)});
}

}  // namespace vesicle
