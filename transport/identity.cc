#include "transport/identity.h"

#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vesicle {

struct Identity::Rep {
  ~Rep() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  std::string designator;
};

namespace {

constexpr size_t kDesignatorLetters = 52;  // 256 bits, 5 each

std::string Base32(const unsigned char* bytes, size_t size) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (size_t i = 0; i < size; ++i) {
    bits = (bits << 8) | bytes[i];
    for (count += 8; count >= 5; count -= 5) text += kLetters[(bits >> (count - 5)) & 31];
  }
  if (count > 0) text += kLetters[(bits << (5 - count)) & 31];
  return text;
}

// Signed by itself, valid for ever: who looks at it asks which key it is, and nothing else.
X509* MakeCertificate(EVP_PKEY* key) {
  X509* certificate = X509_new();
  if (certificate == nullptr) return nullptr;
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("vesicle");
  const bool ok =
      X509_set_version(certificate, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
      X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
      // Ed25519 hashes by itself: no digest is named.
      X509_sign(certificate, key, nullptr) != 0;
  if (ok) return certificate;
  X509_free(certificate);
  return nullptr;
}

absl::Status FileStatus(int error, const std::string& path) {
  const std::string text = absl::StrCat(path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(absl::StrCat(path, ": there is no such file or directory"));
    case EEXIST:
      return absl::AlreadyExistsError(absl::StrCat(
          path, ": is there already, and a key is not written over; choose another name"));
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
      return absl::PermissionDeniedError(text);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

absl::Status WriteAll(int fd, const char* bytes, size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileStatus(errno, path);
    bytes += n;
    size -= static_cast<size_t>(n);
  }
  if (fsync(fd) != 0) return FileStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Identity> Identity::FromKey(EVP_PKEY* key) {
  auto rep = std::make_shared<Rep>();
  rep->key = key;
  rep->designator = DesignatorOf(key);
  rep->certificate = MakeCertificate(key);
  if (rep->designator.empty() || rep->certificate == nullptr) {
    return absl::UnavailableError("OpenSSL could not make a certificate for the identity key");
  }
  return Identity(std::move(rep));
}

absl::StatusOr<Identity> Identity::Generate() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) return absl::UnavailableError("OpenSSL could not make an Ed25519 key");
  return FromKey(key);
}

absl::StatusOr<Identity> Identity::Load(const std::string& path) {
  // A link or a FIFO in its place is not followed, nor waited for.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return FileStatus(errno, path);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return FileStatus(errno, path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is no regular file"));
  }
  if (info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(absl::StrCat(path, ": the key belongs to user ", info.st_uid,
                                                    ", who could change it; copy it, or chown ",
                                                    geteuid(), " ", path));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrFormat(
        "%s: others can read or change the key (mode %04o); chmod 600 %s, and if they may have "
        "read it make a new one",
        path, info.st_mode & 07777, path));
  }
  std::array<char, kFileBytesMax + 1> bytes;
  const absl::Cleanup wipe = [&bytes] { OPENSSL_cleanse(bytes.data(), bytes.size()); };
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = read(fd, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileStatus(errno, path);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  const absl::Status no_key = absl::InvalidArgumentError(
      absl::StrCat(path, ": holds no Ed25519 key (PKCS #8, PEM, without a passphrase)"));
  if (size > kFileBytesMax) return no_key;
  BIO* bio = BIO_new_mem_buf(bytes.data(), static_cast<int>(size));
  if (bio == nullptr) return absl::ResourceExhaustedError("no memory to read a key");
  // Of an encrypted one nobody is asked for the passphrase.
  EVP_PKEY* key = PEM_read_bio_PrivateKey(
      bio, nullptr, [](char*, int, int, void*) { return -1; }, nullptr);
  BIO_free(bio);
  if (key == nullptr) return no_key;
  if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
    EVP_PKEY_free(key);
    return no_key;
  }
  return FromKey(key);
}

absl::Status Identity::Save(const std::string& path) const {
  BIO* bio = BIO_new(BIO_s_secmem());
  if (bio == nullptr) return absl::ResourceExhaustedError("no memory to write a key");
  const absl::Cleanup free_bio = [bio] { BIO_free(bio); };
  char* text = nullptr;
  if (PEM_write_bio_PKCS8PrivateKey(bio, rep_->key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return absl::UnavailableError("OpenSSL could not write down the identity key");
  }
  const auto size = static_cast<size_t>(BIO_get_mem_data(bio, &text));
  // First under another name, so that nobody ever finds half a key; link() writes over nothing.
  std::string other = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(other.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) return FileStatus(errno, path);
  absl::Status status = WriteAll(fd, text, size, path);
  if (close(fd) != 0 && status.ok()) status = FileStatus(errno, path);
  if (status.ok() && link(other.c_str(), path.c_str()) != 0) status = FileStatus(errno, path);
  unlink(other.c_str());
  OPENSSL_cleanse(text, size);
  return status;
}

const std::string& Identity::designator() const { return rep_->designator; }
EVP_PKEY* Identity::key() const { return rep_->key; }
X509* Identity::certificate() const { return rep_->certificate; }

std::string DesignatorOf(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<size_t>(size), hash);
  OPENSSL_free(der);
  return Base32(hash, sizeof hash);
}

bool IsDesignator(std::string_view text) {
  return text.size() == kDesignatorLetters && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
         });
}

}  // namespace vesicle
