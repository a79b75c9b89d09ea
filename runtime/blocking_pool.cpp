// Threads of the blocking pool, and the hand-over of requests between them and the owners of processes.
#include "runtime/blocking_pool.h"

#include <pthread.h>
#include <sched.h>

#include <csignal>
#include <type_traits>

#include "runtime/wait.h"
#include "vm/base/check.h"

namespace lunabeam::runtime {

static_assert(std::is_same_v<pthread_t, unsigned long>);

namespace {

// What run() functions need is bounded: a path or two and a listing's buffer.
constexpr size_t kThreadStackBytes = 256 * 1024;

}  // namespace

BlockingHandle::~BlockingHandle() {
  if (request_ != nullptr) pool_->abandon(request_);
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (u32 i = 0; i < threads_; ++i) pthread_join(handles_[i], nullptr);
  VM_CHECK(first_ == nullptr);
}

BlockingHandle BlockingPool::submit(std::unique_ptr<BlockingRequest> request, Process& process,
                                    u32 wait_epoch) noexcept {
  BlockingRequest* const submitted = request.release();
  submitted->process_ = &process;
  submitted->wait_epoch_ = wait_epoch;
  enqueue(submitted);
  return {*this, submitted};
}

void BlockingPool::submit_detached(std::unique_ptr<BlockingRequest> request) noexcept {
  request->process_ = nullptr;
  enqueue(request.release());
}

void BlockingPool::enqueue(BlockingRequest* request) noexcept {
  std::unique_lock lock(mutex_);
  if (queued_ >= waiting_ && threads_ < max_threads_ && !start_thread() && threads_ == 0) {
    request->state_.store(BlockingRequest::State::kRunning, std::memory_order_relaxed);
    ++running_;
    lock.unlock();
    request->run();
    finish(request, nullptr);
    return;
  }
  request->state_.store(BlockingRequest::State::kQueued, std::memory_order_relaxed);
  request->prev_ = last_;
  request->next_ = nullptr;
  (last_ == nullptr ? first_ : last_->next_) = request;
  last_ = request;
  ++queued_;
  const bool tell = waiting_ > 0;
  lock.unlock();
  if (tell) work_.notify_one();
}

// Under the mutex. No thread of the pool handles signals: those of the program belong to its first thread.
bool BlockingPool::start_thread() noexcept {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  (void)pthread_attr_setstacksize(&attributes, kThreadStackBytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = pthread_create(&handles_[threads_], &attributes, &thread_main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (started) ++threads_;
  return started;
}

void* BlockingPool::thread_main(void* pool) noexcept {
  static_cast<BlockingPool*>(pool)->serve();
  return nullptr;
}

void BlockingPool::serve() noexcept {
  EpochParticipant epoch(epochs_, nullptr);
  std::unique_lock lock(mutex_);
  for (;;) {
    if (first_ == nullptr || suspended_) {
      if (stop_) return;
      ++waiting_;
      work_.wait(lock);
      --waiting_;
      continue;
    }
    BlockingRequest* const request = first_;
    unlink(*request);
    request->state_.store(BlockingRequest::State::kRunning, std::memory_order_relaxed);
    ++running_;
    lock.unlock();
    request->run();
    finish(request, &epoch);
    lock.lock();
  }
}

// The request has run. Whoever exchanges second owns it: here that is the case when it was abandoned meanwhile.
void BlockingPool::finish(BlockingRequest* request, EpochParticipant* epoch) noexcept {
  Process* const process = request->process_;
  const u32 wait_epoch = request->wait_epoch_;
  if (process == nullptr) {
    delete request;
  } else {
    // In this order: the process lives when the exchange finds that it still waits, and stays until we have left the epoch, or the
    // count (await_wakers) of whoever has no epoch to wait for.
    waking_.fetch_add(1, std::memory_order_seq_cst);
    if (epoch != nullptr) epoch->enter();
    const auto before = request->state_.exchange(BlockingRequest::State::kFinished, std::memory_order_acq_rel);
    if (before != BlockingRequest::State::kAbandoned) wake(*process, wait_epoch);
    if (epoch != nullptr) epoch->leave();
    waking_.fetch_sub(1, std::memory_order_release);
    // Behind them: it may take a module along.
    if (before == BlockingRequest::State::kAbandoned) delete request;
  }
  const std::lock_guard lock(mutex_);
  ++finished_;
  if (--running_ == 0) quiet_.notify_all();
}

void BlockingPool::abandon(BlockingRequest* request) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (request->state_.load(std::memory_order_relaxed) == BlockingRequest::State::kQueued) {
      unlink(*request);
      if (running_ == 0) quiet_.notify_all();
      request->state_.store(BlockingRequest::State::kFinished, std::memory_order_relaxed);
    }
  }
  const auto before = request->state_.exchange(BlockingRequest::State::kAbandoned, std::memory_order_acq_rel);
  if (before == BlockingRequest::State::kFinished) delete request;
}

// Under the mutex.
void BlockingPool::unlink(BlockingRequest& request) noexcept {
  (request.prev_ == nullptr ? first_ : request.prev_->next_) = request.next_;
  (request.next_ == nullptr ? last_ : request.next_->prev_) = request.prev_;
  request.prev_ = request.next_ = nullptr;
  --queued_;
}

void BlockingPool::suspend() noexcept {
  std::unique_lock lock(mutex_);
  suspended_ = true;
  quiet_.wait(lock, [this] { return running_ == 0; });
}

void BlockingPool::resume() noexcept {
  {
    const std::lock_guard lock(mutex_);
    suspended_ = false;
  }
  work_.notify_all();
}

void BlockingPool::drain() noexcept {
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this] { return running_ == 0 && first_ == nullptr; });
}

void BlockingPool::await_wakers() const noexcept {
  while (waking_.load(std::memory_order_acquire) != 0) sched_yield();
}

BlockingPool::Stats BlockingPool::stats() const noexcept {
  const std::lock_guard lock(mutex_);
  return {.threads = threads_, .queued = queued_, .running = running_, .finished = finished_};
}

}  // namespace lunabeam::runtime
