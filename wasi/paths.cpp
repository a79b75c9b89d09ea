// path_* and sock_*: no directory and no socket is open in a process, so their descriptor is a bad one, or one of the standard
// streams, which is neither.
#include "wasi/functions.h"
#include "wasi/streams.h"

namespace lunabeam::wasi {
namespace {

Outcome not_a_directory(Process& p, u32 fd) { return Streams::host_fd(p, fd) < 0 ? Errno::kBadF : Errno::kNotDir; }
Outcome not_a_socket(Process& p, u32 fd) { return Streams::host_fd(p, fd) < 0 ? Errno::kBadF : Errno::kNotSock; }

}  // namespace

Outcome path_create_directory(Process& p, u32 fd, u32, u32) { return not_a_directory(p, fd); }
Outcome path_filestat_get(Process& p, u32 fd, u32, u32, u32, u32) { return not_a_directory(p, fd); }
Outcome path_filestat_set_times(Process& p, u32 fd, u32, u32, u32, u64, u64, u32) { return not_a_directory(p, fd); }
Outcome path_link(Process& p, u32 old_fd, u32, u32, u32, u32, u32, u32) { return not_a_directory(p, old_fd); }
Outcome path_open(Process& p, u32 fd, u32, u32, u32, u32, u64, u64, u32, u32) { return not_a_directory(p, fd); }
Outcome path_readlink(Process& p, u32 fd, u32, u32, u32, u32, u32) { return not_a_directory(p, fd); }
Outcome path_remove_directory(Process& p, u32 fd, u32, u32) { return not_a_directory(p, fd); }
Outcome path_rename(Process& p, u32 fd, u32, u32, u32, u32, u32) { return not_a_directory(p, fd); }
Outcome path_symlink(Process& p, u32, u32, u32 fd, u32, u32) { return not_a_directory(p, fd); }
Outcome path_unlink_file(Process& p, u32 fd, u32, u32) { return not_a_directory(p, fd); }
Outcome sock_accept(Process& p, u32 fd, u32, u32) { return not_a_socket(p, fd); }
Outcome sock_recv(Process& p, u32 fd, u32, u32, u32, u32, u32) { return not_a_socket(p, fd); }
Outcome sock_send(Process& p, u32 fd, u32, u32, u32, u32) { return not_a_socket(p, fd); }
Outcome sock_shutdown(Process& p, u32 fd, u32) { return not_a_socket(p, fd); }

}  // namespace lunabeam::wasi
