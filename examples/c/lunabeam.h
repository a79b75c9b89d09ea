/* lunabeam.h: processes for C guests. One header, C11, no library.
 *
 * A process is an instance of a module with its own memory, globals and mailbox. It shares nothing with the others: it
 * sends them bytes, links to them, watches them, kills them. Everything here that waits, waits for this process only.
 *
 *     #include "lunabeam.h"
 *
 *     static void child(int32_t number) {          // runs in a process of its own
 *       lb_pid parent;
 *       lb_receive();                              // the next message, whatever it is
 *       lb_read_value(parent);
 *       lb_send_value(parent, 0, number);
 *     }
 *
 *     int main(void) {
 *       lb_pid me = lb_self(), pid = lb_spawn(child, 42);
 *       lb_send_value(pid, 0, me);
 *       int32_t answer;
 *       lb_receive();
 *       lb_read_value(answer);
 *     }
 *
 * Build (examples/wasm-cc finds clang's target and wasi-libc):
 *
 *     examples/wasm-cc -Iexamples/c hello.c -o hello.wasm
 *
 * A process costs what its memory costs. To fit stack and data in one page of 64 KiB, link with
 *
 *     -Wl,--stack-first -Wl,-z,stack-size=16832 -Wl,--initial-memory=65536
 *
 * Stack first means that a stack overflow runs below address 0 and traps, instead of running into the data.
 * 16832 = 4 * 4096 + 448 lets the top of the stack share a 4 KiB page with the first 3,648 bytes of data, which is what
 * constants and stdio take, up to what stdio looks at when a process ends: a process that needs no more touches one page, and a
 * page costs more than the rest of it.
 *
 * Good to know
 *   - A spawned process starts from the module's image: globals have their initial values, nothing is inherited.
 *   - Debian's wasi-libc wraps every export: constructors run before a spawned function, destructors after it, which
 *     flushes stdio. A killed or trapped process flushes nothing. Other versions run constructors in _start only; code
 *     that must run on both calls fflush itself.
 *   - Names follow the host interface: tag 0 means "no tag", a time-out is in milliseconds, LB_FOREVER is none.
 *   - The functions named lb_raw_* are the imports themselves, for what the thin layer does not cover.
 */
#ifndef LUNABEAM_H
#define LUNABEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t lb_pid;   /* counts up from 1 and is never reused */
typedef int64_t lb_tag_t;  /* 0: none */
typedef int64_t lb_config; /* limits and rights of a process to be spawned */
typedef int64_t lb_module; /* compiled module */
typedef uint64_t lb_timer;

#define LB_NO_PROCESS  ((lb_pid)0)
#define LB_SAME_CONFIG ((lb_config) - 1)
#define LB_SAME_MODULE ((lb_module) - 1)
#define LB_FOREVER     UINT64_MAX

/* What a receive ends with. */
typedef enum lb_event {
  LB_MESSAGE = 0,      /* data: lb_read, lb_size, lb_tag */
  LB_LINK_DIED = 1,    /* a linked process failed: lb_tag is the tag of the link */
  LB_PROCESS_DIED = 2, /* a monitored process ended: lb_dead_process */
  LB_TIMEOUT = 9027,   /* nothing came in time */
} lb_event;

/* ---- the imports ------------------------------------------------------------------------------------------------- */

#define LB_IMPORT(module, name) __attribute__((import_module("lunatic::" module), import_name(name)))

LB_IMPORT("error", "string_size") uint32_t lb_raw_error_string_size(uint64_t error);
LB_IMPORT("error", "to_string") void lb_raw_error_to_string(uint64_t error, char* into);
LB_IMPORT("error", "drop") void lb_raw_error_drop(uint64_t error);

