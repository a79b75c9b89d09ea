#include "tools/lunabeam-spectest/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "tools/lunabeam-spectest/text.h"

// Of the process that starts children.
extern char** environ;

namespace lunabeam::spectest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxDiagnosticBytes = 8192;
// A child that floods its record is ended; its failures so far are kept.
constexpr size_t kMaxRecordBytes = size_t{64} << 20;

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (value_ >= 0) ::close(std::exchange(value_, -1));
  }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] bool is_open() const { return value_ >= 0; }

 private:
  int value_;
};

// Both ends above the numbers that a child finds its own at, so that duplicating one never overwrites another.
bool open_pipe(Descriptor& reader, Descriptor& writer) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  const Descriptor low_reader(ends[0]), low_writer(ends[1]);
  reader = Descriptor(::fcntl(ends[0], F_DUPFD_CLOEXEC, kProgressDescriptor + 1));
  writer = Descriptor(::fcntl(ends[1], F_DUPFD_CLOEXEC, kProgressDescriptor + 1));
  return reader.is_open() && writer.is_open() && ::fcntl(reader.get(), F_SETFL, O_NONBLOCK) == 0;
}

// The page that a child keeps its place in.
class ProgressPage {
 public:
  ProgressPage() {
    const Descriptor low(::memfd_create("progress", MFD_CLOEXEC));
    if (!low.is_open() || ::ftruncate(low.get(), sizeof(Progress)) != 0) return;
    descriptor_ = Descriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, kProgressDescriptor + 1));
    if (!descriptor_.is_open()) return;
    void* page = ::mmap(nullptr, sizeof(Progress), PROT_READ, MAP_SHARED, descriptor_.get(), 0);
    if (page != MAP_FAILED) page_ = static_cast<const Progress*>(page);
  }
  ProgressPage(const ProgressPage&) = delete;
  ProgressPage& operator=(const ProgressPage&) = delete;
  ~ProgressPage() {
    if (page_ != nullptr) ::munmap(const_cast<Progress*>(page_), sizeof(Progress));
  }
  [[nodiscard]] bool is_valid() const { return page_ != nullptr; }
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] Progress load() const {
    return {__atomic_load_n(&page_->line, __ATOMIC_RELAXED), __atomic_load_n(&page_->kind, __ATOMIC_RELAXED)};
  }

 private:
  Descriptor descriptor_;
  const Progress* page_ = nullptr;
};

struct Child {
  size_t job = 0;
  pid_t pid = -1;
  Descriptor records;
  Descriptor errors;
  std::unique_ptr<ProgressPage> progress;
  Clock::time_point started;
  std::string pending;  // Of a line that has not come whole.
  size_t record_bytes = 0;
  bool was_killed = false;  // By us: its time was over.
  FileRun run;
};

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return fmt::format("signal {} (SIG{})", WTERMSIG(status), name != nullptr ? name : "?");
  }
  return fmt::format("exit status {} without a result", WEXITSTATUS(status));
}

pid_t spawn(const SupervisorOptions& options, const ChildRequest& request, int records, int errors, int progress) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, records, kRecordDescriptor);
  ::posix_spawn_file_actions_adddup2(&actions, progress, kProgressDescriptor);
  std::vector<std::string> arguments = to_arguments(request);
  arguments.insert(arguments.begin(), options.program);
  if (!options.launcher.empty()) arguments.insert(arguments.begin(), options.launcher);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  errno = error;
  return error == 0 ? pid : -1;
}

class Supervisor {
 public:
  Supervisor(const std::vector<Job>& jobs, const SupervisorOptions& options,
             const std::function<void(FileRun&)>& finished)
      : jobs_(jobs), options_(options), finished_(finished), runs_(jobs.size()) {}

  std::vector<FileRun> run() {
    size_t next = 0;
    while (next < jobs_.size() || !children_.empty()) {
      while (next < jobs_.size() && children_.size() < std::max(options_.max_children, 1u)) start(next++);
      if (!children_.empty()) wait_for_children();  // None of them may have started.
    }
    return std::move(runs_);
  }

