// What --allow-process grants: names of programs and of script files, or everything.
#ifndef VESICLE_CLI_PROCESS_GRANTS_H_
#define VESICLE_CLI_PROCESS_GRANTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vesicle::cli {

// Of a name without a slash: where a program of it is looked for, in this order.
inline constexpr std::string_view kProgramFolders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
// For errors, behind what was not found.
inline constexpr char kInProgramFolders[] = " in /usr/local/bin, /usr/bin or /bin";

class ProcessGrants {
 public:
  // "sort", "/usr/bin/sort", "lib/worker.ves", or several, with commas; "*": everything.
  // InvalidArgument: in one line, what is wrong; a program that is not there, too.
  absl::Status Add(const std::string& text);
  bool empty() const { return !has_all_ && grants_.empty(); }

  // What is to be executed for a program that is asked for by that name: a path whose links were
  // followed when it was granted. PermissionDenied: it was not. NotFound: there is none.
  absl::StatusOr<std::string> Program(std::string_view name) const;
  // Whether that script may run in a process. A text that comes along is no file, so that takes all
  // grants. PermissionDenied.
  absl::Status Script(std::string_view file, bool has_text) const;

 private:
  struct Grant {
    std::string name;  // as it was written
    std::string path;  // behind all links
  };
  bool has_all_ = false;
  std::vector<Grant> grants_;
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_PROCESS_GRANTS_H_
