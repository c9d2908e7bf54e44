// Directory refs. Each request is done on the pool of threads; one at a time for all
// refs that came from one grant, so that their order is that of the messages.
//
// What is to be written stands in the heap, paid for already, and the pool reads it
// there: no copy waits. Small things, which the collector moves, are copied.
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>

#include "vm/loop/beneath.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/loop/uv_handle.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

struct Bytes {
  std::string bytes;
  bool is_text;
};
using Names = std::vector<std::string>;
using Done = std::variant<std::monostate, bool, Bytes, Names, FileInfo, Directory>;
using Outcome = absl::StatusOr<Done>;

// A text or bytes that the pool of threads can read while the VM runs. Made and destroyed on the
// VM's thread.
class Content {
 public:
  Content(Heap& heap, Value value) {
    const std::string_view bytes = IsText(value) ? TextView(value) : BytesView(value);
    if (value.is_pointer() && value.data()->is_old()) {
      held_ = Root(heap, value);
      in_heap_ = bytes;
    } else {
      copy_ = bytes;
    }
  }
  std::string_view view() const { return in_heap_.data() != nullptr ? in_heap_ : copy_; }

 private:
  Root held_;
  std::string_view in_heap_;
  std::string copy_;  // at most Heap::kYoungBytesMax
};

// The grant: what all its refs share.
class Files final : public LoopDevice, public std::enable_shared_from_this<Files> {
 public:
  Files(VmLoop& loop, DirectoryOptions options) : LoopDevice(loop), options_(options) {}

  // Messages come to the refs made by RefTo.
  void Handle(Turn&) override {}
  bool IsPending() const override { return !jobs_.empty(); }
  void Close() override;

  Value RefTo(Directory directory, Access access) {
    auto handle = [self = shared_from_this(), directory = std::move(directory),
                   access](Turn& turn) {
      if (self->is_closed()) return RefuseClosed(turn);
      self->Request(turn, directory, access);
      VmLoop::Keep(self);
    };
    return vm().Create(MakeNativeBehavior(vm().core(), "directory", std::move(handle))).value();
  }

 private:
  using Work = absl::AnyInvocable<Outcome()>;
  struct Job {
    ReplySlot asker;
    Work work;
    Access access;
  };
  // The job under way, which the pool has in its hands. The work may read the heap: when the loop
  // closes it is over, or never begins.
  struct Flight {
    explicit Flight(Work work_in) : work(std::move(work_in)) {}
    void Run() {
      const std::lock_guard<std::mutex> lock(mutex);
      if (work) outcome = work();
    }
    void End() {
      const std::lock_guard<std::mutex> lock(mutex);
      work = {};
    }
    std::mutex mutex;
    Work work;
    Outcome outcome = Done();
  };

  void Request(Turn& turn, const Directory& in, Access access);
  // The work for one that only reads, or writes; none: its fields are of the wrong kind.
  Work Reading(Turn& turn, const Directory& in);
  Work Writing(Turn& turn, const Directory& in);
  void Start();
  void Answer(Job& job, Outcome outcome);
  Value ReasonOf(const absl::Status& status);

  size_t CountOpened();

  DirectoryOptions options_;
  std::deque<Job> jobs_;  // the first one is under way
  std::shared_ptr<Flight> flight_;
  std::vector<std::weak_ptr<const DirectoryFd>> opened_;
};

// A text field as a path; nullopt when it is none.
std::optional<std::string> PathOf(Value message, size_t index) {
  const Value field = FieldsOf(message)[index];
  if (!IsText(field)) return std::nullopt;
  return std::string(TextView(field));
}