LB_IMPORT("message", "create_data") void lb_raw_message_create_data(lb_tag_t tag, uint64_t capacity);
LB_IMPORT("message", "write_data") uint32_t lb_raw_message_write_data(const void* data, uint32_t size);
LB_IMPORT("message", "read_data") uint32_t lb_raw_message_read_data(void* into, uint32_t size);
LB_IMPORT("message", "seek_data") void lb_raw_message_seek_data(uint64_t position);
LB_IMPORT("message", "get_tag") lb_tag_t lb_raw_message_get_tag(void);
LB_IMPORT("message", "get_process_id") lb_pid lb_raw_message_get_process_id(void);
LB_IMPORT("message", "data_size") uint64_t lb_raw_message_data_size(void);
LB_IMPORT("message", "push_module") uint64_t lb_raw_message_push_module(lb_module module);
LB_IMPORT("message", "take_module") lb_module lb_raw_message_take_module(uint64_t index);
LB_IMPORT("message", "send") uint32_t lb_raw_message_send(lb_pid to);
LB_IMPORT("message", "send_receive_skip_search")
uint32_t lb_raw_message_send_receive_skip_search(lb_pid to, lb_tag_t wait_tag, uint64_t timeout_ms);
LB_IMPORT("message", "receive")
uint32_t lb_raw_message_receive(const lb_tag_t* tags, uint32_t tag_count, uint64_t timeout_ms);

LB_IMPORT("timer", "send_after") lb_timer lb_raw_timer_send_after(lb_pid to, uint64_t delay_ms);
LB_IMPORT("timer", "cancel_timer") uint32_t lb_raw_timer_cancel_timer(lb_timer timer);

LB_IMPORT("process", "compile_module")
int32_t lb_raw_process_compile_module(const void* bytes, uint32_t size, uint64_t* id);
LB_IMPORT("process", "drop_module") void lb_raw_process_drop_module(lb_module module);
LB_IMPORT("process", "create_config") lb_config lb_raw_process_create_config(void);
LB_IMPORT("process", "drop_config") void lb_raw_process_drop_config(lb_config config);
LB_IMPORT("process", "config_set_max_memory")
void lb_raw_process_config_set_max_memory(lb_config config, uint64_t bytes);
LB_IMPORT("process", "config_get_max_memory") uint64_t lb_raw_process_config_get_max_memory(lb_config config);
LB_IMPORT("process", "config_set_max_fuel") void lb_raw_process_config_set_max_fuel(lb_config config, uint64_t units);
LB_IMPORT("process", "config_get_max_fuel") uint64_t lb_raw_process_config_get_max_fuel(lb_config config);
LB_IMPORT("process", "config_can_compile_modules") uint32_t lb_raw_process_config_can_compile_modules(lb_config config);
LB_IMPORT("process", "config_set_can_compile_modules")
void lb_raw_process_config_set_can_compile_modules(lb_config config, uint32_t can);
LB_IMPORT("process", "config_can_create_configs") uint32_t lb_raw_process_config_can_create_configs(lb_config config);
LB_IMPORT("process", "config_set_can_create_configs")
void lb_raw_process_config_set_can_create_configs(lb_config config, uint32_t can);
LB_IMPORT("process", "config_can_spawn_processes") uint32_t lb_raw_process_config_can_spawn_processes(lb_config config);
LB_IMPORT("process", "config_set_can_spawn_processes")
void lb_raw_process_config_set_can_spawn_processes(lb_config config, uint32_t can);
LB_IMPORT("process", "spawn")
uint32_t lb_raw_process_spawn(lb_tag_t link, lb_config config, lb_module module, const char* function,
                              uint32_t function_size, const void* params, uint32_t params_size, uint64_t* id);
LB_IMPORT("process", "get_or_spawn")
uint32_t lb_raw_process_get_or_spawn(const char* name, uint32_t name_size, lb_tag_t link, lb_config config,
                                     lb_module module, const char* function, uint32_t function_size, const void* params,
                                     uint32_t params_size, uint64_t* node, uint64_t* id);
