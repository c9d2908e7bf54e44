#include "transport/captp/bootstrap.h"

#include "transport/captp/fields.h"
#include "transport/captp/locator.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

constexpr std::string_view kFetch = "fetch";
constexpr std::string_view kDepositGift = "deposit-gift";
constexpr std::string_view kWithdrawGift = "withdraw-gift";
constexpr size_t kMethodBytesMax = 64;

bool ReadArguments(Fields& fields, std::string_view method, BootstrapCall* call) {
  if (method == kFetch) {
    call->kind = BootstrapCall::Kind::kFetch;
    return fields.BytesOrText("swiss-num", kSwissBytesMax, &call->swiss);
  }
  if (method == kDepositGift) {
    call->kind = BootstrapCall::Kind::kDepositGift;
    if (!fields.Bytes("gift-id", kGiftIdBytesMax, &call->gift_id) ||
        !ReadTarget(fields, "gift", Bootstrap::kRefused, &call->gift)) {
      return false;
    }
    if (call->gift.kind == Descriptor::Kind::kExport) return true;
    return fields.Fail("gift", "a desc:export is wanted, and a desc:answer stands there");
  }
  if (method == kWithdrawGift) {
    call->kind = BootstrapCall::Kind::kWithdrawGift;
    return ReadSignedReceive(fields, "receive", &call->receive);
  }
  return fields.Fail("method", "fetch, deposit-gift and withdraw-gift are known, and this is none");
}

}  // namespace

absl::Status ReadBootstrapCall(syrup::Reader& reader, const Operation& deliver,
                               BootstrapCall* call) {
  VESICLE_CHECK(deliver.kind == Operation::Kind::kDeliver && deliver.args_at.has_value());
  *call = {};
  reader.Rewind(*deliver.args_at);
  Fields fields(reader, "bootstrap");
  std::string_view method;
  if (fields.BeginList("args") && fields.Symbol("method", kMethodBytesMax, &method) &&
      ReadArguments(fields, method, call)) {
    fields.EndList("args");
  }
  return fields.status();
}

void WriteFetch(std::string_view swiss, syrup::Writer& out) {
  out.BeginList();
  out.Symbol(kFetch);
  out.Bytes(swiss);
  out.EndList();
}

void WriteDepositGift(std::string_view gift_id, const Descriptor& gift, syrup::Writer& out) {
  VESICLE_CHECK(gift.kind == Descriptor::Kind::kExport);
  out.BeginList();
  out.Symbol(kDepositGift);
  out.Bytes(gift_id);
  WriteDescriptor(gift, out);
  out.EndList();
}

void WriteWithdrawGift(const HandoffReceive& receive, const SessionKey& key, syrup::Writer& out) {
  out.BeginList();
  out.Symbol(kWithdrawGift);
  WriteSignedReceive(receive, key, out);
  out.EndList();
}

}  // namespace vesicle
