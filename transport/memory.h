// MemoryNetwork: hosts and the lines between them, in one process. From a seed it delays,
// splits, joins, stalls and cuts, so that what goes wrong once goes wrong again: with a
// VirtualEnvironment a whole network is a function of its seed, and trace_hash() says whether
// two runs were the same.
//
// A line carries bytes in order. What is on the way or unread is at most window_bytes each way;
// the rest is pending at its sender, as with a socket. Bytes that were sent at different times
// and have not yet arrived are joined; what arrives is split by chunk_bytes_max. A reader that
// pauses fills the window, and so its peer's marks.
//
// Ownership: outlives its hosts, their listeners and connections; borrows the environment.
// Threads:   one.
// Limits:    window_bytes a direction and the connections' Limits. An idle connection has no
//            buffer and no timer.
//
//   VirtualEnvironment world(seed);
//   MemoryNetwork network(world, {.delay_ns_max = 1'000'000, .chunk_bytes_max = 100}, seed);
//   auto alice = network.AddHost("alice"), bob = network.AddHost("bob");
//   auto listener = bob->Listen("bob", {}, accept);
//   auto connection = alice->Connect("bob", {});
//   network.Stall("alice", "bob"); ... network.Resume("alice", "bob"); network.Cut("alice", "bob");
#ifndef VESICLE_TRANSPORT_MEMORY_H_
#define VESICLE_TRANSPORT_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "transport/environment.h"
#include "transport/transport.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct MemoryOptions {
  // Each arrival comes after a time between these, evenly.
  int64_t delay_ns_min = 0;
  int64_t delay_ns_max = 0;
  size_t chunk_bytes_max = 0;  // an arrival has 1 to so many bytes; 0: all that is on the way
  size_t window_bytes = size_t{64} << 10;
  // Of a million arrivals so many are late by up to stall_ns_max more.
  uint32_t stalls_per_million = 0;
  int64_t stall_ns_max = 0;
  // Of a million arrivals so many are none: the line is cut, both ends see Unavailable.
  uint32_t cuts_per_million = 0;
  // Its hosts are taken for what they are: VMs of one process.
  bool stays_in_process = false;
};

class MemoryNetwork {
 public:
  MemoryNetwork(Environment& environment, const MemoryOptions& options, uint64_t seed);
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  // Its connections come from `name`. It listens at addresses of any text, one listener each
  // (AlreadyExists); peers see the host's name as the address.
  std::unique_ptr<Transport> AddHost(std::string name);

  // Nothing arrives between the two hosts until Resume. Connections wait for it, too.
  void Stall(const std::string& one, const std::string& other);
  void Resume(const std::string& one, const std::string& other);
  // Every connection between the two is lost.
  void Cut(const std::string& one, const std::string& other);

  // Of everything that arrived, was opened or ended, with its time, so far.
  uint64_t trace_hash() const { return trace_hash_; }
  size_t lines() const { return lines_.size(); }  // connections that are not over
  uint64_t cuts() const { return cuts_; }

 private:
  friend class MemoryHost;
  friend class MemoryListener;
  friend class MemoryConnection;
  friend class MemoryLine;
  using Link = std::pair<std::string, std::string>;  // the smaller name first

  static Link LinkOf(const std::string& one, const std::string& other);
  bool IsStalled(const Link& link) const { return stalled_.count(link) != 0; }
  uint64_t Random(uint64_t below);
  int64_t Delay();
  bool Happens(uint32_t per_million) { return per_million != 0 && Random(1'000'000) < per_million; }
  enum class Traced : uint8_t { kOpened, kRefused, kBytes, kEnd, kReset, kCut };
  void Trace(uint64_t line, Traced what, std::string_view bytes);

  Environment& environment_;
  MemoryOptions options_;
  SeededRandom random_;
  uint64_t trace_hash_ = 0xcbf29ce484222325;
  uint64_t next_line_ = 1;
  uint64_t cuts_ = 0;
  std::map<uint64_t, class MemoryLine*> lines_;
  std::map<std::string, class MemoryListener*> listeners_;
  std::set<Link> stalled_;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_MEMORY_H_
