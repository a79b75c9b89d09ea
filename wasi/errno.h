// Error numbers of WASI preview 1 (witx `errno`), and their translation from the operating system's.
#pragma once

#include "vm/base/ints.h"

namespace lunabeam::wasi {

// ORDER: the numbering of preview 1.
enum class Errno : u16 {
  kSuccess, k2Big, kAcces, kAddrInUse, kAddrNotAvail, kAfNoSupport, kAgain, kAlready, kBadF, kBadMsg, kBusy, kCanceled, kChild,
  kConnAborted, kConnRefused, kConnReset, kDeadlk, kDestAddrReq, kDom, kDquot, kExist, kFault, kFBig, kHostUnreach, kIdrm, kIlSeq,
  kInProgress, kIntr, kInval, kIo, kIsConn, kIsDir, kLoop, kMFile, kMLink, kMsgSize, kMultihop, kNameTooLong, kNetDown, kNetReset,
  kNetUnreach, kNFile, kNoBufs, kNoDev, kNoEnt, kNoExec, kNoLck, kNoLink, kNoMem, kNoMsg, kNoProtoOpt, kNoSpc, kNoSys, kNotConn,
  kNotDir, kNotEmpty, kNotRecoverable, kNotSock, kNotSup, kNoTty, kNxio, kOverflow, kOwnerDead, kPerm, kPipe, kProto,
  kProtoNoSupport, kPrototype, kRange, kRoFs, kSpipe, kSrch, kStale, kTimedOut, kTxtBsy, kXDev, kNotCapable,
};
static_assert(static_cast<u16>(Errno::kBadF) == 8 && static_cast<u16>(Errno::kNoSys) == 52 &&
              static_cast<u16>(Errno::kNotCapable) == 76);

// `error` is an errno of the host. Unknown ones become kIo.
[[nodiscard]] Errno from_host_errno(int error) noexcept;

}  // namespace lunabeam::wasi
