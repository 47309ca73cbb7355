/* What all contexts have in common: versions, ciphers, groups, modes. Private to net/. */
#ifndef HPCBAL_NET_TLS_OPTIONS_H
#define HPCBAL_NET_TLS_OPTIONS_H

#include <openssl/ssl.h>

#include "conf/conf.h"

/* False: OpenSSL does not take them. */
bool tls_options_set(SSL_CTX *ctx, enum conf_tls_profile profile);

#endif