Files::Work Files::Reading(Turn& turn, const Directory& in) {
  const Value m = turn.message();
  const bool has_path = HasTag(m) && FieldsOf(m).size() == 1;
  if (!has_path) return {};
  const Value tag_symbol = TagOf(m);
  const std::string tag(SymbolView(tag_symbol));
  std::optional<std::string> path = PathOf(m, 0);
  if (!path) return {};
  if (tag == "read" || tag == "read_bytes") {
    return [in, path = *path, bytes_max = options_.file_bytes_max,
            is_text = tag == "read"]() -> Outcome {
      absl::StatusOr<std::string> bytes = ReadBeneath(*in, path, bytes_max);
      if (!bytes.ok()) return bytes.status();
      return Bytes{*std::move(bytes), is_text};
    };
  }
  if (tag == "list") {
    return [in, path = *path, names_max = options_.names_max]() -> Outcome {
      absl::StatusOr<Names> names = ListBeneath(*in, path, names_max);
      if (!names.ok()) return names.status();
      return *std::move(names);
    };
  }
  if (tag == "info" || tag == "exists") {
    return [in, path = *path, only_whether = tag == "exists"]() -> Outcome {
      const absl::StatusOr<FileInfo> info = InfoBeneath(*in, path);
      if (only_whether && absl::IsNotFound(info.status())) return Done(false);
      if (!info.ok()) return info.status();
      return only_whether ? Done(true) : Done(*info);
    };
  }
  if (tag == "open_dir") {
    return [in, path = *path]() -> Outcome {
      absl::StatusOr<Directory> directory = OpenDirectoryBeneath(*in, path);
      if (!directory.ok()) return directory.status();
      return *std::move(directory);
    };
  }
  return {};
}

Files::Work Files::Writing(Turn& turn, const Directory& in) {
  const Value m = turn.message();
  if (Is(m, "make_dir", 1) || Is(m, "remove", 1)) {
    std::optional<std::string> path = PathOf(m, 0);
    if (!path) return {};
    return [in, path = *path, makes = Is(m, "make_dir", 1)]() -> Outcome {
      const absl::Status status =
          makes ? MakeDirectoryBeneath(*in, path) : RemoveBeneath(*in, path);
      if (!status.ok()) return status;
      return Done();
    };
  }
  if (Is(m, "rename", 2)) {
    std::optional<std::string> from = PathOf(m, 0), to = PathOf(m, 1);
    if (!from || !to) return {};
    return [in, from = *from, to = *to]() -> Outcome {
      const absl::Status status = RenameBeneath(*in, from, to);
      if (!status.ok()) return status;
      return Done();
    };
  }
  if (!Is(m, "write", 2) && !Is(m, "append", 2)) return {};
  std::optional<std::string> path = PathOf(m, 0);
  const Value what = FieldsOf(m)[1];
  if (!path || (!IsText(what) && !IsBytes(what))) return {};
  const std::string_view bytes = IsText(what) ? TextView(what) : BytesView(what);
  if (bytes.size() > options_.file_bytes_max) {
    return [bytes_max = options_.file_bytes_max]() -> Outcome {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", bytes_max, " bytes at once"));
    };
  }
  turn.Charge(static_cast<int64_t>(bytes.size() / 64));
  const WriteMode mode = Is(m, "write", 2) ? WriteMode::kReplace : WriteMode::kAppend;
  return [in, path = *path, content = Content(vm().core().heap(), what), mode]() -> Outcome {
    const absl::Status status = WriteBeneath(*in, path, content.view(), mode);
    if (!status.ok()) return status;
    return Done();
  };
}

bool IsWriting(Value m) {
  return Is(m, "write", 2) || Is(m, "append", 2) || Is(m, "make_dir", 1) || Is(m, "remove", 1) ||
         Is(m, "rename", 2);
}

bool IsReading(Value m) {
  return Is(m, "read", 1) || Is(m, "read_bytes", 1) || Is(m, "list", 1) || Is(m, "info", 1) ||
         Is(m, "exists", 1) || Is(m, "open_dir", 1);
}

void Files::Request(Turn& turn, const Directory& in, Access access) {
  const Value m = turn.message();
  if (Is(m, "read_only", 0)) return turn.Reply(RefTo(in, Access::kRead));
  const bool writes = IsWriting(m);
  if (writes && access == Access::kRead) {
    return turn.Fault("denied", "this directory is read-only; run with --allow-write=DIR to write");
  }
  if (!writes && !IsReading(m)) {
    return Refuse(turn,
                  "a directory takes #read(path), #read_bytes, #list, #info, #exists, #open_dir, "
                  "#read_only, #write(path, text), #append, #make_dir, #remove and "
                  "#rename(from, to)");
  }
  if (jobs_.size() >= options_.waiting_max) {
    return turn.Fault("full", absl::StrCat(options_.waiting_max, " requests wait already"));
  }
  Work work = writes ? Writing(turn, in) : Reading(turn, in);
  if (!work) return turn.Fault("type", "a path is a text, and what is written a text or bytes");
  jobs_.push_back({turn.TakeReply(), std::move(work), access});
  if (jobs_.size() == 1) Start();
}

void Files::Close() {
  if (flight_ != nullptr) flight_->End();
  flight_.reset();
  jobs_.clear();
}

