// Paths below a directory, in both ways: the kernel's and the walk. They must agree on everything that does not depend on time.
#include "wasi/resolve.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace lunabeam::wasi {
namespace {

namespace fs = std::filesystem;
using Open = int (*)(int, const char*, int, mode_t) noexcept;

class Resolve : public testing::TestWithParam<Open> {
 protected:
  Resolve() {
    std::string pattern = (fs::temp_directory_path() / "resolve-XXXXXX").string();
    top_ = mkdtemp(pattern.data());
    fs::create_directories(top_ / "root/a/b/c");
    fs::create_directories(top_ / "outside");
    std::ofstream(top_ / "root/file") << "inside";
    std::ofstream(top_ / "root/a/b/file") << "inside";
    std::ofstream(top_ / "outside/file") << "outside";
    dir_ = open((top_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  ~Resolve() override {
    close(dir_);
    fs::remove_all(top_);
  }
  void SetUp() override {
    const int fd = GetParam()(dir_, ".", O_PATH | O_DIRECTORY, 0);
    if (fd == -ENOSYS) GTEST_SKIP() << "the kernel has no openat2";
    ASSERT_GE(fd, 0);
    close(fd);
  }
  void link(const char* name, const std::string& target) { fs::create_symlink(target, top_ / "root" / name); }
  // 0, or the errno.
  int error(const std::string& path, int flags = O_RDONLY, mode_t mode = 0) {
    const int fd = GetParam()(dir_, path.c_str(), flags, mode);
    if (fd < 0) return -fd;
    close(fd);
    return 0;
  }
  std::string content(const std::string& path) {
    const int fd = GetParam()(dir_, path.c_str(), O_RDONLY, 0);
    if (fd < 0) return std::strerror(-fd);
    char text[16] = "";
    const ssize_t size = read(fd, text, sizeof text);
    close(fd);
    return {text, static_cast<size_t>(size)};
  }

  fs::path top_;
  int dir_ = -1;
};

TEST_P(Resolve, FindsWhatIsInside) {
  for (const char* path : {"file", "./file", "a/../file", "a/b/c/../../../file", "a//b/./file", ".//file"}) {
    EXPECT_EQ(content(path), "inside") << path;
  }
  for (const char* path : {".", "./", "a", "a/", "a/..", "a/b/..", "a/b/c/../../.."}) {
    EXPECT_EQ(error(path, O_RDONLY | O_DIRECTORY), 0) << path;
  }
}

TEST_P(Resolve, RefusesPathsThatLeave) {
  for (const char* path : {"..", "../", "../root/file", "a/../..", "a/../../outside/file", "/", "/file", "//",
                           "a/b/../../../outside/file", "./.."}) {
    EXPECT_EQ(error(path), EPERM) << path;
    EXPECT_EQ(error(path, O_PATH), EPERM) << path;
    EXPECT_EQ(error(path, O_WRONLY | O_CREAT, 0600), EPERM) << path;
  }
}

TEST_P(Resolve, FollowsLinksInsideAndNoOthers) {
  link("in", "a/b/file");
  link("up", "a/b/../../file");
  link("dir", "a/b");
  link("a/b/back", "../../file");
  link("chain", "dir/back");
  link("slash", "a/b/");
  for (const char* path : {"in", "up", "dir/file", "a/b/back", "chain", "dir/../b/file", "slash/file"}) {
    EXPECT_EQ(content(path), "inside") << path;
  }
  link("out", "../outside/file");
  link("absolute", (top_ / "outside/file").string());
  link("own", (top_ / "root/file").string());
  link("top", "/");
  link("a/b/out", "../../../outside");
  link("sly", "a/b/out/file");
  link("proc", "/proc/self/root");
  for (const char* path : {"out", "absolute", "own", "top", "top/etc", "a/b/out", "a/b/out/file", "sly", "proc/etc"}) {
    EXPECT_EQ(error(path), EPERM) << path;
    EXPECT_EQ(error(path, O_WRONLY | O_CREAT, 0600), EPERM) << path;
  }
}

TEST_P(Resolve, LeavesALinkAtTheEndAlone) {
  link("in", "file");
  link("out", "../outside");
  link("dir", "a");
  EXPECT_EQ(error("in", O_RDONLY | O_NOFOLLOW), ELOOP);
  EXPECT_EQ(error("out", O_RDONLY | O_NOFOLLOW), ELOOP);
  EXPECT_EQ(error("dir", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
  EXPECT_EQ(error("out", O_PATH | O_NOFOLLOW), 0);
  // A slash behind it says that it is to be followed.
  EXPECT_EQ(error("dir/", O_RDONLY | O_NOFOLLOW), 0);
  EXPECT_EQ(error("dir/.", O_RDONLY | O_NOFOLLOW), 0);
  EXPECT_EQ(error("out/", O_PATH | O_NOFOLLOW), EPERM);
}

TEST_P(Resolve, EndsLoops) {
  link("self", "self");
  link("ping", "pong");
  link("pong", "ping");
  link("grow", "grow/x");
  for (const char* path : {"self", "self/x", "ping", "grow"}) EXPECT_EQ(error(path), ELOOP) << path;
}

TEST_P(Resolve, CreatesThroughLinks) {
  link("new", "a/made");
  EXPECT_EQ(error("new", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
  EXPECT_EQ(error("new", O_WRONLY | O_CREAT, 0600), 0);
  EXPECT_TRUE(fs::exists(top_ / "root/a/made"));
  EXPECT_EQ(error("a/made", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
  EXPECT_EQ(error("a/fresh", O_WRONLY | O_CREAT | O_EXCL, 0600), 0);
  EXPECT_EQ(error("absent/fresh", O_WRONLY | O_CREAT, 0600), ENOENT);
  EXPECT_EQ(error("a", O_WRONLY | O_CREAT, 0600), EISDIR);
  EXPECT_EQ(error("a/", O_WRONLY | O_CREAT, 0600), EISDIR);
  EXPECT_EQ(error(".", O_WRONLY | O_CREAT, 0600), EISDIR);
}

TEST_P(Resolve, TellsErrorsApart) {
  EXPECT_EQ(error("absent"), ENOENT);
  EXPECT_EQ(error("file/"), ENOTDIR);
  EXPECT_EQ(error("file/x"), ENOTDIR);
  EXPECT_EQ(error("file/.."), ENOTDIR);
  EXPECT_EQ(error("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
  EXPECT_EQ(error("a", O_WRONLY), EISDIR);
  EXPECT_EQ(error(std::string(NAME_MAX + 1, 'x')), ENAMETOOLONG);
  EXPECT_EQ(error(std::string(NAME_MAX + 1, 'x') + "/y"), ENAMETOOLONG);
}

TEST_P(Resolve, GoesDeepAndBack) {
  std::string path;
  for (int i = 0; i < 200; ++i) path += "a/../";
  EXPECT_EQ(content(path + "file"), "inside");
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "d/";
    fs::create_directory(top_ / "root" / deep);
  }
  for (int i = 0; i < 100; ++i) deep += "../";
  EXPECT_EQ(content(deep + "file"), "inside");
  EXPECT_EQ(error(deep + "../outside"), EPERM);
}

TEST_P(Resolve, LeavesNoDescriptorBehind) {
  link("in", "a/b/file");
  const auto count = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); };
  const auto before = count();
  for (const char* path : {"a/b/c/../../b/file", "a/b/c/../../../..", "in/x", "a/b/absent/x", "a/b/c/.", "a/b/file/"}) {
    (void)error(path);
  }
  EXPECT_EQ(count(), before);
}

// Looking without waiting: the same answers, or none.
TEST_P(Resolve, CachedNamesAreNoWayOutEither) {
  link("in", "a/b/file");
  link("out", "../outside/file");
  link("absolute", (top_ / "outside/file").string());
  const auto cached = [&](const char* path, int flags) {
    const int fd = open_beneath_cached(dir_, path, flags);
    if (fd < 0) return -fd;
    close(fd);
    return 0;
  };
  for (const char* path :
       {"file", "in", "a/../file", "a/b/c", "absent", "out", "absolute", "..", "a/../..", "/", "file/"}) {
    const int wanted = error(path);  // Whatever can be remembered of the names is, now.
    const int got = cached(path, O_RDONLY);
    EXPECT_TRUE(got == wanted || got == EAGAIN) << path << ": " << got << " instead of " << wanted;
  }
  EXPECT_EQ(cached("in", O_PATH | O_NOFOLLOW), 0);
  EXPECT_EQ(cached("in", O_RDONLY | O_NOFOLLOW), ELOOP);
}

INSTANTIATE_TEST_SUITE_P(Ways, Resolve, testing::Values(&open_beneath_kernel, &open_beneath_walk),
                         [](const auto& info) { return info.index == 0 ? "kernel" : "walk"; });

struct SplitCase {
  const char* path;
  const char* name;
  bool names_directory;
  int error;
};

TEST(ParentPath, SplitsOffTheLastName) {
  std::string pattern = (fs::temp_directory_path() / "resolve-XXXXXX").string();
  const fs::path top = mkdtemp(pattern.data());
  fs::create_directories(top / "a/b");
  const int dir = open(top.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (const SplitCase& c : {SplitCase{"x", "x", false, 0},
                             {"x//", "x//", true, 0},
                             {"a/x", "x", false, 0},
                             {"a/b/../x/", "x/", true, 0},
                             {".", ".", true, 0},
                             {"a/..", "..", true, 0},
                             {"a/b/.", ".", true, 0},
                             {"..", "", false, EPERM},
                             {"a/../..", "", false, EPERM},
                             {"/x", "", false, EPERM},
                             {"/", "", false, EPERM},
                             {"", "", false, ENOENT},
                             {"absent/x", "", false, ENOENT},
                             {"../x", "", false, EPERM}}) {
    const ParentPath parent(dir, c.path);
    EXPECT_EQ(parent.error(), c.error) << c.path;
    if (parent.error() != 0 || c.error != 0) continue;
    EXPECT_STREQ(parent.name(), c.name) << c.path;
    EXPECT_EQ(parent.names_directory(), c.names_directory) << c.path;
  }
  close(dir);
  fs::remove_all(top);
}

}  // namespace
}  // namespace lunabeam::wasi