 private:
  void start(size_t job) {
    Child child;
    child.job = job;
    child.run.path = jobs_[job].path;
    child.run.tier = jobs_[job].request.tier;
    child.started = Clock::now();
    child.progress = std::make_unique<ProgressPage>();
    Descriptor record_writer, error_writer;
    if (child.progress->is_valid() && open_pipe(child.records, record_writer) &&
        open_pipe(child.errors, error_writer)) {
      child.pid =
          spawn(options_, jobs_[job].request, record_writer.get(), error_writer.get(), child.progress->descriptor());
    }
    if (child.pid < 0) {
      child.run.detail = fmt::format("no process could be started for it: {}", std::strerror(errno));
      return keep(std::move(child));
    }
    children_.push_back(std::move(child));
  }

  void keep(Child child) {
    const size_t job = child.job;
    runs_[job] = std::move(child.run);
    finished_(runs_[job]);
  }

  double seconds_of(const Child& child) const {
    return std::chrono::duration<double>(Clock::now() - child.started).count();
  }

  // Until something has come from a child, one has ended, or the next time limit.
  void wait_for_children() {
    std::vector<pollfd> descriptors;
    double wait_s = options_.timeout_s;
    for (const Child& child : children_) {
      for (const Descriptor* descriptor : {&child.records, &child.errors}) {
        if (descriptor->is_open()) descriptors.push_back({descriptor->get(), POLLIN, 0});
      }
      if (!child.was_killed) wait_s = std::min(wait_s, options_.timeout_s - seconds_of(child));
    }
    const int wait_ms = static_cast<int>(std::clamp(wait_s * 1000 + 1, 0.0, 1e9));
    ::poll(descriptors.data(), descriptors.size(), wait_ms);
    for (size_t i = 0; i < children_.size();) {
      Child& child = children_[i];
      read_records(child);
      read_errors(child);
      if (!child.records.is_open() && !child.errors.is_open()) {
        Child ended = std::move(child);
        children_.erase(children_.begin() + static_cast<ptrdiff_t>(i));
        end(std::move(ended));
        continue;
      }
      if (!child.was_killed && seconds_of(child) >= options_.timeout_s) kill(child);
      ++i;
    }
  }

  static void kill(Child& child) {
    child.was_killed = true;
    ::kill(child.pid, SIGKILL);
  }

  // All that is there; closes the descriptor at its end.
  template <class Take>
  static void drain(Descriptor& descriptor, Take take) {
    char block[65536];
    while (descriptor.is_open()) {
      const ssize_t count = ::read(descriptor.get(), block, sizeof block);
      if (count > 0) {
        take(std::string_view(block, static_cast<size_t>(count)));
      } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        descriptor.close();
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }

  static void read_records(Child& child) {
    drain(child.records, [&](std::string_view bytes) {
      child.record_bytes += bytes.size();
      if (child.record_bytes > kMaxRecordBytes) {
        if (!child.was_killed) kill(child);
        return;
      }
      child.pending += bytes;
      size_t begin = 0;
      for (size_t end; (end = child.pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
        read_record(std::string_view(child.pending).substr(begin, end - begin), child.run);
      }
      child.pending.erase(0, begin);
    });
  }

  static void read_errors(Child& child) {
    drain(child.errors, [&](std::string_view bytes) {
      std::string& kept = child.run.diagnostics;
      kept += bytes.substr(0, kMaxDiagnosticBytes - std::min(kMaxDiagnosticBytes, kept.size()));
    });
  }

  void end(Child child) {
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    FileRun& run = child.run;
    run.seconds = seconds_of(child);
    const Progress progress = child.progress->load();
    run.line = progress.line;
    if (progress.line != 0 && progress.kind < kCommandKindCount) {
      run.kind = name_of(static_cast<CommandKind>(progress.kind));
    }
    const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (child.was_killed) {
      run.status = FileRun::Status::kTimedOut;
      run.detail = fmt::format("ended after {:g} s", options_.timeout_s);
    } else if (!ended_well || run.status == FileRun::Status::kCrashed) {
      run.status = FileRun::Status::kCrashed;
      run.detail = describe_end(status);
    }
    keep(std::move(child));
  }

  const std::vector<Job>& jobs_;
  const SupervisorOptions& options_;
  const std::function<void(FileRun&)>& finished_;
  std::vector<FileRun> runs_;
  std::vector<Child> children_;
};

}  // namespace

std::vector<FileRun> run_jobs(const std::vector<Job>& jobs, const SupervisorOptions& options,
                              const std::function<void(FileRun&)>& finished) {
  return Supervisor(jobs, options, finished).run();
}

}  // namespace lunabeam::spectest
