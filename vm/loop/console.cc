// The console: lines to standard output and error.
#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "vm/heap/external_bytes.h"
#include "vm/loop/byte_writer.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/bigint_pieces.h"
#include "vm/value/escape.h"
#include "vm/value/number.h"
#include "vm/value/number_text.h"
#include "vm/value/print.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

constexpr const char* kClosed = "the console's other end is closed";
// Bytes that are shown in one piece.
constexpr size_t kAtOnce = size_t{64} << 10;

class Console final : public LoopDevice {
 public:
  Console(VmLoop& loop, ConsoleOptions options)
      : LoopDevice(loop),
        options_(std::move(options)),
        out_{{loop.uv(), options_.out_fd, [this] { Progress(); }}, {}},
        error_{{loop.uv(), options_.error_fd, [this] { Progress(); }}, {}} {}

  void Handle(Turn& turn) override {
    Value message = turn.message();
    const bool is_error = Is(message, "error", 1);
    const bool is_write = Is(message, "write", 1);
    if (is_error || is_write) message = FieldsOf(message)[0];
    Line line{.stream = is_error ? &error_ : &out_, .has_end = !is_write};
    if (line.stream->writer.is_broken()) return turn.Fault("disconnected", kClosed);
    if (IsText(message)) {
      const uint64_t size = TextView(message).size();
      if (size > options_.message_bytes_max) {
        return turn.Fault("limit", absl::StrCat("a console message of more than ",
                                                options_.message_bytes_max, " bytes"));
      }
      // What waits takes a slice of everybody's for each piece. What has to be escaped takes
      // longer.
      const bool waits = size > kAtOnce || !lines_.empty();
      const uint64_t steps = size / (waits ? 8 : 64) + CountUnusual(TextView(message));
      const Root text(turn.core().heap(), message);
      if (waits && !turn.ChargeBefore(static_cast<int64_t>(steps), 0)) return;
      if (!waits) turn.Charge(static_cast<int64_t>(steps));
      line.text = text;
    } else if (IsInt(message) && DecimalDigitsMax(message) > kDigitsAtOnce) {
      const uint64_t steps = NumberWork(NumberOp::kToText, message, message);
      const Root number(turn.core().heap(), message);
      if (!turn.ChargeBefore(static_cast<int64_t>(steps), 0)) return;
      line.digits = std::make_unique<bigint::DigitPieces>(number.value(), 10);
    } else {
      line.printed = Print(message, {.bytes_max = options_.value_bytes_max});
      turn.Charge(static_cast<int64_t>(line.printed.size() / 64));
    }
    if (turn.is_asked()) line.asker = turn.TakeReply();
    const bool is_first = lines_.empty();
    lines_.push_back(std::move(line));
    if (is_first) ShowPiece();
    if (lines_.empty()) return;
    // The others, and the rest of this one, at the end of slices; who waits pays for the place.
    Line& last = lines_.back();
    last.held.emplace(turn.core().heap(),
                      sizeof(Line) + last.printed.size() +
                          (last.digits == nullptr ? 0 : last.digits->bytes_held()));
  }

  void Flush() override {
    if (!paused_) ShowPiece();
    out_.writer.Flush();
    error_.writer.Flush();
    Progress();
  }

  bool IsPending() const override {
    if (!lines_.empty()) return true;
    for (const Stream* stream : {&out_, &error_}) {
      if (stream->writer.pending() > 0 || !stream->askers.empty()) return true;
    }
    return false;
  }

  void Close() override {
    while (!lines_.empty()) ShowPiece();
    out_.writer.Flush();
    error_.writer.Flush();
    Progress();
    for (Stream* stream : {&out_, &error_}) {
      stream->writer.Close();
      stream->askers.clear();
    }
    if (std::exchange(paused_, false)) loop().ResumeTurns();
  }

 private:
  struct Asker {
    ReplySlot slot;
    uint64_t position;  // answered when everything up to here is written
  };
  struct Stream {
    ByteWriter writer;
    std::deque<Asker> askers;
  };

