// The console: lines to standard output and error.
#include <algorithm>
#include <deque>
#include <utility>

#include "vm/loop/byte_writer.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/value/escape.h"
#include "vm/value/print.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

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
    // What was said before to the other stream comes first.
    if (is_error) out_.writer.Flush();
    Stream& stream = is_error ? error_ : out_;
    ByteWriter& writer = stream.writer;
    if (writer.is_broken()) return turn.Fault("disconnected", "the console's other end is closed");
    std::string& to = writer.buffer();
    const uint64_t before = writer.appended();
    if (IsText(message)) {
      if (TextView(message).size() > options_.message_bytes_max) {
        return turn.Fault("limit", absl::StrCat("a console message of more than ",
                                                options_.message_bytes_max, " bytes"));
      }
      AppendShown(TextView(message), writer);
    } else {
      to += Print(message, {.bytes_max = options_.value_bytes_max});
    }
    if (!is_write) to += '\n';
    // Less than before: the other end was closed meanwhile.
    const uint64_t shown = std::max(writer.appended(), before) - before;
    turn.Charge(static_cast<int64_t>(shown / 64));
    // What had to be escaped takes longer.
    const uint64_t had = IsText(message) ? TextView(message).size() : shown;
    if (shown > had) turn.Charge(static_cast<int64_t>((shown - had) / 4));
    if (turn.is_asked()) stream.askers.push_back({turn.TakeReply(), writer.appended()});
    if (is_error) writer.Flush();
  }

  void Flush() override {
    out_.writer.Flush();
    error_.writer.Flush();
    Progress();
  }

  bool IsPending() const override {
    for (const Stream* stream : {&out_, &error_}) {
      if (stream->writer.pending() > 0 || !stream->askers.empty()) return true;
    }
    return false;
  }

  void Close() override {
    Flush();
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

  // In pieces, so that the buffer stays small where the other end takes them.
  static void AppendShown(std::string_view text, ByteWriter& writer) {
    constexpr size_t kAtOnce = size_t{64} << 10;
    while (!text.empty()) {
      size_t size = std::min(text.size(), kAtOnce);
      // Up to where a code point begins.
      while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
      AppendEscaped(text.substr(0, size), Escape::kPlain, &writer.buffer());
      text.remove_prefix(size);
      if (!text.empty()) writer.Flush();
    }
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
          first.slot.Break(vm().Tagged("disconnected", "the console's other end is closed"));
        } else {
          break;
        }
        stream->askers.pop_front();
        any = true;
      }
    }
    if (any) loop().Wake();
    const bool pause = out_.writer.pending() + error_.writer.pending() > options_.pending_bytes_max;
    if (pause != paused_) {
      paused_ = pause;
      pause ? loop().PauseTurns() : loop().ResumeTurns();
    }
    if (out_.writer.is_broken() && options_.on_closed) std::exchange(options_.on_closed, {})();
  }

  ConsoleOptions options_;
  Stream out_;
  Stream error_;
  bool paused_ = false;
};

}  // namespace

Root MakeConsole(VmLoop& loop, ConsoleOptions options) {
  return MakeDevice<Console>(loop, "console", std::move(options));
}

}  // namespace vesicle
