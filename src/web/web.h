/* The admin process: what admin.listen answers, over HTTP, to whoever may come there. It reads
 * the boards and nothing else, so it answers while the proxy is dead or hangs; it has no rights,
 * no files and no way to change anything. One thread, one loop. */
#ifndef HPCBAL_WEB_WEB_H
#define HPCBAL_WEB_WEB_H

/* The role: speaks with the supervisor over `sock` until STOP or end-of-file. Rights were
 * dropped before. Returns the exit status. */
int web_main(int sock);

#endif
