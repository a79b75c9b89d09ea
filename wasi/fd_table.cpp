// Growth, search and death of descriptor tables.
#include "wasi/fd_table.h"

#include <algorithm>
#include <new>

#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "vm/base/check.h"

namespace lunabeam::wasi {
namespace {

constexpr u32 kFirstCapacity = 8;

constexpr u64 stream_rights(u32 fd) { return (fd == 0 ? kFdRead : kFdWrite) | kPollFdReadwrite; }

Descriptor stream(u32 fd) {
  Descriptor made;
  made.kind = Descriptor::Kind::kStream;
  made.stream = static_cast<int>(fd);
  made.flags = fd == 0 ? 0 : kAppend;
  made.rights = made.inheriting = stream_rights(fd);
  return made;
}

// What the streams of every process are until it changes its own.
const Descriptor* untouched_stream(u32 fd) {
  static const Descriptor streams[FdTable::kStreams] = {stream(0), stream(1), stream(2)};
  return &streams[fd];
}

FdTable* table_of(runtime::Process& process) { return static_cast<FdTable*>(process.embedder.data); }

}  // namespace

FdTable::FdTable(runtime::Process& process) noexcept
    : budget_(process.scheduler->vm().budget()),
      pool_(process.scheduler->options().deterministic ? nullptr : &process.scheduler->vm().blocking_pool()) {}

FdTable::~FdTable() {
  CloseList closing;
  for (u32 fd = 0; fd < capacity_; ++fd) closing.add(std::move(descriptors_[fd].file));
  closing.close_on(pool_);
  delete[] descriptors_;
  budget_.refund(u64{capacity_} * sizeof(Descriptor));
}

void FdTable::destroy(void* table) noexcept { delete static_cast<FdTable*>(table); }

FdTable* FdTable::of(runtime::Process& process) noexcept {
  if (FdTable* const known = table_of(process); known != nullptr) return known;
  auto* const made = new (std::nothrow) FdTable(process);
  if (made == nullptr) return nullptr;
  if (!made->fill(process)) {
    delete made;
    return nullptr;
  }
  process.embedder = {.data = made, .destroy = &destroy};
  return made;
}

bool FdTable::fill(runtime::Process& process) noexcept {
  const auto& preopens = process.config->preopens;
  const u64 count = kStreams + preopens.size();
  if (count > kMaxDescriptors || !reserve(static_cast<u32>(count))) return false;
  VM_CHECK(descriptors_ != nullptr);
  for (u32 fd = 0; fd < kStreams; ++fd) descriptors_[fd] = stream(fd);
  for (u32 i = 0; i < preopens.size(); ++i) {
    OpenFile* const file = OpenFile::create(budget_, preopens[i].directory);
    if (file == nullptr) return false;
    Descriptor& made = descriptors_[kStreams + i];
    made.kind = Descriptor::Kind::kDirectory;
    made.preopen = static_cast<i32>(i);
    made.rights = kDirectoryRights;
    made.inheriting = kDirectoryRights | kFileRights;
    made.file = FileRef(file);
  }
  lowest_ = static_cast<u32>(count);
  return true;
}

bool FdTable::reserve(u32 capacity) noexcept {
  if (capacity <= capacity_) return true;
  capacity = std::min(std::max({capacity, 2 * capacity_, kFirstCapacity}), kMaxDescriptors);
  const u64 more_bytes = u64{capacity - capacity_} * sizeof(Descriptor);
  if (!budget_.charge(more_bytes)) return false;
  auto* const grown = new (std::nothrow) Descriptor[capacity];
  if (grown == nullptr) {
    budget_.refund(more_bytes);
    return false;
  }
  std::move(descriptors_, descriptors_ + capacity_, grown);
  delete[] descriptors_;
  descriptors_ = grown;
  capacity_ = capacity;
  return true;
}

const Descriptor* FdTable::find(runtime::Process& process, u32 fd) noexcept {
  if (FdTable* const table = table_of(process); table != nullptr) return table->at(fd);
  if (fd < kStreams) return untouched_stream(fd);
  // Not for the asking: a number that means nothing makes no table.
  return fd - kStreams < process.config->preopens.size() ? find_writable(process, fd) : nullptr;
}

Descriptor* FdTable::find_writable(runtime::Process& process, u32 fd) noexcept {
  FdTable* const table = of(process);
  return table == nullptr ? nullptr : table->at(fd);
}

Errno FdTable::check_room() noexcept {
  u32 fd = lowest_;
  while (fd < capacity_ && descriptors_[fd].is_open()) ++fd;
  lowest_ = fd;
  if (fd >= kMaxDescriptors) return Errno::kMFile;
  return reserve(fd + 1) ? Errno::kSuccess : Errno::kNoMem;
}

Errno FdTable::add(Descriptor descriptor, u32& fd) noexcept {
  const Errno error = check_room();
  if (error != Errno::kSuccess) return error;
  fd = lowest_++;
  descriptors_[fd] = std::move(descriptor);
  return Errno::kSuccess;
}

FileRef FdTable::remove(u32 fd) noexcept {
  FileRef held = std::move(descriptors_[fd].file);
  descriptors_[fd] = Descriptor();
  if (fd >= kStreams) lowest_ = std::min(lowest_, fd);
  return held;
}

FileRef FdTable::move(u32 from, u32 to) noexcept {
  FileRef held = std::move(descriptors_[to].file);
  descriptors_[to] = std::move(descriptors_[from]);
  (void)remove(from);
  return held;
}

}  // namespace lunabeam::wasi