LB_IMPORT("process", "sleep_ms") void lb_raw_process_sleep_ms(uint64_t ms);
LB_IMPORT("process", "die_when_link_dies") void lb_raw_process_die_when_link_dies(uint32_t die);
LB_IMPORT("process", "process_id") lb_pid lb_raw_process_process_id(void);
LB_IMPORT("process", "environment_id") uint64_t lb_raw_process_environment_id(void);
LB_IMPORT("process", "link") void lb_raw_process_link(lb_tag_t tag, lb_pid peer);
LB_IMPORT("process", "unlink") void lb_raw_process_unlink(lb_pid peer);
LB_IMPORT("process", "monitor") void lb_raw_process_monitor(lb_pid peer);
LB_IMPORT("process", "stop_monitoring") void lb_raw_process_stop_monitoring(lb_pid peer);
LB_IMPORT("process", "kill") void lb_raw_process_kill(lb_pid peer);
LB_IMPORT("process", "exists") uint32_t lb_raw_process_exists(lb_pid peer);

LB_IMPORT("registry", "put")
void lb_raw_registry_put(const char* name, uint32_t name_size, uint64_t node, lb_pid process);
LB_IMPORT("registry", "get")
uint32_t lb_raw_registry_get(const char* name, uint32_t name_size, uint64_t* node, lb_pid* process);
LB_IMPORT("registry", "remove") void lb_raw_registry_remove(const char* name, uint32_t name_size);

LB_IMPORT("trap", "catch") uint32_t lb_raw_trap_catch(uint32_t function, void* argument);

LB_IMPORT("wasi", "config_add_environment_variable")
void lb_raw_wasi_config_add_environment_variable(lb_config config, const char* key, uint32_t key_size,
                                                 const char* value, uint32_t value_size);
LB_IMPORT("wasi", "config_add_command_line_argument")
void lb_raw_wasi_config_add_command_line_argument(lb_config config, const char* argument, uint32_t size);
LB_IMPORT("wasi", "config_preopen_dir")
void lb_raw_wasi_config_preopen_dir(lb_config config, const char* folder, uint32_t size);

__attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get"))) uint32_t
lb_raw_wasi_clock_time_get(uint32_t clock, uint64_t precision_ns, uint64_t* time_ns);

/* ---- this process ------------------------------------------------------------------------------------------------ */

static inline lb_pid lb_self(void) { return lb_raw_process_process_id(); }

/* Other processes run for at least `ms` milliseconds. */
static inline void lb_sleep(uint64_t ms) { lb_raw_process_sleep_ms(ms); }

/* Lets every other runnable process have a turn. */
static inline void lb_yield(void) { lb_raw_process_sleep_ms(0); }

