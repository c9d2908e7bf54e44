#include "cli/process_grants.h"

#include <stdlib.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle::cli {
namespace {

// Empty: there is nothing.
std::string BehindLinks(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), free);
  return real == nullptr ? "" : real.get();
}

// Of a file, or of a program by its name alone.
std::string Find(std::string_view name) {
  const std::string text(name);
  if (text.find('/') != std::string::npos) return BehindLinks(text);
  for (const std::string_view folder : kProgramFolders) {
    const std::string path = absl::StrCat(std::string(folder), "/", text);
    if (access(path.c_str(), X_OK) == 0) return BehindLinks(path);
  }
  return "";
}

bool IsScript(std::string_view name) { return name.ends_with(".ves"); }

absl::Status NotGranted(std::string_view what, std::string_view flag) {
  return absl::PermissionDeniedError(
      absl::StrCat(Printable(std::string(what)),
                   " was not granted: run with --allow-process=", Printable(std::string(flag))));
}

}  // namespace

absl::Status ProcessGrants::Add(const std::string& text) {
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(text, ','))) {
    if (name == "*") {
      has_all_ = true;
      continue;
    }
    const std::string path = name.empty() ? "" : IsScript(name) ? BehindLinks(name) : Find(name);
    if (path.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--allow-process=", text, ": there is no ", name.empty() ? "name" : name,
          name.find('/') == std::string::npos && !IsScript(name) ? kInProgramFolders : "",
          "; it wants names of programs or of .ves files, or * for everything"));
    }
    grants_.push_back({name, path});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ProcessGrants::Program(std::string_view name) const {
  for (const Grant& grant : grants_) {
    if (grant.name == name) return grant.path;
  }
  const std::string path = Find(name);
  for (const Grant& grant : grants_) {
    if (!path.empty() && grant.path == path) return path;
  }
  if (!has_all_) return NotGranted(name, name);
  if (!path.empty()) return path;
  return absl::NotFoundError(
      absl::StrCat(Printable(std::string(name)), ": there is no such program",
                   name.find('/') == std::string_view::npos ? kInProgramFolders : ""));
}

absl::Status ProcessGrants::Script(std::string_view file, bool has_text) const {
  if (has_all_) return absl::OkStatus();
  if (has_text) {
    return absl::PermissionDeniedError(
        "a script that comes as a text was not granted: run with --allow-process=*");
  }
  const std::string path = BehindLinks(std::string(file));
  for (const Grant& grant : grants_) {
    if (IsScript(grant.name) && !path.empty() && grant.path == path) return absl::OkStatus();
  }
  return NotGranted(file, file);
}

}  // namespace vesicle::cli
