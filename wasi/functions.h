// The functions of preview 1 as C++ functions, grouped by the file that implements them. Parameters in wasm order; u32 = i32,
// u64 = i64; every `*_ptr` is a guest address. Source: witx of wasi_snapshot_preview1 and ABI document, section 6.
#pragma once

#include "wasi/call.h"

namespace lunabeam::wasi {

// environment.cpp
Outcome args_get(Process& p, u32 argv_ptr, u32 buffer_ptr);
Outcome args_sizes_get(Process& p, u32 count_ptr, u32 size_ptr);
Outcome environ_get(Process& p, u32 environ_ptr, u32 buffer_ptr);
Outcome environ_sizes_get(Process& p, u32 count_ptr, u32 size_ptr);

// clock.cpp
Outcome clock_res_get(Process& p, u32 clock, u32 resolution_ptr);
Outcome clock_time_get(Process& p, u32 clock, u64 precision_ns, u32 time_ptr);
Outcome random_get(Process& p, u32 buffer_ptr, u32 length);
vm::HostStatus random_get_resume(vm::ExecContext& exec, u64* io);

// poll.cpp
Outcome poll_oneoff(Process& p, u32 in_ptr, u32 out_ptr, u32 count, u32 nevents_ptr);
vm::HostStatus poll_oneoff_resume(vm::ExecContext& exec, u64* io);

// exit.cpp
vm::HostStatus proc_exit(vm::ExecContext& exec, u64* io);
Outcome proc_raise(Process& p, u32 signal);
Outcome sched_yield(Process& p);
vm::HostStatus sched_yield_resume(vm::ExecContext& exec, u64* io);

// fd_transfer.cpp
Outcome fd_pread(Process& p, u32 fd, u32 iovs_ptr, u32 count, u64 offset, u32 nread_ptr);
Outcome fd_pwrite(Process& p, u32 fd, u32 iovs_ptr, u32 count, u64 offset, u32 nwritten_ptr);
Outcome fd_read(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nread_ptr);
vm::HostStatus fd_read_resume(vm::ExecContext& exec, u64* io);
Outcome fd_write(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 nwritten_ptr);
vm::HostStatus fd_write_resume(vm::ExecContext& exec, u64* io);

// fd_state.cpp
Outcome fd_close(Process& p, u32 fd);
Outcome fd_fdstat_get(Process& p, u32 fd, u32 stat_ptr);
Outcome fd_fdstat_set_flags(Process& p, u32 fd, u32 flags);
Outcome fd_fdstat_set_rights(Process& p, u32 fd, u64 base, u64 inheriting);
Outcome fd_prestat_get(Process& p, u32 fd, u32 stat_ptr);
Outcome fd_prestat_dir_name(Process& p, u32 fd, u32 path_ptr, u32 length);
Outcome fd_renumber(Process& p, u32 from, u32 to);
Outcome fd_seek(Process& p, u32 fd, u64 offset, u32 whence, u32 position_ptr);
Outcome fd_tell(Process& p, u32 fd, u32 position_ptr);

// fd_attributes.cpp
Outcome fd_advise(Process& p, u32 fd, u64 offset, u64 length, u32 advice);
Outcome fd_allocate(Process& p, u32 fd, u64 offset, u64 length);
Outcome fd_datasync(Process& p, u32 fd);
Outcome fd_filestat_get(Process& p, u32 fd, u32 stat_ptr);
Outcome fd_filestat_set_size(Process& p, u32 fd, u64 size);
Outcome fd_filestat_set_times(Process& p, u32 fd, u64 atime, u64 mtime, u32 flags);
Outcome fd_sync(Process& p, u32 fd);

// fd_readdir.cpp
Outcome fd_readdir(Process& p, u32 fd, u32 buffer_ptr, u32 length, u64 cookie, u32 used_ptr);

// path_open.cpp
Outcome path_open(Process& p, u32 fd, u32 dirflags, u32 path, u32 length, u32 oflags, u64 rights, u64 inheriting,
                  u32 fdflags, u32 fd_ptr);

// path_calls.cpp
Outcome path_create_directory(Process& p, u32 fd, u32 path, u32 length);
Outcome path_filestat_get(Process& p, u32 fd, u32 flags, u32 path, u32 length, u32 stat_ptr);
Outcome path_filestat_set_times(Process& p, u32 fd, u32 flags, u32 path, u32 length, u64 atime, u64 mtime,
                                u32 fst_flags);
Outcome path_link(Process& p, u32 old_fd, u32 flags, u32 old_path, u32 old_length, u32 new_fd, u32 new_path,
                  u32 new_length);
Outcome path_readlink(Process& p, u32 fd, u32 path, u32 length, u32 buffer_ptr, u32 buffer_length, u32 used_ptr);
Outcome path_remove_directory(Process& p, u32 fd, u32 path, u32 length);
Outcome path_rename(Process& p, u32 fd, u32 old_path, u32 old_length, u32 new_fd, u32 new_path, u32 new_length);
Outcome path_symlink(Process& p, u32 old_path, u32 old_length, u32 fd, u32 new_path, u32 new_length);
Outcome path_unlink_file(Process& p, u32 fd, u32 path, u32 length);

// sockets.cpp
Outcome sock_accept(Process& p, u32 fd, u32 flags, u32 fd_ptr);
Outcome sock_recv(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 flags, u32 nread_ptr, u32 oflags_ptr);
Outcome sock_send(Process& p, u32 fd, u32 iovs_ptr, u32 count, u32 flags, u32 nwritten_ptr);
Outcome sock_shutdown(Process& p, u32 fd, u32 how);

}  // namespace lunabeam::wasi
