// Numbers of preview 1 about files: types, rights, flags (witx of wasi_snapshot_preview1).
#pragma once

#include <sys/types.h>

#include "vm/base/ints.h"

namespace lunabeam::wasi {

enum class FileType : u8 {
  kUnknown,
  kBlockDevice,
  kCharacterDevice,
  kDirectory,
  kRegularFile,
  kSocketDgram,
  kSocketStream,
  kSymbolicLink,
};

// From st_mode. FIFOs have no type of their own.
[[nodiscard]] FileType file_type_of(mode_t mode) noexcept;

enum Rights : u64 {
  kFdDatasync = u64{1} << 0,
  kFdRead = u64{1} << 1,
  kFdSeek = u64{1} << 2,
  kFdFdstatSetFlags = u64{1} << 3,
  kFdSync = u64{1} << 4,
  kFdTell = u64{1} << 5,
  kFdWrite = u64{1} << 6,
  kFdAdvise = u64{1} << 7,
  kFdAllocate = u64{1} << 8,
  kPathCreateDirectory = u64{1} << 9,
  kPathCreateFile = u64{1} << 10,
  kPathLinkSource = u64{1} << 11,
  kPathLinkTarget = u64{1} << 12,
  kPathOpen = u64{1} << 13,
  kFdReaddir = u64{1} << 14,
  kPathReadlink = u64{1} << 15,
  kPathRenameSource = u64{1} << 16,
  kPathRenameTarget = u64{1} << 17,
  kPathFilestatGet = u64{1} << 18,
  kPathFilestatSetSize = u64{1} << 19,
  kPathFilestatSetTimes = u64{1} << 20,
  kFdFilestatGet = u64{1} << 21,
  kFdFilestatSetSize = u64{1} << 22,
  kFdFilestatSetTimes = u64{1} << 23,
  kPathSymlink = u64{1} << 24,
  kPathRemoveDirectory = u64{1} << 25,
  kPathUnlinkFile = u64{1} << 26,
  kPollFdReadwrite = u64{1} << 27,
};

// What a file, a file that cannot be positioned, and a directory can have at most.
inline constexpr u64 kFileRights = kFdDatasync | kFdRead | kFdSeek | kFdFdstatSetFlags | kFdSync | kFdTell | kFdWrite |
                                   kFdAdvise | kFdAllocate | kFdFilestatGet | kFdFilestatSetSize | kFdFilestatSetTimes |
                                   kPollFdReadwrite;
inline constexpr u64 kUnseekableRights = kFileRights & ~(kFdSeek | kFdTell | kFdAdvise | kFdAllocate);
inline constexpr u64 kDirectoryRights = kFdDatasync | kFdSync | kPathCreateDirectory | kPathCreateFile |
                                        kPathLinkSource | kPathLinkTarget | kPathOpen | kFdReaddir | kPathReadlink |
                                        kPathRenameSource | kPathRenameTarget | kPathFilestatGet |
                                        kPathFilestatSetSize | kPathFilestatSetTimes | kFdFilestatGet |
                                        kFdFilestatSetTimes | kPathSymlink | kPathRemoveDirectory | kPathUnlinkFile;

enum FdFlags : u16 { kAppend = 1, kDsync = 2, kNonblock = 4, kRsync = 8, kSync = 16, kAllFdFlags = 31 };
enum OFlags : u16 { kCreat = 1, kDirectory = 2, kExcl = 4, kTrunc = 8, kAllOFlags = 15 };
enum LookupFlags : u32 { kSymlinkFollow = 1 };
enum FstFlags : u16 { kAtim = 1, kAtimNow = 2, kMtim = 4, kMtimNow = 8, kAllFstFlags = 15 };

}  // namespace lunabeam::wasi
