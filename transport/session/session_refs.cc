// Session: what references in a message of the peer are here.
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/session/planted.h"
#include "transport/session/session.h"
#include "vm/actor/promise.h"

namespace vesicle {

absl::Status Session::NotExported(std::string_view operation, uint64_t position) {
  return WrongField(operation, "to-desc", absl::StrCat("nothing was exported as ", position));
}

absl::Status Session::FindTarget(const Descriptor& to, std::string_view operation, Value* target) {
  if (to.kind == Descriptor::Kind::kAnswer) {
    const PositionTable::Entry* answer = answers_.Find(to.position);
    if (answer == nullptr) {
      return WrongField(operation, "to-desc", absl::StrCat("no answer ", to.position, " is there"));
    }
    *target = answers_.Get(*answer);
    return absl::OkStatus();
  }
  const std::optional<ExportTable::Found> found = exports_.Find(to.position);
  if (!found) return NotExported(operation, to.position);
  // What the peer is to settle is a resolver for whoever it hands it to.
  *target = found->is_ask ? ResolverOf(*found) : found->value;
  return absl::OkStatus();
}

Value Session::ResolverOf(const ExportTable::Found& ask) {
  if (IsPromise(ask.value)) return core_.NewResolver(ask.value);
  const Value promise = core_.NewPromise();
  if (!ask.value.is_nil()) core_.ListenOn(payer_, promise, ask.value);
  return core_.NewResolver(promise);
}

// Whether messages to it go to the peer anyway, in order.
bool Session::IsOfPeer(Value ref) {
  if (IsPromise(ref)) {
    const Object* root = promise::Root(heap(), ref.target());
    if (promise::StateOf(root) == promise::State::kKept && !promise::RouteOf(root).is_nil()) {
      return IsOfPeer(promise::RouteOf(root));
    }
    if (promise::StateOf(root) == promise::State::kKept) {
      const Value outcome = promise::Outcome(root);
      return !outcome.is_target() || IsOfPeer(outcome);
    }
    if (promise::StateOf(root) == promise::State::kBroken) return true;
    ref = promise::RouteOf(root);
  }
  const FarCode* code = FarCodeOf(ref);
  return code != nullptr && code->session() == this;
}

Value Session::Across(Value slot, Direction way) {
  if (!wall_ || slot.is_nil()) return slot;
  const Value promise = core_.NewPromise();
  const Result beyond = wall_->Pass(promise, way);
  if (!beyond.ok()) {
    core_.Break(slot, CrossingReason(core_, beyond.failure()));
    return Value::Nil();
  }
  core_.Keep(slot, beyond.value());
  return promise;
}

absl::Status Session::ImportFailed() {
  if (!abort_.ok()) return std::exchange(abort_, absl::OkStatus());
  return absl::ResourceExhaustedError("there is no memory for another reference");
}

Result Session::AbortWith(absl::Status status) {
  abort_ = std::move(status);
  return Failure::kType;
}

Result Session::Imported(const Descriptor& import) {
  return import.kind == Descriptor::Kind::kImportPromise ? ImportPromise(import.position)
                                                         : Import(import.position);
}

// The far ref of that position, counted once more.
Result Session::Import(uint64_t position) {
  PositionTable::Entry* entry = imports_.Find(position);
  if (entry == nullptr) {
    if (imports_.size() >= limits_.imports_max) is_over_limit_ = true;
    Failure why = Failure::kMemory;
    entry = imports_.Add(position, Value::Nil(), &why);
    if (entry == nullptr && why == Failure::kTooBig) {
      return AbortWith(
          WrongField("op:deliver", "args",
                     absl::StrCat("there are more than ", imports_.entries_max(), " imports")));
    }
    if (entry == nullptr) return why;
    imports_.Set(*entry, far_ref::Make(heap(), far_code_, position));
  }
  Value far = imports_.Get(*entry);
  if (far == Value::Absent()) {
    far = far_ref::Make(heap(), far_code_, position);
    imports_.Set(*entry, far);
  }
  if (session_planted::Is(session_planted::kImportNotCounted) && entry->count > 0) return far;
  ++entry->count;
  return far;
}

// A promise that stands for the one of that position.
Result Session::ImportPromise(uint64_t position) {
  PositionTable::Entry* entry = promises_.Find(position);
  const Value known = entry == nullptr ? Value::Absent() : promises_.Get(*entry);
  if (!(known == Value::Absent())) {
    const Result counted = Import(position);
    return counted.ok() ? Result(known) : counted;
  }
  const Result far = Import(position);
  if (!far.ok()) return far;
  const Value promise = core_.NewPromise();
  if (entry == nullptr) {
    Failure why;
    entry = promises_.Add(position, promise, &why);
    // Without an entry it is one more promise for the same.
  } else {
    promises_.Set(*entry, promise);
  }
  promise::Hold(heap(), promise.target(), far.value());
  return promise;
}

Result Session::ReadDescriptor(Fields& fields, Descriptor::Kind kind) {
  Descriptor descriptor;
  if (!ReadArgument(fields, kind, &descriptor)) return AbortWith(fields.status());
  return RefOf(descriptor);
}

Result Session::RefOf(const Descriptor& descriptor) {
  if (descriptor.is_import()) return Imported(descriptor);
  Value target;
  if (absl::Status s = FindTarget(descriptor, "op:deliver", &target); !s.ok()) {
    return AbortWith(std::move(s));
  }
  return target;
}

Result Session::ReadRecord(std::string_view label, syrup::Reader& reader) {
  Fields fields(reader, label);
  if (const auto kind = DescriptorKindOf(label)) return ReadDescriptor(fields, *kind);
  if (label == kSturdyrefLabel) {
    Locator locator;
    if (!ReadSturdyrefFields(fields, &locator)) return AbortWith(fields.status());
    return host_.MakeSturdyref(locator);
  }
  if (label == kEnvelopeLabel) {
    // A record begins one byte before its label, which is a symbol with its length.
    const size_t begin = reader.begin() - 1;
    SignedGive give;
    if (!ReadSignedGiveFields(fields, begin, &give)) return AbortWith(fields.status());
    return host_.Receive(*this, give);
  }
  return Failure::kSyntax;
}

}  // namespace vesicle
