#include "supervisor/filter.h"

bool filter_proxy(char *why, int size)
{
	(void)why;
	(void)size;
	return true;
}

bool filter_vrrp(char *why, int size)
{
	return filter_proxy(why, size);
}

bool filter_admin(char *why, int size)
{
	return filter_proxy(why, size);
}
