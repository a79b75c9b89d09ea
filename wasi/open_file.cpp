// Opening, counting and closing of host files.
#include "wasi/open_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <new>

namespace lunabeam::wasi {
namespace {

void release_all(OpenFile* first) {
  while (first != nullptr) {
    OpenFile* const next = first->next_closing;
    first->release();
    first = next;
  }
}

class CloseRequest final : public runtime::BlockingRequest {
 public:
  explicit CloseRequest(OpenFile* first) noexcept : first_(first) {}
  ~CloseRequest() override { release_all(first_); }
  void run() noexcept override { release_all(std::exchange(first_, nullptr)); }

 private:
  OpenFile* first_;
};

}  // namespace

FileType file_type_of(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFBLK: return FileType::kBlockDevice;
    case S_IFCHR: return FileType::kCharacterDevice;
    case S_IFDIR: return FileType::kDirectory;
    case S_IFREG: return FileType::kRegularFile;
    case S_IFSOCK: return FileType::kSocketStream;
    case S_IFLNK: return FileType::kSymbolicLink;
    default: return FileType::kUnknown;
  }
}

OpenFile* OpenFile::create(runtime::MemoryBudget& budget, int host_fd, const FileFacts& facts) noexcept {
  if (!budget.charge(kOpenFileBytes)) return nullptr;
  auto* file = new (std::nothrow) OpenFile(budget, host_fd, facts, nullptr);
  if (file == nullptr) budget.refund(kOpenFileBytes);
  return file;
}

OpenFile* OpenFile::create(runtime::MemoryBudget& budget,
                           std::shared_ptr<runtime::SharedDirectory> directory) noexcept {
  if (!budget.charge(kOpenFileBytes)) return nullptr;
  auto* file = new (std::nothrow) OpenFile(budget, -1, {.type = FileType::kDirectory}, std::move(directory));
  if (file == nullptr) budget.refund(kOpenFileBytes);
  return file;
}

bool OpenFile::closes_at_once() const noexcept {
  struct stat status;
  return facts.local_device != 0 && !facts.is_writable && fstat(host_fd_, &status) == 0 && status.st_nlink != 0;
}

OpenFile::~OpenFile() {
  if (host_fd_ >= 0) close(host_fd_);
  budget_.refund(kOpenFileBytes);
}

CloseList::~CloseList() { release_all(first_); }

void CloseList::add(FileRef file) noexcept {
  OpenFile* const added = file.detach();
  if (added == nullptr) return;
  // On one list at a time: each table entry holds its own OpenFile, and a table is emptied once.
  added->next_closing = first_;
  first_ = added;
}

void CloseList::close_on(runtime::BlockingPool* pool) noexcept {
  if (first_ == nullptr) return;
  OpenFile* const all = std::exchange(first_, nullptr);
  std::unique_ptr<runtime::BlockingRequest> request;
  if (pool != nullptr) request.reset(new (std::nothrow) CloseRequest(all));
  if (request == nullptr) {
    release_all(all);
  } else {
    pool->submit_detached(std::move(request));
  }
}

}  // namespace lunabeam::wasi
