// sock_*: preview 1 cannot make sockets and none is ever preopened (ABI document 6.1), so every open descriptor is something else.
#include "wasi/fd_table.h"
#include "wasi/functions.h"

namespace lunabeam::wasi {
namespace {

Outcome not_a_socket(Process& p, u32 fd) { return FdTable::find(p, fd) == nullptr ? Errno::kBadF : Errno::kNotSock; }

}  // namespace

Outcome sock_accept(Process& p, u32 fd, u32 /*flags*/, u32 /*fd_ptr*/) { return not_a_socket(p, fd); }
Outcome sock_recv(Process& p, u32 fd, u32, u32, u32, u32, u32) { return not_a_socket(p, fd); }
Outcome sock_send(Process& p, u32 fd, u32, u32, u32, u32) { return not_a_socket(p, fd); }
Outcome sock_shutdown(Process& p, u32 fd, u32 /*how*/) { return not_a_socket(p, fd); }

}  // namespace lunabeam::wasi
