#include "ipc/bundle.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct manifest good;

static void setup(void)
{
	memset(&good, 0, sizeof(good));
	good.magic = BUNDLE_MAGIC;
	good.layout = BUNDLE_LAYOUT;
	good.threads = 2;
	strcpy(good.node, "lb1");
	strcpy(good.config_file, "/etc/hpcbal.conf");
	strcpy(good.control_socket, "/run/hpcbal/control.sock");
	strcpy(good.log_target, "stderr");
	good.n_listeners = 2;
	ck_assert_ptr_null(addr_parse(&good.listeners[0].addr, STR("127.0.0.1:80")));
	ck_assert_ptr_null(addr_parse(&good.listeners[1].addr, STR("unix:/run/x.sock")));
	strcpy(good.listeners[0].text, "127.0.0.1:80");
	strcpy(good.listeners[1].text, "unix:/run/x.sock");
	good.checks_at = good.sections_at = sizeof(good);
}

START_TEST(bundle_comes_back_as_it_was)
{
	int fd = bundle_write(&good, NULL, STR("text of the configuration"));
	const struct manifest *m;
	const char *why;
	struct stat st;
	size_t size;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0400);
	m = bundle_map(fd, &size, &why);
	ck_assert_msg(m != NULL, "%s", why);
	ck_assert_str_eq(m->node, "lb1");
	ck_assert_uint_eq(m->n_listeners, 2);
	ck_assert_str_eq(m->listeners[1].text, "unix:/run/x.sock");
	ck_assert(addr_eq(&m->listeners[0].addr, &good.listeners[0].addr));
	ck_assert(str_eq(bundle_sections(m), STR("text of the configuration")));
	bundle_unmap(m, size);
	close(fd);
}
END_TEST

START_TEST(bundle_without_sections_is_good)
{
	int fd = bundle_write(&good, NULL, STR_NONE);
	const struct manifest *m;
	const char *why;
	size_t size;

	m = bundle_map(fd, &size, &why);
	ck_assert_msg(m != NULL, "%s", why);
	ck_assert_uint_eq(bundle_sections(m).n, 0);
	bundle_unmap(m, size);
	close(fd);
}
END_TEST

START_TEST(bundle_cannot_be_changed)
{
	int fd = bundle_write(&good, NULL, STR("x"));

	ck_assert_int_eq(pwrite(fd, "y", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 1), -1);
	ck_assert_ptr_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
}
END_TEST

