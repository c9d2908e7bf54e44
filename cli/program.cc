#include "cli/program.h"

#include "absl/strings/str_cat.h"
#include "vm/loop/beneath.h"
#include "vm/script/syntax/diagnostic.h"
#include "vm/script/syntax/source.h"

namespace vesicle::cli {

absl::StatusOr<Module> LoadProgram(Vm& vm, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadHostFile(path, kSourceBytesMax);
  if (!text.ok()) {
    const std::string message(text.status().message());
    // "path: what is wrong": the place of all of it.
    return absl::Status(text.status().code(),
                        absl::StrCat(Printable(path), ":1:1: error",
                                     Printable(message.substr(path.size()), 300), "\n"));
  }
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const absl::StatusOr<Directory> directory = OpenDirectory(folder);
  if (!directory.ok()) return directory.status();
  return vm.Load(path, *text, [&](std::string_view import) -> absl::StatusOr<std::string> {
    if (!import.ends_with(".ves")) {
      return absl::InvalidArgumentError("only files whose names end in .ves can be imported");
    }
    const std::string name(import);
    absl::StatusOr<std::string> imported = ReadBeneath(**directory, name, kSourceBytesMax);
    if (imported.ok()) return imported;
    std::string message(imported.status().message());
    if (message.rfind(name + ": ", 0) == 0) message.erase(0, name.size() + 2);
    return absl::Status(imported.status().code(), message);
  });
}

}  // namespace vesicle::cli
