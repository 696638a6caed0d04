/* SPDX-License-Identifier: MIT
 * sdk/abi/layout.c - prints what the ABI fixes: one line per struct, member, constant and interface
 * name
 *
 * tests/abi/layout.sh compares the answer with the committed adit-1.*.layout, and this list with
 * what the compiler says is in the headers, so nothing can be left out. The type written here is
 * compared with the header's when this file is compiled, so a changed signature shows as well.
 */
#include <inttypes.h>
#include <stdio.h>

#include <adit/addresses.h>
#include <adit/adit.h>
#include <adit/doctor.h>
#include <adit/exec.h>
#include <adit/facts.h>
#include <adit/packet.h>
#include <adit/owner.h>
#include <adit/place.h>
#include <adit/server.h>
#include <adit/vnet.h>

/* A struct that stands in arrays, or whose size readers rely on: never changes. */
#define FROZEN(type) \
	printf("struct %s frozen size %zu align %zu\n", #type, sizeof(type), _Alignof(type))

/* A struct that begins with its size: members may be added at its end. */
#define GROWS(type) printf("struct %s grows align %zu\n", #type, _Alignof(type))

/* The type stands last because it may hold commas. */
#define MEMBER(type, member, ...) \
	do { \
		_Static_assert(__builtin_types_compatible_p(__typeof__(((type *)0)->member), __typeof__(__VA_ARGS__)), \
		               #type "." #member " has another type in the header"); \
		printf("member %s.%s offset %zu size %zu %s\n", #type, #member, offsetof(type, member), \
		       sizeof(((type *)0)->member), #__VA_ARGS__); \
	} while (0)

#define CONST(value) printf("const %s %" PRId64 "\n", #value, (int64_t)(value))
#define TEXT(value) printf("text %s %s\n", #value, value)

static void print_abi(void)
{
	CONST(ADIT_ABI_MAJOR);
	CONST(ADIT_OK);
	CONST(ADIT_ENOMEM);
	CONST(ADIT_EINVAL);
	CONST(ADIT_ENOSYS);
	CONST(ADIT_EAGAIN);
	CONST(ADIT_ESTALE);
	CONST(ADIT_EPERM);
	CONST(ADIT_ECONFIG);
	CONST(ADIT_EIO);
	CONST(ADIT_ETHREAD);
	CONST(ADIT_ERESET);
	CONST(ADIT_ETIME);
	CONST(ADIT_EREFUSED);
	CONST(ADIT_EHOST);
	CONST(ADIT_ENET);
	CONST(ADIT_EADMIN);
	CONST(ADIT_ELIMIT);
	CONST(ADIT_EGONE);
	CONST(ADIT_ENOENT);
	CONST(ADIT_EEXIST);
	CONST(ADIT_ECANCEL);
}

static void print_buf(void)
{
	FROZEN(adit_buf);
	MEMBER(adit_buf, data, uint8_t *);
	MEMBER(adit_buf, len, uint32_t);
	MEMBER(adit_buf, flags, uint32_t);
	MEMBER(adit_buf, head, uint8_t *);
	MEMBER(adit_buf, end, uint8_t *);
	MEMBER(adit_buf, next, adit_buf *);
	MEMBER(adit_buf, csum_start, uint16_t);
	MEMBER(adit_buf, csum_off, uint16_t);
	MEMBER(adit_buf, gso_size, uint16_t);
	MEMBER(adit_buf, hdr_len, uint16_t);
	MEMBER(adit_buf, flow, adit_flow);
	MEMBER(adit_buf, priv, void *);
	CONST(ADIT_BUF_RDONLY);
	CONST(ADIT_BUF_CSUM_NEEDED);
	CONST(ADIT_BUF_CSUM_OK);
	CONST(ADIT_BUF_GSO_TCP4);
	CONST(ADIT_BUF_GSO_TCP6);
	CONST(ADIT_BUF_GSO_UDP);
	CONST(ADIT_BUF_GSO_ECN);
	CONST(ADIT_BUF_SCARCE);
	CONST(ADIT_BUF_HEADROOM);
	CONST(ADIT_BUF_GSO);
}

static void print_flow(void)
{
	FROZEN(adit_addr);
	MEMBER(adit_addr, ip, uint8_t[16]);
	MEMBER(adit_addr, scope, uint32_t);
	MEMBER(adit_addr, port, uint16_t);
	MEMBER(adit_addr, family, uint8_t);
	MEMBER(adit_addr, zero, uint8_t);
	GROWS(adit_flow_info);
	MEMBER(adit_flow_info, size, uint32_t);
	MEMBER(adit_flow_info, proto, uint8_t);
	MEMBER(adit_flow_info, zero, uint8_t[3]);
	MEMBER(adit_flow_info, src, adit_addr);
	MEMBER(adit_flow_info, dst, adit_addr);
	FROZEN(adit_event);
	MEMBER(adit_event, type, uint16_t);
	MEMBER(adit_event, flags, uint16_t);
	MEMBER(adit_event, code, int32_t);
	MEMBER(adit_event, flow, adit_flow);
	MEMBER(adit_event, user, uint64_t);
	MEMBER(adit_event, u.buf, adit_buf *);
	MEMBER(adit_event, u.info, const adit_flow_info *);
	MEMBER(adit_event, u.num, uint64_t);
	FROZEN(adit_op);
	MEMBER(adit_op, type, uint16_t);
	MEMBER(adit_op, flags, uint16_t);
	MEMBER(adit_op, code, int32_t);
	MEMBER(adit_op, flow, adit_flow);
	MEMBER(adit_op, u.buf, adit_buf *);
	MEMBER(adit_op, u.addr, const adit_addr *);
	MEMBER(adit_op, u.name, const char *);
	MEMBER(adit_op, u.num, uint64_t);
}

static void print_flow_constants(void)
{
	CONST(ADIT_PROTO_ICMP);
	CONST(ADIT_PROTO_TCP);
	CONST(ADIT_PROTO_UDP);
	CONST(ADIT_PROTO_ICMPV6);
	CONST(ADIT_EV_OPEN);
	CONST(ADIT_EV_DATA);
	CONST(ADIT_EV_DGRAM);
	CONST(ADIT_EV_FIN);
	CONST(ADIT_EV_CREDIT);
	CONST(ADIT_EV_CLOSED);
	CONST(ADIT_EV_SOCKET);
	CONST(ADIT_EVF_BUF);
	CONST(ADIT_OP_ACCEPT);
	CONST(ADIT_OP_PASS);
	CONST(ADIT_OP_REJECT);
	CONST(ADIT_OP_DROP);
	CONST(ADIT_OP_SEND);
	CONST(ADIT_OP_CONSUME);
	CONST(ADIT_OP_FIN);
	CONST(ADIT_OP_CLOSE);
	CONST(ADIT_OP_ABORT);
	CONST(ADIT_OP_IDLE);
	CONST(ADIT_OP_FORWARD);
	CONST(ADIT_OP_RELEASE);
	CONST(ADIT_OP_UNREAD);
	CONST(ADIT_OP_NAME);
	CONST(ADIT_OP_SOCKET);
	CONST(ADIT_OP_STACK);
	CONST(ADIT_OPF_BUF);
	CONST(ADIT_OPF_ADDR);
	CONST(ADIT_OPF_CONNECT_FIRST);
	CONST(ADIT_OPF_SOCKET);
}

static void print_life(void)
{
	GROWS(adit_env);
	MEMBER(adit_env, size, uint32_t);
	MEMBER(adit_env, shard, uint32_t);
	MEMBER(adit_env, shards, uint32_t);
	MEMBER(adit_env, flows, uint32_t);
	MEMBER(adit_env, name, const char *);
	MEMBER(adit_env, host, const adit_host *);
	MEMBER(adit_env, loop, adit_loop *);
	MEMBER(adit_env, cfg, const adit_cfg *);
	MEMBER(adit_env, path, const adit_path *);
	MEMBER(adit_env, flow_memory, uint64_t);
	GROWS(adit_life);
	MEMBER(adit_life, size, uint32_t);
	MEMBER(adit_life, flags, uint32_t);
	MEMBER(adit_life, create, adit_result (*)(void *, const adit_env *, void **));
	MEMBER(adit_life, open, adit_result (*)(void *));
	MEMBER(adit_life, start, adit_result (*)(void *));
	MEMBER(adit_life, reload, adit_result (*)(void *, const adit_cfg *));
	MEMBER(adit_life, drain, void (*)(void *, uint64_t));
	MEMBER(adit_life, stop, void (*)(void *));
	MEMBER(adit_life, destroy, void (*)(void *));
	CONST(ADIT_LIFE_FILES);
	GROWS(adit_path);
	MEMBER(adit_path, size, uint32_t);
	MEMBER(adit_path, zero, uint32_t);
	MEMBER(adit_path, end, void *);
	MEMBER(adit_path, input, void (*)(void *, adit_buf *const *, uint32_t));
	MEMBER(adit_path, output, void (*)(void *, adit_buf *const *, uint32_t));
	MEMBER(adit_path, emit, void (*)(void *, const adit_event *, uint32_t));
	MEMBER(adit_path, submit, void (*)(void *, const adit_op *, uint32_t));
	MEMBER(adit_path, get, uint32_t (*)(void *, adit_buf **, uint32_t, uint32_t));
	MEMBER(adit_path, put, void (*)(void *, adit_buf *const *, uint32_t));
	MEMBER(adit_path, wrap, adit_buf *(*)(void *, void *, uint32_t, adit_fn, void *));
	MEMBER(adit_path, info, const adit_flow_info *(*)(void *, adit_flow));
	CONST(ADIT_FLOW_SLOT(UINT64_C(0x123456789abcdef0)));
}

static void print_kinds(void)
{
	TEXT(ADIT_PLATFORM_1);
	TEXT(ADIT_TROUBLE_1);
	TEXT(ADIT_STACK_1);
	TEXT(ADIT_HANDLER_1);
	TEXT(ADIT_OUTBOUND_1);
	TEXT(ADIT_SERVICE_1);
	GROWS(adit_platform_1);
	MEMBER(adit_platform_1, size, uint32_t);
	MEMBER(adit_platform_1, flags, uint32_t);
	MEMBER(adit_platform_1, life, const adit_life *);
	MEMBER(adit_platform_1, output, void (*)(void *, adit_buf *const *, uint32_t));
	MEMBER(adit_platform_1, protect, adit_result (*)(void *, intptr_t, int32_t));
	GROWS(adit_trouble_1);
	MEMBER(adit_trouble_1, size, uint32_t);
	MEMBER(adit_trouble_1, zero, uint32_t);
	MEMBER(adit_trouble_1, gone, void (*)(const adit_host *, const char *));
	GROWS(adit_stack_1);
	MEMBER(adit_stack_1, size, uint32_t);
	MEMBER(adit_stack_1, flags, uint32_t);
	MEMBER(adit_stack_1, life, const adit_life *);
	MEMBER(adit_stack_1, input, void (*)(void *, adit_buf *const *, uint32_t));
	MEMBER(adit_stack_1, submit, void (*)(void *, const adit_op *, uint32_t));
	MEMBER(adit_stack_1, claims, int32_t (*)(void *, const adit_addr *, const adit_addr *));
	MEMBER(adit_stack_1, probe, adit_result (*)(void *, uint32_t, adit_probed, void *));
	CONST(ADIT_STACK_TCP);
	CONST(ADIT_STACK_UDP);
	CONST(ADIT_STACK_ECHO);
	CONST(ADIT_STACK_SOCKETS);
	CONST(ADIT_STACK_CLAIMS);
	CONST(ADIT_PROBE_START);
	GROWS(adit_handler_1);
	MEMBER(adit_handler_1, size, uint32_t);
	MEMBER(adit_handler_1, flags, uint32_t);
	MEMBER(adit_handler_1, life, const adit_life *);
	MEMBER(adit_handler_1, events, void (*)(void *, const adit_event *, uint32_t));
	FROZEN(adit_reach);
	MEMBER(adit_reach, size, uint32_t);
	MEMBER(adit_reach, proto, uint8_t);
	MEMBER(adit_reach, zero, uint8_t[3]);
	MEMBER(adit_reach, flow, adit_flow);
	MEMBER(adit_reach, dst, adit_addr);
	MEMBER(adit_reach, name, const char *);
	MEMBER(adit_reach, deadline_ns, uint64_t);
	GROWS(adit_outbound_1);
	MEMBER(adit_outbound_1, size, uint32_t);
	MEMBER(adit_outbound_1, flags, uint32_t);
	MEMBER(adit_outbound_1, life, const adit_life *);
	MEMBER(adit_outbound_1, reach, void (*)(void *, const adit_reach *, uint32_t));
	MEMBER(adit_outbound_1, submit, void (*)(void *, const adit_op *, uint32_t));
	CONST(ADIT_OUTBOUND_TCP);
	CONST(ADIT_OUTBOUND_UDP);
	CONST(ADIT_OUTBOUND_ECHO);
	CONST(ADIT_OUTBOUND_GSO);
	GROWS(adit_service_1);
	MEMBER(adit_service_1, size, uint32_t);
	MEMBER(adit_service_1, flags, uint32_t);
	MEMBER(adit_service_1, life, const adit_life *);
}

static void print_module(void)
{
	GROWS(adit_component);
	MEMBER(adit_component, size, uint32_t);
	MEMBER(adit_component, flags, uint32_t);
	MEMBER(adit_component, id, const char *);
	MEMBER(adit_component, iface, const char *);
	MEMBER(adit_component, table, const void *);
	GROWS(adit_module);
	MEMBER(adit_module, size, uint32_t);
	MEMBER(adit_module, abi_major, uint16_t);
	MEMBER(adit_module, abi_minor, uint16_t);
	MEMBER(adit_module, flags, uint32_t);
	MEMBER(adit_module, zero, uint32_t);
	MEMBER(adit_module, name, const char *);
	MEMBER(adit_module, version, const char *);
	MEMBER(adit_module, descriptor, const char *);
	MEMBER(adit_module, components, const adit_component *const *);
	MEMBER(adit_module, init, adit_result (*)(const adit_host *, void **));
	MEMBER(adit_module, fini, void (*)(void *));
	MEMBER(adit_module, get, const void *(*)(void *, const char *));
	CONST(ADIT_MODULE_PRIVATE);
	CONST(ADIT_LOG_TRACE);
	CONST(ADIT_LOG_DEBUG);
	CONST(ADIT_LOG_INFO);
	CONST(ADIT_LOG_WARN);
	CONST(ADIT_LOG_ERROR);
	GROWS(adit_host);
	MEMBER(adit_host, size, uint32_t);
	MEMBER(adit_host, abi_major, uint16_t);
	MEMBER(adit_host, abi_minor, uint16_t);
	MEMBER(adit_host, version, const char *);
	MEMBER(adit_host, priv, void *);
	MEMBER(adit_host, log_level, const int32_t *);
	MEMBER(adit_host, get, const void *(*)(const adit_host *, const char *));
	MEMBER(adit_host, alloc, void *(*)(const adit_host *, size_t, size_t));
	MEMBER(adit_host, release, void (*)(const adit_host *, void *));
	MEMBER(adit_host, log, void (*)(const adit_host *, int32_t, const char *, size_t));
	MEMBER(adit_host, fail, adit_result (*)(const adit_host *, adit_result, const char *,
	       size_t));
}

static void print_config(void)
{
	TEXT(ADIT_CONFIG_1);
	GROWS(adit_config_1);
	MEMBER(adit_config_1, size, uint32_t);
	MEMBER(adit_config_1, zero, uint32_t);
	MEMBER(adit_config_1, text, adit_result (*)(const adit_cfg *, const char *, const char **,
	       size_t *));
	MEMBER(adit_config_1, integer, adit_result (*)(const adit_cfg *, const char *, int64_t *));
	MEMBER(adit_config_1, number, adit_result (*)(const adit_cfg *, const char *, double *));
	MEMBER(adit_config_1, truth, adit_result (*)(const adit_cfg *, const char *, int32_t *));
	MEMBER(adit_config_1, item, const adit_cfg *(*)(const adit_cfg *, const char *, uint32_t));
	MEMBER(adit_config_1, json, adit_result (*)(const adit_cfg *, const char *, const char **,
	       size_t *));
	MEMBER(adit_config_1, duration, adit_result (*)(const adit_cfg *, const char *,
	       uint64_t *));
	MEMBER(adit_config_1, key, const char *(*)(const adit_cfg *));
}

static void print_loop(void)
{
	TEXT(ADIT_LOOP_1);
	CONST(ADIT_IO_READ);
	CONST(ADIT_IO_WRITE);
	GROWS(adit_loop_1);
	MEMBER(adit_loop_1, size, uint32_t);
	MEMBER(adit_loop_1, zero, uint32_t);
	MEMBER(adit_loop_1, now, uint64_t (*)(adit_loop *));
	MEMBER(adit_loop_1, timer, adit_result (*)(adit_loop *, adit_fn, void *, adit_timer **));
	MEMBER(adit_loop_1, timer_set, void (*)(adit_timer *, uint64_t, uint64_t));
	MEMBER(adit_loop_1, timer_free, void (*)(adit_timer *));
	MEMBER(adit_loop_1, io, adit_result (*)(adit_loop *, intptr_t, adit_fn, void *,
	       adit_io **));
	MEMBER(adit_loop_1, io_want, void (*)(adit_io *, uint32_t));
	MEMBER(adit_loop_1, io_ready, uint32_t (*)(const adit_io *));
	MEMBER(adit_loop_1, io_free, void (*)(adit_io *));
	MEMBER(adit_loop_1, defer, adit_result (*)(adit_loop *, adit_fn, void *));
	MEMBER(adit_loop_1, post, adit_result (*)(adit_loop *, adit_fn, void *));
	MEMBER(adit_loop_1, pool, adit_result (*)(adit_loop *, adit_fn, adit_fn, void *));
	MEMBER(adit_loop_1, on_loop, int32_t (*)(const adit_loop *));
}

static void print_dial(void)
{
	TEXT(ADIT_DIAL_1);
	TEXT(ADIT_OUTBOUNDS_1);
	TEXT(ADIT_STACKS_1);
	GROWS(adit_dial_1);
	MEMBER(adit_dial_1, size, uint32_t);
	MEMBER(adit_dial_1, zero, uint32_t);
	MEMBER(adit_dial_1, connect, adit_result (*)(adit_loop *, const adit_addr *, uint64_t,
	       adit_dialed, void *, adit_dialing **));
	MEMBER(adit_dial_1, cancel, void (*)(adit_dialing *));
	MEMBER(adit_dial_1, carry, adit_result (*)(const adit_path *, adit_flow,
	       const adit_addr *));
	TEXT(ADIT_SERVER_1);
	GROWS(adit_server_1);
	MEMBER(adit_server_1, size, uint32_t);
	MEMBER(adit_server_1, zero, uint32_t);
	MEMBER(adit_server_1, connect, adit_result (*)(adit_loop *, const char *, uint64_t, adit_dialed,
	       void *, adit_reaching **));
	MEMBER(adit_server_1, cancel, void (*)(adit_reaching *));
	MEMBER(adit_server_1, datagrams, adit_result (*)(adit_loop *, intptr_t, const adit_addr *,
	       intptr_t *));
	GROWS(adit_outbounds_1);
	MEMBER(adit_outbounds_1, size, uint32_t);
	MEMBER(adit_outbounds_1, zero, uint32_t);
	MEMBER(adit_outbounds_1, find, adit_result (*)(const adit_host *, const char *));
	GROWS(adit_stacks_1);
	MEMBER(adit_stacks_1, size, uint32_t);
	MEMBER(adit_stacks_1, zero, uint32_t);
	MEMBER(adit_stacks_1, find, adit_result (*)(const adit_host *, const char *));
}

static void print_place(void)
{
	TEXT(ADIT_PLACE_1);
	CONST(ADIT_SOCK_TRANSPARENT);
	CONST(ADIT_SOCK_REUSEPORT);
	CONST(ADIT_SOCK_LISTEN);
	CONST(ADIT_SOCK_V6ONLY);
	CONST(ADIT_PLACE_WILL);
	GROWS(adit_place_1);
	MEMBER(adit_place_1, size, uint32_t);
	MEMBER(adit_place_1, zero, uint32_t);
	MEMBER(adit_place_1, device, adit_place *(*)(void));
	MEMBER(adit_place_1, fresh, adit_result (*)(adit_place **));
	MEMBER(adit_place_1, close, void (*)(adit_place *));
	MEMBER(adit_place_1, socket, adit_result (*)(adit_place *, int32_t, const adit_addr *,
	       uint32_t, intptr_t *));
	MEMBER(adit_place_1, tun, adit_result (*)(adit_place *, const char *, uint32_t, uint32_t,
	       intptr_t *, uint32_t *));
	MEMBER(adit_place_1, netlink, adit_result (*)(adit_place *, int32_t, const void *, size_t,
	       char *, size_t));
	MEMBER(adit_place_1, sysctl, adit_result (*)(adit_place *, const char *, const char *));
	MEMBER(adit_place_1, index, uint32_t (*)(adit_place *, const char *));
	MEMBER(adit_place_1, device_name, const char *(*)(void));
	MEMBER(adit_place_1, ours, int32_t (*)(adit_place *));
	MEMBER(adit_place_1, will, adit_result (*)(adit_place *, int32_t, const void *, size_t));
	MEMBER(adit_place_1, device_address, adit_result (*)(uint32_t, adit_addr *, uint32_t *));
}

static void print_exec(void)
{
	TEXT(ADIT_EXEC_1);
	CONST(ADIT_EXEC_EXITED);
	CONST(ADIT_EXEC_KILLED);
	CONST(ADIT_EXEC_STOPPED);
	CONST(ADIT_EXEC_CONTINUED);
	CONST(ADIT_EXEC_LOST);
	GROWS(adit_exec_1);
	MEMBER(adit_exec_1, size, uint32_t);
	MEMBER(adit_exec_1, zero, uint32_t);
	MEMBER(adit_exec_1, spawn, adit_result (*)(adit_place *, const char *const *,
	       const char *const *, const char *, const intptr_t *, adit_command **, intptr_t *));
	MEMBER(adit_exec_1, news, adit_result (*)(adit_command *, uint32_t *, int32_t *));
	MEMBER(adit_exec_1, signal, adit_result (*)(adit_command *, int32_t));
	MEMBER(adit_exec_1, suspend, void (*)(adit_command *));
	MEMBER(adit_exec_1, release, void (*)(adit_command *));
}

static void print_doctor(void)
{
	TEXT(ADIT_DOCTOR_1);
	CONST(ADIT_DOCTOR_OK);
	CONST(ADIT_DOCTOR_WARN);
	CONST(ADIT_DOCTOR_BAD);
	GROWS(adit_doctor_1);
	MEMBER(adit_doctor_1, size, uint32_t);
	MEMBER(adit_doctor_1, zero, uint32_t);
	MEMBER(adit_doctor_1, run, void (*)(adit_finding, void *));
}

static void print_addresses(void)
{
	TEXT(ADIT_ADDRESSES_1);
	GROWS(adit_addresses_1);
	MEMBER(adit_addresses_1, size, uint32_t);
	MEMBER(adit_addresses_1, zero, uint32_t);
	MEMBER(adit_addresses_1, list, int32_t (*)(adit_addr *, uint32_t));
	MEMBER(adit_addresses_1, watch, adit_result (*)(intptr_t *));
}

static void print_facts(void)
{
	TEXT(ADIT_PLATFORM_FACTS_1);
	GROWS(adit_facts);
	MEMBER(adit_facts, size, uint32_t);
	MEMBER(adit_facts, include_all_networks, uint32_t);
	MEMBER(adit_facts, system, char[16]);
	MEMBER(adit_facts, release, char[64]);
	GROWS(adit_platform_facts_1);
	MEMBER(adit_platform_facts_1, size, uint32_t);
	MEMBER(adit_platform_facts_1, zero, uint32_t);
	MEMBER(adit_platform_facts_1, get, void (*)(adit_facts *));
}

static void print_owner(void)
{
	TEXT(ADIT_OWNER_1);
	GROWS(adit_owner);
	MEMBER(adit_owner, size, uint32_t);
	MEMBER(adit_owner, uid, uint32_t);
	MEMBER(adit_owner, gid, uint32_t);
	MEMBER(adit_owner, pid, int32_t);
	MEMBER(adit_owner, name, char[32]);
	MEMBER(adit_owner, path, char[512]);
	MEMBER(adit_owner, cgroup, char[512]);
	GROWS(adit_owner_1);
	MEMBER(adit_owner_1, size, uint32_t);
	MEMBER(adit_owner_1, zero, uint32_t);
	MEMBER(adit_owner_1, find, adit_result (*)(const adit_flow_info *, adit_owner *));
}

static void print_packet(void)
{
	TEXT(ADIT_PACKET_1);
	GROWS(adit_packet_1);
	MEMBER(adit_packet_1, size, uint32_t);
	MEMBER(adit_packet_1, zero, uint32_t);
	MEMBER(adit_packet_1, push, adit_result (*)(adit_buf *, const adit_flow_info *));
}

static void print_observe(void)
{
	TEXT(ADIT_COUNTERS_1);
	TEXT(ADIT_OBSERVE_1);
	CONST(ADIT_METRIC_COUNTER);
	CONST(ADIT_METRIC_GAUGE);
	CONST(ADIT_METRIC_HISTOGRAM);
	CONST(ADIT_METRIC_NAME);
	CONST(ADIT_METRIC_HELP);
	CONST(ADIT_METRIC_LABELS);
	CONST(ADIT_METRIC_LABEL);
	CONST(ADIT_METRIC_BOUNDS);
	CONST(ADIT_METRICS_PART);
	CONST(ADIT_METRICS_HOST);
	GROWS(adit_metric);
	MEMBER(adit_metric, size, uint32_t);
	MEMBER(adit_metric, kind, uint32_t);
	MEMBER(adit_metric, name, const char *);
	MEMBER(adit_metric, help, const char *);
	MEMBER(adit_metric, labels, const char *const *);
	MEMBER(adit_metric, bounds, const uint64_t *);
	MEMBER(adit_metric, bound_count, uint32_t);
	MEMBER(adit_metric, zero, uint32_t);
	MEMBER(adit_metric, per, uint64_t);
	GROWS(adit_counters_1);
	MEMBER(adit_counters_1, size, uint32_t);
	MEMBER(adit_counters_1, zero, uint32_t);
	MEMBER(adit_counters_1, add, adit_result (*)(const adit_env *, const adit_metric *, uint64_t **));
	MEMBER(adit_counters_1, remove, void (*)(const adit_env *, uint64_t *));
	GROWS(adit_series);
	MEMBER(adit_series, size, uint32_t);
	MEMBER(adit_series, kind, uint32_t);
	MEMBER(adit_series, name, const char *);
	MEMBER(adit_series, help, const char *);
	MEMBER(adit_series, labels, const char *const *);
	MEMBER(adit_series, bounds, const uint64_t *);
	MEMBER(adit_series, bound_count, uint32_t);
	MEMBER(adit_series, zero, uint32_t);
	MEMBER(adit_series, per, uint64_t);
	MEMBER(adit_series, values, const uint64_t *);
	GROWS(adit_observe_1);
	MEMBER(adit_observe_1, size, uint32_t);
	MEMBER(adit_observe_1, zero, uint32_t);
	MEMBER(adit_observe_1, each, void (*)(const adit_host *, adit_series_fn, void *));
}

static void print_vnet(void)
{
	CONST(ADIT_VNET_SIZE);
	CONST(ADIT_VNET_NEEDS_CSUM);
	CONST(ADIT_VNET_DATA_VALID);
	CONST(ADIT_VNET_GSO_NONE);
	CONST(ADIT_VNET_GSO_TCP4);
	CONST(ADIT_VNET_GSO_TCP6);
	CONST(ADIT_VNET_GSO_UDP);
	CONST(ADIT_VNET_GSO_ECN);
}

int main(void)
{
	print_abi();
	print_buf();
	print_flow();
	print_flow_constants();
	print_life();
	print_kinds();
	print_module();
	print_config();
	print_loop();
	print_dial();
	print_place();
	print_exec();
	print_doctor();
	print_addresses();
	print_facts();
	print_owner();
	print_packet();
	print_observe();
	print_vnet();
	return 0;
}
