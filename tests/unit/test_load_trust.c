/* SPDX-License-Identifier: MIT
 * test_load_trust.c - who could have written a file: links, owners, modes, types, races
 */
#include "../abi/yard.h"
#include "load/trust.h"

#include <adit/abi.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct trust_rules strict = {false, 1 << 20}, lax = {true, 1 << 20};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct yard));
	yard_init(*state);
	yard_write(yard_path(*state, "f.so"), "hello", 5);
	mkdir(yard_path(*state, "d"), 0755);
	yard_write(yard_path(*state, "d/f.so"), "hello", 5);
	return 0;
}

static int teardown(void **state)
{
	yard_fini(*state);
	free(*state);
	return 0;
}

static int try(struct yard *y, const char *path, const struct trust_rules *rules)
{
	struct stat st;
	int fd, err;

	yard_forget(y);
	err = trust_open(path, rules, &y->report, &fd, &st);
	if (!err)
		close(fd);
	return err;
}

static void plain_file_is_opened(void **state)
{
	struct yard *y = *state;
	struct stat st;
	char *bytes;
	int fd;

	assert_int_equal(trust_open(yard_path(y, "d/f.so"), &strict, &y->report, &fd, &st), 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(trust_read(fd, 5, &bytes), 0);
	assert_string_equal(bytes, "hello");
	free(bytes);
	assert_int_equal(trust_read(fd, 6, &bytes), ADIT_EIO);
	close(fd);
	assert_int_equal(y->report.count, 0);
	assert_int_equal(try(y, yard_path(y, "none.so"), &strict), ADIT_ENOENT);
	assert_int_equal(try(y, yard_path(y, "none/f.so"), &strict), ADIT_ENOENT);
}

static void odd_paths_are_refused(void **state)
{
	static const char *const paths[] = {"f.so", "./f.so", "/tmp/../tmp/f.so", "/tmp//f.so", "/tmp/./f.so", ""};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(try(*state, paths[i], &strict), ADIT_EINVAL);
		assert_true(yard_says(*state, "the path is not absolute"));
	}
}

