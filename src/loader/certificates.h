/* The certificates and keys of a configuration, judged while it is loaded. */
#ifndef HPCBAL_LOADER_CERTIFICATES_H
#define HPCBAL_LOADER_CERTIFICATES_H

#include "conf/conf.h"
#include "ipc/bundle.h"
#include "loader/hosts.h"

/* So long before its end a certificate is warned of. */
#define CERTIFICATES_SOON_DAYS 21

/* Adds what is wrong with them to `diags`, also that there is none for one of the hosts. `now` in
 * seconds since 1970. Files that could not be read were told of before. */
void certificates_check(const struct conf *conf, const struct conf_source *source,
			const struct hosts *hosts, struct diags *diags, int64_t now);
/* Lists the files in the manifest, so that the supervisor reloads when one has changed. Those that
 * do not fit are added to `diags`. */
void certificates_watch(const struct conf_source *source, struct diags *diags, struct arena *arena,
			struct manifest *m);
/* Overwrites what was read of them: it was for the keyring alone. */
void certificates_forget(struct conf_source *source);

#endif
