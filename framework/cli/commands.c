/* SPDX-License-Identifier: MIT
 * cli/commands.c - the one table of commands and options
 */
#include "cli/commands.h"

#include <string.h>

/* The first column is both index and id. */
#define ROW(ID, letter, name, value, value_name, help) \
	[OPTION_##ID] = {OPTION_##ID, letter, name, value, value_name, help}

const struct option_row option_rows[OPTION_IDS] = {
	ROW(SET, 's', "set", VALUE_WORD, "PATH=VALUE",
	    "Sets a value of the manifest, such as limits.flows=1000"),
	ROW(MODULE_DIR, 0, "module-dir", VALUE_DIR, "DIR",
	    "Looks for modules in DIR first; may be given several times"),
	ROW(SAFE_MODE, 0, "safe-mode", VALUE_NONE, NULL, "Uses installed modules only"),
	ROW(FLOWS, 'f', "flows", VALUE_NONE, NULL, "Prints every flow at its end"),
	ROW(STACK, 0, "stack", VALUE_WORD, "NAME", "The TCP/IP stack to use"),
	ROW(FORM, 0, "form", VALUE_WORD, "FORM",
	    "The form of the system stack: auto, transparent, private or portable"),
	ROW(HANDLER, 0, "handler", VALUE_MODULE, "MODULE",
	    "The module that is asked about each flow, before the default one"),
	ROW(VIA, 0, "via", VALUE_WORD, "PROXY",
	    "The way out: socks5://USER@HOST:PORT, http://HOST:PORT, https://HOST:PORT, direct or block"),
	ROW(RULES, 'r', "rules", VALUE_FILE, "FILE",
	    "A file of rules that decide flows first, one per line, such as: reject domain .ads.example"),
	ROW(CONFIG, 'c', "config", VALUE_FILE, "MANIFEST", "A manifest to start from"),
	ROW(LOG, 0, "log", VALUE_WORD, "LEVEL",
	    "What is logged: trace, debug, info, warn or error"),
	ROW(JSON, 0, "json", VALUE_NONE, NULL, "Prints JSON, for programs"),
	ROW(WHY, 0, "why", VALUE_NONE, NULL,
	    "Prints every place that was looked at, and the reason it was taken or "
	    "left"),
	ROW(EFFECTIVE, 0, "effective", VALUE_NONE, NULL,
	    "Prints what the manifest amounts to, defaults and included files in "
	    "place (this is the default)"),
	ROW(ORIGIN, 0, "origin", VALUE_NONE, NULL, "Says for each value where it comes from"),
	ROW(LOAD, 0, "load", VALUE_NONE, NULL,
	    "Also loads the modules and makes their instances, opening nothing"),
	ROW(NAME, 0, "name", VALUE_WORD, "NAME", "The name of this host, by which others reach it"),
	ROW(HOST, 0, "name", VALUE_HOST, "NAME", "The name of the host that is meant"),
	ROW(SOCKET, 0, "socket", VALUE_FILE, "PATH", "The control socket of the host that is meant"),
	ROW(FOLLOW, 0, "follow", VALUE_NONE, NULL, "Goes on printing what comes, until it is interrupted"),
	ROW(SORT, 0, "sort", VALUE_WORD, "KEY",
	    "Sorts by rate, up-rate, down-rate, up, down, age, idle or dst"),
	ROW(LIMIT, 0, "limit", VALUE_WORD, "N", "At most N flows"),
	ROW(RATES, 0, "rates", VALUE_NONE, NULL, "With --follow also what flows move, each second"),
	ROW(YES, 0, "yes", VALUE_NONE, NULL, "Does not ask, when many are meant"),
	ROW(DRAIN, 0, "drain", VALUE_WORD, "TIME",
	    "How long flows may stay on what goes, such as 15m (the default), or wait: until they end"),
	ROW(UNDO, 0, "undo", VALUE_NONE, NULL, "Goes back to what was before the last swap, within an hour"),
	ROW(LEVEL, 0, "level", VALUE_WORD, "LEVEL",
	    "What is logged from now on: trace, debug, info, warn or error"),
	ROW(OF_DEVICE, 0, "device", VALUE_NONE, NULL, "All packets of the device (this is the default)"),
	ROW(OF_STACK, 0, "stack", VALUE_WORD, "NAME", "Packets of the flows of one stack"),
	ROW(OF_FLOW, 0, "flow", VALUE_WORD, "FLOW", "Packets of one flow; adit flows lists them"),
	ROW(COUNT, 0, "count", VALUE_WORD, "N", "Ends after N packets"),
	ROW(SIZE, 0, "size", VALUE_WORD, "SIZE", "Ends when the file has SIZE, such as 10M"),
	ROW(TIME, 0, "time", VALUE_WORD, "TIME", "Ends after TIME, such as 30s"),
	ROW(SNAP, 0, "snap", VALUE_WORD, "BYTES", "Keeps so many bytes of each packet"),
	ROW(WRITE, 'w', "write", VALUE_FILE, "FILE", "Writes to FILE; -, the default, is standard output"),
	ROW(HELP, 'h', "help", VALUE_NONE, NULL, "Prints this help"),
};
#undef ROW

const struct command commands[] = {
	{"exec", "[--] COMMAND [ARGUMENT ...]", "runs a command whose only way out is adit",
	 "COMMAND gets a network namespace of its own, whose only way out is a "
	 "device that adit reads. No privilege is needed where the system lets "
	 "users make namespaces (adit doctor tells). The exit status is the command's, 128 "
	 "and its number if a signal ended it, 2 if adit's own command line is "
	 "wrong, 125 if adit failed, 126 if the command cannot be run, 127 if "
	 "there is no such command. What the command has sent on streams goes "
	 "out after its end; adit waits for that, but not for a peer that is "
	 "silent for five seconds. The password of a --via USER@HOST comes from "
	 "ADIT_VIA_PASSWORD, which COMMAND does not see, or is asked for on the terminal.",
	 1, WORDS_END_OPTIONS, VALUE_WORD, command_exec,
	 {OPTION_NAME, OPTION_VIA, OPTION_FLOWS, OPTION_CONFIG, OPTION_STACK, OPTION_FORM, OPTION_HANDLER, OPTION_RULES,
	  OPTION_SET, OPTION_LOG, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"explain", "exec [OPTION ...]", "prints the manifest that options of exec stand for",
	 "It can be kept, changed, and run with adit exec -c MANIFEST. Passwords are not in it.",
	 1, WORDS_END_OPTIONS, VALUE_WORD, command_explain,
	 {OPTION_END}},
	{"run", "MANIFEST", "runs what a manifest describes until it is told to end",
	 "SIGTERM and SIGINT end it in good order; SIGUSR1 prints the counters. It "
	 "also ends, with status 1, when the device is deleted.",
	 1, 1, VALUE_FILE, command_run,
	 {OPTION_NAME, OPTION_FLOWS, OPTION_SET, OPTION_LOG, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"check", "MANIFEST", "checks a manifest and prints all that is wrong",
	 "Every finding has its place in the file and says what would be right. "
	 "The exit status is 0 if the manifest can be run, 2 if not.",
	 1, 1, VALUE_FILE, command_check,
	 {OPTION_LOAD, OPTION_JSON, OPTION_SET, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"show", "[MANIFEST]", "prints what a manifest amounts to",
	 "Secrets are not printed. Without a manifest it prints the defaults.",
	 0, 1, VALUE_FILE, command_show,
	 {OPTION_EFFECTIVE, OPTION_ORIGIN, OPTION_SET, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"schema", "", "prints the JSON Schema of manifests, for editors",
	 "It joins the host's schema with those of all modules that can be found.",
	 0, 0, VALUE_NONE, command_schema,
	 {OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"modules", "[NAME]", "lists the modules that can be found",
	 "With NAME, that one alone; with --why, where each was searched for.",
	 0, 1, VALUE_MODULE, command_modules,
	 {OPTION_WHY, OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"inspect", "MODULE", "prints all that is known of a module without running it",
	 "MODULE is a name, or the path of a file (with a slash in it). Works on "
	 "broken files too.",
	 1, 1, VALUE_MODULE, command_inspect,
	 {OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"doctor", "", "tells whether this machine has what adit needs, and the cure where not",
	 "The exit status is 1 if something that is needed is missing.",
	 0, 0, VALUE_NONE, command_doctor,
	 {OPTION_JSON, OPTION_MODULE_DIR, OPTION_SAFE_MODE}},
	{"hosts", "", "lists the hosts that run and let you in",
	 "Each line is a name, the process and the control socket. The exit status is 3 if there is none.",
	 0, 0, VALUE_NONE, command_hosts,
	 {OPTION_JSON}},
	{"status", "", "tells how a running host does",
	 "Version, stacks, flows, rates, and its modules, also those that only drain. This and the commands "
	 "below reach a host over its control socket; without --name or --socket the only one that runs "
	 "is meant. Their exit status is 1 if the host refused or failed, 2 if the words are wrong, "
	 "3 if there is no such host.",
	 0, 0, VALUE_NONE, command_status,
	 {OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"flows", "[FILTER ...]", "lists the flows of a running host",
	 "FILTER is tcp, udp or icmp, an address or a prefix of either end, KEY=VALUE with proto, address, port, "
	 "handler, outbound, stack, state (asked, dial, handshake, open, refused, closed, all) or text, or "
	 "a text that is looked for in all that is shown; all of them must fit. With --follow "
	 "it prints flows as they open and end, with the cause. A reader that is too slow is told how many "
	 "entries it lost. With --json each flow is one line.",
	 0, WORDS_ANY, VALUE_NONE, command_flows,
	 {OPTION_FOLLOW, OPTION_RATES, OPTION_SORT, OPTION_LIMIT, OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"top", "", "shows the flows of a running host live, in the terminal",
	 "Those that move most stand first; [s] sorts otherwise, [/] shows only some, and the last line tells the other keys.",
	 0, 0, VALUE_NONE, command_top,
	 {OPTION_HOST, OPTION_SOCKET}},
	{"close", "FLOW ... | KEY=VALUE ...", "ends flows of a running host",
	 "FLOW is what stands in the first column of adit flows. A filter as with flows, but of KEY=VALUE alone, "
	 "ends all that fit, up to --limit, and wants --yes.",
	 1, WORDS_ANY, VALUE_NONE, command_close,
	 {OPTION_YES, OPTION_LIMIT, OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"diff", "", "tells what a reload would change",
	 "The host reads its manifest again and compares; nothing is changed. A line begins with + (is made), "
	 "- (goes when its flows have ended), ~ (changes while it runs) or ! (wants a restart).",
	 0, 0, VALUE_NONE, command_diff,
	 {OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"reload", "", "has a running host read its manifest again",
	 "Flows stay. All of it happens, or nothing and the reason is told.",
	 0, 0, VALUE_NONE, command_reload,
	 {OPTION_DRAIN, OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"swap", "[tcp | udp | icmp] [STACK]", "gives new flows of a running host to another stack",
	 "The new stack is tried before it gets a flow; if that fails nothing has changed. Flows stay on the stack they are on; "
	 "when the last one has ended, or at the end of --drain, the old stack goes. Every step is printed; "
	 "interrupting this command does not stop the swap.",
	 0, 2, VALUE_WORD, command_swap,
	 {OPTION_DRAIN, OPTION_UNDO, OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"log", "", "shows or changes what a running host logs",
	 "At least one of --level and --follow.",
	 0, 0, VALUE_NONE, command_log,
	 {OPTION_LEVEL, OPTION_FOLLOW, OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"capture", "", "writes packets of a running host as a pcapng file",
	 "For programs that read pcapng: adit capture --flow FLOW | wireshark -k -i - shows them as they pass. Comments on "
	 "packets say which flow begins, who has it, and how one ended; an interrupt ends the file in good order. Super-packets "
	 "are whole, as the system's own captures have them. Packets that a stack leaves to the kernel are not in it. The host "
	 "loses packets rather than time; how many is said at the end.",
	 0, 0, VALUE_NONE, command_capture,
	 {OPTION_OF_DEVICE, OPTION_OF_STACK, OPTION_OF_FLOW, OPTION_COUNT, OPTION_SIZE, OPTION_TIME, OPTION_SNAP, OPTION_WRITE,
	  OPTION_HOST, OPTION_SOCKET}},
	{"trace", "FLOW", "prints what happens to one flow of a running host, step by step",
	 "Its packets, and what the modules say and hear about it, each with the time since the trace began, until the flow has "
	 "ended. What is relayed between two sockets passes no module and does not show; its bytes are told at the end.",
	 1, 1, VALUE_WORD, command_trace,
	 {OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"counters", "", "prints what a running host has counted",
	 "Sums over all shards, since the start.",
	 0, 0, VALUE_NONE, command_counters,
	 {OPTION_HOST, OPTION_SOCKET, OPTION_JSON}},
	{"help", "[COMMAND | manual | completion-SHELL]", "prints help",
	 "\"manual\" is the manual page in mdoc; completion-bash, completion-zsh "
	 "and completion-fish are the shells' completions.",
	 0, 1, VALUE_WORD, command_help,
	 {OPTION_END}},
};
const unsigned command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	unsigned i;

	for (i = 0; i < command_count; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}
