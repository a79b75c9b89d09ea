// Builds memory images.
#include "vm/memory_image.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace lunabeam::vm {
namespace {

constexpr u64 kPageBytes = 4096;

bool is_own_active(const DataSegment& segment, u32 memory_index) {
  return segment.mode == SegmentMode::kActive && segment.memory == memory_index;
}

bool has_image(const Module& module, u32 memory_index) {
  const MemoryType& type = module.memories[memory_index];
  // Sizes that no memory can have are refused when it is created.
  if (type.limits.min > ~u64{0} >> type.page_size_log2) return false;
  const u64 size_bytes = type.limits.min << type.page_size_log2;
  return std::ranges::all_of(module.datas, [&](const DataSegment& segment) {
    return !is_own_active(segment, memory_index) ||
           (segment.offset.kind == ConstExpr::Kind::kValue && segment.offset.value <= size_bytes &&
            segment.end - segment.begin <= size_bytes - segment.offset.value);
  });
}

bool is_zero(const u8* bytes, u64 size) {
  return size == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

// Appends [offset, offset + size) without the pages of it that are all zero: they need not be touched.
void add_run(std::vector<MemoryImage::Run>& runs, u64 offset, const u8* bytes, u64 size) {
  u64 begin = 0;
  for (u64 at = 0; at < size;) {
    const u64 next = std::min(size, at + kPageBytes - (offset + at) % kPageBytes);
    if (is_zero(bytes + at, next - at)) {
      if (at > begin) runs.push_back({offset + begin, bytes + begin, at - begin});
      begin = next;
    }
    at = next;
  }
  if (size > begin) runs.push_back({offset + begin, bytes + begin, size - begin});
}

// Last segment first, so that each one only fills what is still uncovered: every gap is filled once.
void add_runs(const Module& module, u32 memory_index, std::vector<MemoryImage::Run>& runs) {
  std::map<u64, u64> covered;  // Begin -> end; disjoint, not adjacent.
  for (size_t i = module.datas.size(); i-- > 0;) {
    const DataSegment& segment = module.datas[i];
    if (!is_own_active(segment, memory_index) || segment.end == segment.begin) continue;
    const u64 begin = segment.offset.value;
    const u64 end = begin + (segment.end - segment.begin);
    const u8* const bytes = module.bytes.data() + segment.begin;
    u64 merged_begin = begin, merged_end = end, at = begin;
    auto it = covered.upper_bound(begin);
    if (it != covered.begin() && std::prev(it)->second >= begin) --it;
    while (it != covered.end() && it->first <= end) {
      if (it->first > at) add_run(runs, at, bytes + (at - begin), it->first - at);
      at = std::max(at, it->second);
      merged_begin = std::min(merged_begin, it->first);
      merged_end = std::max(merged_end, it->second);
      it = covered.erase(it);
    }
    if (at < end) add_run(runs, at, bytes + (at - begin), end - at);
    covered.emplace(merged_begin, merged_end);
  }
  std::ranges::sort(runs, {}, &MemoryImage::Run::offset);
}

}  // namespace

const MemoryImages& memory_images(const Module& module) {
  std::call_once(module.memory_images_once, [&module] {
    auto images = std::make_shared<MemoryImages>();
    images->memories.resize(module.memories.size() - module.imported_memories);
    for (u32 index = module.imported_memories; index < module.memories.size(); ++index) {
      if (!has_image(module, index)) continue;
      MemoryImages::Own& own = images->memories[index - module.imported_memories];
      add_runs(module, index, own.runs);
      own.runs.shrink_to_fit();
      if (!module.pay(own.runs.size() * sizeof(MemoryImage::Run))) {  // Every process runs the segments.
        own.runs = {};
        continue;
      }
      own.present = true;
      own.image.runs = own.runs.data();
      own.image.num_runs = static_cast<u32>(own.runs.size());
      for (const MemoryImage::Run& run : own.runs) own.bytes += run.size;
      own.image.end_bytes = own.runs.empty() ? 0 : own.runs.back().offset + own.runs.back().size;
    }
    module.memory_images = std::move(images);
  });
  return *module.memory_images;
}

}  // namespace lunabeam::vm
