// An open file or directory of the host, counted: the descriptor tables of processes and the calls under way in the blocking pool
// hold it. So a process may die while a pool thread reads from its file: the descriptor is closed behind the last of them, and its
// number cannot mean another file before.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "runtime/blocking_pool.h"
#include "runtime/memory_pool.h"
#include "runtime/shared_directory.h"
#include "wasi/file_types.h"

namespace lunabeam::wasi {

// What a file costs the VM's limit, besides its place in a table: the object, and what the host keeps for a descriptor.
inline constexpr u64 kOpenFileBytes = 512;

// What is known about a file from opening it.
struct FileFacts {
  FileType type = FileType::kUnknown;
  bool is_seekable = false;  // Waits for its medium at most; others (FIFOs, terminals) may never be ready.
  bool is_writable = false;
  u64 local_device = 0;  // runtime::local_device_of().
};

class OpenFile {
 public:
  const FileFacts facts;

  // Takes host_fd over. nullptr: memory or the VM's limit is exhausted, host_fd is still the caller's.
  [[nodiscard]] static OpenFile* create(runtime::MemoryBudget& budget, int host_fd, const FileFacts& facts) noexcept;
  // A directory that others share.
  [[nodiscard]] static OpenFile* create(runtime::MemoryBudget& budget,
                                        std::shared_ptr<runtime::SharedDirectory> directory) noexcept;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  // The last one closes: this may block.
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  [[nodiscard]] bool is_shared() const { return shared_ != nullptr; }
  // The host's descriptor, or -errno. Only that of a shared directory may fail, or block, or be O_PATH.
  [[nodiscard]] int host_fd() noexcept { return shared_ != nullptr ? shared_->descriptor() : host_fd_; }
  // The same without waiting for anything: -1 as long as a shared directory is not open.
  [[nodiscard]] int known_fd() const noexcept { return shared_ != nullptr ? shared_->known_descriptor() : host_fd_; }
  // REQUIRES: known_fd() >= 0.
  [[nodiscard]] u64 local_device() const noexcept {
    return shared_ != nullptr ? shared_->local_device() : facts.local_device;
  }
  // Whether the last reference can be dropped without waiting: nothing was written, and closing deletes nothing.
  [[nodiscard]] bool closes_at_once() const noexcept;

  OpenFile* next_closing = nullptr;  // For CloseList, which owns a reference.

 private:
  OpenFile(runtime::MemoryBudget& budget, int host_fd, const FileFacts& known,
           std::shared_ptr<runtime::SharedDirectory> directory)
      : facts(known), budget_(budget), shared_(std::move(directory)), host_fd_(host_fd) {}
  ~OpenFile();

  runtime::MemoryBudget& budget_;
  const std::shared_ptr<runtime::SharedDirectory> shared_;
  const int host_fd_;
  std::atomic<u32> references_{1};
};

// A counted reference.
class FileRef {
 public:
  FileRef() noexcept = default;
  explicit FileRef(OpenFile* adopted) noexcept : file_(adopted) {}
  FileRef(const FileRef& other) noexcept : file_(other.file_) {
    if (file_ != nullptr) file_->retain();
  }
  FileRef(FileRef&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  FileRef& operator=(FileRef other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileRef() {
    if (file_ != nullptr) file_->release();
  }
  [[nodiscard]] explicit operator bool() const { return file_ != nullptr; }
  [[nodiscard]] OpenFile* operator->() const { return file_; }
  [[nodiscard]] OpenFile* detach() { return std::exchange(file_, nullptr); }

 private:
  OpenFile* file_ = nullptr;
};

// References that a pool thread drops, because the last one may have to wait for the disk: a dead process leaves its files so.
class CloseList {
 public:
  CloseList() noexcept = default;
  CloseList(const CloseList&) = delete;
  CloseList& operator=(const CloseList&) = delete;
  ~CloseList();

  void add(FileRef file) noexcept;
  // nullptr pool: at once. Leaves the list empty.
  void close_on(runtime::BlockingPool* pool) noexcept;

 private:
  OpenFile* first_ = nullptr;
};

}  // namespace lunabeam::wasi
