#include "wasi/errno.h"

#include <cerrno>

namespace lunabeam::wasi {

Errno from_host_errno(int error) noexcept {
  switch (error) {
    case 0: return Errno::kSuccess;
    case E2BIG: return Errno::k2Big;
    case EACCES: return Errno::kAcces;
    case EAGAIN: return Errno::kAgain;
    case EBADF: return Errno::kBadF;
    case EBUSY: return Errno::kBusy;
    case EDQUOT: return Errno::kDquot;
    case EEXIST: return Errno::kExist;
    case EFAULT: return Errno::kFault;
    case EFBIG: return Errno::kFBig;
    case EINTR: return Errno::kIntr;
    case EINVAL: return Errno::kInval;
    case EISDIR: return Errno::kIsDir;
    case ELOOP: return Errno::kLoop;
    case EMFILE: return Errno::kMFile;
    case EMLINK: return Errno::kMLink;
    case ENAMETOOLONG: return Errno::kNameTooLong;
    case ENFILE: return Errno::kNFile;
    case ENODEV: return Errno::kNoDev;
    case ENOENT: return Errno::kNoEnt;
    case ENOMEM: return Errno::kNoMem;
    case ENOSPC: return Errno::kNoSpc;
    case ENOSYS: return Errno::kNoSys;
    case ENOTDIR: return Errno::kNotDir;
    case ENOTEMPTY: return Errno::kNotEmpty;
    case ENOTSUP: return Errno::kNotSup;
    case ENOTTY: return Errno::kNoTty;
    case ENXIO: return Errno::kNxio;
    case EOVERFLOW: return Errno::kOverflow;
    case EPERM: return Errno::kPerm;
    case EPIPE: return Errno::kPipe;
    case ERANGE: return Errno::kRange;
    case EROFS: return Errno::kRoFs;
    case ESPIPE: return Errno::kSpipe;
    case ESTALE: return Errno::kStale;
    case ETIMEDOUT: return Errno::kTimedOut;
    case ETXTBSY: return Errno::kTxtBsy;
    case EXDEV: return Errno::kXDev;
    default: return Errno::kIo;
  }
}

}  // namespace lunabeam::wasi
