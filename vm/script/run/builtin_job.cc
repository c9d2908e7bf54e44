#include "vm/script/run/builtin_job.h"

#include <cstring>

#include "vm/value/bytes.h"
#include "vm/value/utf8.h"

namespace vesicle {

size_t WindowEnd(std::string_view text, size_t at, uint64_t bytes) {
  if (text.size() - at <= bytes) return text.size();
  size_t end = at + std::max<uint64_t>(bytes, 4);  // a whole code point at least
  if (end >= text.size()) return text.size();
  while (IsContinuationByte(text[end])) --end;
  return end;
}

void ByteSink::PopBack() {
  chunks_.back().pop_back();
  if (chunks_.back().empty()) chunks_.pop_back();
  --size_;
}

void ByteSink::Append(std::string_view bytes) {
  if (failure_.has_value()) return;
  if (size_ + bytes.size() > kTextBytesMax) {
    failure_ = Failure::kTooBig;
    return;
  }
  if (bytes.size() > kLongBytes && !heap_->Reserve(bytes.size())) {
    failure_ = Failure::kMemory;
    return;
  }
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (chunks_.empty() || chunks_.back().size() == kChunkBytes) {
      if (!chunks_.empty()) {
        // The first chunk is as small as it needs to be, and free.
        held_.Set(held_.bytes() + kChunkBytes);
      }
      chunks_.emplace_back();
    }
    std::string& chunk = chunks_.back();
    const size_t taken = std::min(bytes.size(), kChunkBytes - chunk.size());
    chunk.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
}

std::optional<Result> ByteSink::Finish(SinkKind kind, Piece& piece) {
  if (failure_.has_value()) return Result(*failure_);
  if (chunks_.size() <= 1) {
    const std::string_view all = chunks_.empty() ? std::string_view() : chunks_[0];
    piece.UseBytes(all.size());
    return kind == SinkKind::kText ? MakeTextUnchecked(*heap_, all) : MakeBytes(*heap_, all);
  }
  if (target_.is_nil()) {
    if (kind == SinkKind::kText) {
      const Result room = AllocateText(*heap_, size_);
      if (!room.ok()) return room;
      target_ = room.value();
    } else {
      const Result room = AllocateBytes(*heap_, size_);
      if (!room.ok()) return room;
      target_ = room.value();
    }
  }
  while (copied_ < chunks_.size()) {
    if (piece.over()) return std::nullopt;
    std::string& chunk = chunks_[copied_];
    std::memcpy(target_.data()->bytes() + copied_bytes_, chunk.data(), chunk.size());
    ascii_ = ascii_ && ClassifyUtf8(chunk) == Utf8Class::kAscii;
    copied_bytes_ += chunk.size();
    piece.UseBytes(chunk.size() * 2);
    ++copied_;
    std::string().swap(chunk);
  }
  if (kind == SinkKind::kText) SealText(target_, ascii_);
  const Value made = target_;
  Clear();
  return Result(made);
}

void ByteSink::Clear() {
  held_.Set(0);
  chunks_.clear();
  size_ = 0;
  target_ = Value::Nil();
  copied_ = 0;
  copied_bytes_ = 0;
  ascii_ = true;
}

BuiltinResult OutputJob::Run(BuiltinContext& context) {
  Piece piece(context);
  while (!produced_) {
    if (piece.over() || context.heap().over_allowance()) return BuiltinResult::More();
    const BuiltinResult result = Produce(context, piece);
    if (sink_.failure().has_value()) return context.Give(*sink_.failure(), "");
    if (result.kind() == BuiltinResult::Kind::kMore) continue;
    if (!result.ok()) return result;
    produced_ = true;
  }
  if (piece.over()) return BuiltinResult::More();
  const std::optional<Result> made = sink_.Finish(kind_, piece);
  if (!made.has_value()) return BuiltinResult::More();
  if (!made->ok() && made->failure() == Failure::kMemory) return BuiltinResult::NoRoom();
  return context.Give(*made, "");
}

BuiltinResult ListJob::Run(BuiltinContext& context) {
  Piece piece(context);
  for (;;) {
    const BuiltinResult result = Produce(context, piece);
    if (result.ok()) return BuiltinResult::Of(list_);
    if (result.kind() != BuiltinResult::Kind::kMore) return result;
    if (piece.over() || context.heap().over_allowance()) return result;
  }
}

std::optional<Outcome> PieceComparer::Compare(Value a, Value b, CompareMode mode, Piece& piece) {
  if (!under_way_) {
    uint64_t work = 0;
    const Outcome shallow = CompareShallow(a, b, mode, nullptr, &work);
    piece.Use(1 + work);
    if (shallow != Outcome::kMore) return shallow;
    if (deep_ == nullptr) {
      deep_ = std::make_unique<Comparer>();
      held_.emplace(piece.heap());
    }
    deep_->Start(a, b, mode);
    under_way_ = true;
  } else if (moved_) {
    deep_->OnMoved();
  }
  moved_ = false;
  const uint64_t before = deep_->work();
  const Outcome outcome = deep_->Run(piece.steps());
  piece.Use(1 + deep_->work() - before);
  held_->Set(deep_->bytes_held());
  if (outcome == Outcome::kMore) return std::nullopt;
  under_way_ = false;
  return outcome;
}

void PieceComparer::Visit(Visitor& visitor) {
  if (!under_way_) return;
  deep_->Visit(visitor);
  moved_ = true;
}

}  // namespace vesicle
