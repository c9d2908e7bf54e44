#include "vm/native/typed/status.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "vm/value/form.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

constexpr char kReasonUrl[] = "vesicle/reason";

absl::Status Made(absl::StatusCode code, std::string_view what, std::string_view text,
                  std::string_view reason) {
  absl::Status status(code, absl::StrCat(std::string(what), ": ", std::string(text)));
  status.SetPayload(kReasonUrl, absl::Cord(std::string(reason)));
  return status;
}

std::string CodeName(absl::StatusCode code) {
  return absl::AsciiStrToLower(absl::StatusCodeToString(code));
}

std::optional<absl::StatusCode> CodeOf(std::string_view name) {
  constexpr int kLast = static_cast<int>(absl::StatusCode::kUnauthenticated);
  for (int i = 1; i <= kLast; ++i) {
    const auto code = static_cast<absl::StatusCode>(i);
    if (CodeName(code) == name) return code;
  }
  return std::nullopt;
}

// What a method returned, out of #status(code, text).
std::optional<absl::Status> OwnStatus(Value e) {
  if (!Is(e, "status", 2)) return std::nullopt;
  const Value name = FieldsOf(e)[0];
  const Value text = FieldsOf(e)[1];
  if (!IsSymbol(name) || !IsText(text)) return std::nullopt;
  const std::optional<absl::StatusCode> code = CodeOf(SymbolView(name));
  if (!code) return std::nullopt;
  return absl::Status(*code, std::string(TextView(text)));
}

absl::StatusCode CodeOfTag(std::string_view tag) {
  using absl::StatusCode;
  constexpr std::pair<std::string_view, StatusCode> kCodes[] = {
      {"no_clause", StatusCode::kUnimplemented},  {"type", StatusCode::kUnimplemented},
      {"stopped", StatusCode::kCancelled},        {"full", StatusCode::kResourceExhausted},
      {"quota", StatusCode::kOutOfRange},         {"limit", StatusCode::kOutOfRange},
      {"timeout", StatusCode::kDeadlineExceeded}, {"denied", StatusCode::kPermissionDenied},
      {"revoked", StatusCode::kPermissionDenied}, {"disconnected", StatusCode::kUnavailable},
  };
  for (const auto& [known, code] : kCodes) {
    if (known == tag) return code;
  }
  return StatusCode::kAborted;
}

}  // namespace

absl::Status StatusOfReason(std::string_view what, Value reason) {
  if (Is(reason, "failed", 1)) {
    if (std::optional<absl::Status> own = OwnStatus(FieldsOf(reason)[0])) return *std::move(own);
  }
  const std::string text = Print(reason, kReportOptions);
  absl::StatusCode code = absl::StatusCode::kAborted;
  if (HasTag(reason)) {
    const Value tag = TagOf(reason);
    code = CodeOfTag(SymbolView(tag));
  }
  return Made(code, what, text, text);
}

absl::Status VmStatus(absl::StatusCode code, std::string_view what, std::string_view text) {
  return Made(code, what, text, text);
}

bool IsFromVm(const absl::Status& status) { return status.GetPayload(kReasonUrl).has_value(); }

Value ValueOfStatus(Build& build, const absl::Status& status) {
  return build.Tagged("status", build.Symbol(CodeName(status.code())),
                      build.Text({status.message().data(), status.message().size()}));
}

}  // namespace vesicle
