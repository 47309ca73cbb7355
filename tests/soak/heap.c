/* Linked into a hpcbald for the soak: keeps the number of bytes that are allocated where the
 * soak finds it by its mark, in the process's memory. What a process has resident tells less:
 * freed memory stays with it, and hides what is lost inside it. */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct heap_count {
	char mark[24];
	_Atomic int64_t bytes;
};

struct heap_count heap_count = { .mark = "hpcbal soak, heap count" };

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ /* as gcc says it */
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__
#endif
#endif

#if defined(__SANITIZE_THREAD__)

/* Its malloc() cannot be wrapped, and to count by its hooks takes a lock each time. So the count
 * is 0, for unknown. */

#elif defined(__SANITIZE_ADDRESS__)

/* The sanitizer counts what lies in its quarantine as freed. */
extern size_t __sanitizer_get_current_allocated_bytes(void);
void __sanitizer_malloc_hook(const volatile void *p, size_t size);
void __sanitizer_free_hook(const volatile void *p);

void __sanitizer_malloc_hook(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	heap_count.bytes = (int64_t)__sanitizer_get_current_allocated_bytes();
}

void __sanitizer_free_hook(const volatile void *p)
{
	(void)p;
	heap_count.bytes = (int64_t)__sanitizer_get_current_allocated_bytes();
}

#else

/* glibc's own, under the names that are left when an application brings malloc() itself. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *p);

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&heap_count.bytes, (int64_t)malloc_usable_size(p));
	return p;
}

static void uncount(void *p)
{
	if (p)
		atomic_fetch_sub(&heap_count.bytes, (int64_t)malloc_usable_size(p));
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
	return counted(__libc_calloc(count, size));
}

void free(void *p)
{
	uncount(p);
	__libc_free(p);
}

void *realloc(void *p, size_t size)
{
	int64_t before = p ? (int64_t)malloc_usable_size(p) : 0;
	void *q = __libc_realloc(p, size);

	if (q || size == 0)
		atomic_fetch_sub(&heap_count.bytes, before);
	return counted(q);
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	*p = memalign(alignment, size);
	return *p ? 0 : ENOMEM;
}

#endif
