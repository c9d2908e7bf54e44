// vesicle keygen: a key by which a VM is known.
#include <cstdio>
#include <string>

#include "cli/command.h"
#include "transport/identity.h"

namespace vesicle::cli {
namespace {

int Run(const Command& command, const Arguments& arguments) {
  if (arguments.words().size() != 1) return WrongUsage(command, "wants one file");
  const std::string& path = arguments.words()[0];
  const absl::StatusOr<Identity> identity = Identity::Generate();
  const absl::Status saved = identity.ok() ? identity->Save(path) : identity.status();
  if (!saved.ok()) {
    std::fprintf(stderr, "vesicle keygen: %s\n", std::string(saved.message()).c_str());
    return kExitFailed;
  }
  std::printf("%s\n", identity->designator().c_str());
  return kExitOk;
}

}  // namespace

Command KeygenCommand() {
  return {
      "keygen",
      "FILE",
      "makes a key by which a VM is known to its peers",
      "\nWrites a new file that only its owner can read, and never over one that is there. Prints\n"
      "the designator: what stands in locators, and what a peer's TLS proves to be.\n"
      "\nexample:\n"
      "  vesicle keygen my.key\n"
      "  vesicle run --allow-net=127.0.0.1:7000 --identity=my.key server.ves\n",
      {},
      Arguments::Words::kAnywhere,
      Run};
}

}  // namespace vesicle::cli