static void links_are_refused(void **state)
{
	struct yard *y = *state;

	assert_int_equal(symlink("f.so", yard_path(y, "link.so")), 0);
	assert_int_equal(symlink("d", yard_path(y, "way")), 0);
	assert_int_equal(symlink("nowhere", yard_path(y, "lost.so")), 0);
	assert_int_equal(try(y, yard_path(y, "link.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "link.so: it is a symbolic link; put the file itself there"));
	assert_int_equal(try(y, yard_path(y, "lost.so"), &strict), ADIT_EPERM);
	assert_int_equal(try(y, yard_path(y, "way/f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "there is a symbolic link in the path"));
	/* No matter what: a link is not a question of owners. */
	assert_int_equal(try(y, yard_path(y, "link.so"), &lax), ADIT_EPERM);
}

/* Another name gives nobody the right to write, and profilers make such names for what they have seen. */
static void hard_links_are_taken(void **state)
{
	struct yard *y = *state;

	assert_int_equal(link(yard_path(y, "f.so"), yard_path(y, "again.so")), 0);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), 0);
}

static void others_writing_is_refused(void **state)
{
	struct yard *y = *state;

	chmod(yard_path(y, "f.so"), 0664);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "the file is writable by its group (mode 0664); chmod go-w "));
	chmod(yard_path(y, "f.so"), 0646);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "the file is writable by everybody (mode 0646)"));
	assert_int_equal(try(y, yard_path(y, "f.so"), &lax), 0);
	chmod(yard_path(y, "d"), 0775);
	assert_int_equal(try(y, yard_path(y, "d/f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "the directory is writable by its group (mode 0775)"));
	assert_int_equal(try(y, yard_path(y, "d/f.so"), &lax), 0);
}

/* Sticky directories are passed through when they are root's, never where the file lies. */
static void sticky_directories(void **state)
{
	struct yard *y = *state;

	chmod(yard_path(y, "d"), 01777);
	assert_int_equal(try(y, yard_path(y, "d/f.so"), &strict), ADIT_EPERM);
	mkdir(yard_path(y, "d/own"), 0755);
	yard_write(yard_path(y, "d/own/f.so"), "x", 1);
	assert_int_equal(try(y, yard_path(y, "d/own/f.so"), &strict), geteuid() == 0 ? 0 : ADIT_EPERM);
	/* Sticky, and somebody else's: he may rename what is in it. In a user namespace there may be nobody else. */
	if (geteuid() != 0 || chown(yard_path(y, "d"), 12345, (gid_t)-1) != 0)
		return;
	assert_int_equal(chmod(yard_path(y, "d"), 01777), 0);
	assert_int_equal(try(y, yard_path(y, "d/own/f.so"), &strict), ADIT_EPERM);
}

static void other_owners_are_refused(void **state)
{
	struct yard *y = *state;

	if (geteuid() != 0 || chown(yard_path(y, "f.so"), 12345, (gid_t)-1) != 0) {
		print_message("needs root, to give a file away\n");
		skip();
	}
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "the file belongs to user 12345, who could change it; chown root "));
	assert_int_equal(try(y, yard_path(y, "f.so"), &lax), 0);
	assert_true(yard_says(y, "warning: the file belongs to user 12345"));
	assert_int_equal(chown(yard_path(y, "d"), 12345, (gid_t)-1), 0);
	assert_int_equal(try(y, yard_path(y, "d/f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "the directory belongs to user 12345, who could replace the module"));
	/* One finding each, also where it is only a warning. */
	assert_int_equal(try(y, yard_path(y, "d/f.so"), &lax), 0);
	assert_int_equal(y->report.count, 1);
}

static void only_files_are_opened(void **state)
{
	struct yard *y = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s;

	assert_int_equal(try(y, yard_path(y, "d"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "it is a directory"));
	assert_int_equal(mkfifo(yard_path(y, "pipe.so"), 0600), 0);
	assert_int_equal(try(y, yard_path(y, "pipe.so"), &strict), ADIT_EPERM); /* and does not wait for a writer */
	assert_true(yard_says(y, "it is not a regular file"));
	assert_int_equal(try(y, "/dev/null", &strict), ADIT_EPERM);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock.so", y->dir);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(try(y, yard_path(y, "sock.so"), &strict), ADIT_EPERM);
	close(s);
	assert_int_equal(try(y, yard_path(y, "f.so/more"), &strict), ADIT_EIO);
}

static void size_has_a_limit(void **state)
{
	struct yard *y = *state;

	assert_int_equal(truncate(yard_path(y, "f.so"), 1 << 20), 0);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), 0);
	assert_int_equal(truncate(yard_path(y, "f.so"), (1 << 20) + 1), 0);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), ADIT_ELIMIT);
	assert_true(yard_says(y, "the file has 1048577 bytes; 1048576 at most"));
}

static void unreadable_is_said(void **state)
{
	struct yard *y = *state;

	if (geteuid() == 0) {
		print_message("root reads everything\n");
		skip();
	}
	chmod(yard_path(y, "f.so"), 0);
	assert_int_equal(try(y, yard_path(y, "f.so"), &strict), ADIT_EPERM);
	assert_true(yard_says(y, "make it readable"));
}

/* Somebody turns a directory of the path into a link and back as fast as he can: whatever is opened, it is never
 * the file behind the link. */
static void swapping_never_wins(void **state)
{
	struct yard *y = *state;
	unsigned i, opened = 0, refused = 0;
	char *bytes, d[200], real[200], link_to[200];
	struct stat st;
	int fd, err, status = -1;
	pid_t child;

	mkdir(yard_path(y, "evil"), 0755);
	yard_write(yard_path(y, "evil/f.so"), "wrong", 5);
	snprintf(d, sizeof(d), "%s/d", y->dir);
	snprintf(real, sizeof(real), "%s/real", y->dir);
	snprintf(link_to, sizeof(link_to), "%s/evil", y->dir);
	child = fork();
	if (child == 0) {
		for (i = 0; i < 20000 && getppid() != 1; i++)
			if (rename(d, real) != 0 || symlink(link_to, d) != 0 || unlink(d) != 0 || rename(real,
			                                                                                 d) != 0)
				_exit(1);
		_exit(0);
	}
	for (i = 0; waitpid(child, &status, WNOHANG) == 0; i++) {
		yard_forget(y);
		err = trust_open(yard_path(y, "d/f.so"), &strict, &y->report, &fd, &st);
		if (err) {
			refused++;
			continue;
		}
		opened++;
		assert_int_equal(trust_read(fd, (size_t)st.st_size, &bytes), 0);
		assert_string_equal(bytes, "hello");
		free(bytes);
		close(fd);
	}
	assert_int_equal(status, 0);
	print_message("opened %u, refused %u\n", opened, refused);
	assert_true(opened && refused); /* else the two never met */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(plain_file_is_opened), T(odd_paths_are_refused), T(links_are_refused), T(hard_links_are_taken),
		T(others_writing_is_refused), T(sticky_directories), T(other_owners_are_refused),
		T(only_files_are_opened),
		T(size_has_a_limit), T(unreadable_is_said), T(swapping_never_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