/* Monotonic time in nanoseconds. Its origin is the process's own: compare readings of one process only. */
static inline uint64_t lb_now_ns(void) {
  uint64_t now = 0;
  (void)lb_raw_wasi_clock_time_get(1, 1, &now);
  return now;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* The error of the last failed lb_spawn*, lb_compile or lb_whereis_or_spawn; see lb_error_text. */
__attribute__((weak)) uint64_t lb_last_error;

/* Copies the last error's text to `into` (cut to `size`, always terminated) and releases it. Call it once per failure,
 * with a buffer that can hold the text: the host writes a text as a whole. Returns the text's length. */
static inline size_t lb_error_text(char* into, size_t size) {
  uint32_t length = lb_raw_error_string_size(lb_last_error);
  if (length < size) {
    lb_raw_error_to_string(lb_last_error, into);
    into[length] = 0;
  } else if (size) {
    into[0] = 0;
  }
  lb_raw_error_drop(lb_last_error);
  return length;
}

/* ---- spawning ---------------------------------------------------------------------------------------------------- */

/* What a process runs. It ends when the function returns. */
typedef void (*lb_entry)(int32_t argument);

/* A C function's address is an index of the module's function table, and every process of a module has the same table.
 * So a function is spawned by its index, through this exported entry. */
__attribute__((weak, export_name("lb_spawn_entry"))) void lb_spawn_entry(int32_t function, int32_t argument) {
  ((lb_entry)(intptr_t)function)(argument);
}

/* A parameter for an exported function: one type byte, then the value in 16 bytes, little-endian. */
typedef struct __attribute__((packed)) lb_param {
  uint8_t type;
  uint64_t low, high;
} lb_param;

static inline lb_param lb_i32(int32_t value) { return (lb_param){0x7f, (uint32_t)value, 0}; }
static inline lb_param lb_i64(int64_t value) { return (lb_param){0x7e, (uint64_t)value, 0}; }

/* Spawns the function that `module` exports as `name`. A `link_tag` other than 0 links the new process to this one:
 * when it fails, this process dies too, or, after lb_die_when_link_dies(false), receives LB_LINK_DIED with that tag.
 * Returns LB_NO_PROCESS when the module cannot be instantiated (lb_error_text). A missing export, or one of another
 * type, fails the new process, not the call. */
static inline lb_pid lb_spawn_export(lb_config config, lb_module module, lb_tag_t link_tag, const char* name,
                                     const lb_param* params, size_t param_count) {
  uint64_t id = 0;
  if (lb_raw_process_spawn(link_tag, config, module, name, (uint32_t)strlen(name), params,
                           (uint32_t)(param_count * sizeof *params), &id)) {
    lb_last_error = id;
    return LB_NO_PROCESS;
  }
  return id;
}

/* Spawns a function of this module with the given limits and rights. */
static inline lb_pid lb_spawn_with(lb_config config, lb_tag_t link_tag, lb_entry entry, int32_t argument) {
  lb_param params[2] = {lb_i32((int32_t)(intptr_t)entry), lb_i32(argument)};
  return lb_spawn_export(config, LB_SAME_MODULE, link_tag, "lb_spawn_entry", params, 2);
}

static inline lb_pid lb_spawn(lb_entry entry, int32_t argument) {
  return lb_spawn_with(LB_SAME_CONFIG, 0, entry, argument);
}

static inline lb_pid lb_spawn_link(lb_tag_t link_tag, lb_entry entry, int32_t argument) {
  return lb_spawn_with(LB_SAME_CONFIG, link_tag, entry, argument);
}

/* The process registered as `name`, or else a new one, spawned and registered in one step. `*spawned` tells which. */
static inline lb_pid lb_whereis_or_spawn(const char* name, lb_tag_t link_tag, lb_entry entry, int32_t argument,
                                         bool* spawned) {
  lb_param params[2] = {lb_i32((int32_t)(intptr_t)entry), lb_i32(argument)};
  static const char function[] = "lb_spawn_entry";
  uint64_t node = 0, id = 0;
  uint32_t status = lb_raw_process_get_or_spawn(name, (uint32_t)strlen(name), link_tag, LB_SAME_CONFIG, LB_SAME_MODULE,
                                                function, sizeof function - 1, params, sizeof params, &node, &id);
  if (spawned) {
    *spawned = status == 0;
  }
  if (status == 1) {
    lb_last_error = id;
    return LB_NO_PROCESS;
  }
  return id;
}

/* Compiles a module from its bytes; -1 without the right to, -2 when it is not valid (lb_error_text). */
static inline lb_module lb_compile(const void* bytes, size_t size) {
  uint64_t id = 0;
  int32_t status = lb_raw_process_compile_module(bytes, (uint32_t)size, &id);
  if (status == 1) {
    lb_last_error = id;
    return -2;
  }
  return status == 0 ? (lb_module)id : -1;
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

/* A message is written into this process's scratch message and sent from there; a received one lands there. */

static inline void lb_begin(lb_tag_t tag) { lb_raw_message_create_data(tag, 0); }
static inline void lb_write(const void* data, size_t size) { lb_raw_message_write_data(data, (uint32_t)size); }
static inline void lb_finish(lb_pid to) { lb_raw_message_send(to); }

/* Sends a copy of the bytes. A message to a process that is gone vanishes. Messages from one process to another arrive
 * in the order in which they were sent. */
static inline void lb_send(lb_pid to, lb_tag_t tag, const void* data, size_t size) {
  lb_begin(tag);
  lb_write(data, size);
  lb_finish(to);
}

/* Sends a variable: a number, a small struct. Both sides must agree on its type. */
#define lb_send_value(to, tag, variable) lb_send((to), (tag), &(variable), sizeof(variable))

/* Sends after `delay_ms`, even when this process is gone by then. */
static inline lb_timer lb_send_after(uint64_t delay_ms, lb_pid to, lb_tag_t tag, const void* data, size_t size) {
  lb_begin(tag);
  lb_write(data, size);
  return lb_raw_timer_send_after(to, delay_ms);
}

/* True when the message had not been sent yet; now it never will be. */
static inline bool lb_cancel(lb_timer timer) { return lb_raw_timer_cancel_timer(timer) == 1; }

/* Waits for the oldest message whose tag is among `tags` (for any message when there are none) and leaves the others
 * where they are. A time-out of 0 looks once. */
static inline lb_event lb_receive_tags(const lb_tag_t* tags, size_t tag_count, uint64_t timeout_ms) {
  return (lb_event)lb_raw_message_receive(tags, (uint32_t)tag_count, timeout_ms);
}

static inline lb_event lb_receive(void) { return lb_receive_tags(NULL, 0, LB_FOREVER); }
static inline lb_event lb_receive_for(uint64_t timeout_ms) { return lb_receive_tags(NULL, 0, timeout_ms); }
static inline lb_event lb_receive_tag(lb_tag_t tag) { return lb_receive_tags(&tag, 1, LB_FOREVER); }

/* Reads on in the received message; returns how many bytes there were, at most `size`. */
static inline size_t lb_read(void* into, size_t size) { return lb_raw_message_read_data(into, (uint32_t)size); }

/* Reads a variable; false when the message is too short for it. */
#define lb_read_value(variable) (lb_read(&(variable), sizeof(variable)) == sizeof(variable))

static inline size_t lb_size(void) { return (size_t)lb_raw_message_data_size(); }
static inline lb_tag_t lb_tag(void) { return lb_raw_message_get_tag(); }
static inline lb_pid lb_dead_process(void) { return lb_raw_message_get_process_id(); }

__attribute__((weak)) lb_tag_t lb_next_tag = 129; /* below it: free for the program's own tags */

/* A tag that this process has not used yet. */
static inline lb_tag_t lb_fresh_tag(void) { return lb_next_tag++; }

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* Who asked, and the tag under which the answer is awaited. It precedes the bytes of a request. */
typedef struct lb_caller {
  lb_pid process;
  lb_tag_t reply_tag;
} lb_caller;

/* Sends a request and waits for its reply, which is then read with lb_read. Only messages that come after the request
 * are looked at, so a full mailbox costs nothing. LB_MESSAGE or LB_TIMEOUT. */
static inline lb_event lb_request(lb_pid to, lb_tag_t tag, const void* data, size_t size, uint64_t timeout_ms) {
  lb_caller caller = {lb_self(), lb_fresh_tag()};
  lb_begin(tag);
  lb_write(&caller, sizeof caller);
  lb_write(data, size);
  return (lb_event)lb_raw_message_send_receive_skip_search(to, caller.reply_tag, timeout_ms);
}

/* In the server: the caller of the request just received; what follows in the message is the request itself. */
static inline lb_caller lb_read_caller(void) {
  lb_caller caller = {LB_NO_PROCESS, 0};
  (void)lb_read_value(caller);
  return caller;
}

static inline void lb_reply(lb_caller caller, const void* data, size_t size) {
  lb_send(caller.process, caller.reply_tag, data, size);
}

#define lb_reply_value(caller, variable) lb_reply((caller), &(variable), sizeof(variable))

/* ---- links, monitors, death -------------------------------------------------------------------------------------- */

/* false: the failure of a linked process becomes a message (LB_LINK_DIED) instead of this process's own death. */
static inline void lb_die_when_link_dies(bool die) { lb_raw_process_die_when_link_dies(die); }
static inline void lb_link(lb_tag_t tag, lb_pid peer) { lb_raw_process_link(tag, peer); }
static inline void lb_unlink(lb_pid peer) { lb_raw_process_unlink(peer); }

/* LB_PROCESS_DIED comes once `peer` ends, for whatever reason. Nothing comes when it is gone already. */
static inline void lb_monitor(lb_pid peer) { lb_raw_process_monitor(peer); }
static inline void lb_stop_monitoring(lb_pid peer) { lb_raw_process_stop_monitoring(peer); }
static inline void lb_kill(lb_pid peer) { lb_raw_process_kill(peer); }
static inline bool lb_alive(lb_pid peer) { return lb_raw_process_exists(peer) == 1; }

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* Names outlive the process they stand for: who registers a name removes it. */
static inline void lb_register(const char* name, lb_pid process) {
  lb_raw_registry_put(name, (uint32_t)strlen(name), 0, process);
}

static inline lb_pid lb_whereis(const char* name) {
  uint64_t node = 0;
  lb_pid process = LB_NO_PROCESS;
  return lb_raw_registry_get(name, (uint32_t)strlen(name), &node, &process) == 0 ? process : LB_NO_PROCESS;
}

static inline void lb_unregister(const char* name) { lb_raw_registry_remove(name, (uint32_t)strlen(name)); }

/* ---- limits and rights ------------------------------------------------------------------------------------------- */

/* A config without any right, and without limits; -1 when this process may not create one. */
static inline lb_config lb_config_new(void) { return lb_raw_process_create_config(); }
static inline void lb_config_drop(lb_config config) { lb_raw_process_drop_config(config); }
static inline void lb_config_max_memory(lb_config config, uint64_t bytes) {
  lb_raw_process_config_set_max_memory(config, bytes);
}

/* In units of about 100,000 instructions; 0: no limit. */
static inline void lb_config_max_fuel(lb_config config, uint64_t units) {
  lb_raw_process_config_set_max_fuel(config, units);
}
static inline void lb_config_may_spawn(lb_config config, bool may) {
  lb_raw_process_config_set_can_spawn_processes(config, may);
}
static inline void lb_config_may_configure(lb_config config, bool may) {
  lb_raw_process_config_set_can_create_configs(config, may);
}
static inline void lb_config_may_compile(lb_config config, bool may) {
  lb_raw_process_config_set_can_compile_modules(config, may);
}
static inline void lb_config_environment(lb_config config, const char* key, const char* value) {
  lb_raw_wasi_config_add_environment_variable(config, key, (uint32_t)strlen(key), value, (uint32_t)strlen(value));
}
static inline void lb_config_argument(lb_config config, const char* argument) {
  lb_raw_wasi_config_add_command_line_argument(config, argument, (uint32_t)strlen(argument));
}
static inline void lb_config_folder(lb_config config, const char* folder) {
  lb_raw_wasi_config_preopen_dir(config, folder, (uint32_t)strlen(folder));
}

/* ---- traps ------------------------------------------------------------------------------------------------------- */

typedef void (*lb_guarded)(void* argument);

__attribute__((weak, export_name("_lunatic_catch_trap"))) uint32_t lb_catch_entry(uint32_t function, void* argument) {
  ((lb_guarded)(uintptr_t)function)(argument);
  return 1;
}

/* Calls `function`; false when it trapped. Memory stays as the trap left it, only the stack is unwound. */
static inline bool lb_catch(lb_guarded function, void* argument) {
  void* stack;
  __asm__ volatile(
      ".globaltype __stack_pointer, i32\n"
      "global.get __stack_pointer\n"
      "local.set %0"
      : "=r"(stack));
  bool returned = lb_raw_trap_catch((uint32_t)(uintptr_t)function, argument) != 0;
  __asm__ volatile(
      "local.get %0\n"
      "global.set __stack_pointer"
      :
      : "r"(stack)
      : "memory");
  return returned;
}

#ifdef __cplusplus
}
#endif

#endif
