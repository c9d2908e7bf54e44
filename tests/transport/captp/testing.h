// What the tests of CapTP share: the bytes of a run between two other implementations, messages
// from bytes, one reading of one operation.
//
// Replay a failure with the seed it prints:  VESICLE_SEED=n captp_test -tc="..."
#ifndef VESICLE_TESTS_TRANSPORT_CAPTP_TESTING_H_
#define VESICLE_TESTS_TRANSPORT_CAPTP_TESTING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tests/vm/value/testing.h"
#include "transport/captp/hello.h"
#include "transport/captp/operation.h"
#include "transport/captp/session_key.h"
#include "transport/syrup/reader.h"
#include "transport/syrup/writer.h"
#include "vm/random/random.h"

namespace vesicle::captp_testing {

struct Chunk {
  int connection = 0;
  char side = 'a';
  std::string bytes;
};
// tests/transport/captp/transcript.txt, from the top of the tree.
const std::vector<Chunk>& Transcript();
// All messages that a side wrote by a connection, framing taken off.
std::vector<std::string> MessagesOf(int connection, char side);
std::vector<std::string> MessagesIn(std::string_view bytes);
// All of all connections, of each chunk those that are whole in it.
std::vector<std::string> TranscriptMessages();
// Changes a byte, takes some out, or puts in some of another of `some`. Wants none to be empty.
void ChangeSome(SeededRandom& random, const std::vector<std::string>& some, std::string* message);
// The first of them, read.
Hello HelloOf(int connection, char side);
absl::Status ReadHelloMessage(std::string_view message, Hello* hello);

// Owns the bytes that the operation points into.
struct ReadOp {
  explicit ReadOp(std::string message_bytes) : message(std::move(message_bytes)) {
    reader.Reset(message);
    status = ReadOperation(reader, &op);
  }
  std::string message;
  syrup::Reader reader;
  Operation op;
  absl::Status status;
};
std::string ErrorOf(const std::string& message);

// The operation again, in the forms of a dialect.
std::string Rewritten(const Operation& op, const Dialect& dialect);

// A key that anybody can make again.
SessionKey KeyOf(uint64_t seed);
PublicKey RandomKey(testing::Rng& rng);

// What `new` holds now, and the most that it held since ResetPeak().
int64_t AllocatedNow();
int64_t AllocatedPeak();
void ResetPeak();

}  // namespace vesicle::captp_testing

#endif  // VESICLE_TESTS_TRANSPORT_CAPTP_TESTING_H_
