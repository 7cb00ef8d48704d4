/* The resolver is one of our own: it answers when the test lets it. */
#include "base/error.h"
#include "base/loop.h"
#include "http/lookup.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <cmocka.h>

static sem_t may_answer;
static atomic_int asked, freed;
static bool signals_blocked;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct addrinfo *list;
	sigset_t mask;

	atomic_fetch_add(&asked, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	signals_blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGCHLD);
	sem_wait(&may_answer);
	if (!str_eq(host, "here.test"))
		return EAI_NONAME;
	list = xcalloc(1, sizeof(*list));
	list->ai_family = AF_INET;
	list->ai_socktype = hints->ai_socktype;
	list->ai_addrlen = (socklen_t)strtoul(port, NULL, 10);
	*ret = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	free(list);
	atomic_fetch_add(&freed, 1);
}

struct answer {
	int n;
	bool found;
	int socktype;
	socklen_t len;
	char message[80];
};

static void on_answer(const struct lookup_result *res, void *userdata)
{
	struct answer *a = userdata;

	a->n++;
	a->found = res->list;
	a->socktype = res->list ? res->list->ai_socktype : 0;
	a->len = res->list ? res->list->ai_addrlen : 0;
	snprintf(a->message, sizeof(a->message), "%s", res->message);
}

static int setup(void **state)
{
	sd_event *event = NULL;

	sem_init(&may_answer, 0, 0);
	*state = NULL;
	if (loop_new(&event, NULL) < 0)
		return -1;
	*state = event;
	return 0;
}

static int teardown(void **state)
{
	sd_event_unref(*state);
	sem_destroy(&may_answer);
	return 0;
}

static void until(sd_event *event, const int *n, int wanted)
{
	for (int i = 0; *n < wanted && i < 600; i++)
		assert_true(sd_event_run(event, 100 * USEC_PER_MSEC) >= 0);
	assert_int_equal(*n, wanted);
}

/* Of what nobody waits for any more. */
static void until_freed(int wanted)
{
	for (int i = 0; atomic_load(&freed) < wanted && i < 6000; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&freed), wanted);
}

static void the_loop_goes_on_until_the_answer_is_there(void **state)
{
	struct answer a = { 0 };
	struct lookup *l;

	assert_int_equal(lookup_new(&l, *state, "here.test", "443", on_answer, &a, NULL), 0);
	assert_true(sd_event_run(*state, 20 * USEC_PER_MSEC) >= 0);
	assert_int_equal(a.n, 0);
	sem_post(&may_answer);
	until(*state, &a.n, 1);
	assert_true(a.found);
	assert_int_equal(a.socktype, SOCK_STREAM);
	assert_int_equal(a.len, 443);
	assert_string_equal(a.message, "");
	assert_true(signals_blocked);
	lookup_free(l);
	until_freed(1);
}

static void a_name_that_nobody_knows_is_told_once(void **state)
{
	struct answer a = { 0 };
	struct lookup *l;

	sem_post(&may_answer);
	assert_int_equal(lookup_new(&l, *state, "gone.test", "80", on_answer, &a, NULL), 0);
	until(*state, &a.n, 1);
	assert_false(a.found);
	assert_string_equal(a.message, gai_strerror(EAI_NONAME));
	assert_true(sd_event_run(*state, 20 * USEC_PER_MSEC) >= 0);
	assert_int_equal(a.n, 1);
	lookup_free(l);
}

static void who_gives_up_hears_nothing_and_leaves_nothing(void **state)
{
	struct answer a = { 0 };
	int before = atomic_load(&freed), was = atomic_load(&asked);
	struct lookup *l;

	assert_int_equal(lookup_new(&l, *state, "here.test", "1", on_answer, &a, NULL), 0);
	for (int i = 0; atomic_load(&asked) == was && i < 6000; i++)
		usleep(10000);
	assert_null(lookup_free(l));
	sem_post(&may_answer);
	until_freed(before + 1);
	assert_true(sd_event_run(*state, 20 * USEC_PER_MSEC) >= 0);
	assert_int_equal(a.n, 0);
	assert_null(lookup_free(NULL));
}

static void there_are_only_so_many_at_a_time(void **state)
{
	struct answer a = { 0 };
	int before = atomic_load(&freed);
	struct lookup *l[LOOKUP_MAX], *more;
	struct error e;

	for (int i = 0; i < LOOKUP_MAX; i++)
		assert_int_equal(lookup_new(&l[i], *state, "here.test", "1", on_answer, &a,
					    NULL), 0);
	assert_int_equal(lookup_new(&more, *state, "here.test", "1", on_answer, &a, &e),
			 -EAGAIN);
	assert_string_equal(e.msg, "look up here.test: too many look-ups are under way");
	for (int i = 0; i < LOOKUP_MAX; i++)
		sem_post(&may_answer);
	until(*state, &a.n, LOOKUP_MAX);
	for (int i = 0; i < LOOKUP_MAX; i++)
		lookup_free(l[i]);
	until_freed(before + LOOKUP_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_loop_goes_on_until_the_answer_is_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_nobody_knows_is_told_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(who_gives_up_hears_nothing_and_leaves_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(there_are_only_so_many_at_a_time,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
