// PositionIndex: positions to small numbers. Positions mostly follow one another, so they stand
// in pages of 16, and a page is looked up once for all of them; a peer may choose any others.
//
// Costs: O(1); some 5 bytes a position that has neighbours, 100 one that has none.
#ifndef VESICLE_TRANSPORT_SESSION_POSITION_INDEX_H_
#define VESICLE_TRANSPORT_SESSION_POSITION_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

#pragma GCC visibility push(default)
namespace vesicle {

class PositionIndex {
 public:
  // 0: nothing stands there.
  uint32_t Find(uint64_t position) {
    const Page* page = PageOf(position);
    return page == nullptr ? 0 : page->numbers[position % kPageSize];
  }
  // Wants a number that is not 0, and that nothing stands there.
  void Set(uint64_t position, uint32_t number) {
    Page* page = PageOf(position);
    if (page == nullptr) {
      std::unique_ptr<Page>& made = pages_[position / kPageSize];
      made = std::make_unique<Page>();
      page = made.get();
      last_page_ = page;
      last_ = position / kPageSize;
    }
    page->numbers[position % kPageSize] = number;
    ++page->used;
    ++size_;
  }
  // Wants that something stands there.
  void Erase(uint64_t position) {
    Page* page = PageOf(position);
    page->numbers[position % kPageSize] = 0;
    --size_;
    if (--page->used > 0) return;
    last_page_ = nullptr;
    pages_.erase(position / kPageSize);
  }
  size_t size() const { return size_; }
  size_t bytes() const {
    return pages_.size() * sizeof(Page) +
           pages_.capacity() * (sizeof(std::pair<uint64_t, std::unique_ptr<Page>>) + 1);
  }

 private:
  static constexpr uint64_t kPageSize = 16;
  struct Page {
    std::array<uint32_t, kPageSize> numbers = {};
    uint32_t used = 0;
  };
  Page* PageOf(uint64_t position) {
    const uint64_t number = position / kPageSize;
    if (last_page_ != nullptr && last_ == number) return last_page_;
    const auto at = pages_.find(number);
    if (at == pages_.end()) return nullptr;
    last_ = number;
    last_page_ = at->second.get();
    return last_page_;
  }

  absl::flat_hash_map<uint64_t, std::unique_ptr<Page>> pages_;
  Page* last_page_ = nullptr;  // that was looked up last
  uint64_t last_ = 0;
  size_t size_ = 0;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SESSION_POSITION_INDEX_H_
