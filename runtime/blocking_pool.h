// A few threads for calls that may block: files on slow disks, and whatever else has no readiness to wait for (rule P10). A request
// owns everything it touches; the process that asks parks, is woken through its wait epoch, and copies the results itself. A
// process that dies abandons its request: the result is dropped and freed by whoever notices last.
//
// Threading: submit() and what a handle offers belong to the process's owner; the pool's own threads take part in epochs (rule
// P7), because they wake processes that may be dying.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "runtime/sched/epoch.h"
#include "vm/base/ints.h"

namespace lunabeam::runtime {

struct Process;
class BlockingPool;

// One call that may block. Destroyed by the owner, or by a pool thread when it was abandoned: the destructor must be fine with both.
class BlockingRequest {
 public:
  BlockingRequest() = default;
  virtual ~BlockingRequest() = default;
  BlockingRequest(const BlockingRequest&) = delete;
  BlockingRequest& operator=(const BlockingRequest&) = delete;

  // On a pool thread, once per submission. Touches nothing but the request. It should end in bounded time: nothing can interrupt it.
  virtual void run() noexcept = 0;

 private:
  friend class BlockingPool;
  friend class BlockingHandle;

  // kIdle -> kQueued -> kRunning -> kFinished, where kAbandoned can come from kRunning. Changes to and from kQueued happen under the
  // pool's mutex; kFinished and kAbandoned are exchanged in, and whoever comes second owns the request.
  enum class State : u8 { kIdle, kQueued, kRunning, kFinished, kAbandoned };

  std::atomic<State> state_{State::kIdle};
  BlockingRequest* prev_ = nullptr;  // In the queue; under the pool's mutex.
  BlockingRequest* next_ = nullptr;
  Process* process_ = nullptr;  // Whom to wake; nullptr: nobody, the pool deletes the request.
  u32 wait_epoch_ = 0;
};

// The owner's end of a submitted request; dropping it abandons the request.
class BlockingHandle {
 public:
  BlockingHandle() noexcept = default;
  BlockingHandle(BlockingHandle&& other) noexcept
      : pool_(other.pool_), request_(std::exchange(other.request_, nullptr)) {}
  BlockingHandle& operator=(BlockingHandle&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(request_, other.request_);
    return *this;
  }
  ~BlockingHandle();

  [[nodiscard]] explicit operator bool() const { return request_ != nullptr; }
  [[nodiscard]] bool is_finished() const {
    return request_->state_.load(std::memory_order_acquire) == BlockingRequest::State::kFinished;
  }
  // The request with its results; the handle is empty afterwards. REQUIRES: is_finished().
  [[nodiscard]] std::unique_ptr<BlockingRequest> take() {
    request_->state_.store(BlockingRequest::State::kIdle, std::memory_order_relaxed);
    return std::unique_ptr<BlockingRequest>(std::exchange(request_, nullptr));
  }

 private:
  friend class BlockingPool;
  BlockingHandle(BlockingPool& pool, BlockingRequest* request) : pool_(&pool), request_(request) {}

  BlockingPool* pool_ = nullptr;
  BlockingRequest* request_ = nullptr;
};

class BlockingPool {
 public:
  static constexpr u32 kMaxThreads = 8;

  // Starts no thread: the first request does. max_threads <= kMaxThreads.
  explicit BlockingPool(EpochDomain& epochs, u32 max_threads = kMaxThreads) noexcept
      : epochs_(epochs), max_threads_(max_threads) {}
  // Runs what is still queued (only requests without a process can be) and joins the threads.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // The process is woken with `wait_epoch` when the request has run. Where the system gives no thread, it runs at once.
  [[nodiscard]] BlockingHandle submit(std::unique_ptr<BlockingRequest> request, Process& process,
                                      u32 wait_epoch) noexcept;
  // Runs the request at some time and deletes it.
  void submit_detached(std::unique_ptr<BlockingRequest> request) noexcept;

  // Returns when nothing runs, and lets nothing begin until resume(): while processes are dropped without a grace period.
  void suspend() noexcept;
  void resume() noexcept;
  // Returns when nothing is queued or running.
  void drain() noexcept;
  // Returns when no pool thread holds a pointer to a process whose request was finished or abandoned before the call. For whoever
  // frees a process without a grace period.
  void await_wakers() const noexcept;

  struct Stats {
    u32 threads = 0;
    u64 queued = 0;
    u64 running = 0;
    u64 finished = 0;  // Run so far, abandoned ones included.
  };
  [[nodiscard]] Stats stats() const noexcept;

 private:
  friend class BlockingHandle;

  static void* thread_main(void* pool) noexcept;
  void serve() noexcept;
  void enqueue(BlockingRequest* request) noexcept;
  [[nodiscard]] bool start_thread() noexcept;
  void finish(BlockingRequest* request, EpochParticipant* epoch) noexcept;
  void abandon(BlockingRequest* request) noexcept;
  void unlink(BlockingRequest& request) noexcept;

  EpochDomain& epochs_;
  const u32 max_threads_;
  std::atomic<u32> waking_{0};  // Pool threads between finishing a request and the end of its waking.

  mutable std::mutex mutex_;
  // --- Under the mutex. ---
  std::condition_variable work_;
  std::condition_variable quiet_;
  BlockingRequest* first_ = nullptr;
  BlockingRequest* last_ = nullptr;
  u64 queued_ = 0;
  u64 running_ = 0;
  u64 finished_ = 0;
  u32 waiting_ = 0;  // Threads that wait for work, those included that were told of some and have not come back yet.
  u32 threads_ = 0;
  bool stop_ = false;
  bool suspended_ = false;
  unsigned long handles_[kMaxThreads] = {};  // pthread_t.
};

}  // namespace lunabeam::runtime