  // What is to be shown. A long one, and what comes behind it, waits for its turn.
  struct Line {
    Stream* stream;
    bool has_end;
    Root text = {};                                    // shown up to `at`; or
    std::unique_ptr<bigint::DigitPieces> digits = {};  // of a long integer; or
    std::string printed = {};                          // of what is neither
    size_t at = 0;
    ReplySlot asker = {};
    std::optional<ExternalBytes> held = {};
  };

  // What would have to be escaped, or looked at: all but printable ASCII.
  static size_t CountUnusual(std::string_view text) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    size_t count = 0;
    for (; text.size() >= 8; text.remove_prefix(8)) {
      uint64_t word;
      std::memcpy(&word, text.data(), 8);
      const uint64_t low = word & (kOnes * 0x7F);
      const uint64_t is_usual = (low + kOnes * 0x60) & ~(low + kOnes) & ~word & (kOnes * 0x80);
      count += 8 - static_cast<size_t>(std::popcount(is_usual));
    }
    for (const char c : text) count += c < 0x20 || c == 0x7F;
    return count;
  }

  // Of the lines that wait, as much as one slice may take.
  void ShowPiece() {
    for (size_t left = kAtOnce; left > 0 && !lines_.empty();) {
      Line& line = lines_.front();
      // What was said before to the other stream comes first.
      if (line.stream == &error_) out_.writer.Flush();
      ByteWriter& writer = line.stream->writer;
      const uint64_t before = writer.appended();
      const bool is_whole = ShowSome(line, left, &writer.buffer());
      if (is_whole && line.has_end) writer.buffer() += '\n';
      // A line by itself takes longer than its bytes.
      constexpr uint64_t kBytesOfLine = 256;
      left -= std::min<uint64_t>(left, std::max(writer.appended(), before) - before + kBytesOfLine);
      if (!is_whole) return writer.Flush();
      if (line.asker.has_asker()) {
        line.stream->askers.push_back({std::move(line.asker), writer.appended()});
      }
      if (line.stream == &error_) writer.Flush();
      lines_.pop_front();
    }
  }

  // About so many bytes of it; true when that was all.
  static bool ShowSome(Line& line, size_t bytes, std::string* out) {
    const Value value = line.text.value();
    if (IsText(value)) {
      const std::string_view text = TextView(value).substr(line.at);
      size_t size = std::min(text.size(), bytes);
      // Up to where a code point begins.
      while (size < text.size() && IsContinuationByte(text[size])) ++size;
      AppendEscaped(text.substr(0, size), Escape::kPlain, out);
      line.at += size;
      return size == text.size();
    }
    if (line.digits == nullptr) {
      *out += line.printed;
      return true;
    }
    if (!line.digits->Run(1)) return false;
    *out += line.digits->text();
    return true;
  }

  // After bytes were written, or could not be.
  void Progress() {
    bool any = false;
    for (Stream* stream : {&out_, &error_}) {
      while (!stream->askers.empty()) {
        Asker& first = stream->askers.front();
        if (first.position <= stream->writer.written()) {
          first.slot.Keep(Value::Nil());
        } else if (stream->writer.is_broken()) {
          first.slot.Break(vm().Tagged("disconnected", kClosed));
        } else {
          break;
        }
        stream->askers.pop_front();
        any = true;
      }
    }
    const bool pause = out_.writer.pending() + error_.writer.pending() > options_.pending_bytes_max;
    if (pause != paused_) {
      paused_ = pause;
      pause ? loop().PauseTurns() : loop().ResumeTurns();
    }
    if (any || (!lines_.empty() && !paused_)) loop().Wake();
    if (out_.writer.is_broken() && options_.on_closed) std::exchange(options_.on_closed, {})();
  }

  ConsoleOptions options_;
  Stream out_;
  Stream error_;
  std::deque<Line> lines_;
  bool paused_ = false;
};

}  // namespace

Root MakeConsole(VmLoop& loop, ConsoleOptions options) {
  return MakeDevice<Console>(loop, "console", std::move(options));
}

}  // namespace vesicle
