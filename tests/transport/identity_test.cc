#include "transport/identity.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace vesicle {
namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/vesicle-identity-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// PKCS #8 of the Ed25519 key whose seed is bytes 0 to 31 (RFC 8410), and its designator, made
// with openssl and sha256sum.
constexpr char kKnownKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kKnownDesignator[] = "ubiig7mfa4cyfthxhffqtceeptbrfs4iewnyssez63zdttyxsgsq";

}  // namespace

TEST_CASE("identity: a designator is 52 letters of one key, and no other's") {
  const auto a = Identity::Generate(), b = Identity::Generate();
  REQUIRE(a.ok());
  CHECK(IsDesignator(a->designator()));
  CHECK(a->designator() != b->designator());
  CHECK(a->designator() == DesignatorOf(a->key()));
  CHECK_FALSE(IsDesignator(""));
  CHECK_FALSE(IsDesignator(std::string(52, 'A')));
  CHECK_FALSE(IsDesignator(std::string(51, 'a')));
  CHECK_FALSE(IsDesignator(std::string(51, 'a') + "1"));
}

TEST_CASE("identity: saved for its owner alone, and loaded as the same") {
  Folder folder;
  const std::string path = folder.path + "/key";
  CHECK(absl::IsNotFound(Identity::Load(path).status()));
  const auto me = *Identity::Generate();
  REQUIRE(me.Save(path).ok());
  struct stat info;
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  const auto again = Identity::Load(path);
  REQUIRE(again.ok());
  CHECK(again->designator() == me.designator());
  // A key is not lost by a mistake.
  CHECK(absl::IsAlreadyExists(Identity::Generate()->Save(path)));
  CHECK(Identity::Load(path)->designator() == me.designator());
  CHECK(absl::IsNotFound(me.Save(folder.path + "/nowhere/key")));
  // No half of it is left behind.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("identity: a key that others can read is refused, with the remedy") {
  Folder folder;
  const std::string path = folder.path + "/key";
  REQUIRE(Identity::Generate()->Save(path).ok());
  for (const mode_t mode : {0640, 0604, 0660, 0601}) {
    CAPTURE(mode);
    REQUIRE(chmod(path.c_str(), mode) == 0);
    const absl::Status status = Identity::Load(path).status();
    CHECK(absl::IsPermissionDenied(status));
    CHECK(std::string(status.message()).find("chmod 600 " + path) != std::string::npos);
  }
  REQUIRE(chmod(path.c_str(), 0400) == 0);
  CHECK(Identity::Load(path).ok());
}

TEST_CASE("identity: what is no key is InvalidArgument") {
  Folder folder;
  const std::string path = folder.path + "/key";
  const auto load = [&](const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    chmod(path.c_str(), 0600);
    return Identity::Load(path);
  };
  CHECK(absl::IsInvalidArgument(load("").status()));
  CHECK(absl::IsInvalidArgument(load("nonsense").status()));
  CHECK(absl::IsInvalidArgument(load(std::string(100'000, 'x')).status()));
  // A key of another kind.
  CHECK(absl::IsInvalidArgument(load("-----BEGIN PRIVATE KEY-----\n"
                                     "MC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhsc"
                                     "HR4f\n-----END PRIVATE KEY-----\n")
                                    .status()));
  const auto known = load(kKnownKey);
  REQUIRE(known.ok());
  CHECK(known->designator() == kKnownDesignator);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK(absl::IsInvalidArgument(Identity::Load(path).status()));
  // A link could be turned to something else.
  std::filesystem::create_symlink("key", folder.path + "/link");
  CHECK(absl::IsPermissionDenied(Identity::Load(folder.path + "/link").status()));
}

}  // namespace vesicle
