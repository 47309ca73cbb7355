#include "base/files.h"

/* For all but clients, the servers of their requests, and checks. */
#define BESIDE 256
#define MOST (UINT64_MAX / 4)

uint64_t files_needed(uint64_t clients, uint64_t servers)
{
	return 2 * (clients < MOST ? clients : MOST) + servers + BESIDE;
}

uint64_t files_for_clients(uint64_t files, uint64_t servers)
{
	uint64_t beside = BESIDE + servers;
	/* With fewer than it should be, clients get a quarter: better few than none. */
	uint64_t clients = files > 2 * beside ? (files - beside) / 2 : files / 4;

	return clients ? clients : 1;
}

uint64_t files_for_servers(uint64_t files, uint64_t servers, uint64_t clients)
{
	uint64_t others = BESIDE + servers + clients;

	return files > others + clients ? files - others : clients;
}