void Files::Start() {
  flight_ = std::make_shared<Flight>(std::move(jobs_.front().work));
  RunOnPool(
      loop().uv(), [flight = flight_] { flight->Run(); },
      [flight = flight_, self = shared_from_this()] {
        if (self->is_closed()) return;
        self->flight_.reset();
        flight->End();
        Job job = std::move(self->jobs_.front());
        self->jobs_.pop_front();
        self->Answer(job, std::move(flight->outcome));
        if (!self->jobs_.empty()) self->Start();
        self->loop().Wake();
      });
}

size_t Files::CountOpened() {
  std::erase_if(opened_, [](const auto& directory) { return directory.expired(); });
  return opened_.size();
}

// About what the answer takes in the heap.
size_t SizeOf(const Done& done) {
  if (const Bytes* bytes = std::get_if<Bytes>(&done)) return bytes->bytes.size() + kObjectBytes;
  size_t size = 16 * kObjectBytes;
  if (const Names* names = std::get_if<Names>(&done)) {
    for (const std::string& name : *names) size += name.size() + kObjectBytes;
  }
  return size;
}

void Files::Answer(Job& job, Outcome outcome) {
  Core& core = vm().core();
  const auto paying = job.asker.payer().Pay(outcome.ok() ? SizeOf(*outcome) : 0);
  if (!outcome.ok()) return job.asker.Break(ReasonOf(outcome.status()));
  Build build(core);
  const auto keep = [&](Value value) {
    build.failed() ? job.asker.Break(core.QuotaReason(Resource::kMemory)) : job.asker.Keep(value);
  };
  if (const bool* yes = std::get_if<bool>(&*outcome)) return keep(Value::Bool(*yes));
  if (const Bytes* bytes = std::get_if<Bytes>(&*outcome)) {
    if (!bytes->is_text) return keep(build.Bytes(bytes->bytes));
    if (IsValidUtf8(bytes->bytes)) return keep(build.Text(bytes->bytes));
    return job.asker.Break(core.Reason("type", "the file is no UTF-8; try #read_bytes"));
  }
  if (const Names* names = std::get_if<Names>(&*outcome)) {
    std::vector<Value> texts;
    texts.reserve(names->size());
    for (const std::string& name : *names) texts.push_back(build.Text(name));
    return keep(build.List(texts));
  }
  if (const FileInfo* info = std::get_if<FileInfo>(&*outcome)) {
    const char* kind = info->kind == FileInfo::Kind::kFile        ? "file"
                       : info->kind == FileInfo::Kind::kDirectory ? "dir"
                                                                  : "other";
    const Heap::BeyondAllowance beyond(core.heap());
    return keep(build.Map({{"kind", build.Symbol(kind)},
                           {"size", build.Int(static_cast<int64_t>(info->size_bytes))},
                           {"modified", build.Int(info->modified_ns)}}));
  }
  if (const Directory* directory = std::get_if<Directory>(&*outcome)) {
    // What nobody holds any more does not count.
    if (CountOpened() >= options_.opened_max) job.asker.payer().Collect();
    if (CountOpened() >= options_.opened_max) {
      return job.asker.Break(
          core.Reason("full", absl::StrCat(options_.opened_max, " directories are open already")));
    }
    opened_.push_back(*directory);
    return keep(RefTo(*directory, job.access));
  }
  keep(Value::Nil());
}

Value Files::ReasonOf(const absl::Status& status) {
  const char* tag = "io";
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      tag = "not_found";
      break;
    case absl::StatusCode::kAlreadyExists:
      tag = "exists";
      break;
    case absl::StatusCode::kPermissionDenied:
      tag = "denied";
      break;
    case absl::StatusCode::kResourceExhausted:
      tag = "limit";
      break;
    case absl::StatusCode::kInvalidArgument:
      tag = "type";
      break;
    default:
      break;
  }
  return vm().core().Reason(tag, {status.message().data(), status.message().size()});
}

}  // namespace

absl::StatusOr<Root> MakeDirectory(VmLoop& loop, const std::string& path, Access access,
                                   DirectoryOptions options) {
  absl::StatusOr<Directory> directory = OpenDirectory(path);
  if (!directory.ok()) return directory.status();
  auto files = std::make_shared<Files>(loop, options);
  loop.Add(files);
  return Root(loop.vm().core().heap(), files->RefTo(*std::move(directory), access));
}

}  // namespace vesicle