static int raw_bundle(const void *bytes, size_t n, int seals)
{
	int fd = memfd_create("raw", MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void spoil_magic(struct manifest *m)
{
	m->magic++;
}
static void spoil_layout(struct manifest *m)
{
	m->layout++;
}
static void spoil_node(struct manifest *m)
{
	memset(m->node, 'x', sizeof(m->node));
}
static void spoil_file(struct manifest *m)
{
	memset(m->config_file, 'x', sizeof(m->config_file));
}
static void spoil_sha(struct manifest *m)
{
	memset(m->config_sha256, 'x', 65);
}
static void spoil_socket(struct manifest *m)
{
	memset(m->control_socket, 'x', MANIFEST_TEXT);
}
static void spoil_target(struct manifest *m)
{
	memset(m->log_target, 'x', MANIFEST_TEXT);
}
static void spoil_count(struct manifest *m)
{
	m->n_listeners = MANIFEST_LISTENERS + 1;
}
static void spoil_text(struct manifest *m)
{
	memset(m->listeners[1].text, 'x', MANIFEST_TEXT);
}
static void spoil_frontend(struct manifest *m)
{
	memset(m->listeners[0].frontend_name, 'x', 64);
}
static void spoil_family(struct manifest *m)
{
	m->listeners[0].addr.u.sa.sa_family = AF_NETLINK;
}
static void spoil_len(struct manifest *m)
{
	m->listeners[0].addr.len = 4096;
}
static void spoil_path(struct manifest *m)
{
	memset(m->listeners[1].addr.u.un.sun_path, 'x', 108);
}
static void spoil_at_low(struct manifest *m)
{
	m->sections_at = 8;
}
static void spoil_at_high(struct manifest *m)
{
	m->sections_at = sizeof(*m) + 1;
}
static void spoil_size(struct manifest *m)
{
	m->sections_size = UINT64_MAX;
}

static void spoil_program_kind(struct manifest *m)
{
	m->n_programs = 1;
	m->programs[0] = (struct manifest_program){
		.kind = MANIFEST_CHECK + 1, .path = "/x", .interval_us = 1, .timeout_us = 1};
}
static void spoil_checks_at(struct manifest *m)
{
	m->checks_at = sizeof(*m) + 8;
}
static void spoil_checks_align(struct manifest *m)
{
	m->checks_at = 4;
}
static void spoil_checks_count(struct manifest *m)
{
	m->n_checks = 1;
}

static void (*const spoil[])(struct manifest *m) = {
	spoil_magic,  spoil_layout, spoil_node,    spoil_file,     spoil_sha,    spoil_socket,
	spoil_target, spoil_count,  spoil_text,    spoil_frontend, spoil_family, spoil_len,
	spoil_path,   spoil_at_low, spoil_at_high, spoil_size,
	spoil_program_kind, spoil_checks_at, spoil_checks_align, spoil_checks_count,
};
#define SPOILS (int)(sizeof(spoil) / sizeof(spoil[0]))

START_TEST(spoilt_manifest_is_refused)
{
	const char *why = NULL;
	size_t size;
	int fd;

	spoil[_i](&good);
	fd = raw_bundle(&good, sizeof(good), ALL_SEALS);
	ck_assert_ptr_null(bundle_map(fd, &size, &why));
	ck_assert_ptr_nonnull(why);
	close(fd);
}
END_TEST

START_TEST(unspoilt_manifest_is_taken)
{
	int fd = raw_bundle(&good, sizeof(good), ALL_SEALS);
	const char *why = NULL;
	size_t size;

	ck_assert_ptr_nonnull(bundle_map(fd, &size, &why));
	close(fd);
}
END_TEST

static void add_check(struct manifest_check *c)
{
	good.n_programs = 2;
	good.programs[0] = (struct manifest_program){
		.kind = MANIFEST_NOTIFY, .path = "/n", .timeout_us = 1};
	good.programs[1] = (struct manifest_program){
		.kind = MANIFEST_CHECK, .path = "/c", .timeout_us = 1};
	good.n_checks = 1;
	*c = (struct manifest_check){
		.program = 1, .port = 80, .backend = "app", .server = "a1", .address = "::1"};
}

static const char *why_not(const struct manifest_check *c)
{
	int fd = bundle_write(&good, c, STR("text"));
	const struct manifest *m;
	const char *why = NULL;
	size_t size;

	m = bundle_map(fd, &size, &why);
	close(fd);
	if (!m)
		return why;
	ck_assert_mem_eq(bundle_checks(m), c, sizeof(*c));
	ck_assert(str_eq(bundle_sections(m), STR("text")));
	bundle_unmap(m, size);
	return NULL;
}

START_TEST(checks_come_back_and_are_judged)
{
	struct manifest_check c;

	add_check(&c);
	ck_assert_ptr_null(why_not(&c));
	c.program = 0;
	ck_assert_ptr_nonnull(why_not(&c)); /* a notification is none */
	c.program = 2;
	ck_assert_ptr_nonnull(why_not(&c));
	add_check(&c);
	memset(c.backend, 'x', sizeof(c.backend));
	ck_assert_ptr_nonnull(why_not(&c));
	add_check(&c);
	memset(c.server, 'x', sizeof(c.server));
	ck_assert_ptr_nonnull(why_not(&c));
	add_check(&c);
	memset(c.address, 'x', sizeof(c.address));
	ck_assert_ptr_nonnull(why_not(&c));
}
END_TEST

START_TEST(unsealed_or_short_is_refused)
{
	const char *why = NULL;
	size_t size;
	int fd = raw_bundle(&good, sizeof(good), F_SEAL_SHRINK | F_SEAL_GROW);

	ck_assert_ptr_null(bundle_map(fd, &size, &why));
	ck_assert_str_eq(why, "it is not sealed");
	close(fd);
	fd = raw_bundle(&good, sizeof(good) - 1, ALL_SEALS);
	ck_assert_ptr_null(bundle_map(fd, &size, &why));
	close(fd);
	ck_assert_ptr_null(bundle_map(-1, &size, &why));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc_bundle");
	TCase *t = tcase_create("bundle");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, bundle_comes_back_as_it_was);
	tcase_add_test(t, bundle_without_sections_is_good);
	tcase_add_test(t, bundle_cannot_be_changed);
	tcase_add_loop_test(t, spoilt_manifest_is_refused, 0, SPOILS);
	tcase_add_test(t, unspoilt_manifest_is_taken);
	tcase_add_test(t, checks_come_back_and_are_judged);
	tcase_add_test(t, unsealed_or_short_is_refused);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
