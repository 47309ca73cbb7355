#include "supervisor/boards.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "config.h"
#include "ipc/board_move.h"
#include "ipc/msg.h"
#include "ipc/sealed.h"

enum { OWN, PROXY, VRRP, LIMITS };

static const struct {
	const char *name;
	size_t size;
} kinds[CONTROL_BOARDS] = {
	[OWN] = {"hpcbal-supervisor", sizeof(struct board_supervisor)},
	[PROXY] = {"hpcbal-proxy", sizeof(struct board_proxy)},
	[VRRP] = {"hpcbal-vrrp", sizeof(struct board_vrrp)},
	[LIMITS] = {"hpcbal-limits", sizeof(struct board_limits)},
};

static void set_map(struct supervisor *sv, unsigned i, void *map)
{
	switch (i) {
	case OWN:
		sv->own_board = map;
		break;
	case PROXY:
		sv->proxy_board = map;
		break;
	case VRRP:
		sv->vrrp_board = map;
		break;
	default:
		sv->limits_board = map;
	}
}

static bool take(struct supervisor *sv, unsigned i, int fd, void *map)
{
	sv->board[i] = fd;
	sv->reader[i] = fd < 0 ? -1 : board_reader(fd);
	sv->shown[i] = sv->reader[i];
	set_map(sv, i, map);
	return sv->reader[i] >= 0;
}

static bool make(struct supervisor *sv, unsigned i)
{
	void *map = NULL;
	int fd = board_create(kinds[i].name, kinds[i].size, &map);

	if (!take(sv, i, fd, map))
		return false;
	if (i == OWN)
		stats_set(sv->own_board->started_wall_us, clock_wall_us());
	return i != LIMITS || getrandom(sv->limits_board->key, sizeof(sv->limits_board->key), 0) ==
				      sizeof(sv->limits_board->key);
}

static void sign(struct supervisor *sv)
{
	struct board_supervisor *b = sv->own_board;

	stats_set(b->pid, getpid());
	board_write_text(&b->text_turn, b->version, sizeof(b->version), STR(PACKAGE_VERSION));
}

/* Of those that write no board: anew, or (`left`) as they were. */
static bool take_beats(struct supervisor *sv, const struct handover *left)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		const char *why;
		void *map = NULL;
		int fd;

		if (!service_kinds[i].beats)
			continue;
		fd = left ? handover_copy(left->beat[i])
			  : board_create("hpcbal-beat", sizeof(*sv->beat[i]), &map);
		if (left && fd >= 0)
			map = board_map(fd, sizeof(*sv->beat[i]), true, &why);
		if (!map)
			return false;
		sv->beat_board[i] = fd;
		sv->beat[i] = map;
	}
	return true;
}

/* Made anew, or (`left`) as it was. */
static bool take_tickets(struct supervisor *sv, const struct handover *left)
{
	sv->tickets = left ? handover_copy(left->tickets)
			   : sealed_blank("hpcbal-tickets", MSG_TICKETS_SIZE);
	return sv->tickets >= 0;
}

bool boards_make(struct supervisor *sv, const char **step)
{
	*step = "shared memory for the boards";
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		if (!make(sv, i))
			return false;
	sign(sv);
	return take_beats(sv, NULL) && take_tickets(sv, NULL);
}

bool boards_resume(struct supervisor *sv, const struct handover *h, const char **step)
{
	for (unsigned i = 0; i < CONTROL_BOARDS; i++) {
		int fd = handover_copy(h->board[i]);
		void *map = fd < 0 ? NULL : board_map(fd, kinds[i].size, true, step);

		if (!map || !take(sv, i, fd, map))
			return false;
	}
	sign(sv);
	return take_beats(sv, h) && take_tickets(sv, h);
}

/* ---- a successor ---- */

bool boards_fit(int fd, unsigned place)
{
	const char *why;
	void *map = board_map(fd, kinds[place].size, false, &why);

	if (map)
		munmap(map, kinds[place].size);
	return map != NULL;
}

static bool copy(struct supervisor *sv, unsigned i, const struct handover *h)
{
	void *map = NULL;
	int fd = board_create(kinds[i].name, kinds[i].size, &map);

	if (!take(sv, i, fd, map) || !board_copy(h->board[i], map, kinds[i].size))
		return false;
	if (i == PROXY)
		board_proxy_renew(map);
	else
		board_limits_renew(map);
	sv->shown[i] = board_reader(h->board[i]);
	return sv->shown[i] >= 0;
}

static bool adopt(struct supervisor *sv, unsigned i, const struct handover *h)
{
	const char *why;
	void *map = board_map(h->board[i], kinds[i].size, true, &why);

	if (!map)
		return make(sv, i);
	if (i == OWN || i == VRRP)
		return take(sv, i, handover_copy(h->board[i]), map);
	munmap(map, kinds[i].size);
	return copy(sv, i, h);
}

bool boards_adopt(struct supervisor *sv, const struct handover *h, const char **step)
{
	*step = "shared memory for the boards";
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		if (!adopt(sv, i, h))
			return false;
	sign(sv);
	return take_beats(sv, NULL) && take_tickets(sv, h);
}

void boards_show(struct supervisor *sv)
{
	for (unsigned i = 0; i < CONTROL_BOARDS; i++) {
		if (sv->shown[i] != sv->reader[i])
			close(sv->shown[i]);
		sv->shown[i] = sv->reader[i];
	}
}

void boards_close(struct supervisor *sv)
{
	void *maps[CONTROL_BOARDS] = {sv->own_board, sv->proxy_board, sv->vrrp_board,
				      sv->limits_board};

	boards_show(sv);
	for (unsigned i = 0; i < CONTROL_BOARDS; i++) {
		munmap(maps[i], kinds[i].size);
		close(sv->board[i]);
		close(sv->reader[i]);
	}
	for (unsigned i = 0; i < SERVICES; i++) {
		if (!sv->beat[i])
			continue;
		munmap(sv->beat[i], sizeof(*sv->beat[i]));
		close(sv->beat_board[i]);
	}
	close(sv->tickets);
}
